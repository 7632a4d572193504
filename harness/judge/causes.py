"""Causes: each failed request joined to what was known of the pods behind it at that moment.

Which pod refused a connection through a Service is unknown, so the rules ask which pod could have done so. A rule is a
function of the failed request and of the world's view at its moment; the first that answers names the cause. A watch
tells late, so a cause is what fits all that was seen, not a proof. Where the clocks of prober and pods may differ, the
rules are asked for both ends of what the moment may have been, and a cause is named only if they agree.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.clock import seconds
from harness.judge.world import LATE_NS, LINGER_NS, TRACKED_NS, PodView, View, World
from harness.requests import Request, Requests

UNEXPLAINED: Final = "unexplained"
UNTOLD: Final = "unexplained: the clocks do not tell what came first"
WITHOUT: Final = (UNEXPLAINED, UNTOLD)

Rule = Callable[[Request, View], str | None]

_NO_ANSWER = ("refused", "no_route", "timeout")
_CUT = ("reset", "closed", "truncated")
_OF_PROXIES = (502, 503, 504)
_BREAKS = ("crash", "cut")
_STRIKES = {"kill": "was killed", "hang": "hung"}


def bad_status(request: Request, view: View) -> str | None:
    """The app answered with an error; its pod's name is on it."""
    if request.error != "status" or not request.pod:
        return None
    pod = view.pod(request.pod)
    return f"status {request.status} by pod {request.pod}" + (
        " after it was told to stop" if pod is not None and pod.signal_ns else ""
    )


def proxy_status(request: Request, view: View) -> str | None:
    """An error without a pod's name: of a proxy, where it is of the kind that proxies give for what is behind them."""
    if request.error != "status":
        return None
    if not view.names or request.status not in _OF_PROXIES:
        return f"status {request.status}, by the app or a proxy before it: no pod's name is on it"
    closed = [pod for pod in view.recent if pod.told and not pod.listening and pod.closed_ns is not None]
    why = f": the app behind it, of pod {_names(closed)}, had closed its socket" if closed else ""
    return f"status {request.status} by a proxy, not by the app{why}"


def unresolved(request: Request, view: View) -> str | None:  # noqa: ARG001 - other rules need the view
    """The name was not resolved."""
    return f"{request.error}: the name of the target was not resolved" if request.phase == "dns" else None


def cut_by_exit(request: Request, view: View) -> str | None:
    """A connection was cut as its pod stopped."""
    if request.error not in _CUT:
        return None
    stopping = [pod for pod in view.pods if _stopping(pod, view.t_ns) and request.pod in ("", pod.name)]
    if not stopping:
        return None
    reused = " on a reused connection" if request.use > 1 else ""
    return f"{request.error}{reused}: pod {_names(stopping)} was exiting"


def closed_too_early(request: Request, view: View) -> str | None:
    """A pod that was told to stop took no more connections, and its endpoint was, or had just been, in the Service."""
    if request.error not in (*_NO_ANSWER, *_CUT) or not view.service:
        return None
    closed = [pod for pod in view.recent if pod.signal_ns is not None and pod.closed_ns is not None]
    if not closed:
        return None
    pod = max(closed, key=lambda pod: pod.closed_ns or 0)
    return f"{request.error}: pod {pod.name} had closed its socket {_against_endpoint(pod)}"


def _against_endpoint(pod: PodView) -> str:
    """When a pod closed, against the moment at which its endpoint was seen to leave the Service."""
    assert pod.closed_ns is not None
    assert pod.signal_ns is not None
    told = f"{_ms(pod.closed_ns - pod.signal_ns)} after its stop signal"
    if pod.unready_ns is None:
        return f"{told}, and its endpoint stayed in the Service"
    early_ns = pod.unready_ns - pod.closed_ns
    margin = f" (± {_ms(pod.error_ns)})" if pod.error_ns else ""
    if abs(early_ns) <= pod.error_ns:
        return f"{told}, within {_ms(pod.error_ns)} of its endpoint's leaving the Service"
    if early_ns > 0:
        return f"{_ms(early_ns)}{margin} before its endpoint left the Service ({told})"
    return f"{_ms(-early_ns)}{margin} after its endpoint left the Service, but routing had not followed"


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


def node_hit(request: Request, view: View) -> str | None:
    """An act had broken the node of a pod that was still in the Service."""
    if request.error not in (*_NO_ANSWER, *_CUT):
        return None
    broken = _broken_nodes(view)
    there = [pod for pod in view.recent if pod.life.node in broken]
    if not there:
        return None
    node = there[0].life.node
    return f"{request.error}: {broken[node]} had hit node {node} of pod {_names(there)}, which was in the Service"


def struck(request: Request, view: View) -> str | None:
    """An act had killed or stopped the processes of a pod's container, and the pod was, or had just been, behind the
    Service since before.
    """
    if request.error not in (*_NO_ANSWER, *_CUT) or not view.service:
        return None
    for act in reversed([act for act in view.acts if act.verb in _STRIKES]):
        for pod in view.recent:
            if pod.life.uid == act.uid and (pod.joined_ns is None or pod.joined_ns < act.t_ns):
                what = f"{act.detail.get('container', 'a container')} in pod {pod.name} {_STRIKES[act.verb]}"
                return f"{request.error}: {what} while the pod was in the Service"
    return None


def still_tracked(request: Request, view: View) -> str | None:
    """The node of a pod that had left the Service was broken: a port that is used again is taken for a connection that
    was never answered, and led to it.
    """
    if request.error not in _NO_ANSWER or request.phase != "connect" or not view.service:
        return None
    hit = {act.target for act in view.acts if act.verb in _BREAKS}
    left = [
        pod for pod in view.pods
        if f"node/{pod.life.node}" in hit and pod.left_ns is not None and view.t_ns - pod.left_ns < TRACKED_NS
    ]  # fmt: skip
    if not left:
        return None
    pods = _names(left)
    return f"{request.error}: connection tracking still led to pod {pods}, which had left the Service with its node"


def _broken_nodes(view: View) -> dict[str, str]:
    """The nodes that are broken, and by what."""
    broken: dict[str, str] = {}
    for act in view.acts:
        node = act.target.removeprefix("node/")
        if act.verb in _BREAKS:
            broken[node] = act.verb
        elif act.verb == "mend":
            broken.pop(node, None)
    return broken


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


def killed_untimed(request: Request, view: View) -> str | None:
    """A pod was told to stop and killed at a moment that nobody told, as the kubelet does of pods that it evicts."""
    if request.error not in (*_NO_ANSWER, *_CUT) or not view.service:
        return None
    killed = [
        pod for pod in view.recent
        if pod.signal_ns is not None
        and any(end.finished_ns is None and end.seen_ns >= view.t_ns for end in pod.life.exits())
    ]  # fmt: skip
    if not killed:
        return None
    return (
        f"{request.error}: pod {_names(killed)} had been told to stop and was in the Service, and its end, seen after"
        " that, was told without a time"
    )


def routed_late(request: Request, view: View) -> str | None:
    """A pod that had ended had left the Service longer ago than routing takes as a rule, not longer than was seen."""
    if request.error not in _NO_ANSWER or request.phase != "connect" or not view.service:
        return None
    left = [
        pod for pod in view.pods
        if pod.left_ns is not None and LINGER_NS <= view.t_ns - pod.left_ns < LATE_NS
        and (pod.closed_ns is not None or pod.exit_ns is not None)
    ]  # fmt: skip
    if not left:
        return None
    since = f"had left the Service {_ms(LINGER_NS)} to {_ms(LATE_NS)} before"
    return f"{request.error}: routing most likely still led to pod {_names(left)}, which {since}"


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
    bad_status, proxy_status, unresolved, cut_by_exit, closed_too_early, not_yet_listening, container_down, node_hit,
    struck, deleted, killed_untimed, not_yet_routed, no_endpoint, routed_late, still_tracked,
)  # fmt: skip


def causes(
    requests: Requests, world: World, rows: NDArray[np.intp] | None = None, rules: Sequence[Rule] = RULES
) -> Counter[str]:
    """How many failed requests each cause explains, the rest as in WITHOUT; of some rows only if they are given."""
    return Counter(cause for _, cause in each_cause(requests, world, rows, rules))


def each_cause(
    requests: Requests, world: World, rows: NDArray[np.intp] | None = None, rules: Sequence[Rule] = RULES
) -> Iterator[tuple[int, str]]:
    """The rows of failed requests, each with its cause; see `causes`.

    A request that ran into its deadline is joined to the moment of its send, any other to that of its end.
    """
    known: dict[tuple[int, int, str, str, str, int, bool], str] = {}
    owners: dict[str, str] | None = None
    names = any(requests.pod)
    error_ns = world.error_ns

    def named(request: Request, t_ns: int) -> str:
        view = world.at(t_ns, names=names)
        answers = (rule(request, view) for rule in rules)
        return next((answer for answer in answers if answer is not None), UNEXPLAINED)

    for row in np.flatnonzero(requests.failed) if rows is None else rows:
        request = requests[int(row)]
        if not request.pod and request.use > 1:
            owners = _owners(requests) if owners is None else owners
            request = request._replace(pod=owners.get(request.connection, ""))
        t_ns = request.sent_ns if request.error == "timeout" else request.end_ns
        low, high = world.segment(t_ns - error_ns), world.segment(t_ns + error_ns)
        key = (low, high, request.phase, request.error, request.pod, request.status, request.use > 1)
        if key not in known:
            cause = named(request, t_ns - error_ns)
            known[key] = cause if low == high or cause == named(request, t_ns + error_ns) else UNTOLD
        yield int(row), known[key]


def without_cause(found: Counter[str]) -> int:
    """How many failed requests have no cause."""
    return sum(found[cause] for cause in WITHOUT)


def _owners(requests: Requests) -> dict[str, str]:
    """Which pod answered on each connection."""
    return {connection: pod for connection, pod in zip(requests.connection, requests.pod, strict=True) if pod}


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
