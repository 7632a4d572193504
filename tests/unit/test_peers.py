"""What Chaos Toolkit's journal is taken to say, and how it is told beside our own verdict."""

from typing import Any

import pytest

from harness.results import Result, Traffic
from tests.peers import __main__ as peers
from tests.peers import chaos


def look(status: str = "succeeded", met: bool = True) -> dict[str, Any]:
    return {"steady_state_met": met, "probes": [{"status": status, "tolerance_met": met}]}


def journal(
    *looks: dict[str, Any],
    deviated: bool = False,
    steps: tuple[str, ...] = ("succeeded", "succeeded"),
    after: dict[str, Any] | None = None,
) -> dict[str, Any]:
    run = [{"activity": {"name": f"step {n}"}, "status": status} for n, status in enumerate(steps, 1)]
    states = {"before": look(), "after": after or look(), "during": list(looks)}
    return {
        "chaoslib-version": "1.40",
        "status": "completed",
        "deviated": deviated,
        "run": run,
        "steady_states": states,
    }


def test_looks_that_were_answered() -> None:
    said = chaos.read(journal(look(), look(), look()))
    assert (said.asked, said.failed, said.words) == (5, 0, "completed, not deviated")


@pytest.mark.parametrize("bad", [look("failed", met=False), look("succeeded", met=False)])
def test_looks_that_were_not(bad: dict[str, Any]) -> None:
    said = chaos.read(journal(look(), bad))
    assert (said.asked, said.failed, said.well_after) == (4, 1, True)
    said = chaos.read(journal(look(), after=bad, deviated=True))
    assert (said.asked, said.failed, said.well_after, said.words) == (3, 1, False, "deviated")


@pytest.mark.parametrize("steps", [("failed", "succeeded"), ("succeeded",), ()])
def test_an_experiment_that_did_not_roll_out_says_nothing(steps: tuple[str, ...]) -> None:
    with pytest.raises(RuntimeError, match="the experiment did not do what it was to"):
        chaos.read(journal(look(), steps=steps))


def test_both_verdicts_in_a_row() -> None:
    traffic = Traffic(requests=1000, errors=17, error_rate=0.017, error_rate_below=0.03)
    result = Result(id="B1", name="undrained-1", path="rollout", verdict="fail", why="", traffic=traffic)
    row = peers.row(result, chaos.Said("1.40", "completed", False, 12, 1, True))
    told = "| undrained-1 | completed, not deviated | 1 of 12 failed | FAIL | 17 of 1000 failed | none |"
    assert peers.table([row]).splitlines()[2] == told
    row = peers.row(result, chaos.Said("1.40", "completed", True, 12, 1, False))
    assert "| deviated | 1 of 12 failed (the last one) |" in peers.table([row])


def test_the_page_has_a_place_for_the_table() -> None:
    page = peers.PAGE.read_text()
    assert len(peers.TABLE.findall(page)) == 1
    assert peers.TABLE.sub(lambda _: "new\n", page).count("new\n") == 1
