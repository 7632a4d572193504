"""The fault server as a process: JSON lines on standard output tell what it did, the last one is its ledger."""

import argparse
import asyncio
import signal
import ssl
import sys
from collections.abc import Sequence

from ..load.rows import json_line, to_stdout, wall_ns
from .schedule import REQUEST_FAULTS, Schedule, Window
from .server import FaultServer

FLUSH_S = 0.2


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; `@FILE` stands for arguments in a file, one a line."""
    parser = argparse.ArgumentParser(prog="workloads.faults", allow_abbrev=False, fromfile_prefix_chars="@")
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0: any that is free; the first line tells which")
    add("--every", type=int, default=0, help="every n-th request is broken; 0: none")
    add("--faults", default="fin", help=f"in turn, with commas: {', '.join(REQUEST_FAULTS)}")
    add("--reused", action="store_true", help="of the requests on reused connections only")
    add("--window", action="append", default=[], type=Window.parse, help="FAULT:START_MS:LENGTH_MS; repeatable")
    add("--one-of", type=int, default=1, help="only one of so many connections, by chance, is hit")
    add("--certificate", default="", help="serve TLS with this PEM file, certificate and key in one")
    return parser.parse_args(arguments)


def tls(certificate: str) -> ssl.SSLContext | None:
    """A context that offers both protocols; None without a certificate."""
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def tell_window(window: Window) -> None:
    """One line for a window that is over, with its true ends."""
    start_ns, end_ns = wall_ns(window.start_ns), wall_ns(window.end_ns)
    to_stdout(json_line("window", start_ns, fault=window.fault, end_ns=end_ns))


async def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    schedule = Schedule(
        every=options.every, faults=options.faults.split(",") if options.every else (), reused=options.reused,
        windows=options.window, one_of=options.one_of,
    )  # fmt: skip
    server = FaultServer(schedule, host=options.host, port=options.port, tls=tls(options.certificate), told=tell_window)
    task = asyncio.ensure_future(
        server.serve(lambda: to_stdout(json_line("listening", wall_ns(server.start_ns), port=server.port)))
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    told = 0
    while not task.done():
        await asyncio.wait([task], timeout=FLUSH_S)
        ledger = server.ledger
        for hit in ledger.hits[told:]:
            to_stdout(json_line("hit", wall_ns(hit.at_ns), fault=hit.fault, connection=hit.connection, use=hit.use))
        told = len(ledger.hits)
    to_stdout(
        json_line(
            "ledger", wall_ns(server.start_ns), requests=ledger.requests, connections=ledger.connections,
            reused=ledger.reused, broken=ledger.broken, by_fault=ledger.by_fault,
        )
    )  # fmt: skip
    if not task.cancelled():
        task.result()


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code."""
    asyncio.run(run(parse(arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
