"""Hooks that a conftest.py or another plugin may implement."""

import pathlib
from collections.abc import Sequence

import pytest

from harness.history import History
from harness.judge.expectation import Expectation
from harness.own.paths import OwnPath
from harness.results import Note, Result, Results
from harness.spec import OwnApp


@pytest.hookspec
def pytest_survive_paths(app: OwnApp) -> Sequence[OwnPath] | None:
    """Called for each `*.survive.yaml` as it is collected: further restart paths, beside those that there are.

    Those that are not unfit for the app become tests as the others do; the file may name them under `paths`.
    """


@pytest.hookspec
def pytest_survive_expectations(app: OwnApp, path: OwnPath) -> Sequence[Expectation] | None:
    """Called for each path of a `*.survive.yaml`: what else must hold, beside the file's limits."""


@pytest.hookspec
def pytest_survive_notes(result: Result, history: History) -> Sequence[Note] | None:
    """Called with each row's result and all that was seen: paragraphs of your own for its part of the reports."""


@pytest.hookspec
def pytest_survive_result(result: Result) -> None:
    """Called with each row's result as soon as it is judged, in the process that ran it."""


@pytest.hookspec
def pytest_survive_finished(folder: pathlib.Path, results: Results) -> None:
    """Called once, with the run's folder, after results.json and history.jsonl.gz were written."""
