"""A release beside the old one: what is done, and what must be seen of it."""

from types import SimpleNamespace

import histories as made
import pytest

from harness.disrupt import Rainbow, Site
from harness.errors import WaitTimeout
from harness.records import Act

PATH = Rainbow("blue", "blue", {"app": "blue"}, {"app": "green"}, idle_within_s=0.0)


class Kube:
    """Two blue pods with so many open streams, one answer a look; scaled to zero they are gone."""

    def __init__(self, *open_streams):
        self.open = list(open_streams)
        self.did = []

    def list(self, api_version, kind, namespace, *, labels=""):
        if ("scale", 0) in self.did:
            return []
        meta = {"creationTimestamp": "2026-01-01T00:00:00Z"}
        return [{"metadata": {**meta, "name": f"blue-{n}", "uid": f"u{n}"}, "spec": {}} for n in (1, 2)]

    def patch(self, api_version, kind, name, namespace, body):
        self.did.append(("patch", kind, name, body["spec"]["selector"]))

    def pod_get(self, namespace, pod, port, path):
        assert (port, path) == (8080, "/streams")
        return f"{self.open.pop(0)}\n"

    def scale(self, deployment, namespace, replicas):
        self.did.append(("scale", replicas))


def site(kube):
    said = []
    return Site(kube, "ns", SimpleNamespace(add=said.append)), said


def test_routing_is_switched_before_the_idle_release_goes():
    kube = Kube(0, 0)
    place, said = site(kube)
    PATH.act(place)
    assert kube.did == [("patch", "Service", "blue", {"app": "green"}), ("scale", 0)]
    steps = [(act.verb, act.status) for act in said]
    assert steps == [
        ("switch", "begin"), ("switch", "done"), ("idle", "done"), ("retire", "begin"), ("retire", "begin"),
    ]  # fmt: skip


def test_old_labels_that_the_new_ones_lack_are_taken_away():
    kube = Kube(0, 0)
    Rainbow("web", "web", {"release": "1"}, {"app": "green"}, idle_within_s=0.0).act(site(kube)[0])
    assert kube.did[0][3] == {"release": None, "app": "green"}


def test_a_release_with_open_streams_stays():
    kube = Kube(*[0, 3] * 5)
    with pytest.raises(WaitTimeout, match="3 open streams"):
        PATH.act(site(kube)[0])
    assert ("scale", 0) not in kube.did


def act(t_s, verb, target, status, uid=""):
    return Act(made.at(t_s), verb, target, status, uid)


def whole(idle_s=5.0, deleted_s=6.0, new=("g",), verbs=("switch", "idle", "retire")):
    acts = [
        act(1, "switch", "service/blue", "begin"), act(1.1, "switch", "service/blue", "done"),
        act(idle_s, "idle", "deployment/blue", "done"), act(5.5, "retire", "pod/a", "begin", "uid-a"),
    ]  # fmt: skip
    ended = made.container(state="terminated", exit_code=0)
    records = [
        made.pod(0, "a"), made.endpoints(0, made.endpoint("a"), service="blue"),
        made.endpoints(2, *map(made.endpoint, new), service="blue"),
        made.pod(deleted_s, "a", deletion_s=deleted_s + 4, grace_s=4),
        made.pod(7, "a", containers=[ended], deletion_s=deleted_s + 4), made.pod(8, "a", change="DELETED"),
    ]  # fmt: skip
    return made.history([one for one in acts if one.verb in verbs], records)


def test_the_proof_of_a_whole_release():
    proof = PATH.proof(whole())
    assert proof.complete, proof.missing
    assert "pods of the new release became ready in the Service: g" in proof.found


@pytest.mark.parametrize(
    ("history", "missing"),
    [
        (whole(verbs=("idle", "retire")), "service/blue was switched over"),
        (whole(verbs=("switch", "retire")), "deployment/blue came to be idle"),
        (whole(verbs=("switch", "idle")), "the pods of the old release are known"),
        (whole(new=()), "pods of the new release became ready in the Service: none"),
        (whole(deleted_s=4.0), "pod a was deleted only once idle"),
    ],
)
def test_what_the_proof_misses(history, missing):
    assert missing in PATH.proof(history).missing
