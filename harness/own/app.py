"""The same in Python as in a `*.survive.yaml`: an app from a user's manifests, its paths as parameters of a test."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from harness.errors import UsageError
from harness.own.paths import BUILT_IN, OwnPath
from harness.spec import OwnApp, checked, find_app
from harness.spec.document import near


def own_app(
    manifests: str | Sequence[Any] | None = None, *, base: pathlib.Path, name: str = "", **fields: Any
) -> OwnApp:
    """An app from manifests, named from the folder `base`, or without them one that runs already (`attach="…"`).

    `fields` are those of `*.survive.yaml`. Raises UsageError, which says what is wrong with which field.
    """
    deployed = {} if manifests is None else {"manifests": manifests}
    return find_app(name or base.resolve().name, checked({**deployed, **fields}), base)


def path_params(app: str, *names: str, paths: Sequence[OwnPath] = BUILT_IN) -> list[Any]:
    """Parameters for `@pytest.mark.parametrize("path", …)`: a row named <app>-<path> for each path, of all if no names.

    Its row of the matrix is that of a Deployment.
    """
    known = {path.name: path for path in paths}
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"there is no path {unknown[0]}; {near(unknown[0], list(known))}")
    return [
        pytest.param(known[name], id=name, marks=marks(known[name], known[name].row, app)) for name in names or known
    ]


def marks(path: OwnPath, row: str, app: str) -> list[pytest.MarkDecorator]:
    """The marks of a test of a path: which row it is, and beside what it may run."""
    made = [pytest.mark.row(row, f"{app}-{path.name}", path.name, takes_s=path.takes_s)]
    made += [pytest.mark.alone(path.alone)] if path.alone else []
    return made + ([pytest.mark.node] if path.own_node else [])


Finder = Callable[..., OwnApp]
"""What the fixture `survive_app` is: `own_app` from the folder of the test's file."""
