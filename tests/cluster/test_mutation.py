"""The six paths of the main job, live, with one thing broken on purpose: each break is told for what it is."""

import os
import pathlib
import subprocess
import sys

import pytest

from harness.results import Result, Results
from tests.cluster.conftest import ROOT

GOOD = ("rollout-correct", "delete-sleep", "liveness-two", "evict", "preempt-two", "handover-release")
"""A row of each path; of two variants the good one, which a broken app must turn into a FAIL."""


def broken(what: str, out: pathlib.Path) -> dict[str, Result]:
    """The results of these rows with one thing broken."""
    argv = [sys.executable, "-m", "pytest", "-p", "tests.cluster.breaks", "suites", "--cluster", "embedded"]
    argv += ["--survive-out", str(out), "-p", "no:cacheprovider", "-m", "core", "-n", "3", "-q"]
    argv += ["--reruns", "1", "--only-rerun", "^TooNoisy:"]
    argv += ["--dist", "load", "--maxschedchunk", "1", "-k", f"({' or '.join(GOOD)}) and not evict-second"]
    done = subprocess.run(
        argv, cwd=ROOT, env=os.environ | {"SURVIVE_BREAK": what}, capture_output=True, text=True, timeout=300
    )
    results = {one.name: one for one in Results.read(out / "latest" / "results.json").results}
    assert set(results) == set(GOOD), done.stdout + done.stderr
    return results


@pytest.mark.parametrize(
    ("what", "verdict", "why"),
    [
        ("act", "inconclusive", "The restart was not proved"),
        ("proof", "inconclusive", "The restart was not proved"),
        ("app", "fail", "Expected"),
    ],
)
def test_a_break_is_caught(what: str, verdict: str, why: str, tmp_path: pathlib.Path) -> None:
    results = broken(what, tmp_path)
    assert {
        name: f"{one.verdict}: {one.why}"
        for name, one in results.items()
        if one.verdict != verdict or not one.why.startswith(why)
    } == {}
