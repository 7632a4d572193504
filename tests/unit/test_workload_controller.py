"""The controller's door to the API, and whole replicas, against a lease API on loopback."""

import contextlib
import http.client
import http.server
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from harness.wait import until
from workloads.controller import hand
from workloads.controller.election import ConflictError, LeaseRecord, StoreError
from workloads.controller.lease import KubeLease, from_micro_time, to_micro_time

RECORD = LeaseRecord("a", 15, 3, 1_700_000_000_123_456_000, 1_700_000_001_000_000_000)
REPLICA = """
import http.client, sys
from workloads.controller.controller import main
from workloads.controller.lease import KubeLease
connect = lambda timeout_s: http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=timeout_s)
sys.exit(main(sys.argv[2:], lambda namespace, name: KubeLease(namespace, name, connect, lambda: "t")))
"""
QUICK = ["--lease", "l", "--namespace", "n", "--lease-s", "1", "--renew-s", "0.6", "--retry-s", "0.1", "--port", "0"]


class Api(http.server.ThreadingHTTPServer):
    """Leases of one namespace with resource versions; `broken` answers 500 to everything."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.leases: dict[str, dict[str, Any]] = {}
        self.version = 0
        self.lock = threading.Lock()
        self.tokens: list[str] = []
        self.connections = 0
        self.broken = False

    def connect(self, timeout_s: float) -> http.client.HTTPConnection:
        self.connections += 1
        return http.client.HTTPConnection("127.0.0.1", self.server_port, timeout=timeout_s)

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        prefix, _, name = path.partition("/leases")
        assert prefix == "/apis/coordination.k8s.io/v1/namespaces/n"
        name = name.strip("/") or body["metadata"]["name"]
        found = self.leases.get(name)
        if self.broken:
            return 500, {}
        if method == "GET":
            return (200, found) if found else (404, {})
        if (method == "POST") is bool(found):
            return 409, {}
        if found and body["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
            return 409, {}
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self.leases[name] = body
        return 201 if method == "POST" else 200, body


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Api

    def handle(self) -> None:
        with contextlib.suppress(ConnectionResetError):  # a replica that was killed
            super().handle()

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.tokens.append(self.headers["Authorization"])
        with self.server.lock:
            status, answer = self.server.answer(self.command, self.path, body)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_GET  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Keep the tests' output clean."""


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_lease_is_made_read_and_written(api: Api) -> None:
    lease = KubeLease("n", "l", api.connect, iter(["one", "two", "three", "four"]).__next__)
    assert lease.get(1) is None
    lease.create(RECORD, 1)
    assert lease.get(1) == RECORD
    lease.update(LeaseRecord("b", 1, 4, RECORD.acquire_ns, RECORD.renew_ns), 1)
    assert api.leases["l"]["spec"]["holderIdentity"] == "b"
    assert api.leases["l"]["spec"]["acquireTime"] == "2023-11-14T22:13:20.123456Z"
    assert api.tokens == ["Bearer one", "Bearer two", "Bearer three", "Bearer four"]
    assert api.connections == 1


def test_a_write_against_an_old_version_is_a_conflict(api: Api) -> None:
    first, second = KubeLease("n", "l", api.connect, str), KubeLease("n", "l", api.connect, str)
    first.create(RECORD, 1)
    with pytest.raises(ConflictError):
        second.create(RECORD, 1)
    second.get(1)
    first.update(RECORD, 1)
    with pytest.raises(ConflictError):
        second.update(RECORD, 1)


def test_a_failure_is_told_and_the_next_request_connects_anew(api: Api) -> None:
    lease = KubeLease("n", "l", api.connect, str)
    with pytest.raises(StoreError, match="never read"):
        lease.update(RECORD, 1)
    api.broken = True
    with pytest.raises(StoreError, match="500"):
        lease.get(1)
    refused = KubeLease("n", "l", lambda s: http.client.HTTPConnection("127.0.0.1", 1, timeout=s), str)
    with pytest.raises(StoreError, match="refused"):
        refused.get(1)
    with pytest.raises(StoreError, match="refused"):
        refused.get(1)


def test_micro_times_keep_their_microseconds() -> None:
    assert from_micro_time(to_micro_time(RECORD.acquire_ns)) == RECORD.acquire_ns
    assert from_micro_time(None) == 0


class Replica:
    """A replica's process and what it said."""

    def __init__(self, api: Api, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", REPLICA, str(api.server_port), *QUICK, *options], stdout=subprocess.PIPE
        )
        self.lines: list[dict[str, Any]] = []

    def until(self, event: str) -> dict[str, Any]:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(json.loads(line))
            if self.lines[-1].get("event", self.lines[-1]["kind"]) == event:
                return self.lines[-1]
        raise AssertionError(f"no {event}: {[line.get('event') for line in self.lines]}")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.end()

    def end(self) -> int:
        assert self.process.stdout
        self.lines += [json.loads(line) for line in self.process.stdout]
        return self.process.wait(10)

    def moments(self, name: str) -> list[int]:
        return [line["t_ns"] for line in self.lines if line.get("event", line["kind"]) == name]

    def events(self) -> list[str]:
        return [line["event"] for line in self.lines if line["kind"] == "app"]


@contextlib.contextmanager
def replicas(api: Api, *options: str) -> Iterator[tuple[Replica, Replica]]:
    """A leader at work and a standby."""
    leader = Replica(api, *options)
    leader.until("work")
    standby = Replica(api, *options)
    standby.until("candidate")
    try:
        yield leader, standby
    finally:
        for replica in (leader, standby):
            replica.process.kill()
            replica.process.wait()
            assert replica.process.stdout
            replica.process.stdout.close()


def test_release_hands_over_without_overlap(api: Api) -> None:
    with replicas(api, "--release") as (leader, standby):
        assert leader.stop() == 0
        standby.until("work")
        assert leader.events() == ["started", "ready", "candidate", "acquired", "signal", "released", "exit"]
        assert leader.moments("work")[-1] < leader.moments("released")[0] < standby.moments("work")[0]
        work = [line for line in leader.lines if line["kind"] == "work"]
        assert [line["seq"] for line in work] == list(range(1, len(work) + 1))
        assert {line["term"] for line in work} == {0}
        assert standby.lines[-1]["term"] == 1


def test_release_first_works_on_beside_the_new_leader(api: Api) -> None:
    with replicas(api, "--release-first", "--linger-s", "2", "--work-every-ms", "5") as (leader, standby):
        assert leader.stop() == 0
        standby.until("work")
        assert leader.moments("work")[-1] > standby.moments("work")[0]


def test_without_release_the_lease_stays_held(api: Api) -> None:
    with replicas(api) as (leader, _):
        assert leader.stop() == 0
        assert "released" not in leader.events()
        assert leader.moments("work")[-1] < leader.moments("exit")[0]
        assert api.leases["l"]["spec"]["holderIdentity"] != ""


def test_a_leader_that_cannot_renew_stops_work_and_exits_1(api: Api) -> None:
    with replicas(api, "--release") as (leader, _):
        api.broken = True
        assert leader.end() == 1
        assert leader.events()[-3:] == ["lost", "released", "exit"]
        assert leader.moments("work")[-1] < leader.moments("lost")[0]


def test_a_candidate_stops_at_once(api: Api) -> None:
    with replicas(api) as (_, standby):
        assert standby.stop() == 0
        assert standby.events()[-3:] == ["candidate", "signal", "exit"]


def test_a_careless_leader_works_on_after_the_loss(api: Api) -> None:
    with replicas(api, "--careless", "--linger-s", "0.5", "--work-every-ms", "5") as (leader, _):
        api.broken = True
        assert leader.end() == 1
        careless = leader.moments("careless")[0]
        assert sum(moment > careless for moment in leader.moments("work")) > 10
        assert leader.events()[-3:] == ["careless", "lost", "exit"]


def module(name: str, *options: str, env: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-m", f"workloads.controller.{name}", *options]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})


def told(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


def test_a_receiver_takes_the_newest_term_and_refuses_older_ones() -> None:
    with module("receiver", "--port", "0") as process:
        connection = http.client.HTTPConnection("127.0.0.1", told(process)["data"]["port"], timeout=5)

        def send(identity: str, seq: int, term: object) -> int:
            connection.request("POST", f"/work?identity={identity}&seq={seq}&term={term}")
            answer = connection.getresponse()
            answer.read()
            return answer.status

        assert [send("a", 1, 1), send("b", 1, 2), send("a", 2, 1), send("a", 3, 1), send("b", 2, 2)] == [
            200, 200, 409, 409, 200,
        ]  # fmt: skip
        assert send("a", 1, "x") == 400
        process.kill()
        assert process.stdout
        lines = [json.loads(line) for line in process.stdout]
    assert [(one["identity"], one["seq"]) for one in lines if one["kind"] == "work"] == [("a", 1), ("b", 1), ("b", 2)]
    assert [one["data"] for one in lines if one["kind"] == "app"] == [{"identity": "a", "term": 1, "highest": 2}]


def test_a_leader_hands_its_work_to_a_receiver(api: Api) -> None:
    with module("receiver", "--port", "0") as process:
        port = told(process)["data"]["port"]
        leader = Replica(api, "--receiver", f"127.0.0.1:{port}")
        piece = told(process)
        assert (piece["kind"], piece["seq"], piece["term"]) == ("work", 1, 0)
        assert leader.stop() == 0
        assert "work" not in {line["kind"] for line in leader.lines}
        process.kill()


@pytest.fixture
def victim() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that looks like the controller to the hand, and goes on to tell the time."""
    code = "import time\nwhile True: print(time.monotonic(), flush=True); time.sleep(0.01)"
    with subprocess.Popen([sys.executable, "-c", code, "test.victim"], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        process.kill()


def state(pid: int) -> str:
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_the_hand_freezes_thaws_and_kills(
    victim: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hand, "CONTROLLER", b"test.victim")
    thaw = hand.freeze([])
    until(lambda: state(victim.pid) == "T", "the stop of the process", 5)
    thaw()
    until(lambda: state(victim.pid) in "SR", "its going on", 5)
    hand.kill()
    assert victim.wait(5) == -signal.SIGKILL
    events = [json.loads(line)["event"] for line in capfd.readouterr().out.splitlines()]
    assert events == ["froze", "thawed", "killed"]


def test_the_hand_says_that_there_is_no_controller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hand, "CONTROLLER", b"no such process")
    with pytest.raises(ProcessLookupError, match="shareProcessNamespace"):
        hand.kill()


def test_a_shifted_clock_shifts_all_that_is_told() -> None:
    with module("receiver", "--port", "0", env={"SURVIVE_CLOCK_SHIFT_MS": "-90000"}) as process:
        said_s = told(process)["t_ns"] / 1e9
        shifted_s = time.time() - said_s
        process.kill()
    assert 90 <= shifted_s < 100
