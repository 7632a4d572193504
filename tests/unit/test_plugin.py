"""The plugin in a pytest of its own, on a made session: real scenarios, results and reports, but no cluster."""

import json
import xml.etree.ElementTree as ET

import pytest

from harness import history
from harness.results import Results

CONFTEST = '''
import contextlib
import json
import pathlib

import pytest

import harness.plugin
from harness.clock import NS_PER_S, now_ns
from harness.disrupt import Path
from harness.judge.expect import NoErrors
from harness.proof import Proof
from harness.records import ProbeEnded, ProbeStarted, RequestBatch, ScenarioStarted
from harness.results import Cluster
from harness.scenario import Scenario
from harness.session import Session

HERE = pathlib.Path(__file__).parent


class Restart(Path):
    """Shows `failed` of 20 requests failed; is proved or not; may be impossible or break."""

    name = "made"

    def __init__(self, failed=0, proved=True, needed="", breaks=""):
        self.failed, self.proved, self.needed, self.breaks = failed, proved, needed, breaks

    def needs(self, site):
        return self.needed

    def act(self, site):
        begin_ns = now_ns() - NS_PER_S
        for probe, role, failed in (("service", "measure", self.failed), ("control", "control", 0)):
            ends = [("failed", "first_byte", "reset", 0)] * failed + [("ok", "", "", 200)] * (20 - failed)
            rows = [[begin_ns + n, 0, 1, 2, *end, "", "c", 1] for n, end in enumerate(ends)]
            site.recorder.add(ProbeStarted(begin_ns, probe, 10_000_000, NS_PER_S, f"{probe}:80", role))
            site.recorder.add(RequestBatch(begin_ns, probe, 0, rows))
            site.recorder.add(ProbeEnded(begin_ns, probe, 20, 1))
        if self.breaks:
            raise RuntimeError(self.breaks)

    def proof(self, history):
        return Proof(["the pod went"] if self.proved else [], [] if self.proved else ["nobody saw it go"])

    def heal(self, site):
        with (HERE / "healed").open("a") as file:
            file.write("healed\\n")


class Offline(Scenario):
    """A scenario without namespace and observer; `refuse` lets it not be opened."""

    refuse = ""

    def open(self):
        self._closing.callback(self._recorder.close)
        row = self.row
        self._recorder.add(ScenarioStarted(now_ns(), row.id, row.name, row.path, row.title, "ns", row.test))
        if Offline.refuse:
            raise RuntimeError(Offline.refuse)


@contextlib.contextmanager
def session(options, folder, progress):
    note(session=[options.cluster, options.context, options.name])
    folder.open(Cluster(provider="made", version="v1", nodes=3))
    yield Session(None, folder)


@pytest.fixture(scope="session", autouse=True)
def offline():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness.plugin, "session", session)
        patch.setattr(harness.plugin, "Scenario", Offline)
        yield


def note(**what):
    with (HERE / "notes.jsonl").open("a") as file:
        file.write(json.dumps(what) + "\\n")


def pytest_survive_result(result):
    note(result=result.name, verdict=result.verdict)


def pytest_survive_finished(folder, results):
    note(finished=len(results.results), reported=(folder / "report.html").exists())
'''

TESTS = '''
import pytest
from conftest import NoErrors, Offline, Restart


@pytest.mark.row("B2", "delete-sleep", "delete")
def test_passes(survive):
    """Nothing is lost."""
    survive.restart(Restart())
    survive.expect(NoErrors())


@pytest.mark.row("B1", "rollout-naive", "rollout")
def test_fails(survive):
    survive.restart(Restart(failed=3))
    survive.expect(NoErrors())


@pytest.mark.row("C1", "evict-unproved", "evict")
def test_is_not_proved(survive):
    survive.restart(Restart(proved=False))
    survive.expect(NoErrors())


@pytest.mark.row("C7", "preempt-alone", "preempt")
def test_cannot_be(survive):
    survive.restart(Restart(needed="preemption needs two schedulable nodes"))
    survive.expect(NoErrors())


@pytest.mark.row("B5", "liveness-broken", "liveness")
def test_breaks(survive):
    survive.restart(Restart(breaks="the API went away"))
    survive.expect(NoErrors())


def test_without_a_row():
    pass
'''


@pytest.fixture
def made(pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    return pytester


def run(made, *arguments):
    return made.runpytest("-p", "no:cacheprovider", *arguments)


def one(made, body, marker='@pytest.mark.row("B1", "rollout-naive", "rollout")'):
    """A file with a single test."""
    imports = "import pytest\nfrom conftest import NoErrors, Offline, Restart\n"
    made.makepyfile(f"{imports}{marker}\ndef test_one(survive):\n    {body}\n")
    return made


def results(made):
    return Results.read(made.path / "reports" / "out" / "latest" / "results.json")


def notes(made):
    return [json.loads(line) for line in (made.path / "notes.jsonl").read_text().splitlines()]


def verdicts(made):
    return {result.name: result.verdict for result in results(made).results}


def test_help_and_markers(pytester):
    said = pytester.runpytest("--help").stdout
    for option in ("--cluster={auto,existing,kind,embedded}", "--kube-context=NAME", "--cluster-name=NAME"):
        said.fnmatch_lines([f"*{option}*"])
    said.fnmatch_lines(["*--survive-out=DIR*", "*--paths=PATH?,PATH?*"])
    pytester.runpytest("--markers").stdout.fnmatch_lines(
        ["@pytest.mark.row(id, name, path, takes_s=15): the row of the matrix*"]
    )


def test_another_cluster_than_there_is(made):
    run(made, "--cluster", "moon").stderr.fnmatch_lines(["*invalid choice: 'moon'*"])


def test_the_options_reach_the_session(made):
    run(made, "-k", "B2", "--cluster", "existing", "--kube-context", "mine", "--cluster-name", "x")
    assert notes(made)[0] == {"session": ["existing", "mine", "x"]}


@pytest.mark.parametrize("marker", ["row", 'row("B1")', 'row("B1", "a", "b", "c")', 'row("B1", name="a", path="b")'])
def test_a_row_with_another_number_of_words_is_refused(made, marker):
    said = run(one(made, "pass", f"@pytest.mark.{marker}"))
    assert said.ret == pytest.ExitCode.USAGE_ERROR
    said.stderr.fnmatch_lines(["ERROR: *test_one: @pytest.mark.row takes an id, a name and a path"])


def test_survive_without_a_row_is_refused(made):
    said = run(one(made, "pass", ""))
    said.stdout.fnmatch_lines(["*test_one needs @pytest.mark.row(id, name, path)*"])
    assert said.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("chosen", "names"), [("delete", {"delete-sleep"}), ("delete, rollout", {"delete-sleep", "rollout-naive"})]
)
def test_paths_choose(made, chosen, names):
    said = run(made, "--paths", chosen)
    assert set(verdicts(made)) == names
    said.assert_outcomes(passed=2, failed=len(names) - 1, deselected=5 - len(names))


@pytest.mark.parametrize("more", [[], ["-n", "2"]])
def test_an_unknown_path_is_refused(made, more):
    said = run(made, "--paths", "delete,moon", *more)
    assert said.ret == pytest.ExitCode.USAGE_ERROR
    said.stderr.fnmatch_lines(["ERROR: --paths moon: there are delete, evict, liveness, preempt, rollout"])
    said.stdout.no_fnmatch_line("*INTERNALERROR*")
    assert not (made.path / "reports").exists()


@pytest.mark.parametrize(
    ("words", "name"), [("B1", "rollout-naive"), ("rollout-naive", "rollout-naive"), ("B2", "delete-sleep")]
)
def test_k_finds_a_row_by_its_id_and_its_name(made, words, name):
    run(made, "-k", words)
    assert list(verdicts(made)) == [name]


def test_a_use_that_cannot_be_is_refused_before_anything_is_touched(made):
    said = run(made, "--survive-slo", "120")
    assert said.ret == pytest.ExitCode.USAGE_ERROR
    said.stderr.fnmatch_lines(["ERROR: slo_percent 120*"])
    assert not (made.path / "reports").exists()


def test_a_pass(made):
    said = run(made, "-k", "B2")
    assert said.ret == pytest.ExitCode.OK
    said.assert_outcomes(passed=1, deselected=5)
    (result,) = results(made).results
    assert (result.id, result.verdict, result.title) == ("B2", "pass", "Nothing is lost.")
    assert result.test.endswith("::test_passes")
    said.stdout.fnmatch_lines(["*B2 *delete-sleep *PASS*", "1 pass in * s on made", "report: *report.html"])


def test_a_verdict_is_told_in_place_of_passed(made):
    said = run(made, "-k", "B2 or B1", "-v")
    said.stdout.fnmatch_lines_random([
        "*::test_passes PASS B2 delete-sleep, 0/20 failed, * s *", "*::test_fails FAIL B1 rollout-naive, 3/20 failed, *"
    ])  # fmt: skip


def test_what_takes_longest_begins_first(made):
    made.makepyfile(
        "import pytest\n"
        + "".join(
            f'@pytest.mark.row("B1", "row-{n}", "rollout"{takes})\ndef test_{n}(survive):\n    pass\n'
            for n, takes in enumerate(("", ", takes_s=90", ", takes_s=5", ", takes_s=30", ""))
        )
    )
    said = run(made, "--co", "-q")
    assert [line[-1] for line in said.outlines if "::test_" in line] == ["1", "3", "0", "4", "2"]


def test_a_row_that_is_alone_with_a_thing_takes_its_turn(made):
    made.makepyfile(
        "import contextlib\nimport pytest\nfrom conftest import note\nfrom harness.run import RunFolder\n"
        "@contextlib.contextmanager\ndef turn(folder, what, row):\n"
        "    note(begins=what, row=row)\n    yield\n    note(ends=what)\n"
        '@pytest.fixture(scope="session", autouse=True)\ndef turns():\n'
        "    with pytest.MonkeyPatch.context() as patch:\n"
        '        patch.setattr(RunFolder, "turn", turn)\n        yield\n'
        '@pytest.mark.alone("the last seat")\n@pytest.mark.row("B1", "row-1", "rollout")\n'
        'def test_one(survive):\n    note(sits="row-1")\n'
    )
    run(made)
    assert [note for note in notes(made) if {"begins", "sits", "ends"} & note.keys()] == [
        {"begins": "the last seat", "row": "row-1"}, {"sits": "row-1"}, {"ends": "the last seat"},
    ]  # fmt: skip


def test_a_fail_is_told_without_a_traceback(made):
    said = run(made, "-k", "B1")
    assert said.ret == pytest.ExitCode.TESTS_FAILED
    said.stdout.fnmatch_lines([
        "*_ test_fails _*",
        "FAIL B1 rollout-naive: Expected no errors (seen: 3 of 20 requests failed*",
        "*broken: no errors (seen: 3 of 20*",
        "*proof: the pod went",
    ])  # fmt: skip
    said.stdout.no_fnmatch_line("*Traceback*")
    said.stdout.no_fnmatch_line("*scenario.py*")
    said.stdout.no_fnmatch_line(">*")
    assert results(made).results[0].title == "fails"


def test_inconclusive_is_a_status_of_its_own_and_fails_the_run(made):
    said = run(made, "-k", "C1", "-v")
    assert said.ret == pytest.ExitCode.TESTS_FAILED
    said.stdout.fnmatch_lines(["*::test_is_not_proved INCONCLUSIVE C1 evict-unproved, *", "*1 inconclusive*"])
    said.stdout.fnmatch_lines(["INCONCLUSIVE C1 evict-unproved: The restart was not proved: nobody saw it go."])
    said.stdout.no_fnmatch_line("*FAILED*")
    assert verdicts(made) == {"evict-unproved": "inconclusive"}


NOISY = """import pathlib
import pytest
from conftest import NoErrors, Restart
from harness.records import RequestBatch

LATE_MS = 1_000_000 * 20

class Late(Restart):
    def act(self, site):
        first = not pathlib.Path("measured").exists()
        pathlib.Path("measured").touch()
        super().act(site)
        if first or self.always:
            late = [[row[0], LATE_MS, *row[2:]] for row in site.recorder.tail(RequestBatch, 1)[0].rows]
            site.recorder.tail(RequestBatch, 1)[0].rows[:] = late

@pytest.mark.row("B2", "delete-sleep", "delete")
def test_late(survive):
    path = Late(FAILED)
    path.always = ALWAYS
    survive.restart(path)
    survive.expect(NoErrors())
"""
AGAIN = ("-v", "--reruns", "1", "--only-rerun", "^TooNoisy:")


def test_what_was_too_noisy_is_measured_again_alone_and_said_so(made):
    made.makepyfile(NOISY.replace("ALWAYS", "False").replace("FAILED", ""))
    said = run(made, *AGAIN)
    assert said.ret == pytest.ExitCode.OK
    said.stdout.fnmatch_lines([
        "*::test_late INCONCLUSIVE B2 delete-sleep, *: to be measured again, alone*",
        "*::test_late PASS B2 delete-sleep, *",
        "measured again, alone: B2 delete-sleep; at first the prober control was 20.0 ms late at p99, over 5.0 ms",
    ])  # fmt: skip
    (result,) = results(made).results
    assert (result.verdict, result.noise.earlier) == ("pass", "the prober control was 20.0 ms late at p99, over 5.0 ms")
    (folder,) = (made.path / "reports" / "out").glob("2*")
    assert list(history.read(folder / "noisy" / "delete-sleep.jsonl.gz")) == ["delete-sleep"]
    assert list(history.read(folder / "history.jsonl.gz")) == ["delete-sleep"]


def test_what_is_too_noisy_twice_stays_inconclusive(made):
    made.makepyfile(NOISY.replace("ALWAYS", "True").replace("FAILED", ""))
    assert run(made, *AGAIN).ret == pytest.ExitCode.TESTS_FAILED
    assert verdicts(made) == {"delete-sleep": "inconclusive"}


def test_a_fail_and_what_was_not_proved_are_not_measured_again(made):
    said = run(made, *AGAIN, "-k", "B1 or C1")
    said.stdout.no_fnmatch_line("*measured again*")
    assert verdicts(made) == {"rollout-naive": "fail", "evict-unproved": "inconclusive"}


def test_what_is_impossible_here_is_skipped_with_its_reason(made):
    said = run(made, "-k", "C7", "-rs")
    assert said.ret == pytest.ExitCode.OK
    said.assert_outcomes(skipped=1, deselected=5)
    said.stdout.fnmatch_lines(["SKIPPED*preemption needs two schedulable nodes"])
    (result,) = results(made).results
    assert (result.verdict, result.why) == ("skip", "preemption needs two schedulable nodes")
    assert not (made.path / "healed").exists()


def test_a_test_that_skips_itself_is_no_error(made):
    run(one(made, 'pytest.skip("not today")')).assert_outcomes(skipped=1)
    (result,) = results(made).results
    assert (result.verdict, result.why) == ("skip", "not today")


def test_what_broke_a_test_is_kept_as_its_result(made):
    said = run(made, "-k", "B5")
    said.assert_outcomes(failed=1, deselected=5)
    said.stdout.fnmatch_lines(["E *RuntimeError: the API went away"])
    (result,) = results(made).results
    assert result.verdict == "error"
    assert "RuntimeError: the API went away" in result.why
    assert result.proof == ["the pod went"]
    assert (made.path / "healed").read_text() == "healed\n"


def test_what_broke_before_the_test_began_is_kept_too(made):
    made.makepyfile(
        'import pytest\nfrom conftest import Offline\nOffline.refuse = "no namespace"\n'
        '@pytest.mark.row("B1", "rollout-naive", "rollout")\ndef test_one(survive):\n    pass\n'
    )
    run(made).assert_outcomes(errors=1)
    (result,) = results(made).results
    assert (result.verdict, "RuntimeError: no namespace" in result.why) == ("error", True)
    assert notes(made)[1] == {"result": "rollout-naive", "verdict": "error"}
    assert list(history.read(made.path / "reports/out/latest/history.jsonl.gz")) == ["rollout-naive"]


def test_a_test_that_expects_nothing_is_an_error(made):
    said = run(one(made, "survive.restart(Restart())"))
    said.assert_outcomes(passed=1)
    assert said.ret == pytest.ExitCode.TESTS_FAILED, "a test that ends well without a verdict fails the run"
    (result,) = results(made).results
    assert (result.verdict, "without a survive.expect" in result.why) == ("error", True)


def test_a_name_may_be_used_once(made):
    made.makepyfile(TESTS.replace("rollout-naive", "delete-sleep"))
    said = run(made, "-k", "B1 or B2")
    said.stdout.fnmatch_lines(["*two tests are called 'delete-sleep': a row's name must be unique in a run"])
    assert said.ret == pytest.ExitCode.TESTS_FAILED


ALL = {
    "delete-sleep": "pass", "rollout-naive": "fail", "evict-unproved": "inconclusive", "preempt-alone": "skip",
    "liveness-broken": "error",
}  # fmt: skip


@pytest.mark.parametrize("more", [[], ["-n", "2"]], ids=["alone", "two workers"])
def test_a_whole_run_is_written_once(made, more):
    said = run(made, *more)
    assert said.ret == pytest.ExitCode.TESTS_FAILED
    assert verdicts(made) == ALL
    assert [result.id for result in results(made).results] == ["B1", "B2", "B5", "C1", "C7"]
    out = made.path / "reports" / "out"
    (folder,) = [path for path in out.iterdir() if not path.is_symlink()]
    assert sorted(path.name for path in folder.iterdir()) == [
        "history.jsonl.gz", "junit.xml", "report.html", "results.json", "summary.md",
    ]  # fmt: skip
    assert set(history.read(folder / "history.jsonl.gz")) == set(ALL)
    assert all(name in (folder / "report.html").read_text() for name in ALL)
    assert ET.parse(folder / "junit.xml").getroot() is not None
    told = {one["result"]: one["verdict"] for one in notes(made) if "result" in one}
    assert told == ALL
    assert [one for one in notes(made) if "finished" in one] == [{"finished": 5, "reported": False}]
    said.stdout.fnmatch_lines(["1 pass, 1 fail, 1 inconclusive, 1 skip, 1 error in * s on made", f"report: {folder}/*"])
    assert len([line for line in said.outlines if line.startswith("report: ")]) == 1
    sessions = [one for one in notes(made) if "session" in one]
    assert len(sessions) == (2 if more else 1)


def test_without_rows_nothing_is_made(made):
    said = run(made, "-k", "without_a_row")
    said.assert_outcomes(passed=1, deselected=5)
    assert not (made.path / "reports").exists()
    said.stdout.no_fnmatch_line("*report:*")


def test_the_reports_go_where_they_are_asked_to(made):
    run(made, "-k", "B2", "--survive-out", "elsewhere/x")
    assert (made.path / "elsewhere" / "x" / "latest" / "report.html").exists()
    assert not (made.path / "reports").exists()
