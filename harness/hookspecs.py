"""Hooks that a conftest.py or another plugin may implement."""

import pathlib

import pytest

from harness.results import Result, Results


@pytest.hookspec
def pytest_survive_result(result: Result) -> None:
    """Called with each row's result as soon as it is judged, in the process that ran it."""


@pytest.hookspec
def pytest_survive_finished(folder: pathlib.Path, results: Results) -> None:
    """Called once, with the run's folder, after results.json and history.jsonl.gz were written."""
