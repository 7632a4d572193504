"""The pytest plugin: options, markers, fixtures and hooks; what they do is done elsewhere."""

import contextlib
import functools
import pathlib
import time
from collections.abc import Generator, Iterator
from typing import Any, NoReturn

import pytest

from harness import calibration, hookspecs, summary
from harness.clusters.embedded import layout
from harness.errors import Impossible, SurviveError, UsageError
from harness.failures import NotPassed
from harness.live import LiveRows
from harness.options import Options, add_options
from harness.own.app import Finder, own_app
from harness.own.attach import attached_app
from harness.own.collect import SurviveFile, attached, is_spec, left_out, twice
from harness.progress import Progress
from harness.rehearsal import Rehearsal, Stage, rehearsals
from harness.results import Results, Use, use_of
from harness.run import TURN_S, RunFolder
from harness.scenario import Row, Scenario
from harness.session import Session, session
from harness.wait import telling
from reports import metrics
from reports.write import write_all

OPTIONS = pytest.StashKey[Options]()
FOLDER = pytest.StashKey[RunFolder]()
STARTED = pytest.StashKey[float]()
USE = pytest.StashKey[Use | None]()
RESULTS = pytest.StashKey[Results]()
SCENARIO = pytest.StashKey[Scenario]()
REHEARSAL = pytest.StashKey[Rehearsal]()
BROKEN = pytest.StashKey[str]()

TAKES_S = 15.0
"""What a row takes that does not say."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a run."""
    group = parser.getgroup("survive", "restart tests on a Kubernetes cluster (pytest-survive)")
    add_options(group.addoption)
    group.addoption(
        "--attach", dest="survive_attach", metavar="NAMESPACE/KIND/NAME",
        help="in place of all other tests: restart this Deployment, StatefulSet or DaemonSet that runs already, a test"
        " a path, and change nothing else of it",
    )  # fmt: skip
    group.addoption(
        "--attach-service", dest="survive_attach_service", metavar="NAME[:PORT]",
        help="with --attach: ask this Service meanwhile; without it only pods are watched",
    )  # fmt: skip
    group.addoption(
        "--attach-lease", dest="survive_attach_lease", metavar="NAME", help="with --attach: the Lease of its leader"
    )
    group.addoption(
        "--dry-run", dest="survive_dry_run", action="store_true", default=False,
        help="tell every act of each row, and do none: an existing cluster is read, and nothing is written to it",
    )  # fmt: skip
    group.addoption(
        "--survive-out", metavar="DIR", default="reports/out",
        help="where each run's folder is made, below the root of the tests (default: reports/out)",
    )  # fmt: skip
    group.addoption(
        "--paths", metavar="PATH[,PATH]", help="only rows of these restart paths (delete, evict, rollout, …)"
    )
    group.addoption("--survive-json", metavar="FILE", help="write the results there too, as JSON (results.schema.json)")
    group.addoption(
        "--survive-metrics", metavar="FILE",
        help="write the results there as Prometheus text (needs pytest-survive[metrics])",
    )  # fmt: skip
    group.addoption(
        "--survive-rate", type=float, metavar="NUMBER",
        help="requests a second to your app, by which reports say what a restart costs (default: as measured)",
    )  # fmt: skip
    group.addoption("--survive-deploys", type=float, metavar="NUMBER", help="deploys a day (default: 1)")
    group.addoption("--survive-slo", type=float, metavar="PERCENT", help="the availability you aim at (default: 99.9)")


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the hooks for users."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options, and say at once what one of them lacks; register the markers."""
    try:
        config.stash[OPTIONS] = Options.read(config.getoption)
        config.stash[USE] = use_of(*map(config.getoption, ("--survive-rate", "--survive-deploys", "--survive-slo")))
        if config.getoption("--survive-metrics"):
            metrics.need()
    except UsageError as exc:
        raise pytest.UsageError(str(exc)) from exc
    if config.getoption("survive_attach"):
        config.args = []  # nothing is looked for in files: what is tested runs already
    config.addinivalue_line(
        "markers",
        "row(id, name, path, takes_s=15): the row of the matrix that a test proves: its id (B1), a name that is unique"
        " in a run (rollout-naive), its restart path (rollout), and about how long it takes, by which rows are ordered",
    )
    config.addinivalue_line("markers", "core: a row of the main job, `make run`; without it of `make matrix` alone")
    config.addinivalue_line(
        "markers", "alone(what): never at the same time as another row that is alone with the same thing"
    )
    config.addinivalue_line("markers", "sole: no other row of the run may run meanwhile; such rows come last")
    config.addinivalue_line("markers", "node: the row has a node of its own and breaks it, where the cluster gives one")


def pytest_collect_file(file_path: pathlib.Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect `*.survive.yaml`."""
    return SurviveFile.from_parent(parent, path=file_path) if is_spec(file_path) else None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let `-k` find a row by its id and its name."""
    if (row := row_of(item)) is not None:
        item.extra_keyword_matches.update((row.id, row.name))


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:  # fmt: skip
    """Choose by --paths, and begin with what takes longest: side by side, the last to begin should be short.

    Rows that run while no other does come last, so that the fewest wait for them.
    """
    if app := config.getoption("survive_attach"):
        try:
            by = config.getoption("survive_attach_service"), config.getoption("survive_attach_lease")
            items[:] = attached(session, attached_app(app, *by))
        except UsageError as exc:
            _refuse(config, str(exc))
    if told := twice(items):
        _refuse(config, told)
    items.sort(key=_takes_s, reverse=True)
    items.sort(key=_sole)
    if wanted := config.getoption("--paths"):
        paths = {part.strip() for part in wanted.split(",")}
        known = {row.path for item in items if (row := row_of(item)) is not None}
        if unknown := paths - known:
            _refuse(config, f"--paths {','.join(sorted(unknown))}: there are {', '.join(sorted(known))}")
        chosen = [item for item in items if (row := row_of(item)) is None or row.path in paths]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


def _refuse(config: pytest.Config, message: str) -> NoReturn:
    if hasattr(config, "workeroutput"):  # a worker of pytest-xdist: its own error would be heard by nobody
        config.workeroutput["survive_refused"] = message
    raise pytest.UsageError(message)


def _takes_s(item: pytest.Item) -> float:
    marker = item.get_closest_marker("row")
    return float(marker.kwargs.get("takes_s", TAKES_S)) if marker else TAKES_S


def _sole(item: pytest.Item) -> bool:
    """Whether no other row may run meanwhile."""
    return item.get_closest_marker("sole") is not None


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
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.isatty and not hasattr(config, "workerinput"):
        live = LiveRows(session, reporter._tw, config.stash[FOLDER])  # noqa: SLF001 - no other way
        config.pluginmanager.register(live, "survive-live")


def _live(config: pytest.Config) -> bool:
    """Whether somebody watches the run on a terminal, and wants to know what each row is at."""
    there = config.pluginmanager.has_plugin("survive-live")
    return there or bool(getattr(config, "workerinput", {}).get("survive_live"))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give pytest-xdist's workers the run's folder."""
    node.workerinput["survive_run"] = str(node.config.stash[FOLDER].root)
    node.workerinput["survive_live"] = _live(node.config)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Say what a worker of pytest-xdist refused."""
    if refused := getattr(node, "workeroutput", {}).get("survive_refused"):
        raise pytest.UsageError(refused)


@pytest.fixture(scope="session")
def survive_session(request: pytest.FixtureRequest) -> Iterator[Session]:
    """The run's cluster and folder, opened when the first row needs them."""
    config = request.config
    options = config.stash[OPTIONS]
    capture = config.pluginmanager.getplugin("capturemanager")
    with contextlib.ExitStack() as stack:
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            opened = stack.enter_context(session(options, config.stash[FOLDER], Progress()))
        yield opened


@pytest.fixture(scope="session")
def survive_stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Where rows are rehearsed, in a dry run."""
    with rehearsals(request.config.stash[OPTIONS]) as stage:
        yield stage


@pytest.fixture
def survive_app(request: pytest.FixtureRequest) -> Finder:
    """`harness.own_app` from the folder of the test's file: an app from your manifests and fields of a spec."""
    return functools.partial(own_app, base=request.path.parent)


@pytest.fixture
def survive(request: pytest.FixtureRequest) -> Iterator[Scenario | Rehearsal]:
    """One row: `deploy` an app, put it under `load`, `restart` it, and say what you `expect`."""
    row = row_of(request.node)
    if row is None:
        raise pytest.UsageError(f"{request.node.nodeid} needs @pytest.mark.row(id, name, path)")
    if request.config.getoption("survive_dry_run"):
        request.node.stash[REHEARSAL] = request.getfixturevalue("survive_stage").rehearsal(row)
        yield request.node.stash[REHEARSAL]
    else:
        yield from _run(request, row, request.getfixturevalue("survive_session"))


def _run(request: pytest.FixtureRequest, row: Row, opened: Session) -> Iterator[Scenario]:
    folder = opened.folder
    status = folder.status(request.node.nodeid, f"{row.id} {row.name}", row.name) if _live(request.config) else None
    again = getattr(request.node, "execution_count", 1) > 1  # by pytest-rerunfailures
    scenario = Scenario(
        opened.kube, folder, row, opened.nodes, opened.furnishing, shared=opened.shared, status=status, again=again,
        skipped=opened.skipped.get(row.name, ""),
    )  # fmt: skip
    request.node.stash[SCENARIO] = scenario
    with contextlib.ExitStack() as alone:
        if status is not None:
            alone.callback(status.end)
            alone.enter_context(telling(status.tell))
            status.tell("its turn", TURN_S)
        alone.enter_context(folder.place(sole=again or _sole(request.node)))
        for marker in request.node.iter_markers("alone"):
            if len(marker.args) != 1:
                raise pytest.UsageError(f"{request.node.nodeid}: @pytest.mark.alone takes what to be alone with")
            alone.enter_context(folder.turn(marker.args[0], row.name))
        if status is not None:
            status.tell("", 0)
        try:
            scenario.open()
            yield scenario
        except Impossible as exc:
            scenario.skip(str(exc))
            raise
        except Exception as exc:
            request.node.stash[BROKEN] = _broken_by(exc)
            raise
        finally:
            scenario.close(request.node.stash.get(BROKEN, ""))
            if scenario.result is not None:
                told = request.node.ihook.pytest_survive_notes(result=scenario.result, history=scenario.history)
                scenario.note([note for notes in told for note in notes or ()])
                request.config.hook.pytest_survive_result(result=scenario.result)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say a verdict in its own words, without a traceback; note what broke a test for its result."""
    report = yield
    if call.when == "call" and (told := item.stash.get(REHEARSAL, None)) is not None:
        report.survive_acts = told.lines  # type: ignore[attr-defined] # reports carry extras over xdist
    scenario = item.stash.get(SCENARIO, None)
    if scenario is None:
        ours = {"survive", "survive_session"} & set(getattr(item, "fixturenames", ()))
        if ours and call.excinfo is not None and isinstance(call.excinfo.value, SurviveError):
            report.longrepr = _broken_by(call.excinfo.value)  # the cluster is not to be had: no fault of the test's
        return report
    if call.when == "call" and (result := scenario.result) is not None:
        report.survive_verdict = result.verdict  # type: ignore[attr-defined] # reports carry extras over xdist
        report.survive_line = summary.line(result)  # type: ignore[attr-defined] # as above
    if call.excinfo is None:
        return report
    error = call.excinfo.value
    if isinstance(error, NotPassed):
        report.longrepr = str(error)
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


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Say a row's verdict and figures where pytest says PASSED; INCONCLUSIVE is a status of its own."""
    if report.when == "call" and report.passed and hasattr(report, "survive_acts"):
        return "rehearsed", "r", "DRY RUN"
    verdict = getattr(report, "survive_verdict", "")
    if report.when != "call" or not verdict:
        return None
    if report.outcome == "rerun":  # type: ignore[comparison-overlap] # by pytest-rerunfailures
        return "measured again", "R", f"{report.survive_line}: to be measured again, alone"
    category, letter = {"pass": ("passed", "."), "inconclusive": ("inconclusive", "I")}.get(verdict, ("failed", "F"))
    if report.failed and verdict == "pass":  # the row held, and the test then broke by itself
        return None
    return category, letter, report.survive_line


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Join the parts of the run and write its reports, in the process that all others work for."""
    config = session.config
    folder = config.stash.get(FOLDER, None)
    if folder is None or hasattr(config, "workerinput") or not folder.opened:
        return
    last = calibration.last(layout.home())
    config.stash[RESULTS] = folder.collect(config.stash[STARTED], last, config.stash[USE])
    held = all(result.verdict in ("pass", "skip") for result in config.stash[RESULTS].results)
    if session.exitstatus == pytest.ExitCode.OK and not held:
        # A test may end well without a verdict: it forgot survive.expect(...), or swallowed what that raised.
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if file := config.getoption("--survive-json"):
        config.stash[RESULTS].write(pathlib.Path(file))
    if file := config.getoption("--survive-metrics"):
        pathlib.Path(file).write_text(metrics.render(config.stash[RESULTS]))
    config.hook.pytest_survive_finished(folder=folder.root, results=config.stash[RESULTS])


@pytest.hookimpl(trylast=True)
def pytest_survive_finished(folder: pathlib.Path) -> None:
    """Write the reports."""
    write_all(folder)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """End with the verdicts and the report's address; a dry run with all that would be done."""
    for report in terminalreporter.stats.get("rehearsed", []):
        terminalreporter.write_sep("-", f"dry run of {report.nodeid}")
        terminalreporter.write_line("\n".join(report.survive_acts))
    for line in left_out(terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_line(line)
    if RESULTS in config.stash:
        report = config.stash[FOLDER].root / "report.html"
        writer = terminalreporter._tw  # noqa: SLF001 - no other way to its width and colours
        verbose = config.get_verbosity() > 0
        for line in summary.lines(
            config.stash[RESULTS], report, writer.fullwidth, colours=writer.hasmarkup, verbose=verbose
        ):
            terminalreporter.write_line(line)
