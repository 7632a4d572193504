"""Turns at starting: a container that starts takes a core for a moment, and several at once make a prober late."""

import contextlib
from collections.abc import Iterable, Iterator

from harness.errors import WaitTimeout
from harness.history import Recorder
from harness.records import ContainerSeen, PodSeen
from harness.wait import until

STARTS_S = 3.0
"""For so long a start keeps others waiting at most: a pod may be one that is never scheduled."""

_PODS = 200
_NOT_YET = ("", "ContainerCreating", "PodInitializing")


@contextlib.contextmanager
def in_turn(turn: contextlib.AbstractContextManager[None], recorder: Recorder) -> Iterator[None]:
    """Hold a turn while the block makes pods, and until their containers have started (no longer than STARTS_S)."""
    with turn:
        before = {pod.uid for pod in recorder.tail(PodSeen, _PODS)}
        yield
        with contextlib.suppress(WaitTimeout):
            until(lambda: started(recorder.tail(PodSeen, _PODS), before), "started containers", STARTS_S)


def started(seen: Iterable[PodSeen], before: set[str]) -> bool:
    """Whether there are pods that are not in `before` (uids), and none of these has a container yet to start."""
    new = {pod.uid: pod for pod in seen if pod.uid not in before}
    return bool(new) and all(pod.containers and not any(map(_to_start, pod.containers)) for pod in new.values())


def _to_start(container: ContainerSeen) -> bool:
    return container.state == "waiting" and container.reason in _NOT_YET
