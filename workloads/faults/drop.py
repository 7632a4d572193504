"""Drops the SYN packets to one port in given windows of time: no connection is made, and nobody is told.

It speaks to nftables by its library, in this process: a call takes a fraction of a millisecond, the program `nft` many.
Root, and a network namespace of its own, are the caller's business: `unshare --net` gives one that ends with its
processes, so nothing is to be removed.
"""

import argparse
import ctypes
import sys
import time
from collections.abc import Sequence

from ..load.rows import json_line, to_stdout, wall_ns

NS_PER_MS = 1_000_000
SETUP = "add table inet faults; add chain inet faults in {{ type filter hook input priority 0; }}"
DROP = "add rule inet faults in tcp dport {port} tcp flags & (syn|ack) == syn drop"
PASS = "flush chain inet faults in"  # noqa: S105 - no password: packets pass


class Rules:
    """The rules of this network namespace. Raises OSError where there is no library, or nftables refuses."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libnftables.so.1")
        self._library.nft_ctx_new.restype = ctypes.c_void_p
        self._library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        self._context = ctypes.c_void_p(self._library.nft_ctx_new(0))
        self._library.nft_ctx_buffer_error(self._context)

    def set(self, commands: str) -> tuple[int, int]:
        """Run commands; returns when they took effect, monotonic clock, ns, and by how much that may err."""
        before_ns = time.monotonic_ns()
        refused = self._library.nft_run_cmd_from_buffer(self._context, commands.encode())
        after_ns = time.monotonic_ns()
        if refused:
            said = self._library.nft_ctx_get_error_buffer(self._context) or b""
            raise OSError(f"nftables refused {commands!r}: {said.decode(errors='replace').strip()}")
        return (before_ns + after_ns) // 2, (after_ns - before_ns) // 2


def window(text: str) -> tuple[int, int]:
    """START_MS:LENGTH_MS as a beginning and an end in ns. Raises ValueError."""
    start, length = (float(part) for part in text.split(":"))
    return round(start * NS_PER_MS), round((start + length) * NS_PER_MS)


def wait(moment_ns: int) -> None:
    """Sleep until a moment of the monotonic clock."""
    time.sleep(max(0, moment_ns - time.monotonic_ns()) / 1e9)


def main(arguments: Sequence[str]) -> int:
    """Drop and pass until all windows are over; each is told with its true ends."""
    parser = argparse.ArgumentParser(prog="workloads.faults.drop", allow_abbrev=False, fromfile_prefix_chars="@")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--window", action="append", default=[], type=window, help="START_MS:LENGTH_MS; repeatable")
    options = parser.parse_args(arguments)
    rules = Rules()
    rules.set(SETUP.format())
    begin_ns = time.monotonic_ns()
    to_stdout(json_line("began", wall_ns(begin_ns)))
    for start_ns, end_ns in options.window:
        wait(begin_ns + start_ns)
        dropped_ns, error_ns = rules.set(DROP.format(port=options.port))
        wait(begin_ns + end_ns)
        passed_ns, more_ns = rules.set(PASS)
        to_stdout(
            json_line(
                "window", wall_ns(dropped_ns), fault="dropped SYN", end_ns=wall_ns(passed_ns),
                error_ns=error_ns + more_ns,
            )
        )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
