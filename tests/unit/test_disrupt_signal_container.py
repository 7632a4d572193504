"""A container is killed, or hangs: whom the signal reaches, and the proof, without which nothing is proved."""

import signal
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import histories as made
import pytest

from harness.disrupt.signal_container import _SIGNAL, Hang, Kill
from harness.disrupt.signal_container import signal as send
from harness.errors import ClusterError
from harness.history import History
from harness.records import Act, EventSeen, Record

UID = made.pod(0, "a").uid
SIGKILLED = 137


def acted(verb: str) -> list[Record]:
    detail = {"container": "web", "processes": 2}
    return [Act(made.at(2), verb, "pod/a", step, UID, detail) for step in ("begin", "done")]  # type: ignore[arg-type]


def seen(restarts: int, code: int | None = None, at_s: float = 0.0, **more: Any) -> Record:
    last = {} if code is None else {"last_exit_code": code, "last_reason": "Error", "last_finished_ns": made.at(2)}
    return made.pod(at_s, "a", containers=[made.container(restarts, name="web", **last)], ready=True, **more)


def killing(message: str) -> EventSeen:
    return EventSeen(made.at(3), "Killing", "Normal", message, "Pod/a", UID)


KILLED = [seen(0), *acted("kill"), seen(1, SIGKILLED, 4)]
HUNG = [
    seen(0),
    *acted("hang"),
    killing("Container web failed liveness probe, will be restarted"),
    seen(1, SIGKILLED, 9),
]


def proof(path: Kill | Hang, records: list[Record]) -> list[str]:
    return path.proof(History("x", records)).missing


def test_what_was_seen_of_both_proves_them() -> None:
    assert proof(Kill("n", {}), KILLED) == []
    assert proof(Hang("n", {}), HUNG) == []


def without(kind: type[Record]) -> Callable[[list[Record]], list[Record]]:
    return lambda records: [one for one in records if not isinstance(one, kind)]


@pytest.mark.parametrize(
    ("path", "records", "told"),
    [
        (Kill("n", {}), without(Act)(KILLED), "all processes of a container got SIGKILL"),
        (Kill("n", {}), [seen(0), *acted("kill"), seen(1, 1, 4)], "web ended with exit code 137 (seen: 1)"),
        (Kill("n", {}), [seen(0), *acted("kill")], "web ended with exit code 137 (seen: none)"),
        (Kill("n", {}), [*KILLED, seen(2, SIGKILLED, 6)], "its restart count rose by 1, to 2"),
        (Kill("n", {}), [*KILLED, killing("Stopping container web")], "the kubelet stopped nothing"),
        (Hang("n", {}), without(Act)(HUNG), "all processes of a container got SIGSTOP"),
        (Hang("n", {}), without(EventSeen)(HUNG), "event Killing: web failed its liveness probe"),
        (Hang("n", {}), HUNG[:-1], "its restart count rose by 1, to 0"),
        (Hang("n", {}), [*HUNG, seen(1, SIGKILLED, 10, deletion_s=40)], "stayed, it was not deleted"),
    ],
)
def test_each_part_of_the_proof_is_needed(path: Kill | Hang, records: list[Record], told: str) -> None:
    missing = proof(path, records)
    assert any(told in one for one in missing), missing


def test_the_signal_reaches_all_processes_of_the_cgroup_and_no_other(tmp_path: Any) -> None:
    """On a made /proc: two processes with the container's id, one of another container."""
    running = [subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for _ in range(3)]
    try:
        for process, identity in zip(running, ("one", "two", "one"), strict=True):
            folder = tmp_path / str(process.pid)
            folder.mkdir()
            (folder / "cgroup").write_text(f"0::/kubepods/burstable/podx/{identity}\n")
        script = _SIGNAL.replace("/proc", str(tmp_path))
        done = subprocess.run(["sh", "-c", script, "sh", "one", "KILL"], capture_output=True, text=True, timeout=20)
        assert done.stdout.strip() == "2"
        assert [running[n].wait(20) for n in (0, 2)] == [-signal.SIGKILL] * 2
        assert running[1].poll() is None
    finally:
        for process in running:
            process.kill()
            process.wait()


def test_a_container_without_processes_is_an_error() -> None:
    pod = {
        "metadata": {"name": "a", "uid": UID},
        "spec": {"nodeName": "n", "containers": [{"name": "web"}]},
        "status": {"containerStatuses": [{"name": "web", "containerID": "containerd://abc"}]},
    }
    ran: list[Any] = []

    def run(node: str, argv: list[str]) -> str:
        ran.append((node, argv[-2:]))
        return "0\n"

    site: Any = SimpleNamespace(own_nodes=lambda: SimpleNamespace(run=run), say=lambda *_, **__: None)
    with pytest.raises(ClusterError, match="no process is in a cgroup of the container web"):
        send(site, pod, "", "kill", "KILL")
    assert ran == [("n", ["abc", "KILL"])]
