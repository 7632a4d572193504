"""A pod that nothing replaces is told to stop: deleted or evicted, with its own grace period or one of the request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.path import Path, acts, need_stopped, victims
from harness.disrupt.site import Pod, Site, grace_s
from harness.errors import SurviveError
from harness.history import History
from harness.lives import PodLife
from harness.proof import Proof, events, has_condition
from harness.records import Act, PodSeen
from harness.wait import until

END_S = 30.0
TOLD_S = 10.0


@dataclass(frozen=True, slots=True)
class Stop(Path):
    """Delete, or `evict`, the pod with these labels; `grace_s` replaces the grace period that it asks for.

    `stop_signal` is what the pod sets as its containers' `lifecycle.stopSignal`, which their statuses must show.
    """

    name: ClassVar[str] = "stop"
    rights: ClassVar[tuple[str, ...]] = ("create pods/eviction",)
    selector: Mapping[str, str]
    grace_s: int | None = None
    evict: bool = False
    stop_signal: str = ""

    def needs(self, site: Site) -> str:
        """For a stop signal in the spec: its feature gate on API server and kubelet, and a runtime that knows it."""
        if not self.stop_signal:
            return ""
        pod = the_pod(site, self.selector)
        for container in pod["spec"]["containers"]:
            if container.get("lifecycle", {}).get("stopSignal") != self.stop_signal:
                return "lifecycle.stopSignal needs the feature gate ContainerStopSignals: the API server dropped it"
        if not all(status.get("stopSignal") for status in pod["status"].get("containerStatuses", [])):
            return "lifecycle.stopSignal needs ContainerStopSignals on the kubelet, and containerd 2.3 or CRI-O 1.33"
        return ""

    def act(self, site: Site) -> None:
        """Ask once, then wait until the pod is gone."""
        pod = the_pod(site, self.selector)
        ask(site, pod, self.grace_s, self.evict)
        longest_s = grace_s(pod) if self.grace_s is None else self.grace_s
        uid = pod["metadata"]["uid"]
        site.wait_gone({uid}, longest_s + END_S)
        wait_told(site, uid, lambda seen: seen.change == "DELETED")

    def proof(self, history: History) -> Proof:
        """The pod was marked with that grace period, the kubelet stopped each container, the pod left."""
        proof = need_asked(history, self.evict)
        for life in victims(history, verb(self.evict)):
            need_grace(proof, history, life)
            need_stopped(proof, life)
            need_killing(proof, history, life)
            if self.stop_signal:
                shown = {one.stop_signal for pod in life.seen for one in pod.containers} - {""}
                proof.need(f"containerStatuses[].stopSignal is {self.stop_signal}", shown == {self.stop_signal})
        return proof


def the_pod(site: Site, selector: Mapping[str, str]) -> Pod:
    """The one pod with these labels."""
    pods = site.pods(selector)
    if len(pods) != 1:
        raise SurviveError(f"one pod is to be stopped, and {len(pods)} have the labels {dict(selector)}")
    return pods[0]


def wait_told(site: Site, uid: str, condition: Callable[[PodSeen], bool]) -> None:
    """Wait until the watch has told of a pod what an answer of the API has: the answer may overtake the news."""

    def told() -> bool:
        return any(seen.uid == uid and condition(seen) for seen in site.recorder.tail(PodSeen))

    until(told, "the watch to tell what the API has answered already", TOLD_S, every_s=0.05)


def verb(evict: bool) -> str:
    """What the act is called in the history."""
    return "evict" if evict else "delete"


def ask(site: Site, pod: Pod, asked_s: int | None, evict: bool) -> None:
    """Delete or evict a pod, and write it to the history with the grace period that holds then."""
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    detail = {"grace_s": grace_s(pod) if asked_s is None else asked_s, "asked_s": asked_s}
    site.say(verb(evict), f"pod/{name}", "begin", uid, **detail)
    if evict:
        site.kube.evict(name, site.namespace, asked_s)
    else:
        site.kube.delete_pod(name, site.namespace, asked_s, uid)
    site.say(verb(evict), f"pod/{name}", "done", uid, **detail)


def need_asked(history: History, evict: bool, times: int = 1) -> Proof:
    """The requests were accepted, and were about a pod that was seen; an eviction left its condition on it."""
    proof = Proof()
    hit = victims(history, verb(evict))
    done = acts(history, verb(evict), "done")
    what = "eviction" if evict else "deletion"
    proof.need(f"{times} {what}{'s' if times > 1 else ''} accepted", len(done) == len(hit) == times)
    if evict:
        for life in hit:
            shown = has_condition(life, "DisruptionTarget", reason="EvictionByEvictionAPI")
            proof.need(f"pod {life.name} has DisruptionTarget=True, EvictionByEvictionAPI", shown)
    return proof


def need_grace(proof: Proof, history: History, life: PodLife) -> None:
    """The first request's grace period is the pod's deletionGracePeriodSeconds."""
    wanted = next(act.detail["grace_s"] for act in history.of(Act) if act.uid == life.uid)
    proof.need(f"deletionGracePeriodSeconds is {life.grace_s}, as asked for: {wanted}", life.grace_s == wanted)


def need_killing(proof: Proof, history: History, life: PodLife) -> None:
    """The kubelet told that it stops each container."""
    told = [event.message for event in events(history, "Killing", life.uid)]
    for name in dict.fromkeys(one.name for pod in life.seen for one in pod.containers):
        proof.need(f"event Killing: Stopping container {name}", f"Stopping container {name}" in told)
