"""The prober's other kinds: kept connections that are trusted, work with a key, every address of a name."""

import contextlib
import json
import socket
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server_process import serving
from test_workload_probe import OK, probe
from test_workload_probe import serving as answering

from workloads.load import ports
from workloads.load.exchange import Address
from workloads.load.probe import Prober, build_request, parse
from workloads.load.rows import Rows
from workloads.load.targets import Targets, look_up
from workloads.load.work import keyed_work

WORK = "/?key={key}&delay={delay}&work={work}"


def parsed(*options: str) -> Any:
    return parse(["--probe", "p", "--target", "x:1", *options])


@pytest.mark.parametrize(("looks", "broken"), [("--looks", 0), ("--no-looks", 1)])
def test_a_client_that_trusts_its_connections_meets_the_servers_close(looks: str, broken: int) -> None:
    def close_after_second(connection: socket.socket, number: int) -> bytes | None:
        if number != 2:
            return OK
        # The answer, then FIN, then nothing more is read: what is sent to it after that is reset.
        connection.sendall(OK)
        return None

    with answering(close_after_second) as server:
        options = ("--mode", "keepalive", "--connections", "1", "--interval-ms", "150", looks)
        requests, _ = probe(server.port, *options, count=4)
    failed = [requests[i] for i in range(len(requests)) if requests.failed[i]]
    assert len(failed) == broken
    assert all(one.use == 3 and one.error in ("reset", "closed") for one in failed)


def test_work_has_a_key_and_is_in_the_ledger() -> None:
    with serving() as running:
        options = ("--work-s", "0.02:0.06", "--done-at", "0.5", "--path", WORK, "--role", "inflight")
        requests, _ = probe(running.port, *options, count=5)
        ledger = json.loads(running.ask("/ledger")[1])["keys"]
    keys = [f"p-{n}" for n in range(5)]
    assert sorted(requests.connection) == keys
    assert set(requests.use) == {1}
    assert ledger == {key: {"begun": 1, "done": 1} for key in keys}


@pytest.mark.parametrize(("good_from", "second"), [(2, "ok"), (9, "failed")])
def test_what_failed_is_sent_once_more_with_its_key_and_no_more(good_from: int, second: str) -> None:
    with answering(lambda _, number: OK if number >= good_from else None) as server:
        requests, lines = probe(server.port, "--work-s", "0.01", "--path", WORK, "--resend", count=1)
    assert [(one.connection, one.use, one.outcome) for one in requests] == [("p-0", 1, "failed"), ("p-0", 2, second)]
    assert lines[-1]["scheduled"] == 2


@given(st.floats(0.01, 5), st.floats(0, 5), st.floats(0, 1), st.integers(0, 10_000))
def test_work_takes_what_was_asked_for(low: float, more: float, share: float, n: int) -> None:
    options = parsed("--work-s", f"{low}:{low + more}", "--done-at", f"{share}", "--path", WORK)
    path, key = keyed_work(options)(n)
    fields = dict(part.split("=") for part in path[2:].split("&"))
    assert (fields["key"], key) == (f"p-{n}", f"p-{n}")
    assert low - 0.001 <= float(fields["delay"]) <= low + more + 0.001
    assert float(fields["work"]) <= float(fields["delay"]) + 0.001


@pytest.mark.parametrize("text", ["0", "-1:2", "2:1", "x"])
def test_no_such_span_of_work(text: str) -> None:
    with pytest.raises(SystemExit):
        parsed("--work-s", text)


def at(n: int) -> Address:
    return socket.AF_INET, (f"127.0.0.{n}", 1)


def test_source_ports_come_in_turn_and_one_in_use_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.ExitStack() as opened:
        held = [opened.enter_context(socket.create_server(("", 0))) for _ in range(4)]
        some = [one.getsockname()[1] for one in held]
        for n in (0, 2, 3):
            held[n].close()
        monkeypatch.setattr(ports, "PORTS", some)
        given = ports.Ports()
        for n in (0, 2, 3):
            sock = opened.enter_context(socket.socket())
            given.bind(sock)
            assert sock.getsockname()[1] == some[n]
        with pytest.raises(OSError, match="every source port is in use"):
            given.bind(opened.enter_context(socket.socket()))


def test_a_prober_with_fresh_ports_has_a_new_one_for_each_connection() -> None:
    seen: list[int] = []

    def note(connection: socket.socket, _: int) -> bytes:
        seen.append(connection.getpeername()[1])
        return OK

    with answering(note) as server:
        requests, _ = probe(server.port, "--fresh-ports", count=5)
    assert [one.outcome for one in requests] == ["ok"] * 5
    assert set(seen) < set(ports.PORTS)
    assert len(set(seen)) == 5


class Looks:
    """Answers of a name service, one a look; the thread's looks wait for ever."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.never = threading.Event()

    def __call__(self, host: str, port: int) -> list[Address]:
        if threading.current_thread() is not threading.main_thread():
            self.never.wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return list(answer)


def test_addresses_come_and_go_and_are_asked_in_turn() -> None:
    down = socket.gaierror(socket.EAI_AGAIN, "no name service")
    targets = Targets("pods", 1, Looks([], [at(1), at(2)], down, [at(2)]))
    targets.refresh()
    assert targets.take() is None
    for expected in ({at(1), at(2)}, {at(1), at(2)}, {at(2)}):
        targets.refresh()
        assert {targets.take() for _ in range(4)} == expected
    connections = [targets.connection(at(2)) for _ in range(2)]
    assert [(one.id, one.use) for one in connections] == [("127.0.0.2", 0), ("127.0.0.2", 1)]
    for one in connections:
        one.close()


def test_each_address_has_rows_of_its_own() -> None:
    with serving() as running:
        targets = Targets("pods", 1, Looks([], [(socket.AF_INET, ("127.0.0.1", running.port))]))
        targets.refresh()
        targets.refresh()
        lines: list[dict[str, Any]] = []
        request = build_request(parsed("--role", "direct"), "pods:1", "/")
        rows = Rows("each-pod", lambda line: lines.append(json.loads(line)))
        prober = Prober(
            lambda _: request, rows, interval_ns=1_000_000, deadline_ns=10**9, targets=targets, count=3
        )  # fmt: skip
        prober.run(target="pods:1", role="direct")
    found = [row for line in lines if line["kind"] == "requests" for row in line["rows"]]
    assert [(row[4], row[8], row[9], row[10]) for row in found] == [("ok", "web-1", "127.0.0.1", n) for n in (1, 2, 3)]


def test_a_name_without_addresses_is_an_empty_list(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    assert look_up("pods", 1) == []
