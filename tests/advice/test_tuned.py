"""Tuning apps whose true answer is known: each by live restarts, as `survive tune` makes them."""

import dataclasses
import pathlib
from collections.abc import Callable

import pytest

from harness.deploy import App, server
from harness.disrupt import Delete, Path, Rollout
from harness.judge.expect import ErrorRate, NoErrors, NoOutage, Outage
from harness.judge.expectation import Expectation
from harness.results import Cluster
from harness.run import RunFolder
from harness.session import Session
from harness.tune.change import Bench, Setting
from harness.tune.hunt import Hunt
from harness.tune.measure import measure
from harness.tune.removal import PLACES
from harness.tune.search import Search
from harness.tune.subject import Subject
from harness.tune.trial import Trials

BELOW = 0.3
"""9 restarts: enough to see the hunt through. What fails less often than that it need not find."""

HIGHEST_S = 5
"""kube-proxy writes within a second of its last write; the rest is the endpoint's way, on a busy machine."""

RATE = 50.0
"""A request each 20 ms, so that several namespaces at once leave a small machine quiet enough."""

SLOW_START = ["--startup-delay-s", str(HIGHEST_S + 3)]

STRICT = (NoErrors(), NoOutage())
LENIENT = (ErrorRate(at_most=0.5), Outage(at_most_s=10))


@pytest.fixture
def apart(survive_session: Session, tmp_path: pathlib.Path) -> Session:
    """A run's folder of its own: trials that break limits are no failing rows of this run."""
    folder = RunFolder.named(tmp_path)
    folder.open(Cluster(provider="embedded", version="", nodes=4))
    return dataclasses.replace(survive_session, folder=folder)


def delete(app: App) -> Path:
    return Delete(app.selector)


def rollout(app: App) -> Path:
    return Rollout(app.name, app.selector)


def at_once(setting: Setting) -> bool:
    return 1 <= setting.sleep_s <= HIGHEST_S and not setting.more_replicas


def by_itself(setting: Setting) -> bool:
    return setting.sleep_s == 0


def anything(setting: Setting) -> bool:
    return (setting.sleep_s, setting.more_replicas, setting.create_first) == (0, 0, False)


def slow(setting: Setting) -> bool:
    """Its 4 s, the 2 s to spare, and 2 s at most by which its end is told late."""
    return at_once(setting) and 0 <= (setting.grace_s or 0) - setting.sleep_s - 4 - 2 <= 2


def outlasts_the_start(setting: Setting) -> bool:
    """Its replacement is begun at once, and is ready before the old pod stops to answer."""
    return 2 <= setting.sleep_s <= HIGHEST_S and not setting.more_replicas


def another(setting: Setting) -> bool:
    """No sleep that may be tried is as long as the replacement's start."""
    return setting.more_replicas == 1 and 1 <= setting.sleep_s <= HIGHEST_S


def created_first(setting: Setting) -> bool:
    return setting.create_first and not setting.more_replicas and 1 <= setting.sleep_s <= HIGHEST_S


@pytest.mark.parametrize(
    ("app", "path", "limits", "right"),
    [
        pytest.param(server(replicas=3), delete, STRICT, at_once, id="stops-at-once"),
        pytest.param(server(replicas=3, args=["--drain-s", "4"]), delete, STRICT, by_itself, id="drains-itself"),
        pytest.param(server(replicas=3), delete, LENIENT, anything, id="limits-that-allow-it"),
        pytest.param(server(replicas=2, args=["--shutdown-s", "4"], grace_s=2), delete, STRICT, slow, id="needs-grace"),
        pytest.param(server(replicas=1), delete, STRICT, outlasts_the_start, id="one-pod"),
        pytest.param(server(replicas=1, args=SLOW_START), delete, STRICT, another, id="one-pod-that-starts-slowly"),
        pytest.param(server(replicas=2, recreate=True), rollout, STRICT, created_first, id="stops-first"),
    ],
)
def test_the_least_settings_are_what_the_app_lacks(
    apart: Session,
    app: App,
    path: Callable[[App], Path],
    limits: tuple[Expectation, ...],
    right: Callable[[Setting], bool],
) -> None:
    bench, restart = Bench(app), path(app)
    subject = Subject(bench, [restart], {restart.name: limits}, {"rate": RATE, "background": 0})
    search = Search((0, 0, 0, 0), bench.most(HIGHEST_S, [restart.name]), (0, 0, 0, 2))
    trials = Trials(apart, subject, lambda: "", print)
    hunt = Hunt(bench, search, trials.attempt, trials.over, print, below=BELOW)
    hunt.run()
    assert hunt.found, hunt.ended
    assert hunt.setting is not None
    assert right(hunt.setting), hunt.setting
    assert hunt.held >= 9
    # What is sent to a pod in its sleep is answered, so what a shorter sleep lost came within the least one that holds;
    # a second is the way from the act to the hook's begin.
    if not hunt.setting.more_replicas and not hunt.setting.create_first:
        assert (hunt.drain_s or 0.0) <= hunt.setting.sleep_s + 1 or limits is LENIENT


def test_removals_are_seen_from_every_kind_of_node(apart: Session) -> None:
    found = {one.where: one for one in measure(apart, 8)}
    assert set(found) == {"from all nodes", *PLACES.values()}
    assert all(0 <= one.least_s <= one.median_s <= one.most_s < HIGHEST_S for one in found.values())
    assert found["from all nodes"].count == 8
    assert found["from all nodes"].most_s == max(one.most_s for one in found.values())
