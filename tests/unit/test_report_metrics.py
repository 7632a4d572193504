import importlib.util
import pathlib

import made_run
import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness.errors import UsageError
from harness.results import Result
from reports import metrics


def samples(text: str) -> dict[tuple[str, str, str], float]:
    """Each sample by its metric, the row's name and its last label."""
    return {
        (sample.name, sample.labels.get("name", ""), sample.labels.get("bound") or sample.labels.get("verdict", "")): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_verdicts_and_figures_are_samples(tmp_path: pathlib.Path) -> None:
    found = samples(metrics.render(made_run.write(tmp_path)))
    assert found["survive_verdict", "rollout-naive", "pass"] == 1
    assert found["survive_failed_requests", "rollout-naive", ""] == 193
    assert found["survive_longest_outage_seconds", "rollout-naive", "high"] == pytest.approx(1.939)
    assert ("survive_failover_seconds", "rollout-naive", "low") not in found
    assert found["survive_failover_seconds", "handover-release", "estimate"] > 0


def test_foreign_text_stays_a_label() -> None:
    name = 'a"} 1\nevil{x="'
    found = samples(metrics.render(made_run.a_run([Result(id="B1", name=name, path="p", verdict="fail", why="w")])))
    assert found["survive_verdict", name, "fail"] == 1
    assert not any(key[0] == "evil" for key in found)


def test_without_the_library_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'pytest-survive\[metrics\]'"):
        metrics.need()
