"""The pytest plugin: options, markers, fixtures and hooks; what they do is done elsewhere."""

import contextlib
import pathlib
import time
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from harness import calibration, hookspecs, summary
from harness.clusters.embedded import layout
from harness.clusters.provider import CHOICES
from harness.errors import Impossible
from harness.failures import NotPassed
from harness.progress import Progress
from harness.results import Results
from harness.run import RunFolder
from harness.scenario import Row, Scenario
from harness.session import Options, Session, session
from reports.write import write_all

FOLDER = pytest.StashKey[RunFolder]()
STARTED = pytest.StashKey[float]()
RESULTS = pytest.StashKey[Results]()
SCENARIO = pytest.StashKey[Scenario]()
BROKEN = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a run."""
    group = parser.getgroup("survive", "restart tests on a Kubernetes cluster (pytest-survive)")
    group.addoption(
        "--cluster", choices=CHOICES, default="auto",
        help="where to run: a cluster that exists (with --kube-context), or the embedded one, which is started if it"
        " does not run; auto (default): existing where a context is named, else embedded",
    )  # fmt: skip
    group.addoption("--kube-context", metavar="NAME", help="the kubeconfig context to use; no other is ever touched")
    group.addoption(
        "--cluster-name", metavar="NAME", help="the embedded cluster's name (default: one for each checkout)"
    )
    group.addoption(
        "--survive-out", metavar="DIR", default="reports/out",
        help="where each run's folder is made, below the root of the tests (default: reports/out)",
    )  # fmt: skip
    group.addoption(
        "--paths", metavar="PATH[,PATH]", help="only rows of these restart paths (delete, evict, rollout, …)"
    )


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the hooks for users."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line(
        "markers",
        "row(id, name, path): the row of the matrix that a test proves: its id (B1), a name that is unique in a run"
        " (rollout-naive), and its restart path (rollout)",
    )
    config.addinivalue_line("markers", "node: the row has a node of its own and breaks it, where the cluster gives one")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let `-k` find a row by its id and its name."""
    if (row := row_of(item)) is not None:
        item.extra_keyword_matches.update((row.id, row.name))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose by --paths."""
    if wanted := config.getoption("--paths"):
        paths = {part.strip() for part in wanted.split(",")}
        known = {row.path for item in items if (row := row_of(item)) is not None}
        if unknown := paths - known:
            message = f"--paths {','.join(sorted(unknown))}: there are {', '.join(sorted(known))}"
            if hasattr(config, "workeroutput"):  # a worker of pytest-xdist: its own error would be heard by nobody
                config.workeroutput["survive_refused"] = message
            raise pytest.UsageError(message)
        chosen = [item for item in items if (row := row_of(item)) is None or row.path in paths]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


def row_of(item: pytest.Item) -> Row | None:
    """The row that a test proves; None for a test without the marker."""
    marker = item.get_closest_marker("row")
    if marker is None:
        return None
    if len(marker.args) != 3:
        raise pytest.UsageError(f"{item.nodeid}: @pytest.mark.row takes an id, a name and a path")
    doc = (getattr(item, "obj", None).__doc__ or "").strip().splitlines()
    title = doc[0] if doc else item.name.removeprefix("test_").replace("_", " ")
    return Row(*marker.args, title=title, test=item.nodeid)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Name the run; its folder is made when the first row needs it."""
    config = session.config
    config.stash[STARTED] = time.time()
    named = getattr(config, "workerinput", {}).get("survive_run")
    out = config.rootpath / config.getoption("--survive-out")
    config.stash[FOLDER] = RunFolder(pathlib.Path(named)) if named else RunFolder.named(out)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give pytest-xdist's workers the run's folder."""
    node.workerinput["survive_run"] = str(node.config.stash[FOLDER].root)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Say what a worker of pytest-xdist refused."""
    if refused := getattr(node, "workeroutput", {}).get("survive_refused"):
        raise pytest.UsageError(refused)


@pytest.fixture(scope="session")
def survive_session(request: pytest.FixtureRequest) -> Iterator[Session]:
    """The run's cluster and folder, opened when the first row needs them."""
    config = request.config
    options = Options(
        config.getoption("--cluster"), config.getoption("--kube-context"), config.getoption("--cluster-name")
    )
    capture = config.pluginmanager.getplugin("capturemanager")
    with contextlib.ExitStack() as stack:
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            opened = stack.enter_context(session(options, config.stash[FOLDER], Progress()))
        yield opened


@pytest.fixture
def survive(request: pytest.FixtureRequest, survive_session: Session) -> Iterator[Scenario]:
    """One row: `deploy` an app, put it under `load`, `restart` it, and say what you `expect`."""
    row = row_of(request.node)
    if row is None:
        raise pytest.UsageError(f"{request.node.nodeid} needs @pytest.mark.row(id, name, path)")
    scenario = Scenario(survive_session.kube, survive_session.folder, row, survive_session.nodes)
    request.node.stash[SCENARIO] = scenario
    try:
        scenario.open()
        yield scenario
    except Exception as exc:
        request.node.stash[BROKEN] = _broken_by(exc)
        raise
    finally:
        scenario.close(request.node.stash.get(BROKEN, ""))
        if scenario.result is not None:
            request.config.hook.pytest_survive_result(result=scenario.result)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say a verdict in its own words, without a traceback; note what broke a test for its result."""
    report = yield
    scenario = item.stash.get(SCENARIO, None)
    if scenario is None or call.excinfo is None:
        return report
    error = call.excinfo.value
    if isinstance(error, NotPassed):
        report.longrepr = str(error)
        report.survive_verdict = error.result.verdict  # type: ignore[attr-defined] # reports carry extras over xdist
    elif isinstance(error, Impossible):
        scenario.skip(str(error))
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1] or 0, f"Skipped: {error}")
    elif isinstance(error, pytest.skip.Exception):
        scenario.skip(str(error))
    elif call.when == "call":
        item.stash[BROKEN] = _broken_by(error)
    return report


def _broken_by(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """INCONCLUSIVE is a status of its own; it fails the run all the same."""
    if getattr(report, "survive_verdict", "") == "inconclusive":
        return "inconclusive", "I", "INCONCLUSIVE"
    return None


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Join the parts of the run and write its reports, in the process that all others work for."""
    config = session.config
    folder = config.stash.get(FOLDER, None)
    if folder is None or hasattr(config, "workerinput") or not folder.opened:
        return
    config.stash[RESULTS] = folder.collect(config.stash[STARTED], calibration.last(layout.home()))
    held = all(result.verdict in ("pass", "skip") for result in config.stash[RESULTS].results)
    if session.exitstatus == pytest.ExitCode.OK and not held:
        # A test may end well without a verdict: it forgot survive.expect(...), or swallowed what that raised.
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    config.hook.pytest_survive_finished(folder=folder.root, results=config.stash[RESULTS])


@pytest.hookimpl(trylast=True)
def pytest_survive_finished(folder: pathlib.Path) -> None:
    """Write the reports."""
    write_all(folder)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """End with the verdicts and the report's address."""
    if RESULTS in config.stash:
        report = config.stash[FOLDER].root / "report.html"
        for line in summary.lines(config.stash[RESULTS], report, terminalreporter._tw.fullwidth):  # noqa: SLF001 - no other way
            terminalreporter.write_line(line)
