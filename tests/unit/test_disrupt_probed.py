"""The proofs of the paths by readiness and startup probes, on made histories: whole, and with a piece taken out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import histories as made
import pytest

from harness.disrupt import FailStartup, FlapReadiness
from harness.history import History
from harness.records import Act, EventSeen, PodSeen, Record

APP = {"app": "server"}


def act(t_s: float, verb: str, status: Any, target: str = "pod/a", uid: str = "uid-a") -> Act:
    return Act(made.at(t_s), verb, target, status, uid)


def event(t_s: float, reason: str, message: str, name: str) -> EventSeen:
    return EventSeen(made.at(t_s), reason, "Warning", message, f"Pod/{name}", f"uid-{name}")


def seen(t_s: float, name: str = "a", *, ready: bool = True, restarts: int = 0, **more: Any) -> PodSeen:
    return made.pod(t_s, name, ready=ready, containers=[made.container(restarts)], labels=APP, **more)


FLAP = made.history(
    seen(0), act(1, "fail-readiness", "begin"), act(1.1, "fail-readiness", "done"),
    event(2, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", "a"),
    seen(2.1, ready=False), act(6, "pass-readiness", "begin"), act(6.1, "pass-readiness", "done"), seen(7),
)  # fmt: skip
STARTUP = made.history(
    seen(0), act(1, "keep", "begin"), act(1, "roll-out", "begin", "deployment/server", ""),
    act(1.1, "roll-out", "done", "deployment/server", ""), seen(1.2, "b", ready=False),
    event(4, "Unhealthy", "Startup probe failed: connection refused", "b"),
    event(5, "Killing", "Container server failed startup probe, will be restarted", "b"),
    seen(5.5, "b", ready=False, restarts=1), seen(20, "b", ready=False, restarts=2),
)  # fmt: skip
PATHS = {"readiness": FlapReadiness(APP), "startup": FailStartup("server", APP, {})}
WHOLE = {"readiness": FLAP, "startup": STARTUP}


def without(kind: type[Record], **values: object) -> Callable[[Record], Record | None]:
    """Takes out the records of a kind with these values."""

    def change(one: Record) -> Record | None:
        hit = isinstance(one, kind) and all(getattr(one, name) == value for name, value in values.items())
        return None if hit else one

    return change


def of_pods(name: str = "", **values: Any) -> Callable[[Record], Record]:
    """Changes what was seen of pods after the first second, of one if it is named."""

    def change(one: Record) -> Record:
        hit = isinstance(one, PodSeen) and one.t_ns > made.at(1) and name in ("", one.name)
        return replace(one, **values) if hit else one

    return change


MISSING: list[tuple[str, Callable[[Record], Record | None], str]] = [
    ("readiness", without(Act, verb="fail-readiness"), "a pod was told to fail"),
    ("readiness", without(Act, verb="pass-readiness"), "told to pass it again"),
    ("readiness", without(EventSeen, reason="Unhealthy"), "event Unhealthy"),
    ("readiness", of_pods(ready=True), "was Ready, then not"),
    ("readiness", of_pods(ready=False), "was Ready, then not"),
    ("readiness", of_pods(containers=[made.container(1)]), "was not restarted"),
    ("readiness", of_pods(deletion_ns=made.at(9)), "was not deleted"),
    ("startup", without(Act, verb="roll-out"), "got another template"),
    ("startup", without(Act, verb="keep"), "pods before the rollout are known"),
    ("startup", without(PodSeen, name="b"), "pods of it came: none"),
    ("startup", without(EventSeen, reason="Unhealthy"), "event Unhealthy"),
    ("startup", without(EventSeen, reason="Killing"), "event Killing"),
    ("startup", of_pods("b", containers=[made.container(1)]), "was restarted 2 times"),
    ("startup", of_pods("b", ready=True), "never was Ready"),
    ("startup", lambda one: replace(one, deletion_ns=made.at(9)) if isinstance(one, PodSeen) else one, "of before"),
]


@pytest.mark.parametrize("path", PATHS)
def test_a_whole_history_proves_it(path: str) -> None:
    proof = PATHS[path].proof(WHOLE[path])
    assert (proof.complete, proof.missing) == (True, [])


@pytest.mark.parametrize(("path", "change", "missing"), MISSING)
def test_without_a_piece_it_is_not_proved(path: str, change: Callable[[Record], Record | None], missing: str) -> None:
    less = [new for one in WHOLE[path].records if (new := change(one)) is not None]
    proof = PATHS[path].proof(History("made", less))
    assert any(missing in sentence for sentence in proof.missing)
