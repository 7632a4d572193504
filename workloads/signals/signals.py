"""A small process that tells of each signal, hook and step of its end; standard library only.

It stands alone in a container, so it carries its own few lines for the clock and the log. Each moment of its life is
one JSON line on standard output: {"kind": "app", "t_ns": ..., "event": ..., "data": {...}}. A hook that is run beside
it (`signals.py hook NAME`) tells by the same standard output, that of process 1.

GET /readyz answers 200. GET /quit starts the shutdown and answers at once, /quit?wait=1 when the work is done.
POST /crash?code=N ends the process at once. POST /hog takes memory until the kernel ends it.
"""

import argparse
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Sequence

ACCOUNT = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")
NONE = "none"
CHUNK = 1 << 20
ANSWERED_S = 1.0

_wall_minus_monotonic_ns = time.time_ns() - time.monotonic_ns()


def say(event: str, out: int = 1, /, **data: object) -> None:
    """Write one app event; `t_ns` is the wall time of the process's start plus the monotonic time since."""
    t_ns = _wall_minus_monotonic_ns + time.monotonic_ns()
    line = json.dumps({"kind": "app", "t_ns": t_ns, "event": event, "data": data}, separators=(",", ":"))
    os.write(out, line.encode() + b"\n")


class Process:
    """The process's state: whether it was told to stop, and whether its work is done."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.stop = threading.Event()
        self.work_done = threading.Event()
        self.answering: list[threading.Thread] = []

    def on_signal(self, number: int, _frame: object) -> None:
        """Tell of a signal; one of those that stop starts the shutdown."""
        stops = number in self.options.stops
        say("signal" if stops else "noted", signal=signal.Signals(number).name)
        if stops:
            self.stop.set()

    def life(self) -> int:
        """From start to exit; returns the exit code."""
        options = self.options
        for number in {*options.stops, *options.notes}:
            signal.signal(number, self.on_signal)
        listener = socket.create_server(("", options.port), backlog=16)
        hears = sorted(number.name for number in {*options.stops, *options.notes})
        say("started", pid=os.getpid(), hears=hears)
        start(self.serve, listener)
        if options.beat_s:
            start(self.beat)
        if options.api_every_s:
            start(self.ask_api)
        self.stop.wait()
        time.sleep(options.shutdown_s)
        self.work_done.set()
        for thread in self.answering:
            thread.join(ANSWERED_S)
        return int(options.exit_code)

    def beat(self) -> None:
        """Tell at an even pace that the process lives, so that the log's end tells when it was killed."""
        while True:
            say("beat")
            time.sleep(self.options.beat_s)

    def serve(self, listener: socket.socket) -> None:
        """Answer requests, a thread each."""
        while True:
            connection = listener.accept()[0]
            self.answering = [thread for thread in self.answering if thread.is_alive()]
            self.answering.append(start(self.answer, connection))

    def answer(self, connection: socket.socket) -> None:
        """Answer the one request of a connection."""
        with connection:
            method, path, query = request_of(connection)
            after = self.routes().get((method, path))
            status = "404 Not Found" if after is None else "200 OK"
            if after == self.quit and "wait" in query:
                self.quit(query)
                self.work_done.wait()
                after = None
            connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        if after is not None:
            after(query)

    def routes(self) -> dict[tuple[str, str], Callable[[dict[str, str]], None]]:
        """What is done once a request has been answered."""
        return {
            ("GET", "/readyz"): lambda _: None,
            ("GET", "/quit"): self.quit,
            ("POST", "/crash"): crash,
            ("POST", "/hog"): hog,
        }

    def quit(self, _query: dict[str, str]) -> None:
        """Start the shutdown by a request."""
        say("quit")
        self.stop.set()

    def ask_api(self) -> None:
        """Ask the API server for this very pod, each time by a new connection, and tell what came of it."""
        context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"])
        namespace = (ACCOUNT / "namespace").read_text()
        path = f"/api/v1/namespaces/{namespace}/pods/{os.environ['POD_NAME']}"
        while True:
            due_s = time.monotonic() + self.options.api_every_s
            say("api", **asked(http.client.HTTPSConnection(host, port, timeout=2, context=context), path))
            time.sleep(max(0.0, due_s - time.monotonic()))


def asked(connection: http.client.HTTPConnection, path: str) -> dict[str, object]:
    """The answer to one GET: its status, or what went wrong."""
    try:
        token = (ACCOUNT / "token").read_text().strip()
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as exc:
        return {"status": 0, "error": f"{type(exc).__name__}: {exc}"}
    finally:
        connection.close()
    return {"status": answer.status}


def request_of(connection: socket.socket) -> tuple[str, str, dict[str, str]]:
    """Method, path and query of a request; three empty ones of what is none."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = connection.recv(4096)
        if not more:
            return "", "", {}
        head += more
    method, _, rest = head.split(b"\r\n")[0].decode("latin-1").partition(" ")
    path, _, query = rest.partition(" ")[0].partition("?")
    return method, path, dict(urllib.parse.parse_qsl(query))


def crash(query: dict[str, str]) -> None:
    """End the process at once."""
    code = int(query.get("code", "1"))
    say("exit", code=code, crash=True)
    os._exit(code)


def hog(_query: dict[str, str]) -> None:
    """Take memory until the kernel says no, a MiB at a time, each page of it written."""
    say("hog")
    taken = []
    while True:
        taken.append(b"x" * CHUNK)
        time.sleep(0.001)


def start(work: Callable[..., None], *arguments: object) -> threading.Thread:
    """Do it beside all else; it ends with the process."""
    thread = threading.Thread(target=work, args=arguments, daemon=True)
    thread.start()
    return thread


def hook(options: argparse.Namespace) -> int:
    """A lifecycle hook: tells by process 1's standard output that it runs, sends signals, sleeps."""
    out = os.open("/proc/1/fd/1", os.O_WRONLY)
    say("hook", out, hook=options.name, step="begin")
    if options.kill:
        os.kill(1, getattr(signal, options.kill))
    time.sleep(options.sleep_s)
    say("hook", out, hook=options.name, step="end")
    return int(options.exit_code)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; the defaults are a process that ends at once by SIGTERM, with exit code 0."""
    parser = argparse.ArgumentParser(prog="signals", allow_abbrev=False)
    roles = parser.add_subparsers(dest="role", required=True)
    run = roles.add_parser("run", allow_abbrev=False, help="run until told to stop")
    run.add_argument("--stops", action="append", help="what starts the shutdown; default SIGTERM; none; repeatable")
    run.add_argument("--notes", action="append", default=[], help="what is told of, and else ignored; repeatable")
    run.add_argument("--shutdown-s", type=float, default=0.0, help="work between the signal and the exit")
    run.add_argument("--exit-code", type=int, default=0)
    run.add_argument("--port", type=int, default=8080)
    run.add_argument("--beat-s", type=float, default=0.1, help="pace of the lines that tell it lives; 0: none")
    run.add_argument("--api-every-s", type=float, default=0.0, help="pace of requests to the API server; 0: none")
    beside = roles.add_parser("hook", allow_abbrev=False, help="a lifecycle hook of process 1")
    beside.add_argument("name")
    beside.add_argument("--sleep-s", type=float, default=0.0)
    beside.add_argument("--kill", help="a signal to send to process 1")
    beside.add_argument("--exit-code", type=int, default=0)
    options = parser.parse_args(arguments)
    if options.role == "run":
        names = [name for name in options.stops or ["SIGTERM"] if name != NONE]
        if unknown := [name for name in [*names, *options.notes] if name not in signal.Signals.__members__]:
            parser.error(f"no such signal: {', '.join(unknown)}")
        options.stops = [signal.Signals[name] for name in names]
        options.notes = [signal.Signals[name] for name in options.notes]
    return options


def main(options: argparse.Namespace) -> int:
    """Run as told. What has no handler here has the kernel's default, for process 1: nothing happens."""
    if options.role == "hook":
        return hook(options)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    code = Process(options).life()
    say("exit", code=code)
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main(parse(sys.argv[1:])))
