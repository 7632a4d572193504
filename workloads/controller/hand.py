"""A hand in the controller's pod: it kills or freezes the controller's process, or cuts the pod off from addresses.

It needs `shareProcessNamespace`, since a process 1 ignores SIGSTOP from inside of its namespace. To cut off it must
run as root with NET_ADMIN (and KILL, to signal a process of another user), for the rest as the controller's own user.

POST /kill · /freeze?s=S · /cut?s=S&ip=A&ip=B is answered once it is done; freeze and cut end by themselves after S
seconds. Each step is told as an app event: killed, froze, thawed, cut, mended.
"""

import argparse
import ctypes
import fcntl
import os
import pathlib
import signal
import socket
import sys
import threading
import urllib.parse
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .said import say

CONTROLLER = b"controller.controller"
SIOCADDRT, SIOCDELRT = 0x890B, 0x890C
RTF_UP, RTF_HOST = 0x1, 0x4


class Route(ctypes.Structure):
    """struct rtentry of linux/route.h."""

    _fields_ = (
        ("pad1", ctypes.c_ulong),
        ("dst", ctypes.c_ubyte * 16),
        ("gateway", ctypes.c_ubyte * 16),
        ("genmask", ctypes.c_ubyte * 16),
        ("flags", ctypes.c_ushort),
        ("pad2", ctypes.c_short),
        ("pad3", ctypes.c_ulong),
        ("pad4", ctypes.c_void_p),
        ("metric", ctypes.c_short),
        ("dev", ctypes.c_char_p),
        ("mtu", ctypes.c_ulong),
        ("window", ctypes.c_ulong),
        ("irtt", ctypes.c_ushort),
    )


def change_route(request: int, ip: str) -> None:
    """Add or remove a route that leads an IPv4 address into the loopback device.

    What is sent there comes in with the route that it went out by, which is none for input: the kernel drops it
    without a word, as a broken link does. A `blackhole` route would tell the sender. Raises OSError.
    """
    route = Route(flags=RTF_UP | RTF_HOST, dev=b"lo")
    address = socket.AF_INET.to_bytes(2, sys.byteorder) + b"\0\0" + socket.inet_aton(ip)
    route.dst[: len(address)] = list(address)
    mask = socket.AF_INET.to_bytes(2, sys.byteorder) + b"\0\0" + b"\xff" * 4
    route.genmask[: len(mask)] = list(mask)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, request, bytes(route))


def find(part: bytes) -> int:
    """The pid of the process whose command line has this part. Raises ProcessLookupError."""
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        if part in words:
            return int(entry.name)
    raise ProcessLookupError(f"no process {part.decode()}: is shareProcessNamespace set?")


def freeze(_: list[str]) -> Callable[[], None]:
    """Let the controller stand still; returns what thaws it."""
    pid = find(CONTROLLER)
    os.kill(pid, signal.SIGSTOP)
    say("froze", pid=pid)

    def thaw() -> None:
        os.kill(pid, signal.SIGCONT)
        say("thawed", pid=pid)

    return thaw


def cut(ips: list[str]) -> Callable[[], None]:
    """Let nothing that is sent to these addresses leave the pod; returns what mends it."""
    for ip in ips:
        change_route(SIOCADDRT, ip)
    say("cut", ips=ips)

    def mend() -> None:
        for ip in ips:
            change_route(SIOCDELRT, ip)
        say("mended", ips=ips)

    return mend


STATES: dict[str, Callable[[list[str]], Callable[[], None]]] = {"/freeze": freeze, "/cut": cut}


def kill() -> None:
    """SIGKILL to the controller."""
    pid = find(CONTROLLER)
    os.kill(pid, signal.SIGKILL)
    say("killed", pid=pid)


class Handler(BaseHTTPRequestHandler):
    """One order a request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Do it, then answer; its end comes by itself."""
        parts = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(parts.query)
        try:
            status, said = self._do(parts.path, query)
        except (OSError, ValueError, KeyError) as exc:
            status, said = 500, f"{type(exc).__name__}: {exc}"
        content = said.encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _do(self, path: str, query: dict[str, list[str]]) -> tuple[int, str]:
        if path == "/kill":
            kill()
            return 200, "killed"
        if path not in STATES:
            return 404, "no such order"
        for_s = float(query["s"][0])
        undo = threading.Timer(for_s, STATES[path](query.get("ip", [])))
        undo.start()
        return 200, path[1:]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Only what `say` says is told."""


def main(arguments: Sequence[str]) -> None:
    """Wait for orders until killed."""
    parser = argparse.ArgumentParser(prog="controller.hand", allow_abbrev=False)
    parser.add_argument("--port", type=int, default=8081)
    server = ThreadingHTTPServer(("", parser.parse_args(arguments).port), Handler)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
