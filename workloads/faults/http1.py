"""HTTP/1.1 as far as the fault server speaks it: requests are counted, answered, or broken."""

import asyncio
import socket
import ssl
import struct
import time
from typing import Protocol, cast

from .ledger import Hit, Ledger
from .schedule import Schedule

POD = "faults"
BODY = b"ok\n"
LENGTH_OF_TRUNCATED = 50
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
ABORT = struct.pack("ii", 1, 0)  # struct linger: no wait, so close sends RST


class Conversation(Protocol):
    """One protocol on one connection."""

    def feed(self, data: bytes) -> None:
        """Take what came."""


class Line:
    """One connection: its number, its requests so far, and the ways to end it."""

    def __init__(self, transport: asyncio.Transport, number: int, schedule: Schedule, ledger: Ledger, start_ns: int):
        self.transport = transport
        self.number = number
        self.use = 0
        self._schedule = schedule
        self._ledger = ledger
        self._start_ns = start_ns

    def ask(self) -> tuple[str, float]:
        """Count one more request. Returns its fault and, for a stall, for how many seconds."""
        at_ns = time.monotonic_ns()
        self.use += 1
        self._ledger.asked(self.use)
        fault, end_ns = self._schedule.at(at_ns - self._start_ns, self.number, self.use)
        if fault:
            self._ledger.hit(Hit(at_ns, fault, self.number, self.use))
        return fault, max(0, end_ns + self._start_ns - at_ns) / 1e9 if end_ns else 0.0

    def cut(self, fault: str) -> None:
        """End the connection by FIN, once all is written, or by RST, at once."""
        if fault == "rst":
            sock: socket.socket = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            self.transport.abort()
        else:
            self.transport.close()


class Http1:
    """Requests one after another on one connection."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._buffer = b""
        self._body_left = 0

    def feed(self, data: bytes) -> None:
        """Take bytes; answer each request that is whole. Pipelined ones too, in order."""
        self._buffer += data
        while not self._line.transport.is_closing():
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            fields = self._buffer[:end].lower().split(b"\r\n")[1:]
            whole = end + 4 + sum(int(f.partition(b":")[2]) for f in fields if f.startswith(b"content-length:"))
            if len(self._buffer) < whole:
                return
            self._buffer = self._buffer[whole:]
            closing = any(f.startswith(b"connection:") and b"close" in f for f in fields)
            self._answer(closing)

    def _answer(self, closing: bool) -> None:
        fault, stall_s = self._line.ask()
        if fault == "stall":
            asyncio.get_running_loop().call_later(stall_s, self._say, "200 OK", closing)
        elif fault == "503":
            self._say("503 Service Unavailable", closing)
        elif fault == "truncated":
            self._line.transport.write(self._head("200 OK", LENGTH_OF_TRUNCATED, closing) + BODY)
            self._line.cut("fin")
        elif fault:
            self._line.cut(fault)
        else:
            self._say("200 OK", closing)

    def _say(self, status: str, closing: bool) -> None:
        self._line.transport.write(self._head(status, len(BODY), closing) + BODY)
        if closing:
            self._line.transport.close()

    @staticmethod
    def _head(status: str, length: int, closing: bool) -> bytes:
        close = "Connection: close\r\n" if closing else ""
        return f"HTTP/1.1 {status}\r\nX-Pod: {POD}\r\nContent-Length: {length}\r\n{close}\r\n".encode()


def negotiated(transport: asyncio.Transport) -> str:
    """What ALPN agreed on; empty without TLS or without an agreement."""
    tls = cast(ssl.SSLObject | None, transport.get_extra_info("ssl_object"))
    return (tls.selected_alpn_protocol() or "") if tls else ""
