"""Every row of the matrix on a recorded history of its own: a break of the act, of the proof and of the app is caught.

`make matrix`, then `PYTHONPATH=. python tests/unit/recorded.py reports/out/latest matrix` records the rows anew.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import recorded
from mutated import mapped, with_rows

from harness.clock import NS_PER_S
from harness.history import History
from harness.judge.expect import ErrorRate, SomeErrors
from harness.records import Act, AppSaid, EventSeen, LeaseSeen, NodeSeen, PodSeen, Record

ALL = (*recorded.RECORDINGS, recorded.MATRIX)
RESULTS = recorded.results(ALL)
HISTORIES = recorded.histories(ALL)
PLAYED = {name: recorded.replay(result) for name, result in RESULTS.items()}
SHOWN = (PodSeen, EventSeen, LeaseSeen, NodeSeen, AppSaid)
"""What the cluster shows of a cause."""


def expects(kind: type, name: str) -> bool:
    return any(isinstance(one, kind) and one.probe in ("", "service") for one in PLAYED[name].expectations)


NO_ERRORS = [name for name in RESULTS if expects(ErrorRate, name)]
ERRORS = [name for name in RESULTS if expects(SomeErrors, name)]


def test_the_recordings_have_every_row_of_the_matrix() -> None:
    topics = {letter: {one.id for one in RESULTS.values() if one.id[0] == letter} for letter in "ABCDE"}
    assert {letter: len(ids) for letter, ids in topics.items()} == {"A": 16, "B": 14, "C": 14, "D": 6, "E": 6}


@pytest.mark.parametrize("name", RESULTS)
def test_a_recorded_row_holds(name: str) -> None:
    judged = PLAYED[name].judge(HISTORIES[name])
    assert (judged.verdict, judged.why) == ("pass", judged.why)


@pytest.mark.parametrize("name", RESULTS)
def test_an_act_that_never_happened_is_not_proved(name: str) -> None:
    judged = PLAYED[name].judge(mapped(HISTORIES[name], lambda one: None if isinstance(one, Act) else one))
    assert (judged.verdict, judged.why.partition(":")[0]) == ("inconclusive", "The restart was not proved")


def unseen(since_ns: int, one: Record) -> Record | None:
    """What the cluster showed after a moment is away, what its API refused too."""
    refused = isinstance(one, Act) and one.status in ("refused", "failed")
    return None if refused or (isinstance(one, SHOWN) and one.t_ns > since_ns) else one


ON_THE_NODE = [name for name, result in RESULTS.items() if result.path == "daemon"]
"""Their proof is process ids, which the acts themselves read on the node: see test_disrupt_proofs_nodes."""


@pytest.mark.parametrize("name", [name for name in RESULTS if name not in ON_THE_NODE])
def test_what_the_cluster_did_not_show_is_not_proved(name: str) -> None:
    judged = PLAYED[name].judge(mapped(HISTORIES[name], partial(unseen, HISTORIES[name].of(Act)[0].t_ns)))
    assert (judged.verdict, judged.why.partition(":")[0]) == ("inconclusive", "The restart was not proved")


def failing(history: History) -> History:
    """A few requests fail, well after the warm-up."""
    rows = len(history.requests("service", warm_up=True))
    return with_rows("service", "failed", history, from_row=rows * 2 // 3, count=40)


def unhurt(history: History) -> History:
    return with_rows("service", "ok", history, from_row=0)


@pytest.mark.parametrize("name", NO_ERRORS)
def test_a_good_variant_fails_by_failing_requests(name: str) -> None:
    assert PLAYED[name].judge(failing(HISTORIES[name])).verdict == "fail"


@pytest.mark.parametrize("name", ERRORS)
def test_a_bad_variant_does_not_pass_where_it_does_not_hurt(name: str) -> None:
    judged = PLAYED[name].judge(unhurt(HISTORIES[name]))
    assert judged.verdict != "pass"
    assert any(one.holds is False for one in judged.expected)


def exits_with(code: int, one: Record) -> Record:
    if not isinstance(one, PodSeen):
        return one
    ended = [
        replace(c, exit_code=None if c.exit_code is None else code,
                last_exit_code=None if c.last_exit_code is None else code)
        for c in one.containers
    ]  # fmt: skip
    return replace(one, containers=ended)


def later(by_s: float, one: Record) -> Record:
    """What a process said of its stop comes later, as by one that takes too long."""
    if not isinstance(one, AppSaid) or one.event not in ("signal", "exit", "hook", "prestop", "poststart"):
        return one
    return replace(one, t_ns=one.t_ns + round(by_s * NS_PER_S))


def lingering(by_s: float, one: Record) -> Record:
    """Pods come to their ends, and leave, later."""
    ends = isinstance(one, PodSeen) and (one.change == "DELETED" or one.phase in ("Succeeded", "Failed"))
    return replace(one, t_ns=one.t_ns + round(by_s * NS_PER_S)) if ends else one


def ended_later(by_s: float, one: Record) -> Record:
    """Containers end later, by the kubelet's word."""
    if not isinstance(one, PodSeen):
        return one
    ended = [
        replace(c, finished_ns=None if c.finished_ns is None else c.finished_ns + round(by_s * NS_PER_S))
        for c in one.containers
    ]
    return replace(one, containers=ended)


BREAKS: dict[str, Callable[[History], History]] = {
    "another exit code": lambda history: mapped(history, partial(exits_with, 42)),
    "a late stop": lambda history: mapped(history, partial(later, 20.0)),
    "a late end": lambda history: mapped(history, partial(lingering, 60.0)),
    "a container's late end": lambda history: mapped(history, partial(ended_later, 60.0)),
    "requests fail": failing,
    "no request fails": unhurt,
}
LEADERS = [name for name, result in RESULTS.items() if result.id[0] == "D"]
"""Theirs are in test_disrupt_proofs: work that goes on beside the new leader, and a split brain that is none."""

NO_APP = ["evict-unhealthy", "evict-unhealthy-refused"]
"""Their pods never get ready, and nobody asks them."""


@pytest.mark.parametrize("name", [name for name in RESULTS if name not in (*LEADERS, *NO_APP)])
def test_some_break_of_the_app_is_told(name: str) -> None:
    judged = {what: PLAYED[name].judge(change(HISTORIES[name])).verdict for what, change in BREAKS.items()}
    assert set(judged.values()) != {"pass"}, judged
