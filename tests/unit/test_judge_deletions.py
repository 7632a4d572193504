"""When pods' deletions were asked for: by the act that is the request, and else as the watch told."""

import histories as made
import pytest

from harness.judge.causes import each_cause
from harness.judge.deletions import Deletion, deletions
from harness.judge.world import World
from harness.records import Act


def act(t_s, verb, status="begin"):
    return Act(made.at(t_s), verb, "pod/a", status, "uid-a")


def seen(t_s, **values):
    return made.pod(t_s, "a", **values)


@pytest.mark.parametrize(
    ("acts", "from_s", "t_s"),
    [
        ([act(2.3, "delete"), act(2.5, "delete", "done")], 2.3, 2.3),
        ([act(2.3, "delete-leader")], 2.3, 2.3),
        ([act(0.1, "replace")], 2, 2.4),
        ([act(0.1, "taint-off"), act(0.2, "overfill")], 2, 2.4),
        ([act(1, "evict"), act(1.1, "evict", "refused"), act(2.2, "evict"), act(2.3, "evict", "done")], 2.2, 2.2),
        ([act(1, "evict"), act(1.1, "evict", "refused")], 2, 2.4),
        ([act(2.3, "delete"), act(5, "delete")], 2.3, 2.3),
        ([], 2, 2.4),
    ],
)
def test_it_was_asked_for_by_the_act_or_else_within_the_second_before_it_was_seen(acts, from_s, t_s):
    history = made.history([seen(0), *acts, seen(2.4, deletion_s=32, grace_s=30), seen(6, deletion_s=7, grace_s=1)])
    assert deletions(history) == {"uid-a": Deletion(made.at(from_s), made.at(t_s))}


def test_a_pod_that_is_seen_to_be_gone_at_once_was_deleted_then():
    assert deletions(made.history([seen(0), seen(2.4, change="DELETED")])) == {
        "uid-a": Deletion(made.at(2.4), made.at(2.4))
    }


def test_a_pod_that_stays_was_not_deleted():
    assert deletions(made.history([seen(0), act(1, "delete"), act(1.1, "delete", "refused")])) == {}


def test_what_was_lost_before_the_watch_told_of_the_deletion_was_lost_to_it_and_nothing_before():
    silent = {"containers": [made.container(name="nginx")]}
    records = [
        seen(0, **silent), made.endpoints(0, made.endpoint("a")), act(0.1, "replace"),
        seen(2.4, deletion_s=32, grace_s=30, **silent),
        made.endpoints(2.5, made.endpoint("a", ready=False, serving=False, terminating=True)),
    ]  # fmt: skip
    rows = [made.row(t_s, error="refused") for t_s in (1.5, 2.2, 2.6)]
    history = made.history(made.probe(rows, target="http://shop.ns.svc:80/"), records)
    world = World(history, "service")
    assert [cause for _, cause in each_cause(history.requests("service"), world)] == [
        "unexplained",
        "refused: pod a, whose nginx told nothing, was being deleted and was still in the Service",
        "refused: pod a, whose nginx told nothing, was being deleted; its endpoint was seen to leave the Service 100 ms"
        " after that",
    ]
