"""Many restarts in one namespace, each with its proof."""

from types import SimpleNamespace

import histories as made
import pytest

from harness.disrupt import Delete, Rollout, Site
from harness.disrupt.in_turn import DeleteOverlapping, InTurn
from harness.disrupt.path import Path
from harness.history import History
from harness.proof import Proof
from harness.records import Act

LABELS = {"app": "shop"}


class Tells(Path):
    """A path that says its name, and has a proof if its act was seen."""

    def __init__(self, name):
        self.name = name

    def act(self, site):
        site.say(self.name, "pod/x", "done")

    def proof(self, history):
        proof = Proof()
        proof.need(f"{self.name} once", len([act for act in history.of(Act) if act.verb == self.name]) == 1)
        return proof


def site():
    said = []
    return Site(None, "ns", SimpleNamespace(add=said.append)), said


def test_paths_take_turns_until_it_is_enough():
    place, said = site()
    left = iter([False, False, True])
    InTurn([Tells("one"), Tells("two")], 9, lambda: next(left)).act(place)
    assert [act.target for act in said if (act.verb, act.status) == ("restart", "begin")] == [
        "restart/1",
        "restart/2",
        "restart/3",
    ]
    assert [act.verb for act in said if act.verb != "restart"] == ["one", "two", "one"]


def test_each_restart_has_the_proof_of_its_path():
    place, said = site()
    path = InTurn([Tells("one"), Tells("two")], 3)
    path.act(place)
    proof = path.proof(made.history(said))
    assert proof.complete
    assert proof.found == [
        "3 restarts were made", "restart/1: one once", "restart/2: two once", "restart/3: one once",
    ]  # fmt: skip
    without = path.proof(made.history([act for act in said if act.verb != "two"]))
    assert without.missing == ["restart/2: two once"]
    assert not path.proof(made.history()).complete


def lived(name, from_s, gone_s):
    """A pod that comes, and goes."""
    end = made.container(state="terminated", exit_code=0)
    mark = {"deletion_s": gone_s + 30, "labels": LABELS, "grace_s": 30}
    return [
        made.pod(from_s, name, labels=LABELS),
        made.pod(gone_s, name, **mark),
        made.pod(gone_s + 1, name, change="DELETED", containers=[end], **mark),
    ]


def deleted(number, at_s, name):
    acts = [Act(made.at(at_s), "restart", f"restart/{number}", "begin", detail={"path": "delete"})]
    return acts + [Act(made.at(at_s), "delete", f"pod/{name}", step, f"uid-{name}") for step in ("begin", "done")]


TURNS = [
    lived("a", 0, 5), lived("b", 5.5, 15), lived("c", 15.5, 99), deleted(1, 5, "a"), deleted(2, 15, "b"),
]  # fmt: skip


def test_a_pod_that_came_by_one_restart_may_go_by_the_next():
    path = InTurn([Delete(LABELS)], 2)
    assert path.proof(made.history(*TURNS)).complete
    missing = path.proof(made.history(*TURNS[:2], *TURNS[3:])).missing
    assert missing == ["restart/2: as many new pods became Ready: none"]


def test_what_a_later_restart_shows_proves_no_earlier_one():
    history = made.history(*TURNS)
    kept = [one for one in history.records if not (isinstance(one, Act) and one.uid == "uid-a")]
    proof = InTurn([Delete(LABELS)], 2).proof(History("x", kept))
    assert proof.missing[0] == "restart/1: 1 pods were deleted"


def test_overlapping_deletions_go_on_once_the_pod_was_replaced():
    deletions, looks = [], []

    def pod(n):
        meta = {"creationTimestamp": f"2026-01-01T00:00:{n:02}Z", "name": f"p{n}", "uid": f"u{n}"}
        going = {"deletionTimestamp": "x"} if f"u{n}" in deletions else {}
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        return {"metadata": {**meta, **going}, "spec": {"terminationGracePeriodSeconds": 5}, "status": ready}

    class Kube:
        def list(self, api_version, kind, namespace, *, labels=""):
            looks.append(labels)
            alive = [pod(n) for n in range(2 + len(deletions))]
            # Those that were deleted are there until the last of them was.
            return alive if len(deletions) < 3 else [one for one in alive if "deletionTimestamp" not in one["metadata"]]

        def delete_pod(self, name, namespace, grace_s, uid):
            deletions.append(uid)

    said = []
    DeleteOverlapping(LABELS, count=3).act(Site(Kube(), "ns", SimpleNamespace(add=said.append)))
    assert deletions == ["u0", "u1", "u2"]
    assert [(act.verb, act.status) for act in said] == [("delete", "begin"), ("delete", "done")] * 3


@pytest.mark.parametrize("path", [Delete(LABELS), Rollout("shop", LABELS)])
def test_its_names_are_those_of_the_paths(path):
    place, said = site()
    with pytest.raises(AttributeError):  # there is no cluster to act on
        InTurn([path], 1).act(place)
    assert said[0].detail == {"path": path.name}
