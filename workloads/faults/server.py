"""The fault server: a listener, its schedule, its truth."""

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

from .http1 import PREFACE, Conversation, Http1, Line, negotiated
from .ledger import Ledger
from .schedule import Schedule, Window

BACKLOG = 1024
Told = Callable[[Window], None]


class FaultServer:
    """Serves on `host` from `serve` on until it is cancelled.

    Moments of `schedule` count from `start_ns` (monotonic clock), which is set once it listens. `told` is called at the
    end of each window with its true ends, as monotonic readings: for a window of `refuse` when the listener was closed
    and when it listened again, for others as they were scheduled, since each request is held against the clock.
    """

    def __init__(
        self, schedule: Schedule, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None,
        told: Told = lambda _: None,
    ) -> None:  # fmt: skip
        self.schedule = schedule
        self.ledger = Ledger()
        self.start_ns = 0
        self._tls = tls
        self._told = told
        self._listener = self._listen(host, port)
        self.host, self.port = self._listener.getsockname()[:2]
        self._server: asyncio.Server | None = None

    async def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve; `ready` is called once it listens. Ends by cancellation only."""
        await self._open()
        self.start_ns = time.monotonic_ns()
        ready()
        try:
            for window in self.schedule.windows:
                await (self._refuse(window) if window.fault == "refuse" else self._wait_out(window))
            await asyncio.Event().wait()
        finally:
            if self._server:
                self._server.close()

    def connected(self, transport: asyncio.Transport) -> Line:
        """Count one more connection."""
        line = Line(transport, self.ledger.connections, self.schedule, self.ledger, self.start_ns)
        self.ledger.connections += 1
        return line

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self), sock=self._listener, backlog=BACKLOG, ssl=self._tls
        )

    async def _refuse(self, window: Window) -> None:
        await until(self.start_ns + window.start_ns)
        assert self._server
        closed_ns = time.monotonic_ns()
        self._server.close()
        # Late or not, it lasts as long as it should.
        await until(closed_ns + window.end_ns - window.start_ns)
        self._listener = self._listen(self.host, self.port)
        open_ns = time.monotonic_ns()
        await self._open()
        self._told(Window("refuse", closed_ns, open_ns))

    async def _wait_out(self, window: Window) -> None:
        await until(self.start_ns + window.end_ns)
        self._told(Window(window.fault, self.start_ns + window.start_ns, self.start_ns + window.end_ns))

    @staticmethod
    def _listen(host: str, port: int) -> socket.socket:
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
        return listener


class Connection(asyncio.Protocol):
    """Finds out by its first bytes, or by ALPN, which protocol a client speaks."""

    def __init__(self, server: FaultServer) -> None:
        self._server = server
        self._line: Line
        self._conversation: Conversation | None = None
        self._first = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        assert isinstance(transport, asyncio.Transport)
        self._line = self._server.connected(transport)
        if negotiated(transport) == "h2":
            self._conversation = http2(self._line)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._conversation is None:
            self._first += data
            if self._first.startswith(PREFACE):
                self._conversation = http2(self._line)
            elif PREFACE.startswith(self._first):
                return
            else:
                self._conversation = Http1(self._line)
            data = self._first
        self._conversation.feed(data)


def http2(line: Line) -> Conversation:
    """HTTP/2 on a connection. Its library is loaded by its first client: the server's image does without."""
    from .http2 import Http2

    return Http2(line)


async def until(moment_ns: int) -> None:
    """Wait for a moment of the monotonic clock: a timer wakes late, so the last two milliseconds are spent awake."""
    await asyncio.sleep((moment_ns - time.monotonic_ns()) / 1e9 - 0.002)
    while time.monotonic_ns() < moment_ns:  # noqa: ASYNC110 - there is no event: it is the clock that is waited for
        await asyncio.sleep(0)


@contextlib.contextmanager
def serving(server: FaultServer) -> Iterator[FaultServer]:
    """Serve in a thread of its own while the block runs; what a client was told of is in the ledger by then."""
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    task = loop.create_task(server.serve(ready.set))

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    if not ready.wait(10):
        raise TimeoutError("the fault server did not begin to listen within 10 s")
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(10)
