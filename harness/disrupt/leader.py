"""Who leads, by a Lease, and the proof that it passed on: what the paths of controllers share."""

from collections.abc import Mapping
from typing import Final

from harness.disrupt.site import Pod, Site
from harness.errors import SurviveError
from harness.history import History
from harness.proof import Proof
from harness.records import AppSaid, LeaseSeen
from harness.wait import until

LEASE: Final = ("coordination.k8s.io/v1", "Lease")
CONTROLLER: Final = "controller"
"""The container that leads, in the sample controller's pods."""

HAND_PORT: Final = 8081
"""Of the hand in them that freezes, kills and cuts off."""

TAKEN_OVER_S: Final = 60.0
AGAIN_S: Final = 60.0


def holder(site: Site, lease: str, namespace: str = "") -> str:
    """The identity that holds the Lease, of the site's namespace if none is given; empty if nobody does."""
    found = site.kube.get(*LEASE, lease, namespace or site.namespace)
    return str(found["spec"].get("holderIdentity") or "")


def leading_pod(site: Site, lease: str, selector: Mapping[str, str]) -> tuple[str, Pod]:
    """The holder's identity, which begins with its pod's name as client-go's do, and that pod."""
    leader = holder(site, lease)
    pod = next((pod for pod in site.pods(selector) if leader.startswith(pod["metadata"]["name"])), None)
    if pod is None:
        raise SurviveError(f"lease/{lease} is held by {leader!r}, which is none of the pods under test")
    return leader, pod


def wait_passed(site: Site, lease: str, old: str, namespace: str = "") -> None:
    """Wait until another than `old` holds the Lease."""
    until(
        lambda: holder(site, lease, namespace) not in ("", old), f"a new holder of lease/{lease}", TAKEN_OVER_S,
        every_s=0.25, last=lambda: holder(site, lease, namespace),
    )  # fmt: skip


def restarts(pod: Pod) -> int:
    """How often the controller's container was restarted."""
    statuses = pod.get("status", {}).get("containerStatuses") or []
    return sum(one["restartCount"] for one in statuses if one["name"] == CONTROLLER)


def wait_restarted(site: Site, pod: Pod, timeout_s: float) -> None:
    """Wait until the controller's container was restarted in its pod."""
    name = pod["metadata"]["name"]
    until(
        lambda: restarts(site.kube.get("v1", "Pod", name, site.namespace)) > restarts(pod),
        f"a restart of the controller in pod {name}", timeout_s, every_s=0.25,
    )  # fmt: skip


def wait_said(site: Site, pod: Pod, event: str, timeout_s: float) -> None:
    """Wait until the pod's hand has told of an event."""
    name = pod["metadata"]["name"]

    def told() -> bool:
        return any((said.pod, said.event) == (name, event) for said in site.recorder.tail(AppSaid, 1000))

    until(told, f"the hand of pod {name} to say {event}", timeout_s, every_s=0.25)


def leases(history: History, lease: str) -> list[LeaseSeen]:
    """What was seen of one Lease."""
    return [one for one in history.of(LeaseSeen) if one.name == lease]


def need_passed(proof: Proof, history: History, lease: str, old: str) -> None:
    """The Lease was held by `old`, then by another, and its count of transitions rose."""
    seen = leases(history, lease)
    before = [one for one in seen if one.holder == old]
    after = [one for one in seen if one.holder not in ("", old) and before and one.t_ns > before[0].t_ns]
    proof.need(f"lease/{lease} was held by {old}", bool(before))
    taken = bool(after) and after[-1].transitions > before[-1].transitions
    proof.need(f"lease/{lease} passed to {after[-1].holder if after else 'nobody'}", taken)
