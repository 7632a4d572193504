"""Causes: each failed request joined to what was known of the pods behind it at that moment.

Which pod refused a connection through a Service is unknown, so the rules ask which pod could have done so. A rule is a
function of the failed request and of the world's view at its moment; the first that answers names the cause. A watch
tells late, so a cause is what fits all that was seen, not a proof.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.clock import seconds
from harness.judge.world import LINGER_NS, PodView, View, World
from harness.requests import Request, Requests

UNEXPLAINED: Final = "unexplained"

Rule = Callable[[Request, View], str | None]

_NO_ANSWER = ("refused", "no_route", "timeout")
_CUT = ("reset", "closed", "truncated")


def bad_status(request: Request, view: View) -> str | None:
    """The app, or a proxy before it, answered with an error."""
    if request.error != "status":
        return None
    pod = view.pod(request.pod)
    if pod is None:
        return f"status {request.status}"
    return f"status {request.status} by pod {pod.name}" + (" after it was told to stop" if pod.signal_ns else "")


def cut_by_exit(request: Request, view: View) -> str | None:
    """A connection was cut as its pod stopped."""
    if request.error not in _CUT:
        return None
    stopping = [pod for pod in view.pods if _stopping(pod, view.t_ns) and request.pod in ("", pod.name)]
    return f"{request.error}: pod {_names(stopping)} was exiting" if stopping else None


def closed_too_early(request: Request, view: View) -> str | None:
    """A pod that was told to stop took no more connections, and its endpoint was, or had just been, in the Service."""
    if request.error not in (*_NO_ANSWER, *_CUT) or not view.service:
        return None
    closed = [pod for pod in view.recent if pod.signal_ns is not None and pod.closed_ns is not None]
    if not closed:
        return None
    pod = max(closed, key=lambda pod: pod.closed_ns or 0)
    assert pod.closed_ns is not None
    assert pod.signal_ns is not None
    head = f"{request.error}: pod {pod.name} stopped listening {_ms(pod.closed_ns - pod.signal_ns)} after its signal"
    if pod.left_ns is None:
        return f"{head} and was still in the Service"
    late = pod.left_ns - pod.closed_ns
    if late >= 0:
        return f"{head}; its endpoint was seen to leave the Service {_ms(late)} after that"
    return f"{head}; its endpoint was seen to leave the Service only {_ms(-late)} before that"


def not_yet_listening(request: Request, view: View) -> str | None:
    """A pod was in the Service before it listened."""
    if request.error not in _NO_ANSWER:
        return None
    early = [pod for pod in view.backends if pod.told and not pod.listening and pod.closed_ns is None]
    if not early:
        return None
    return (
        f"{request.error}: pod {_names(early)} was ready, without a readiness probe that holds, but not yet listening"
    )


def container_down(request: Request, view: View) -> str | None:
    """A pod's container had ended, or was starting again, while the pod's endpoint was in the Service."""
    if request.error not in _NO_ANSWER:
        return None
    down = [pod for pod in view.recent if pod.told and not pod.listening and pod.closed_ns is not None]
    return f"{request.error}: the container of pod {_names(down)} was down" if down else None


def deleted(request: Request, view: View) -> str | None:
    """A pod, a container of which tells nothing of itself, was being deleted, and its endpoint was, or had just been,
    in the Service.
    """
    if request.error not in (*_NO_ANSWER, *_CUT) or not view.service:
        return None
    going = [(pod.deleted_ns, pod) for pod in view.recent if pod.deleted_ns is not None and pod.life.silent]
    if not going:
        return None
    since_ns, pod = max(going, key=lambda one: one[0])
    head = f"{request.error}: pod {pod.name}, whose {' and '.join(pod.life.silent)} told nothing, was being deleted"
    if pod.left_ns is None:
        return f"{head} and was still in the Service"
    return f"{head}; its endpoint was seen to leave the Service {_ms(max(0, pod.left_ns - since_ns))} after that"


def not_yet_routed(request: Request, view: View) -> str | None:
    """All that stood behind the Service had only just become ready."""
    if request.error not in _NO_ANSWER or not view.service or not view.backends:
        return None
    if any(pod.joined_ns is None or view.t_ns - pod.joined_ns >= LINGER_NS for pod in view.backends):
        return None
    return f"{request.error}: pod {_names(view.backends)} had just become ready, and routing had not followed yet"


def no_endpoint(request: Request, view: View) -> str | None:
    """No pod stood behind the Service."""
    if request.error in _NO_ANSWER and view.service and not view.backends:
        return f"{request.error}: no ready endpoint"
    return None


RULES: Final[tuple[Rule, ...]] = (
    bad_status, cut_by_exit, closed_too_early, not_yet_listening, container_down, deleted, not_yet_routed,
    no_endpoint,
)  # fmt: skip


def causes(
    requests: Requests, world: World, rows: NDArray[np.intp] | None = None, rules: Sequence[Rule] = RULES
) -> Counter[str]:
    """How many failed requests each cause explains, the rest as `unexplained`; of some rows only if they are given.

    A request that ran into its deadline is joined to the moment of its send, any other to that of its end.
    """
    found: Counter[str] = Counter()
    known: dict[tuple[int, str, str, int], str] = {}
    for row in np.flatnonzero(requests.failed) if rows is None else rows:
        request = requests[int(row)]
        t_ns = request.sent_ns if request.error == "timeout" else request.end_ns
        key = (world.segment(t_ns), request.error, request.pod, request.status)
        if key not in known:
            view = world.at(t_ns)
            answers = (rule(request, view) for rule in rules)
            known[key] = next((answer for answer in answers if answer is not None), UNEXPLAINED)
        found[known[key]] += 1
    return found


def _stopping(pod: PodView, t_ns: int) -> bool:
    """Whether a pod was told to stop, or ended, and its connections can be cut by that now."""
    if pod.exit_ns is not None and (pod.signal_ns is None or pod.exit_ns >= pod.signal_ns):
        return t_ns - pod.exit_ns < LINGER_NS
    return pod.signal_ns is not None


def _names(pods: Sequence[PodView]) -> str:
    """The pods' names as a list in words."""
    return " or ".join(sorted(pod.name for pod in pods))


def _ms(duration_ns: int) -> str:
    """A duration to read."""
    return f"{seconds(duration_ns) * 1000:.0f} ms"
