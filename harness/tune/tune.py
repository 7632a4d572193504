"""Tune an app's preStop sleep by live restarts, side by side in namespaces of their own."""

import concurrent.futures
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.deploy import App
from harness.disrupt.in_turn import DeleteInTurn
from harness.errors import SurviveError
from harness.failures import Inconclusive
from harness.history import History
from harness.judge.expect import NoErrors
from harness.judge.hurt import drain_s
from harness.records import Act
from harness.scenario import Row, Scenario
from harness.session import Session
from harness.tune.change import slept
from harness.tune.search import Search, Trial

SIDE_BY_SIDE = 3
"""Namespaces at once; more make a machine of two cores too noisy to tell."""

TRIES = 3
"""How often a trial is made again that the machine's noise left untold."""

Say = Callable[[str], None]


def tune(
    session: Session, app: App, load: Mapping[str, Any], search: Search, say: Say, side_by_side: int = SIDE_BY_SIDE
) -> None:
    """Try until the search has found the smallest sleep, or that none holds.

    Raises SurviveError where a trial could not be told, TRIES times in a row.
    """
    count, token = (
        0,
        secrets.token_hex(2),
    )  # a row's name is unique in a run, in which there may be more than one search
    with concurrent.futures.ThreadPoolExecutor(side_by_side) as pool:
        while wanted := search.next(side_by_side):
            jobs = []
            for sleep_s, restarts in wanted:
                count += 1
                jobs.append(pool.submit(_told, session, app, load, sleep_s, restarts, f"tune-{token}-{count}"))
            for job in jobs:
                trial = job.result()
                search.tell(trial)
                say(f"sleep {trial.sleep_s} s: {trial.failed} of {trial.restarts} restarts lost requests")


def _told(session: Session, app: App, load: Mapping[str, Any], sleep_s: int, restarts: int, name: str) -> Trial:
    """One trial, made again where it was too noisy."""
    for number in range(TRIES):
        try:
            return _try(session, slept(app, sleep_s), load, sleep_s, restarts, f"{name}-{number}")
        except Inconclusive as exc:
            last = str(exc)
    raise SurviveError(f"a sleep of {sleep_s} s could not be tried, {TRIES} times: {last}")


def _try(session: Session, app: App, load: Mapping[str, Any], sleep_s: int, restarts: int, name: str) -> Trial:
    row = Row("B2", name, "delete", f"a preStop sleep of {sleep_s} s, {restarts} deletions in turn", "survive tune")
    scenario = Scenario(session.kube, session.folder, row, session.nodes, session.furnishing, shared=session.shared)
    error = ""
    try:
        scenario.open()
        scenario.deploy(app)
        with scenario.load(app, **load):
            scenario.restart(DeleteInTurn(app.selector, count=restarts))
        try:
            scenario.expect(NoErrors())
        except Inconclusive:
            raise
        except AssertionError:
            pass  # that requests failed is what a trial is for
        history = scenario.history
        return Trial(sleep_s, restarts, failing(history, "service"), drain_s(history))
    except Exception as exc:
        error = f"{type(exc).__name__}: {exc}"
        raise
    finally:
        scenario.close(error)


def failing(history: History, probe: str) -> int:
    """In how many restarts a request failed: each lasts from its act to the next one's."""
    begun = np.array([act.t_ns for act in history.of(Act) if act.status == "begin"], dtype=np.int64)
    requests = history.requests(probe)
    met = requests.end_ns[requests.failed]
    return len(set(np.searchsorted(begun, met, "right").tolist()))


def evidence(search: Search, replicas: int) -> Sequence[str]:
    """What was found, in lines."""
    sleep_s, restarts = search.least_s, search.held(search.least_s)
    drains = [one.drain_s for one in search.trials if one.drain_s is not None]
    drains = [one.drain_s for one in search.trials if one.drain_s is not None]
    lines = [
        f"the last request that a pod on its way out lost was sent {max(drains):.2f} s after its deletion"
        if drains
        else "no pod on its way out lost a request: how long routing takes to follow was not seen"
    ]
    for shorter in sorted({one.sleep_s for one in search.trials if one.sleep_s < sleep_s}):
        those = [one for one in search.trials if one.sleep_s == shorter]
        failed, tried = sum(one.failed for one in those), sum(one.restarts for one in those)
        lines.append(f"sleep {shorter} s: {failed} of {tried} restarts lost requests")
    return [
        *lines,
        f"sleep {sleep_s} s: 0 of {restarts} restarts lost a request: fewer than {search.below:.1%} do, at 95 %",
        f"cost: each pod stays {sleep_s} s longer on its way out: {sleep_s * replicas} s of a pod for each rollout"
        f" of {replicas}",
    ]
