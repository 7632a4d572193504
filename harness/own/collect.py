"""Collects `*.survive.yaml`, or what `--attach` names: a test a path.

Nothing here touches a cluster; a bad file is an error of collection.
"""

import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import pytest

from harness.errors import UsageError
from harness.judge.expectation import Expectation
from harness.own import attach
from harness.own.app import marks
from harness.own.paths import BUILT_IN, OwnPath
from harness.own.run import run_path
from harness.scenario import Scenario
from harness.spec import ENDINGS, OwnApp, load_app
from harness.spec.document import near


def is_spec(path: pathlib.Path) -> bool:
    """Whether a file is one of ours, by its name."""
    return path.name.endswith(ENDINGS)


class SurviveApp(pytest.Module):
    """One app."""

    obj = None  # it is no module of Python

    def tests(self, app: OwnApp) -> Iterator["SurvivePath"]:
        """A test for each path that its spec names, else for all that make sense; the others are skipped."""
        further = [path for paths in self.ihook.pytest_survive_paths(app=app) for path in paths or ()]
        for path, why_not in choose(app, [*BUILT_IN, *further]):
            told = self.ihook.pytest_survive_expectations(app=app, path=path)
            expected = [one for expectations in told for one in expectations or ()]
            yield SurvivePath.of(self, app, path, why_not, expected)


class SurviveFile(SurviveApp):
    """One `*.survive.yaml`."""

    def collect(self) -> Iterable["SurvivePath"]:
        """Its tests."""
        try:
            return list(self.tests(load_app(self.path)))
        except UsageError as exc:
            raise self.CollectError(str(exc)) from exc


def attached(session: pytest.Session, app: OwnApp) -> Iterable[pytest.Item]:
    """The tests of an app that runs already and has no file. Raises UsageError."""
    module: SurviveApp = SurviveApp.from_parent(session, path=session.config.rootpath / attach.NAME, name=attach.NAME)
    return module.tests(app)


class SurvivePath(pytest.Function):
    """One path of one app."""

    row_name: str

    @classmethod
    def of(
        cls, parent: SurviveApp, app: OwnApp, path: OwnPath, why_not: str, expected: Sequence[Expectation]
    ) -> "SurvivePath":
        """The test of a path; it is skipped if there is a reason."""
        item: SurvivePath = cls.from_parent(parent, name=path.name, callobj=_test(app, path, expected))
        item.row_name = f"{app.name}-{path.name}"
        item.extra_keyword_matches.update((app.name, path.name))
        for mark in marks(path, path.row_of(app), app.name):
            item.add_marker(mark)
        if app.namespace:
            item.add_marker(pytest.mark.alone(f"attach-{app.namespace}-{app.workload}"))
        if why_not:
            item.add_marker(pytest.mark.skip(reason=why_not))
        return item

    def reportinfo(self) -> tuple[pathlib.Path, int, str]:
        """Where it is and what it is called; a dot in the name would be taken for a class's."""
        return self.path, 0, self.name


def choose(app: OwnApp, paths: Sequence[OwnPath]) -> list[tuple[OwnPath, str]]:
    """The paths to test, each with a reason if it is to be skipped. Raises UsageError for one that cannot be asked."""
    names = [path.name for path in paths]
    if twice_named := {name for name in names if names.count(name) > 1}:
        raise UsageError(
            f"two paths are called {', '.join(sorted(twice_named))}: by pytest_survive_paths in a conftest.py"
        )
    known = {path.name: path for path in paths}
    if not app.spec.paths:
        fit = [path for path in known.values() if path.attaches or not app.namespace]
        return [(path, path.why_not(app) or path.unasked(app)) for path in fit]
    problems = [(name, why) for name in app.spec.paths if (why := _problem(app, name, known))]
    if problems:
        told = [app.document.told(("paths", name), text) if app.document else text for name, text in problems]
        raise UsageError("\n".join(told))
    return [(known[name], "") for name in app.spec.paths]


def _problem(app: OwnApp, name: str, known: Mapping[str, OwnPath]) -> str:
    """Why a path that the file names cannot be tested; empty if it can."""
    if name not in known:
        return f"there is no path {name}; {near(name, list(known))}"
    if why_not := known[name].why_not(app):
        return f"it makes no sense here: {why_not}"
    count = app.spec.paths[name].count
    if count > 1 and not known[name].counted:
        return f"it has no count; {', '.join(path.name for path in known.values() if path.counted)} have"
    if count > 1 and app.kind != "DaemonSet" and not app.namespace and count > app.replicas:
        return f"its count is {count}, and the {app.kind} {app.workload} has {app.replicas} replicas"
    return ""


def left_out(skipped: Iterable[pytest.TestReport]) -> list[str]:
    """What to say at the end of a run of the paths of specs that were skipped, and why."""
    told = []
    for report in skipped:
        file, _, path = report.nodeid.partition("::")
        ours = file == attach.NAME or file.endswith(ENDINGS)
        if ours and isinstance(report.longrepr, tuple):
            told.append(f"left out: {file}::{path}: {report.longrepr[2].removeprefix('Skipped: ')}")
    return told


def twice(items: Iterable[pytest.Item]) -> str:
    """What is wrong if two tests of specs have one name in reports; empty if none have."""
    known: dict[str, str] = {}
    for item in items:
        if isinstance(item, SurvivePath):
            name = item.row_name
            if name in known:
                return f"two tests are called {name}: {known[name]} and {item.nodeid}; give one file another `name`"
            known[name] = item.nodeid
    return ""


def _test(app: OwnApp, path: OwnPath, expected: Sequence[Expectation]) -> Callable[[Scenario], None]:
    def test(survive: Scenario) -> None:
        run_path(survive, app, path, *expected)

    test.__doc__ = path.title
    return test
