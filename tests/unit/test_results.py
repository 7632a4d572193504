import json

import pydantic
import pytest

from harness.results import Cluster, Outage, Result, Results, Run, Traffic

RUN = Run(
    id="r1", started="2026-01-01T00:00:00Z", duration_s=1.5, cluster=Cluster(provider="kind", version="v1", nodes=4)
)


def result(**more):
    return Result(id="B1", name="rollout-naive", path="rollout", verdict="pass", why="w", **more)


def test_fields_that_do_not_apply_are_left_out(tmp_path):
    path = tmp_path / "results.json"
    Results(run=RUN, results=[result()]).write(path)
    text = json.loads(path.read_text())
    assert text["schema"] == 1
    assert {"traffic", "failover", "noise"}.isdisjoint(text["results"][0])
    assert Results.read(path).results == [result()]


def test_outage_is_complete_in_the_file(tmp_path):
    outage = Outage(low_s=1, estimate_s=2, high_s=3, start_ns=4, end_ns=5, failed=6, partial=True, kind="stall")
    traffic = Traffic(requests=9, errors=6, error_rate=0.6, error_rate_below=0.9, outages=[outage])
    Results(run=RUN, results=[result(traffic=traffic)]).write(tmp_path / "results.json")
    found = Results.read(tmp_path / "results.json").results[0].traffic
    assert found == traffic


def test_unknown_fields_and_verdicts_are_refused():
    with pytest.raises(pydantic.ValidationError):
        result(surprise=1)
    with pytest.raises(pydantic.ValidationError):
        Result(id="B1", name="n", path="p", verdict="maybe", why="w")
