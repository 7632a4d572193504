"""The prober against servers on loopback that fail in each way there is."""

import contextlib
import dataclasses
import errno
import json
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import workloads.load.probe
import workloads.load.resolve
from harness import records
from harness.requests import Requests
from workloads.load.exchange import Exchange, Request
from workloads.load.probe import build, parse
from workloads.load.rows import NoiseMeter, Rows

WORKLOADS = pathlib.Path(workloads.load.probe.__file__).parent.parent
OK = b"HTTP/1.1 200 OK\r\nX-Pod: web-1\r\nContent-Length: 2\r\n\r\nok"
Behaviour = Callable[[socket.socket, int], bytes | None]


class Server:
    """Answers each request as its behaviour says: bytes to send, or None to close. Keeps the ledger."""

    def __init__(self, behave: Behaviour) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.behave = behave
        self.received = 0
        self.heard: list[bytes] = []
        self.lock = threading.Lock()
        self.closing = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self.listener.accept()[0],), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while b"\r\n\r\n" in (data := connection.recv(65_536)):
                with self.lock:
                    self.heard.append(data)
                    self.received += 1
                    number = self.received
                answer = self.behave(connection, number)
                if answer is None:
                    return
                connection.sendall(answer)

    def close(self) -> None:
        self.closing.set()
        self.listener.close()


@contextlib.contextmanager
def serving(behave: Behaviour) -> Iterator[Server]:
    server = Server(behave)
    try:
        yield server
    finally:
        server.close()


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def probe(port: int, *options: str, count: int = 3) -> tuple[Requests, list[dict[str, Any]]]:
    """Run a prober to its end; returns the requests as the harness reads them, and the raw lines."""
    lines: list[dict[str, Any]] = []
    arguments = ["--probe", "p", "--target", f"127.0.0.1:{port}", "--interval-ms", "1", "--count", str(count), *options]
    parsed = parse(arguments)
    build(parsed, lambda line: lines.append(json.loads(line))).run(target=parsed.target, role=parsed.role)
    batches = [records.RequestBatch(**fields(line)) for line in lines if line["kind"] == "requests"]
    return Requests.from_batches("p", batches), lines


def fields(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name != "kind"}


def verdicts(requests: Requests) -> set[tuple[str, str, str, int]]:
    return {(r.outcome, r.phase, r.error, r.status) for r in (requests[i] for i in range(len(requests)))}


def stall(after: bytes) -> Behaviour:
    def behave(connection: socket.socket, _: int) -> None:
        connection.sendall(after)
        connection.recv(1)

    return behave


def abort(connection: socket.socket, _: int) -> None:
    reset(connection)


PART = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\npart"


@pytest.mark.parametrize(
    ("behave", "expected"),
    [
        (lambda *_: OK, ("ok", "", "", 200)),
        (lambda *_: OK.replace(b"200 OK", b"503 No"), ("failed", "first_byte", "status", 503)),
        (lambda *_: None, ("failed", "first_byte", "closed", 0)),
        (abort, ("failed", "first_byte", "reset", 0)),
        (stall(b""), ("failed", "first_byte", "timeout", 0)),
        (stall(PART), ("failed", "body", "timeout", 200)),
        (lambda connection, _: connection.sendall(PART), ("failed", "body", "truncated", 200)),
        (lambda connection, _: connection.sendall(PART[:20]), ("failed", "body", "truncated", 0)),
        (lambda *_: b"\0\1garbage\r\n\r\n", ("failed", "body", "protocol", 0)),
    ],
)  # fmt: skip
def test_each_failure_has_its_phase_and_error(behave: Behaviour, expected: tuple[str, str, str, int]) -> None:
    with serving(behave) as server:
        requests, _ = probe(server.port, "--deadline-s", "0.5")
        assert verdicts(requests) == {expected}
        assert server.received == len(requests) == 3


def test_a_reset_within_the_body() -> None:
    read = threading.Event()

    def behave(connection: socket.socket, _: int) -> None:
        connection.sendall(PART)
        read.wait(5)
        reset(connection)

    class Watched(Rows):
        def flush_if_old(self, now_ns: int) -> None:
            if any(exchange.phase == "body" for exchange in prober._busy.values()):
                read.set()

    with serving(behave) as server:
        prober = build(parse(["--probe", "p", "--target", f"127.0.0.1:{server.port}", "--count", "1"]), lambda _: None)
        rows = Watched("p", lambda _: None)
        found: list[Any] = []
        rows.add = lambda row, now_ns: found.append(row)  # type: ignore[method-assign] # look at the row itself
        prober._rows = rows
        prober.run(target="", role="measure")
        assert [row[4:8] for row in found] == [("failed", "body", "reset", 200)]


def test_refused() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        requests, _ = probe(unused.getsockname()[1])
    assert verdicts(requests) == {("failed", "connect", "refused", 0)}
    assert (requests.first_byte_ns == -1).all()


def test_a_connect_that_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as held:
        for _ in range(4):
            sock = held.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
        requests, _ = probe(full.getsockname()[1], "--deadline-s", "0.1")
    assert verdicts(requests) == {("failed", "connect", "timeout", 0)}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.EHOSTUNREACH, ("failed", "no_route")),
        (errno.ENETUNREACH, ("failed", "no_route")),
        (errno.ETIMEDOUT, ("failed", "timeout")),
        (errno.EPIPE, ("failed", "reset")),
        (errno.EADDRNOTAVAIL, ("unknown", "other")),
        (errno.EMFILE, ("unknown", "other")),
        (errno.EPERM, ("failed", "other")),
    ],
)
def test_errors_of_the_system(code: int, expected: tuple[str, str]) -> None:
    exchange = Exchange(Request("GET", b"", (200,)), 0)
    exchange.fail_os(OSError(code, "x"))
    assert (exchange.outcome, exchange.error) == expected


def test_a_name_without_an_address_fails_in_phase_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(host: str, port: int) -> None:
        raise socket.gaierror(socket.EAI_NONAME, host)

    monkeypatch.setattr(workloads.load.resolve, "resolve", nowhere)
    requests, _ = probe(1, "--resolve", "each")
    assert verdicts(requests) == {("failed", "dns", "other", 0)}


def test_a_name_is_resolved_for_each_request() -> None:
    with serving(lambda *_: OK) as server:
        requests, _ = probe(server.port, "--resolve", "each", "--target", f"localhost:{server.port}")
    assert len(requests) == 3


def test_a_new_connection_for_each_request() -> None:
    with serving(lambda *_: OK) as server:
        requests, _ = probe(server.port, count=20)
    assert len(set(requests.connection)) == 20
    assert set(requests.use) == {1}
    assert set(requests.pod) == {"web-1"}


@pytest.mark.parametrize("mode", ["new", "keepalive"])
def test_what_is_asked_arrives_as_it_was_said(mode: str) -> None:
    with serving(lambda *_: b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n") as server:
        ask = ["--method=POST", "--path=/orders?x=1", "--header=Accept:text/html", "--header=Host:shop.example"]
        more = [*ask, '--body={"caf\u00e9": 1}', "--mode", mode, "--expect-status", "201"]
        requests, _ = probe(server.port, *more)
        others, _ = probe(server.port, count=1)
        either, _ = probe(server.port, "--expect-status", "200,201", count=1)
    assert requests.ok.all()
    assert either.ok.all()
    assert verdicts(others) == {("failed", "first_byte", "status", 201)}
    head, _, body = server.heard[0].partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"POST /orders?x=1 HTTP/1.1"
    fields = head.split(b"\r\n")[1:]
    closing = [b"Connection: close"] if mode == "new" else []
    assert sorted(fields) == sorted([b"Accept:text/html", b"Host:shop.example", b"Content-Length: 12", *closing])
    assert body == '{"caf\u00e9": 1}'.encode()


def test_lines_are_records_of_the_harness() -> None:
    with serving(lambda *_: OK) as server:
        requests, lines = probe(server.port, "--role", "control", count=20)
    begin, end = records.ProbeStarted(**fields(lines[0])), records.ProbeEnded(**fields(lines[-1]))
    assert dataclasses.replace(begin, t_ns=0) == records.ProbeStarted(
        0, "p", 1_000_000, 1_000_000_000, f"127.0.0.1:{server.port}", "control"
    )
    assert (end.scheduled, end.batches) == (20, len(lines) - 2)
    assert [r - begin.t_ns for r in requests.scheduled_ns] == [n * 1_000_000 for n in range(20)]
    assert (requests.scheduled_ns <= requests.sent_ns).all()
    assert (requests.sent_ns <= requests.first_byte_ns).all()
    assert (requests.first_byte_ns <= requests.end_ns).all()


def test_a_late_prober_drops_no_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workloads.load.probe, "START_AFTER_NS", -300_000_000)
    with serving(lambda *_: OK) as server:
        requests, lines = probe(server.port, count=200)
        assert server.received == 200
    assert [r - lines[0]["t_ns"] for r in requests.scheduled_ns] == [n * 1_000_000 for n in range(200)]
    assert (requests.sent_ns - requests.scheduled_ns >= 100_000_000).all()
    assert requests.ok.all()


def test_kept_connections_are_pinned_and_used_in_turn() -> None:
    with serving(lambda *_: OK) as server:
        requests, _ = probe(server.port, "--mode", "keepalive", "--connections", "4", "--interval-ms", "50", count=12)
    assert requests.ok.all()
    assert set(requests.connection) == {"1", "2", "3", "4"}
    assert requests.connection[:4] == requests.connection[4:8]
    assert max(requests.use) == 3


@pytest.mark.parametrize("break_off", [reset, lambda _: None])
def test_no_retry_hides_an_aborted_request(break_off: Callable[[socket.socket], None]) -> None:
    def behave(connection: socket.socket, number: int) -> bytes | None:
        if number % 5 == 0:
            break_off(connection)
            return None
        return OK

    with serving(behave) as server:
        requests, _ = probe(server.port, "--mode", "keepalive", "--connections", "2", "--interval-ms", "3", count=50)
        assert server.received == len(requests) == 50
        assert requests.failed.sum() == 10


def test_an_idle_connection_that_ended_is_replaced_without_an_error() -> None:
    def behave(connection: socket.socket, _: int) -> None:
        connection.sendall(OK)

    with serving(behave) as server:
        requests, _ = probe(server.port, "--mode", "keepalive", "--connections", "1", "--interval-ms", "30", count=4)
    assert requests.ok.all()
    assert requests.connection == ["1", "2", "3", "4"]


def test_sigterm_ends_the_schedule_and_waits_for_answers() -> None:
    with serving(lambda *_: OK) as server:
        command = [
            sys.executable,
            "-E",
            "-S",
            "-m",
            "load.probe",
            "--probe",
            "p",
            "--target",
            f"127.0.0.1:{server.port}",
        ]
        process = subprocess.Popen(command, cwd=WORKLOADS, stdout=subprocess.PIPE)
        assert process.stdout
        lines = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        lines += [json.loads(line) for line in process.stdout]
        process.stdout.close()
        assert process.wait(10) == 0
        assert lines[-1]["kind"] == "probe-end"
        rows = sum(len(line.get("rows", [])) for line in lines)
        assert lines[-1]["scheduled"] == rows == server.received


def test_no_address_is_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def nowhere(host: str, port: int) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(workloads.load.resolve, "resolve", nowhere)
    monkeypatch.setattr(workloads.load.resolve, "FIRST_TRY_S", 0.0)
    assert workloads.load.probe.main(["--probe", "p", "--target", "nowhere:80"]) == 1
    assert "no address for nowhere" in capsys.readouterr().err


def test_batches_stay_below_the_kubelets_line() -> None:
    lines: list[bytes] = []
    rows = Rows("p", lines.append)
    for n in range(500):
        rows.add((n, 1, None, 2, "failed", "connect", "refused", 0, "x" * 253, str(n), 1), 0)
    rows.end(500)
    assert max(len(line) for line in lines) < 15_000
    assert [json.loads(line)["seq"] for line in lines[:-1]] == list(range(len(lines) - 1))
    assert sum(len(json.loads(line)["rows"]) for line in lines[:-1]) == 500


def test_noise_about_once_a_second(tmp_path: pathlib.Path) -> None:
    lines: list[dict[str, Any]] = []
    pressure = tmp_path / "cpu"
    pressure.write_text("some avg10=12.50 avg60=1.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 total=0\n")
    meter = NoiseMeter(lambda line: lines.append(json.loads(line)), str(pressure))
    for now_ms in range(0, 3000, 100):
        meter.look(1_000_000_000 + now_ms * 1_000_000)
    assert len(lines) == 3
    assert records.Noise(**fields(lines[0])).cpu_pressure == 0.125
    blind = NoiseMeter(lambda line: lines.append(json.loads(line)), str(tmp_path / "none"))
    blind.look(0)
    assert lines[-1]["cpu_pressure"] is None


@pytest.mark.parametrize(
    "bad", [["--target", "nohost"], ["--target", "a:b"], ["--interval-ms", "0"], ["--connections", "0"]]
)
def test_bad_options_are_refused(bad: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--probe", "p", "--target", "x:1", *bad])
