"""Each row of the matrix that expects somebody to be hurt is mended by its advice live, or it is said why not."""

import pytest
from recorded import Replay
from test_advice import FITS, judged
from test_matrix import HISTORIES, PLAYED

from harness.disrupt import Delete, Drain, Evict, EvictUnready, PassEphemeralLimit, Resize
from harness.judge.expect import NoErrors, NoOutage, Outage, SomeErrors
from harness.judge.expect_leaders import Failover, NoOverlap
from harness.judge.expect_probes import NoDeafPod, NoDoubledWork, NoReusedBroken, ReusedBroken
from harness.judge.expectation import Evidence
from tests.advice.cases import CASES, CORE, NOT_MENDED, WriteWithin, hurts, served_until_killed
from tests.advice.rows import rows
from tests.advice.test_mended import Mended

ROWS = rows()
BAD = {name for name, row in ROWS.items() if any(map(hurts, row.played().expectations))}


def test_all_rows_are_there():
    assert set(ROWS) == set(PLAYED)


def test_each_bad_row_is_mended_or_told_not_to_be():
    assert CASES.keys() | NOT_MENDED.keys() == BAD
    assert not CASES.keys() & NOT_MENDED.keys()
    assert set(CORE) <= CASES.keys()


def test_each_row_that_was_seen_to_hurt_is_bad_by_its_expectations():
    assert FITS.keys() <= BAD


@pytest.mark.parametrize("name", CASES)
def test_what_is_good_hurts_less(name):
    """Nobody is hurt, but for the few whose pods go without a drain whatever one does."""
    left = {one for one in CASES[name].good if hurts(one)}
    assert not left or name in ("container-exit-only", "soft-eviction", "hard-eviction", "split-cut-careless")


def test_what_hurts():
    assert all(map(hurts, [SomeErrors(), Outage(at_most_s=4), ReusedBroken(), Failover(at_least_s=1, at_most_s=2)]))
    good = [NoErrors(), NoOutage(), NoReusedBroken(), NoOverlap(), NoDeafPod(), NoDoubledWork(), Failover(at_most_s=2)]
    assert not any(map(hurts, good))


def mended(name):
    """What is deployed, restarted and expected of a row with the advice on its recorded run."""
    replay = Replay()
    ROWS[name].test(Mended(replay, CASES[name], judged(name).advice))
    return replay


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_its_row_with_the_advice_applied(name):
    bad, good = PLAYED[name], mended(name)
    assert [one.manifests for one in good.apps] != [one.manifests for one in bad.apps]
    assert good.expectations == CASES[name].good
    assert {one.code for one in judged(name).advice} >= CASES[name].code.keys()
    assert len(good.paths) == len(bad.paths) == 1


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("evict-blocked", Evict), ("evict-unhealthy-refused", EvictUnready), ("drain-blocked", Drain),
        ("resize-restart", Resize), ("ephemeral-limit", WriteWithin), ("delete-none", Delete),
    ],
)  # fmt: skip
def test_what_was_blocked_is_asked_again_and_all_else_done_again(name, path):
    assert isinstance(mended(name).paths[0], path)


def test_of_two_apps_the_hurt_one_is_mended():
    (older, newer), (was_older, was_newer) = mended("preempt-newest").apps, PLAYED["preempt-newest"].apps
    assert older.manifests == was_older.manifests
    assert [one["kind"] for one in newer.manifests] == [one["kind"] for one in was_newer.manifests]
    assert newer.manifests[0]["spec"]["replicas"] == 2


@pytest.mark.parametrize(
    ("name", "served"),
    [("ephemeral-limit-serving", True), ("ephemeral-limit", False), ("soft-eviction", False), ("hard-eviction", False)],
)
def test_an_app_that_serves_until_it_is_killed_is_told_from_one_that_does_not(name, served):
    assert served_until_killed(Evidence(HISTORIES[name])) is served


def test_without_an_eviction_it_cannot_be_told():
    assert served_until_killed(Evidence(HISTORIES["delete-none"])) is None


def test_what_was_evicted_did_not_write_within_its_limit():
    bad = PLAYED["ephemeral-limit"].paths[0]
    assert isinstance(bad, PassEphemeralLimit)
    assert WriteWithin(bad).proof(HISTORIES["ephemeral-limit"]).missing
