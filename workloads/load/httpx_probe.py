"""A prober for what the other (`probe`) cannot do: https and HTTP/2, by httpx, up to 200 requests a second.

It has the same open loop, rows and words. Each connection has a client of its own, below which there is no pool:
httpx's pool sends a request again, silently, that a server's GOAWAY has left out.
"""

import argparse
import asyncio
import collections
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator, Sequence

import anyio.lowlevel
import h2.connection  # noqa: F401 - httpcore imports it on the first request, which would be late by that
import httpcore
import httpx

from .answer import POD_LIMIT, statuses
from .clients import judge
from .rows import NoiseMeter, Rows
from .slice import ask_for_short_slice
from .ticks import NS_PER_S, Ticks

START_AFTER_NS = NS_PER_S // 20
EARLY_NS = 1_000_000  # a sleep of asyncio wakes about a millisecond late
WAKE_AT_LEAST_S = 0.05
PHASES = {
    "connect_tcp": "connect",
    "start_tls": "tls",
    "send_request_headers": "write",
    "send_request_body": "write",
    "receive_response_headers": "first_byte",
    "receive_response_body": "body",
}
"""By the middle word of what httpcore's trace tells: `http2.send_request_headers.started`."""


class Parts(httpx.AsyncByteStream):
    """The body of an answer, as httpcore hands it on."""

    def __init__(self, stream: httpcore.Response) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Each part as it comes."""
        async for part in self._stream.aiter_stream():
            yield part

    async def aclose(self) -> None:
        """Give it up, or be done with it."""
        await self._stream.aclose()


class OneConnection(httpx.AsyncBaseTransport):
    """One connection: a request that it cannot take fails."""

    def __init__(self, url: httpx.URL, tls: ssl.SSLContext, *, http2: bool) -> None:
        origin = httpcore.Origin(url.raw_scheme, url.raw_host, url.port or (443 if url.scheme == "https" else 80))
        self._connection = httpcore.AsyncHTTPConnection(origin, ssl_context=tls, http1=not http2, http2=http2)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it, once."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port,
            target=request.url.raw_path,
        )  # fmt: skip
        answer = await self._connection.handle_async_request(
            httpcore.Request(
                request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=Parts(answer), extensions=answer.extensions)

    def open(self) -> bool:
        """Whether it may be used again: neither ended nor, while it was idle, spoken on by the server."""
        return not (self._connection.is_closed() or self._connection.has_expired())

    async def aclose(self) -> None:
        """Close it."""
        await self._connection.aclose()


class Client:
    """One connection's client: its id, its requests from 1, and where its present request is."""

    def __init__(self, name: str, options: argparse.Namespace, tls: ssl.SSLContext) -> None:
        self.id = name
        self.use = 0
        self.phase = "connect"
        self.connection = OneConnection(httpx.URL(options.url), tls, http2=options.http2)
        self._http = httpx.AsyncClient(
            transport=self.connection, headers=fields(options), timeout=options.deadline_s, trust_env=False
        )

    async def send(self, options: argparse.Namespace) -> httpx.Response:
        """Send one request and wait for the head of its answer."""
        self.use += 1
        request = self._http.build_request(
            options.method, options.url, content=options.body.encode(), extensions={"trace": self._trace}
        )
        return await self._http.send(request, stream=True)

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def _trace(self, event: str, _: object) -> None:
        _, step, what = event.split(".")
        if what == "started":
            self.phase = PHASES.get(step, self.phase)


def fields(options: argparse.Namespace) -> dict[str, str]:
    """The header fields of each request, beside httpx's own."""
    return dict(field.split(":", 1) for field in options.header)


class Prober:
    """The open loop: a task for each request, so that none waits for another."""

    def __init__(self, options: argparse.Namespace, rows: Rows, noise: NoiseMeter | None = None) -> None:
        self.stopping = asyncio.Event()
        self._options = options
        self._rows = rows
        self._noise = noise
        self._tls = tls_context(options)
        self._idle: collections.deque[Client] = collections.deque()
        self._clients = 0
        self._made = 0
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Probe until the count or `stopping`, then wait for what is under way until its deadline."""
        options = self._options
        await anyio.lowlevel.checkpoint()  # this too imports what the first request would wait for
        ticks = Ticks(time.monotonic_ns() + START_AFTER_NS, round(options.interval_ms * 1_000_000), options.count)
        self._rows.begin(
            ticks.due_ns, interval_ns=ticks.interval_ns, deadline_ns=round(options.deadline_s * NS_PER_S),
            target=options.url, role=options.role,
        )  # fmt: skip
        while not (ticks.over or self.stopping.is_set()):
            await self._wait(ticks.due_ns)
            while (due_ns := ticks.take(time.monotonic_ns())) is not None:
                task = asyncio.ensure_future(self._request(due_ns))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            self._look()
        while self._under_way:
            await asyncio.wait(self._under_way, timeout=WAKE_AT_LEAST_S)
            self._look()
        for client in self._idle:
            await client.close()
        self._rows.end(ticks.scheduled)

    async def _wait(self, due_ns: int) -> None:
        left_ns = due_ns - time.monotonic_ns() - EARLY_NS
        await asyncio.sleep(min(WAKE_AT_LEAST_S, max(0, left_ns) / NS_PER_S))

    def _look(self) -> None:
        now_ns = time.monotonic_ns()
        self._rows.flush_if_old(now_ns)
        if self._noise:
            self._noise.look(now_ns)

    async def _request(self, due_ns: int) -> None:
        sent_ns = time.monotonic_ns()
        client = await self._take()
        error: BaseException | None = None
        first_ns, status, pod, whole = None, 0, "", False
        try:
            async with asyncio.timeout(self._options.deadline_s):
                answer = await client.send(self._options)
                first_ns = time.monotonic_ns() - due_ns
                status, pod = answer.status_code, answer.headers.get("X-Pod", "")[:POD_LIMIT]
                await answer.aread()
                whole = True
        except (OSError, httpx.HTTPError, httpcore.ProtocolError, httpcore.NetworkError, httpcore.TimeoutException,
                httpcore.ConnectionNotAvailable) as exc:  # fmt: skip
            error = exc
        end_ns = time.monotonic_ns()
        outcome, phase, name = judge(error, status, whole=whole)
        if whole and status not in self._options.expect_status:
            outcome, phase, name = "failed", "first_byte", "status"
        elif outcome != "ok":
            phase = "dns" if phase == "dns" else client.phase
        self._rows.add(
            (due_ns, sent_ns - due_ns, first_ns, end_ns - due_ns, outcome, phase, name, status, pod, client.id,
             client.use), end_ns,
        )  # fmt: skip
        await self._give_back(client, usable=whole)

    async def _take(self) -> Client:
        """An idle connection of a full set, in turn; else a new one, for nothing may queue."""
        while self._idle and self._clients >= self._options.connections:
            client = self._idle.popleft()
            if client.connection.open():
                return client
            await self._discard(client)
        self._clients += 1
        self._made += 1
        return Client(str(self._made), self._options, self._tls)

    async def _give_back(self, client: Client, *, usable: bool) -> None:
        if usable and self._options.mode == "keepalive" and client.connection.open():
            self._idle.append(client)
        else:
            await self._discard(client)

    async def _discard(self, client: Client) -> None:
        self._clients -= 1
        await client.close()


def tls_context(options: argparse.Namespace) -> ssl.SSLContext:
    """What all connections trust: a file of authorities, the machine's own, or, if asked for, anybody."""
    context = ssl.create_default_context(cafile=options.ca or None)
    if options.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="load.httpx_probe", allow_abbrev=False)
    add = parser.add_argument
    add("--probe", required=True, help="the probe's name in the history")
    add("--url", required=True, help="http:// or https://, with its path")
    add("--role", choices=("measure", "control", "load"), default="measure")
    add("--http2", action="store_true", help="speak HTTP/2, over http:// by prior knowledge")
    add("--mode", choices=("new", "keepalive"), default="new", help="a connection for each request, or pinned ones")
    add("--connections", type=int, default=10, help="how many are pinned in the mode keepalive")
    add("--interval-ms", type=float, default=10.0)
    add("--deadline-s", type=float, default=1.0)
    add("--method", default="GET")
    add("--header", action="append", default=[], help="NAME:VALUE; repeatable")
    add("--body", default="", help="sent as UTF-8, with its length")
    add("--expect-status", type=statuses, default=(200,), help="of a good answer; several by commas")
    add("--ca", default="", help="a PEM file of the authorities that are trusted; the machine's own without it")
    add("--insecure", action="store_true", help="trust any certificate")
    add("--count", type=int, default=0, help="end after so many requests; 0: go on until SIGTERM")
    add("--noise", action="store_true", help="also write how busy the machine is")
    options = parser.parse_args(arguments)
    url = httpx.URL(options.url)
    if url.scheme not in ("http", "https") or not url.host:
        parser.error(f"the URL is http://HOST or https://HOST, not {options.url!r}")
    if options.interval_ms < 5:
        parser.error("the interval is at least 5 ms: httpx costs too much for more than 200 requests a second")
    if options.deadline_s <= 0 or options.connections < 1 or options.count < 0:
        parser.error("deadline and connections are above 0, the count is not below")
    if any(":" not in field for field in options.header):
        parser.error("a header is NAME:VALUE")
    return options


async def run(options: argparse.Namespace) -> None:
    """Probe until SIGTERM or SIGINT."""
    prober = Prober(options, Rows(options.probe), NoiseMeter() if options.noise else None)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, prober.stopping.set)
    await prober.run()


def main(arguments: Sequence[str]) -> int:
    """Probe until SIGTERM or SIGINT. Returns the exit code."""
    options = parse(arguments)
    ask_for_short_slice()
    asyncio.run(run(options))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
