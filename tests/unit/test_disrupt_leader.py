"""What is done to a leader, step by step, on a made cluster; the proofs are tested on recorded histories."""

from typing import Any

import histories as made
import pytest

from harness.disrupt import CrashLeader, CutLeader, FreezeLeader, Handover, Site
from harness.errors import SurviveError
from harness.history import Recorder
from harness.records import Act, AppSaid

SELECTOR = {"app": "controller"}


class Cluster:
    """Two pods, the first of which leads until it is struck; then the second does, and the first starts again."""

    def __init__(self, recorder: Recorder, holder: str = "a_1") -> None:
        self.recorder = recorder
        self.holder = holder
        self.restarts = 0
        self.pods = ["a", "b"]
        self.struck: list[tuple[Any, ...]] = []

    def get(self, api_version: str, kind: str, name: str, namespace: str) -> dict[str, Any]:
        if kind == "Lease":
            return {"spec": {"holderIdentity": self.holder}}
        if kind == "Service":
            return {"spec": {"clusterIPs": ["fd00::1", "10.1.0.1"]}}
        return self.pod(name)

    def pod(self, name: str) -> dict[str, Any]:
        restarts = self.restarts if name == "a" else 0
        meta = {"name": name, "uid": f"uid-{name}", "creationTimestamp": "2026-01-01T00:00:00Z"}
        return {
            "metadata": meta, "spec": {},
            "status": {"containerStatuses": [
                {"name": "controller", "restartCount": restarts}, {"name": "hand", "restartCount": 0},
            ]},
        }  # fmt: skip

    def list(self, api_version: str, kind: str, namespace: str, labels: str = "") -> list[dict[str, Any]]:
        return [self.pod(name) for name in self.pods]

    def delete_pod(self, name: str, namespace: str, uid: str) -> None:
        self.struck.append((name, uid))
        self.pods.remove(name)
        self.holder = "b_2"

    def pod_post(self, namespace: str, pod: str, port: int, path: str) -> None:
        self.struck.append((pod, port, path))
        self.holder, self.restarts = "b_2", 1
        for event in ("thawed", "mended"):
            self.recorder.add(AppSaid(made.at(1), pod, "hand", event))


@pytest.fixture
def site(tmp_path):
    recorder = Recorder(tmp_path / "h.jsonl.gz", "x")
    yield Site(Cluster(recorder), "ns", recorder)  # type: ignore[arg-type] # a cluster of a few calls
    recorder.close()


@pytest.mark.parametrize(
    ("path", "verb", "struck"),
    [
        (Handover("l", SELECTOR), "delete-leader", ("a", "uid-a")),
        (CrashLeader("l", SELECTOR), "crash-leader", ("a", 8081, "/kill")),
        (FreezeLeader("l", SELECTOR, for_s=12), "freeze-leader", ("a", 8081, "/freeze?s=12")),
        (CutLeader("l", SELECTOR, for_s=12), "cut-leader", ("a", 8081, "/cut?s=12&ip=10.1.0.1")),
    ],
)
def test_the_holder_of_the_lease_is_struck_and_told_of(site, path, verb, struck):
    assert path.needs(site) == ""
    path.act(site)
    assert site.kube.struck == [struck]
    told = [(act.verb, act.target, act.status, act.uid, act.detail["holder"]) for act in site.recorder.tail(Act)]
    assert told == [(verb, "pod/a", "begin", "uid-a", "a_1"), (verb, "pod/a", "done", "uid-a", "a_1")]


def test_a_lease_that_none_of_the_pods_holds_is_told(site):
    site.kube.holder = "stranger_1"
    with pytest.raises(SurviveError, match="none of the pods under test"):
        Handover("l", SELECTOR).act(site)
    assert site.kube.struck == []


def test_without_an_ipv4_address_nothing_can_be_cut(site, monkeypatch):
    monkeypatch.setattr(site.kube, "get", lambda *_: {"spec": {"clusterIPs": ["fd00::1"]}})
    assert "only IPv4" in CutLeader("l", SELECTOR, for_s=1).needs(site)
