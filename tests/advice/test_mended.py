"""The advice on a bad row of the matrix, applied to its manifests, makes it good: each is run before and after.

Where only the app's code can help, the advice says so, and the sample app's own switch stands for the code.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from harness.deploy import App
from harness.disrupt import Path
from harness.judge.advice import apply
from harness.judge.expectation import Expectation
from harness.results import Advice, Result
from harness.scenario import Row, Scenario
from harness.session import Session
from harness.shape import object_of
from tests.advice.cases import CASES, CORE, Case
from tests.advice.rows import SuiteRow, rows

ROWS = rows()


class Mended:
    """Stands in for `survive` in a row's test: the app is deployed with the advice, and what is good is expected."""

    def __init__(self, scenario: Scenario, case: Case, advice: Sequence[Advice]) -> None:
        self._scenario, self._case, self._advice = scenario, case, advice

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scenario, name)

    def deploy(self, app: App, **how: Any) -> App:
        """Of several apps the one that the advice is about."""
        about = [one for one in self._advice if one.object in map(object_of, app.manifests)]
        for piece in about:
            app = self._case.code.get(piece.code, lambda one: one)(app)
        return self._scenario.deploy(replace(app, manifests=apply(about, app.manifests)), **how)

    def restart(self, path: Path) -> None:
        self._scenario.restart(self._case.again(path))

    def expect(self, *bad: Expectation) -> Result:
        return self._scenario.expect(*self._case.good)


def run(
    session: Session, row: SuiteRow, when: str, case: Case | None = None, advice: Sequence[Advice] = (), *, again: bool
) -> Result:
    """The row's test in a namespace of its own: as it is, or with a case's advice applied. `again`: after noise."""
    name = f"{row.name}-{when}"
    told = Row(row.id, name, row.path, f"{name}: advice tried out", "tests/advice")
    scenario = Scenario(session.kube, session.folder, told, session.nodes, session.furnishing, again=again)
    error = "the test did not come to its judgement"
    try:
        scenario.open()
        row.test(Mended(scenario, case, advice) if case else scenario)
    except Exception as exc:
        error = f"{type(exc).__name__}: {exc}"
        raise
    finally:
        scenario.close(error)
    assert scenario.result is not None
    return scenario.result


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.core if name in CORE else ()) for name in CASES])
def test_advice_applied_makes_a_bad_variant_good(survive_session, request, name):
    row, case = ROWS[name], CASES[name]
    again = getattr(request.node, "execution_count", 1) > 1  # by pytest-rerunfailures, as rows are
    with contextlib.ExitStack() as alone:
        alone.enter_context(survive_session.folder.place(sole=again))
        if row.alone:
            alone.enter_context(survive_session.folder.turn(row.alone, name))
        before = run(survive_session, row, "before", again=again)
        assert before.advice, "nothing was advised"
        assert {one.code for one in before.advice if one.kind == "code"} >= set(case.code)
        after = run(survive_session, row, "after", case, before.advice, again=again)
    assert after.verdict == "pass"
