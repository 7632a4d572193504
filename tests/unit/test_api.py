"""The public API: all that tests of one's own need, by one import that costs nothing."""

import ast
import importlib
import pathlib
import subprocess
import sys

import pytest

import harness


def test_the_names_are_sorted_and_each_is_there() -> None:
    assert harness.__all__ == sorted(set(harness.__all__))
    assert all(getattr(harness, name) is not None for name in harness.__all__)


def test_types_and_imports_are_of_the_same_modules() -> None:
    (typed,) = [one for one in ast.parse(pathlib.Path(harness.__file__).read_text()).body if isinstance(one, ast.If)]
    told = {alias.name: one.module for one in typed.body if isinstance(one, ast.ImportFrom) for alias in one.names}
    assert told == {name: f"harness.{where}" for name, where in harness._WHERE.items()}
    assert sorted(told) == harness.__all__


def test_each_is_documented() -> None:
    lacking = [name for name in harness.__all__ if name != "Finder" and not getattr(harness, name).__doc__]
    assert lacking == []


def test_what_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'harness' has no attribute 'nothing'"):
        importlib.import_module("harness").nothing  # noqa: B018 - the look is what is tested


def test_the_import_alone_brings_nothing_heavy() -> None:
    code = "import harness, sys; print([m for m in ('kubernetes', 'numpy', 'pydantic', 'pytest') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
