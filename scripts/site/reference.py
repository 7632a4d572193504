"""The reference, from the code: options, markers, commands, fields of a spec, the API, hooks, findings."""

import argparse
import ast
import inspect
import os
import pathlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import harness
from harness import cli, hookspecs, plugin
from harness.look.catalogue import CATALOGUE
from harness.own.paths import BUILT_IN
from harness.spec.models import Spec
from scripts.site import matrix
from scripts.site.matrix import plain, table

PUBLIC = re.compile(r"[a-z]\w*")


class _Options:
    """Stands in for pytest's parser: notes what is declared."""

    def __init__(self) -> None:
        self.declared: list[tuple[tuple[str, ...], dict[str, Any]]] = []

    def getgroup(self, *_: str) -> "_Options":
        return self

    def addoption(self, *names: str, **settings: Any) -> None:
        self.declared.append((names, settings))


def options() -> str:
    """pytest's options that the plugin adds."""
    noted = _Options()
    plugin.pytest_addoption(noted)  # type: ignore[arg-type] # it has what is asked of it
    body = []
    for names, settings in noted.declared:
        value = settings.get("metavar") or "|".join(settings.get("choices", ()))
        value = value or ("" if settings.get("action") == "store_true" else "VALUE")
        body.append((f"`{' '.join([', '.join(names), value]).strip()}`", plain(settings["help"])))
    return table(("option", ""), body)


def markers() -> str:
    """The markers of tests, as `pytest --markers` tells them."""
    tree = ast.parse(inspect.getsource(plugin.pytest_configure))
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "config.addinivalue_line"
    ]
    told = [str(ast.literal_eval(call.args[1])).partition(": ") for call in calls]
    return table(("marker", ""), ((f"`@pytest.mark.{name}`", plain(what)) for name, _, what in told))


def commands() -> str:
    """Each command's own help."""
    os.environ |= {"COLUMNS": "100", "NO_COLOR": "1"}
    parser = cli._parser()  # noqa: SLF001 - the one place where it is made
    return "\n".join(f"## {one.prog}\n\n```text\n{one.format_help().rstrip()}\n```\n" for one in _leaves(parser))


def _leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The commands that have no commands below them."""
    below = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]  # noqa: SLF001 - no other way
    for action in below:
        for one in action.choices.values():
            yield from _leaves(one)
    if not below:
        yield parser


def fields() -> str:
    """The fields of a `*.survive.yaml`, by its JSON schema."""
    schema = Spec.model_json_schema()
    parts = [_fields("The file", schema)]
    parts += [_fields(name, one) for name, one in schema["$defs"].items()]
    return "\n".join(parts)


def _fields(name: str, schema: dict[str, Any]) -> str:
    needed = schema.get("required", [])
    body = []
    for field, one in schema["properties"].items():
        examples = ", ".join(f"`{_yaml(value)}`" for value in one.get("examples", ()))
        default = (
            "needed"
            if field in needed
            else f"`{_yaml(one['default'])}`"
            if one.get("default") not in (None, "")
            else ""
        )
        body.append((f"`{field}`", plain(one.get("description", "")), default, examples))
    about = plain(schema.get("description", "").split("\n\n")[0])
    return f"## {name}\n\n{about}\n\n{table(('field', '', 'default', 'for example'), body)}"


def _yaml(value: Any) -> str:
    """A value in one line, as it may stand in the file."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{key}: {_yaml(one)}" for key, one in value.items() if one not in (None, "", [], {})) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def api() -> str:
    """Every name of `harness`, with its signature and its documentation."""
    parts = []
    for name in harness.__all__:
        one = getattr(harness, name)
        parts.append(f"## {name}\n\n{_signature(name, one)}\n{_doc(one)}\n")
        if name in ("Scenario", "Path", "Site", "History", "Expectation"):
            parts += [
                f"### {name}.{key}\n\n{_signature(key, method)}\n{_doc(method)}\n" for key, method in _methods(one)
            ]
    return "\n".join(parts)


def _methods(one: type) -> list[tuple[str, Callable[..., Any]]]:
    found = [(key, value) for key, value in vars(one).items() if PUBLIC.fullmatch(key) and inspect.isfunction(value)]
    return [(key, value) for key, value in found if value.__doc__]


def _signature(name: str, one: Any) -> str:
    try:
        told = str(inspect.signature(one))
    except (TypeError, ValueError):  # an alias of a type, which takes no arguments
        return f"```python\n{name} = {one}\n```\n"
    told = re.sub(r"(?:harness|collections\.abc|typing|pathlib)\.(?:\w+\.)*", "", told)
    told = re.sub(r"<factory>|<function <lambda> at 0x[0-9a-f]+>", "…", told)
    return f"```python\n{name}{told}\n```\n"


def _doc(one: Any) -> str:
    return "" if not callable(one) or not (doc := inspect.getdoc(one)) else _paragraphs(doc)


def _paragraphs(doc: str) -> str:
    return "\n\n".join(plain(" ".join(part.split())) for part in doc.split("\n\n")) + "\n"


def hooks() -> str:
    """The hooks that a conftest.py may have."""
    found = [(name, one) for name, one in vars(hookspecs).items() if name.startswith("pytest_survive")]
    return "\n".join(f"### {name}\n\n{_signature(name, one)}\n{_doc(one)}\n" for name, one in found)


def own_paths() -> str:
    """The paths of users' own apps."""
    body = ((f"`{one.name}`", plain(one.title), matrix.page_of(one.row, "paths/")) for one in BUILT_IN)
    return table(("path", "what is done", "row"), body)


def findings() -> str:
    """What `survive look` may find."""
    body = (
        (f"`{code}`", one.severity, plain(one.why), f"`{one.shown_by}`", matrix.page_of(one.row, "../paths/"))
        for code, one in CATALOGUE.items()
    )
    return table(("finding", "severity", "why", "path that shows it", "row"), body)


def fixtures() -> str:
    """The fixtures for tests, as `pytest --fixtures` tells them."""
    tree = ast.parse(pathlib.Path(plugin.__file__).read_text())
    found = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in ("survive", "survive_app")
    ]
    return table(("fixture", ""), ((f"`{one.name}`", plain(ast.get_docstring(one) or "")) for one in found))


def verdicts() -> str:
    """pytest's own exit codes, which a run's are."""
    codes = {
        pytest.ExitCode.OK: "every row passed, or was skipped with its reason",
        pytest.ExitCode.TESTS_FAILED: "a row failed, was inconclusive, or the harness broke on it",
        pytest.ExitCode.INTERRUPTED: "interrupted; the rows that had ended are in the report",
        pytest.ExitCode.USAGE_ERROR: "an option or a file was wrong; nothing was touched",
        pytest.ExitCode.NO_TESTS_COLLECTED: "no test was chosen",
    }
    return table(("exit code", ""), ((str(int(code)), what) for code, what in codes.items()))
