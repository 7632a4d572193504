"""Names to addresses: once before a probe begins, or for each request, beside the loop that must not wait."""

import os
import queue
import socket
import threading
import time

from .exchange import Address, Exchange

FIRST_TRY_S = 10.0
RETRY_S = 0.1


class ResolveError(Exception):
    """The target's name has no address; the message says what the resolver said last."""


def split(target: str) -> tuple[str, int]:
    """HOST:PORT or [HOST]:PORT in its parts. Raises ValueError."""
    host, colon, port = target.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit()):
        raise ValueError(f"the target is HOST:PORT, not {target!r}")
    return host.strip("[]"), int(port)


def resolve(host: str, port: int) -> Address:
    """The first address of a name or of a literal. Raises socket.gaierror."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return family, address


def resolve_once(host: str, port: int) -> Address:
    """Try for 10 s, since a Service that was just made may not have its name yet. Raises ResolveError."""
    until = time.monotonic() + FIRST_TRY_S
    while True:
        try:
            return resolve(host, port)
        except socket.gaierror as exc:
            if time.monotonic() >= until:
                raise ResolveError(f"no address for {host} within {FIRST_TRY_S:.0f} s: {exc}") from exc
            time.sleep(RETRY_S)


class Resolver:
    """Resolves each request's name in a thread of its own; `ready` is readable when `take` has results."""

    def __init__(self, host: str, port: int) -> None:
        self.ready, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._host = host
        self._port = port
        self._results: queue.SimpleQueue[tuple[Exchange, Address | None]] = queue.SimpleQueue()

    def ask(self, exchange: Exchange) -> None:
        """Begin to resolve for this request; never waits."""
        threading.Thread(target=self._work, args=(exchange,), daemon=True).start()

    def take(self) -> list[tuple[Exchange, Address | None]]:
        """The requests whose names were looked up since the last call; None where there was no address."""
        os.read(self.ready, 4096)
        return [self._results.get_nowait() for _ in range(self._results.qsize())]

    def _work(self, exchange: Exchange) -> None:
        try:
            address = resolve(self._host, self._port)
        except socket.gaierror:
            self._results.put((exchange, None))
        else:
            self._results.put((exchange, address))
        os.write(self._wake, b".")
