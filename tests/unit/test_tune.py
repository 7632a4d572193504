"""The search for the smallest sleep, against apps whose true answer is known."""

import pytest
import recorded
from hypothesis import given
from hypothesis import strategies as st

from harness.deploy import controller, proxied, server
from harness.errors import UsageError
from harness.judge.bounds import upper_bound
from harness.manifests import main_container, of_kind, pod_spec
from harness.tune.change import slept
from harness.tune.search import Search, Trial, restarts_needed
from harness.tune.tune import evidence, failing


def run(search: Search, truth_s: int, side_by_side: int = 3, luck: bool = False) -> int:
    """Search where a sleep holds if and only if it is at least the truth; with luck, all hold the first time."""
    rounds, seen = 0, set()
    while wanted := search.next(side_by_side):
        rounds += 1
        assert rounds <= 2 * search.highest_s + 8  # a lucky sleep is found out in its proof, one after the other
        assert len(wanted) <= side_by_side
        for sleep_s, restarts in wanted:
            lucky = luck and sleep_s not in seen
            seen.add(sleep_s)
            search.tell(Trial(sleep_s, restarts, 0 if sleep_s >= truth_s or lucky else 1))
    return rounds


@given(st.integers(0, 31), st.integers(0, 30), st.integers(1, 4), st.integers(1, 70), st.booleans())
def test_it_finds_the_truth_and_proves_it(truth_s, highest_s, side_by_side, needed, luck):
    search = Search(highest_s, needed)
    run(search, truth_s, side_by_side, luck)
    if truth_s > highest_s:
        assert search.hopeless or (luck and search.held(search.least_s) >= needed)
    elif not luck:
        assert (search.found, search.least_s) == (True, truth_s)
    if search.found:
        assert search.held(search.least_s) >= needed
        assert search.below == upper_bound(0, search.held(search.least_s))


def test_a_failure_in_the_proof_moves_it_up():
    search = Search(4, 20)
    search.tell(Trial(2, 3, 0))
    search.tell(Trial(1, 3, 2))
    assert search.next(2) == [(2, 9), (2, 8)]
    search.tell(Trial(2, 9, 1))
    assert (search.least_s, search.found) == (3, False)
    assert {sleep_s for sleep_s, _ in search.next(3)} == {3, 4}


@pytest.mark.parametrize(("below", "restarts"), [(0.05, 59), (0.01, 299), (0.5, 5)])
def test_how_many_restarts_show_how_much(below, restarts):
    assert restarts_needed(below) == restarts
    assert upper_bound(0, restarts) <= below < upper_bound(0, restarts - 1)


def test_the_sleep_and_a_grace_period_that_has_room_for_it():
    app = slept(server(grace_s=10), 4)
    deployment = of_kind(app.manifests, "Deployment")
    assert main_container(deployment)["lifecycle"] == {"preStop": {"sleep": {"seconds": 4}}}
    assert pod_spec(deployment)["terminationGracePeriodSeconds"] == 14
    assert "preStop" not in main_container(of_kind(slept(server(pre_stop_s=9), 0).manifests, "Deployment"))["lifecycle"]
    _, nginx = pod_spec(of_kind(slept(proxied(), 3).manifests, "Deployment"))["containers"]
    assert nginx["lifecycle"]["preStop"]["sleep"] == {"seconds": 3}
    with pytest.raises(UsageError, match="no Service"):
        slept(controller(), 3)


def test_restarts_in_which_a_request_failed_are_counted_by_their_acts():
    history = recorded.histories(["run"])["delete-none"]
    assert failing(history, "service") in (1, 2)  # two deletions, one right after the other
    assert failing(recorded.histories(["run"])["delete-sleep"], "service") == 0


def test_the_evidence_says_what_was_tried_and_what_it_costs():
    search = Search(5, 59)
    for one in (Trial(0, 3, 3, 0.61), Trial(1, 3, 1, 1.2), Trial(2, 30, 0), Trial(2, 29, 0)):
        search.tell(one)
    assert search.found
    told = "\n".join(evidence(search, 3))
    assert "was sent 1.20 s after its deletion" in told
    assert "sleep 1 s: 1 of 3 restarts lost requests" in told
    assert "sleep 2 s: 0 of 59 restarts lost a request: fewer than 5.0% do, at 95 %" in told
    assert "6 s of a pod for each rollout of 3" in told
