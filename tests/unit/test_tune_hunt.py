"""The whole hunt, against apps that are made up and whose true answer is known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.deploy import server
from harness.judge.bounds import upper_bound
from harness.tune.change import Bench, Setting
from harness.tune.hunt import TRIES, Hunt, Task, Told
from harness.tune.outcome import Tuned, minutes, outcome
from harness.tune.search import Search
from harness.tune.timing import SPARE_S, Timing


@cache
def bench_of(replicas: int, recreate: bool) -> Bench:
    return Bench(server(replicas=replicas, recreate=recreate))


@dataclass
class Made:
    """An app: it needs so long a sleep, stops within so long, starts within so long; noise hides some trials.

    `seldom`: at one second less than it needs only each so many-th restart breaks a limit.
    """

    sleep_s: int
    shutdown_s: float = 0.5
    start_s: float = 1.0
    pods: int = 1
    first: bool = False
    noisy: frozenset[int] = frozenset()
    seldom: int = 1
    slower_later: float = 0.0
    made: int = 0
    tasks: list[Task] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def attempt(self, tasks: Sequence[Task]) -> list[Told]:
        return [self._one(task) for task in tasks]

    def _one(self, task: Task) -> Told:
        self.tasks.append(task)
        if len(self.tasks) in self.noisy:
            return Told(0, why="it was noisy")
        setting, failed, done = task.setting, 0, 0
        for _ in range(task.restarts):
            done += 1
            self.made += 1
            if not self._holds(setting):
                failed = 1
                break
        stops_s = self.shutdown_s + (self.slower_later if setting.startup_s is not None else 0)
        killed = setting.grace_s is not None and setting.sleep_s + stops_s > setting.grace_s
        timing = Timing(None if killed else stops_s, self.start_s, done * killed, (9.0,) * done)
        return Told(done, failed, timing, self.sleep_s * 0.9 if failed else None, "12 of 600" if failed else "")

    def _holds(self, setting: Setting) -> bool:
        if setting.more_replicas + 1 < self.pods or self.first > setting.create_first:
            return False
        return setting.sleep_s >= self.sleep_s or (setting.sleep_s == self.sleep_s - 1 and self.made % self.seldom != 0)

    def hunt(self, begin: int = 2, highest: int = 15, over=lambda: "", **options) -> Hunt:
        bench = bench_of(1 if self.pods > 1 else 3, self.first)
        search = Search((0, 0, 0, 0), bench.most(highest, ("rollout", "delete")), (0, 0, 0, min(begin, highest)))
        return Hunt(bench, search, self.attempt, over, self.said.append, **options)


def told(hunt: Hunt) -> Tuned:
    return outcome(hunt, {"delete": ["no failed and no late request"]}, [], 60.0)


@given(st.integers(0, 15), st.integers(0, 15), st.integers(1, 4), st.sampled_from([0.5, 0.05]), st.floats(0, 20))
def test_it_finds_the_least_sleep_and_the_grace_that_it_needs_and_proves_both(
    truth_s, begin, side_by_side, below, shutdown_s
):
    app = Made(truth_s, shutdown_s)
    hunt = app.hunt(begin, side_by_side=side_by_side, below=below)
    hunt.run()
    setting = hunt.setting
    assert hunt.found
    assert setting is not None
    assert setting.sleep_s == truth_s
    assert setting.grace_s == truth_s + math.ceil(shutdown_s) + SPARE_S
    assert hunt.bound == upper_bound(0, hunt.held) <= below
    # The proof is of the whole setting: what was tried with another grace period does not count.
    assert hunt.held == sum(one.restarts for one in app.tasks if one.setting == setting)


@given(st.integers(1, 15), st.integers(0, 15), st.integers(2, 30), st.sets(st.integers(1, 30)))
def test_what_fails_seldom_is_never_proposed_by_evidence_that_speaks_against_it(truth_s, begin, seldom, noisy):
    app = Made(truth_s, seldom=seldom, noisy=frozenset(noisy))
    hunt = app.hunt(begin)
    hunt.run()
    assert hunt.found or hunt.ended
    if hunt.found:
        failed = [one for one in hunt.search.trials if one.failed and one.point == hunt.point]
        assert failed == []
        assert hunt.setting.sleep_s == truth_s  # 59 restarts find what fails once in 30
        assert told(hunt).restarts >= 59


@given(st.integers(0, 15), st.integers(0, 15), st.integers(1, 12))
def test_it_stops_within_its_budget_and_keeps_the_best_so_far(truth_s, begin, budget):
    app = Made(truth_s)
    hunt = app.hunt(begin, over=lambda: "the time is over" if len(app.tasks) >= budget else "")
    hunt.run()
    assert len(app.tasks) < budget + hunt.side_by_side
    found = told(hunt)
    if not hunt.found:
        assert hunt.ended == "the time is over"
        assert "the time is over" in found.verdict
    assert found.holds == any(one.point[-1] >= truth_s for one in hunt.search.trials)
    if found.holds:
        assert found.setting["preStop.sleep.seconds"] >= truth_s


def test_one_pod_gets_another_only_where_no_sleep_is_enough():
    hunt = Made(2, pods=2).hunt()
    hunt.run()
    assert hunt.setting is not None
    assert (hunt.setting.more_replicas, hunt.setting.sleep_s) == (1, 2)
    found = told(hunt)
    assert "1 more pod, for ever" in found.costs
    assert found.patch[0]["spec"]["replicas"] == 2


def test_a_strategy_that_stops_first_is_changed_where_it_must_be():
    hunt = Made(1, first=True).hunt()
    hunt.run()
    assert hunt.setting is not None
    assert (hunt.setting.create_first, hunt.setting.more_replicas, hunt.setting.sleep_s) == (True, 0, 1)
    (patch,) = told(hunt).patch
    assert patch["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_what_nothing_mends_is_told():
    hunt = Made(99).hunt()
    hunt.run()
    found = told(hunt)
    assert (found.found, found.hopeless, found.holds, found.patch) == (False, True, False, [])
    assert "nothing that was tried holds" in found.verdict


def test_an_app_that_the_grace_period_of_the_proof_kills_gets_a_longer_one_and_another_proof():
    app = Made(1, shutdown_s=1.0, slower_later=3.0)
    hunt = app.hunt()
    hunt.run()
    assert hunt.found
    assert hunt.setting is not None
    assert hunt.setting.grace_s == 1 + (2 * 1 + 1) + SPARE_S
    assert any("were killed at the end of their grace period" in line for line in app.said)
    assert all(one.restarts for one in app.tasks if one.setting == hunt.setting)
    assert hunt.held == 59


def test_noise_without_an_end_ends_it_with_the_best_so_far():
    app = Made(1, noisy=frozenset(range(4, 99)))
    hunt = app.hunt()
    hunt.run()
    assert len(app.tasks) == 3 + 3 + 2 + 1  # with fewer beside each other it might have been quiet
    assert not hunt.found
    assert hunt.ended == f"no trial could be told, {TRIES} times in a row: it was noisy"
    assert hunt.setting is not None
    assert hunt.setting.sleep_s == 1


def test_it_says_how_many_restarts_and_how_long_before_they_begin():
    app = Made(2)
    hunt = app.hunt()
    assert 1 <= minutes(hunt) < 20
    hunt.run()
    (line,) = [one for one in app.said if "restarts more" in one]
    assert line.startswith("sleep 2 s held: 59 restarts more, 3 side by side, show that fewer than 5.0% break a limit")


def test_the_outcome_in_words_and_as_files(tmp_path):
    hunt = Made(2, shutdown_s=3.2).hunt()
    hunt.run()
    found = told(hunt)
    words = "\n".join(found.lines())
    assert "found: 0 of 59 restarts broke a limit: fewer than 4.96 % do, at 95 %" in words
    assert "sleep 1 s: 1 of 1 restarts broke a limit (12 of 600)" in words
    assert "the last request that a pod on its way out lost was sent 1.80 s after its deletion" in words
    assert "a rollout takes 9.0 s until the last old pod is gone (median of 62)" in words
    assert "each pod stays 2 s on its way out, 2 s more than now: 6 s of a pod for a rollout of 3" in words
    assert "a pod that does not end is killed 22 s sooner than now" in words
    assert "terminationGracePeriodSeconds: 8" in words
    found.write(tmp_path)
    assert Tuned.model_validate_json((tmp_path / "tune.json").read_text()) == found
    assert (tmp_path / "tune.patch.yaml").read_text() == found.paste
    assert (tmp_path / "tune.txt").read_text() == words + "\n"


@pytest.mark.parametrize("side_by_side", [1, 3])
def test_one_failure_in_the_proof_puts_the_setting_out(side_by_side):
    app = Made(3, seldom=20)
    hunt = app.hunt(2, side_by_side=side_by_side)
    hunt.run()
    assert hunt.found
    assert hunt.setting is not None
    assert hunt.setting.sleep_s == 3
    seldom = next(one for one in hunt.search.tried() if one.point[-1] == 2)
    assert seldom.failed
    words = "\n".join(told(hunt).lines())
    assert "12 of 600" in words
    assert "fewer than 4.96 % do, at 95 % (90 % if all 2 settings that were put to the proof are counted)" in words
