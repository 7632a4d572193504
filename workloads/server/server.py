"""An HTTP/1.1 server whose way of starting and stopping is set by switches; standard library only.

Each moment of its life is one JSON line on standard output: {"kind": "app", "t_ns": ..., "event": ..., "data": {...}};
so is each entry of its ledger that has an idempotency key: {"kind": "task", "t_ns": ..., "key": ..., "step": "begun" or
"done"}.
"""

import argparse
import asyncio
import os
import pathlib
import signal
import socket
import sys
from collections.abc import Callable, Sequence

from .endpoint import Slices, until_nobody_comes
from .head import BODY_LIMIT, HEAD_LIMIT, BadRequestError, Head
from .ledger import Ledger
from .say import now_ns, say
from .streams import SSE_FIELDS, EventStream, Stream, WebSocket, accept_key

BACKLOG = 1024
# A connection that was accepted but has not asked yet may have its first request under way; Go's server waits 5 s.
FIRST_REQUEST_S = 1.0
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large",
           431: "Request Header Fields Too Large", 501: "Not Implemented", 503: "Service Unavailable"}  # fmt: skip
CHECKS = ("startz", "readyz", "livez")


class Connection(asyncio.Protocol):
    """One client's connection: one request at a time, in order; kept alive unless either side wants it closed."""

    def __init__(self, app: "App") -> None:
        self.app = app
        self.buffer = b""
        self.answering = False
        self.keep_alive = True
        self.served = 0
        self.stream: Stream | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the app's connections."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.app.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature is asyncio's
        """Leave the app's connections; work that was begun goes on."""
        if self.stream:
            self.stream.stop()
        self.app.connections.discard(self)
        self.app.look_idle()

    def data_received(self, data: bytes) -> None:
        """Collect bytes; answer once a whole request is there."""
        self.buffer += data
        if self.stream:
            self.buffer = self.stream.receive(self.buffer)
        elif len(self.buffer) > HEAD_LIMIT + BODY_LIMIT:
            self.transport.abort()
        else:
            self.next_request()

    def next_request(self) -> None:
        """Answer the request at the front of the buffer, if it is whole."""
        if self.answering or self.transport.is_closing():
            return
        try:
            head = self.take_request()
            if head is not None:
                self.answering = True
                self.keep_alive = head.keep_alive
                self.app.route(head, self)
        except BadRequestError as exc:
            self.keep_alive = False
            self.answer(exc.status, f"{exc}\n")

    def take_request(self) -> Head | None:
        """Take the first request off the buffer; None if it is not whole yet. Raises BadRequestError."""
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > HEAD_LIMIT:
                raise BadRequestError(431, "head")
            return None
        head = Head(self.buffer[:end])
        whole = end + 4 + head.body
        if len(self.buffer) < whole:
            return None
        self.buffer = self.buffer[whole:]
        return head

    def become(self, stream: Stream, status: str, fields: str) -> None:
        """Write the head and send the stream; the connection is busy for the rest of its life."""
        self.transport.write(f"HTTP/1.1 {status}\r\nX-Pod: {self.app.pod}\r\n{fields}\r\n".encode())
        self.stream = stream
        stream.start()
        self.buffer = stream.receive(self.buffer)

    def answer(self, status: int, body: str) -> None:
        """Write a whole answer; then close or go on with the next request."""
        keep = self.keep_alive and not self.app.closes_after_answer
        if not self.transport.is_closing():
            # While it shuts down the app closes all the same; whether it says so is the switch.
            told = "" if keep or (self.keep_alive and not self.app.tells_close) else "Connection: close\r\n"
            content = body.encode()
            self.transport.write(
                f"HTTP/1.1 {status} {REASONS[status]}\r\nX-Pod: {self.app.pod}\r\nContent-Type: text/plain\r\n"
                f"Content-Length: {len(content)}\r\n{told}\r\n".encode()
                + content
            )
        self.answering = False
        self.served += 1
        if not keep:
            self.transport.close()
        elif self.buffer:
            # Not by a call from here: a buffer full of requests would nest too deep.
            asyncio.get_running_loop().call_soon(self.next_request)


class App:
    """The server's state: its checks, its ledger, its connections and how far its shutdown has come."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.pod = os.environ.get("POD_NAME", socket.gethostname())
        self.checks = dict.fromkeys(CHECKS, True)
        self.ledger = Ledger()
        self.connections: set[Connection] = set()
        self.stop = asyncio.Event()
        self.idle = asyncio.Event()
        self.closes_after_answer = False
        self.tells_close = False
        self.told: dict[str, Callable[[], str]] = {
            "/ledger": self.ledger.text,
            "/streams": lambda: f"{self.streams()}\n",
            "/clock": lambda: f'{{"t_ns": {now_ns()}}}\n',
        }

    def look_idle(self) -> None:
        """Tell the shutdown that no connection is left."""
        if not self.connections:
            self.idle.set()

    def route(self, head: Head, connection: Connection) -> None:
        """Answer a request, now or later. Raises BadRequestError."""
        path = head.path
        if path == "/":
            self.work(head, connection)
        elif path[1:] in CHECKS:
            ok = self.checks[path[1:]]
            connection.answer(200 if ok else 503, "ok\n" if ok else "not ok\n")
        elif path in ("/sse", "/ws"):
            self.stream(head, connection)
        elif told := self.told.get(path):
            connection.answer(200, told())
        elif path == "/quit":
            self.begin_stop("quit")
            connection.answer(200, "stopping\n")
        elif path.startswith("/control/") and path[9:] in CHECKS:
            self.control(path[9:], head, connection)
        elif path == "/fill":
            self.fill(head, connection)
        elif path == "/crash":
            self.crash(head)
        else:
            connection.answer(404, "no such path\n")

    def work(self, head: Head, connection: Connection) -> None:
        """A request for `/`: answered after `?delay=S`, done `?work=S` after its begin, counted under `?key=K`."""
        key, delay_s = head.option("key"), head.seconds("delay")
        work_s = min(head.seconds("work", delay_s), delay_s)
        self.ledger.count("begun", key)
        later = asyncio.get_running_loop().call_later
        if not delay_s:
            self.done(key, connection)
        elif work_s == delay_s:
            later(delay_s, self.done, key, connection)
        else:
            later(work_s, self.ledger.count, "done", key)
            later(delay_s, self.served, connection)

    def done(self, key: str, connection: Connection) -> None:
        """The work of one request is done, whether or not its client still waits."""
        self.ledger.count("done", key)
        self.served(connection)

    def served(self, connection: Connection) -> None:
        """The answer to a request for `/`."""
        connection.answer(200, f"{self.pod}\n")

    def stream(self, head: Head, connection: Connection) -> None:
        """GET /sse or /ws: a heartbeat each `?beat=S`."""
        if head.method != "GET":
            raise BadRequestError(405, "use GET")
        beat_s = max(head.seconds("beat", 0.1), 0.001)
        if head.path == "/sse":
            events = EventStream(connection.transport, self.pod, beat_s, now_ns)
            connection.become(events, "200 OK", SSE_FIELDS)
        elif head.upgrade != "websocket" or not head.websocket_key:
            raise BadRequestError(400, "no WebSocket handshake")
        else:
            accept = f"Sec-WebSocket-Accept: {accept_key(head.websocket_key)}\r\n"
            fields = f"Upgrade: websocket\r\nConnection: Upgrade\r\n{accept}"
            socket_ = WebSocket(connection.transport, self.pod, beat_s, now_ns)
            connection.become(socket_, "101 Switching Protocols", fields)

    def streams(self) -> int:
        """How many streams are open."""
        return sum(one.stream is not None for one in self.connections)

    def control(self, check: str, head: Head, connection: Connection) -> None:
        """POST /control/CHECK?ok=0|1 sets what that check answers."""
        if head.method != "POST":
            raise BadRequestError(405, "use POST")
        if head.option("ok") not in ("0", "1"):
            raise BadRequestError(400, "ok is 0 or 1")
        self.checks[check] = head.option("ok") == "1"
        say("control", check=check, ok=self.checks[check])
        connection.answer(200, "set\n")

    def fill(self, head: Head, connection: Connection) -> None:
        """POST /fill?mb=N writes so many megabytes to a file in --scratch, beside the serving of requests."""
        if head.method != "POST" or not self.options.scratch:
            raise BadRequestError(405, "use POST, and --scratch")
        if not (head.option("mb").isdecimal() and 0 < int(head.option("mb")) <= 1024):
            raise BadRequestError(400, "mb is 1 to 1024")
        asyncio.get_running_loop().run_in_executor(None, write_zeros, self.options.scratch, int(head.option("mb")))
        connection.answer(200, "writing\n")

    def crash(self, head: Head) -> None:
        """POST /crash?code=N ends the process at once, without an answer."""
        if head.method != "POST":
            raise BadRequestError(405, "use POST")
        code = head.option("code") or "1"
        if not (code.isascii() and code.isdigit() and len(code) < 4 and int(code) < 256):
            raise BadRequestError(400, "code is 0 to 255")
        say("exit", code=int(code), crash=True)
        os._exit(int(code))

    def on_signal(self, number: int) -> None:
        """A signal that starts the shutdown; a second one changes nothing."""
        self.begin_stop("signal", signal=signal.Signals(number).name)

    def begin_stop(self, event: str, **data: object) -> None:
        """Start the shutdown: by a signal or by /quit."""
        say(event, **data)
        if self.options.unready_on_signal:
            self.checks["readyz"] = False
        if self.options.close_on_drain:
            self.closes_after_answer = self.tells_close = True
        self.stop.set()


def write_zeros(folder: str, megabytes: int) -> None:
    """Write a file of so many megabytes, then say so."""
    with (pathlib.Path(folder) / "filled").open("wb") as file:
        for _ in range(megabytes):
            file.write(bytes(1 << 20))
    say("filled", mb=megabytes)


class Listener:
    """The listening socket. Not asyncio's server: that one loses a connection accepted just before its close."""

    def __init__(self, app: App, port: int) -> None:
        self.app = app
        self.loop = asyncio.get_running_loop()
        self.opening: set[asyncio.Task[object]] = set()
        if socket.has_dualstack_ipv6():
            self.sock = socket.create_server(("::", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True)
        else:
            self.sock = socket.create_server(("", port), backlog=BACKLOG)
        self.sock.setblocking(False)
        self.loop.add_reader(self.sock, self.accept)

    @property
    def port(self) -> int:
        """The port it listens on, also where the system chose it."""
        return int(self.sock.getsockname()[1])

    def accept(self) -> None:
        """Accept all that wait in the backlog."""
        while self.sock.fileno() >= 0:
            try:
                accepted = self.sock.accept()[0]
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as exc:  # out of descriptors or memory: leave the rest in the backlog for a while
                say("accept-failed", error=str(exc))
                self.loop.remove_reader(self.sock)
                self.loop.call_later(0.1, self.resume)
                return
            task = self.loop.create_task(self.loop.connect_accepted_socket(lambda: Connection(self.app), accepted))
            self.opening.add(task)
            task.add_done_callback(self.opening.discard)

    def resume(self) -> None:
        """Accept again, unless it was closed meanwhile."""
        if self.sock.fileno() >= 0:
            self.loop.add_reader(self.sock, self.accept)

    async def close(self) -> None:
        """Accept what waits in the backlog, which closing alone would reset, then close."""
        self.accept()
        self.loop.remove_reader(self.sock)
        self.sock.close()
        if self.opening:
            await asyncio.wait(self.opening)


async def lifetime(app: App) -> int:
    """From start to exit; returns the exit code."""
    options = app.options
    stopped = asyncio.create_task(app.stop.wait())
    await asyncio.wait([stopped], timeout=options.startup_delay_s)
    if app.stop.is_set():
        return 0
    listener = Listener(app, options.port)
    say("listening", port=listener.port)
    await stopped
    await drain(app)
    if options.graceful:
        await close_gracefully(app, listener)
        await asyncio.sleep(options.shutdown_s)
    return 0


async def drain(app: App) -> None:
    """Serve on for as long as the options say."""
    options = app.options
    if options.watch_service:
        await until_nobody_comes(
            Slices(options.watch_service), app.pod, quiet_s=options.quiet_s, at_most_s=options.drain_s,
            requests=lambda: app.ledger.begun,
        )  # fmt: skip
        say("draining", drain_s=0.0)
    else:
        say("draining", drain_s=options.drain_s)
        await asyncio.sleep(options.drain_s)


async def close_gracefully(app: App, listener: Listener) -> None:
    """Stop accepting, answer all that came, close idle connections; returns once no connection is left.

    Streams are waited for like requests, unless the app says goodbye to them.
    """
    app.closes_after_answer = True
    await listener.close()
    # One look at the sockets, so that a request already in a receive buffer is answered rather than reset.
    await asyncio.sleep(0.005)
    for stream in [one.stream for one in app.connections if one.stream and app.options.goodbye]:
        stream.goodbye()
    close_idle(app, lambda connection: connection.served > 0 and not connection.buffer)
    asyncio.get_running_loop().call_later(FIRST_REQUEST_S, close_idle, app, lambda _: True)
    # Any pause between connections, such as before the first client came, has set it too.
    app.idle.clear()
    app.look_idle()
    await app.idle.wait()


def close_idle(app: App, which: Callable[[Connection], bool]) -> None:
    """Close the connections that are between requests and that `which` selects."""
    for connection in list(app.connections):
        if not connection.answering and which(connection):
            connection.transport.close()


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; the defaults are a well-behaved server that starts at once."""
    parser = argparse.ArgumentParser(prog="server", allow_abbrev=False)
    yes_no = argparse.BooleanOptionalAction
    add = parser.add_argument
    add("--port", type=int, default=8080)
    add("--startup-delay-s", type=float, default=0.0, help="the port opens only after it")
    add("--graceful", action=yes_no, default=True, help="finish requests on shutdown, or cut them")
    add("--ignore-sigterm", action="store_true", help="no handler at all, so that PID 1 never sees the signal")
    add("--drain-s", type=float, default=0.0, help="keep serving that long after the signal")
    add("--watch-service", default="", help="serve on only until this pod has left that Service and nobody comes")
    add("--quiet-s", type=float, default=1.0, help="how long nobody must have come")
    add("--unready-on-signal", action="store_true", help="/readyz fails from the signal on")
    add("--close-on-drain", action=yes_no, default=True, help="`Connection: close` on answers after the signal")
    add("--goodbye", action="store_true", help="end streams with a word on a graceful shutdown, or wait for their end")
    add("--shutdown-s", type=float, default=0.0, help="extra work before the exit")
    add("--scratch", default="", help="the folder that /fill writes to")
    add("--signal", action="append", help="what starts the shutdown; default SIGTERM and SIGINT; repeatable")
    options = parser.parse_args(arguments)
    names = options.signal or ["SIGTERM", "SIGINT"]
    if options.ignore_sigterm:
        names = [name for name in names if name != "SIGTERM"]
    unknown = [name for name in names if name not in signal.Signals.__members__]
    if unknown:
        parser.error(f"no such signal: {', '.join(unknown)}")
    options.signals = [signal.Signals[name] for name in names]
    return options


async def main(options: argparse.Namespace) -> int:
    """Install the signal handlers first, so that a signal during the start-up is heard too."""
    app = App(options)
    loop = asyncio.get_running_loop()
    # Python's own handler for SIGINT would otherwise stand where the options ask for none.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for number in options.signals:
        loop.add_signal_handler(number, app.on_signal, number)
    say("started", pid=os.getpid(), pod=app.pod)
    code = await lifetime(app)
    ledger = app.ledger
    tasks = ledger.keyed("begun") + ledger.keyed("done")
    say("stopped", requests=ledger.done, begun=ledger.begun, tasks=tasks, streams=app.streams())
    say("exit", code=code)
    # At once: neither open connections nor the interpreter's own clean-up may change what the switches asked for.
    os._exit(code)


if __name__ == "__main__":
    asyncio.run(main(parse(sys.argv[1:])))
