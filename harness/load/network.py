"""Why probers do not get through to what they ask: NetworkPolicies, as the cluster has them, or other rules."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from harness.errors import KubeError
from harness.history import History
from harness.kube import Kube, Object
from harness.load.pod import CONTROL
from harness.policies import CONTROL_LABELS, REMEDY, End, prober, shut_out
from harness.records import PodSeen
from harness.shape import at, labels_of

_MUST = "let its pods reach each other, the cluster's DNS and the API server"
_SERVER = "our control server"


@dataclass(frozen=True, slots=True)
class Network:
    """What is between the probers in a namespace and a service, whose pods the selector tells; `service` is
    NAME.NAMESPACE where that is another. `mute`: the probers that get no connections."""

    kube: Kube
    history: History
    namespace: str
    service: str
    selector: Mapping[str, str]
    mute: Collection[str]

    def shut(self) -> str:
        """By which NetworkPolicies nothing gets through; empty unless the control server shows that they are enforced.

        It answers from its start on, so that no connection to it says more than none to an app.
        """
        try:
            policies = self._policies()
            if CONTROL in self.mute and self._barred(policies, _SERVER):
                return f"{self._barred(policies)}: {REMEDY}"
        except KubeError:
            pass  # it is said at the end of the wait
        return ""

    def says(self) -> list[str]:
        """What may be in the way; nothing where all have got connections."""
        try:
            policies = self._policies() if self.mute else []
            if CONTROL not in self.mute and self._barred(policies, _SERVER):
                policies = []  # they are not enforced
            if barred := self._barred(policies):
                return [f"where the network enforces policies, {barred}: {REMEDY}"]
        except KubeError as exc:
            return [f"whether NetworkPolicies are in the way is not known: {exc}"]
        if policies:
            names = ", ".join(f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in policies)
            return [f"NetworkPolicies may be in the way ({names}): they must {_MUST}"]
        ready = len([pod for pod in self._pods() if pod.ready])
        if ready and set(self.mute) - {CONTROL}:
            return [
                f"no connection comes about though pods of the app are ready ({ready}): see that they listen on the"
                " Service's port, and that rules of the network of other kinds than NetworkPolicy, if there are any,"
                f" {_MUST}"
            ]
        return []

    def _policies(self) -> list[Object]:
        names = dict.fromkeys([self.namespace, self._space()])
        return [one for name in names for one in self.kube.list("networking.k8s.io/v1", "NetworkPolicy", name)]

    def _barred(self, policies: list[Object], only: str = "") -> str:
        """What of all that is asked, or of one alone, policies keep probers from, by what they say."""
        if not policies:
            return ""
        about, there = (
            labels_of(at(self.kube.get("v1", "Namespace", name), "metadata", "labels"))
            for name in (self.namespace, self._space())
        )
        asked = {_SERVER: End(CONTROL_LABELS, self.namespace, about)}
        if pods := self._pods():
            asked = {self.service: End(pods[-1].labels, self._space(), there), **asked}
        asked = {name: end for name, end in asked.items() if only in ("", name)}
        return shut_out(policies, prober(self.namespace, about), asked)

    def _space(self) -> str:
        return self.service.partition(".")[2] or self.namespace

    def _pods(self) -> list[PodSeen]:
        """The app's pods, each as it was last seen."""
        latest = {pod.name: pod for pod in self.history.of(PodSeen)}
        wanted = self.selector.items()
        return [pod for pod in latest.values() if wanted and wanted <= pod.labels.items() and pod.change != "DELETED"]
