"""`survive tune` and its trials, without a cluster."""

import concurrent.futures
import contextlib
import json

import histories as made
import pytest
import yaml
from own_manifests import service, workload
from test_tune_hunt import Made

from harness.cli import main
from harness.commands import tune as command
from harness.deploy import server
from harness.disrupt import Delete
from harness.errors import SurviveError, WaitTimeout
from harness.failures import Failed, TooNoisy
from harness.judge.expect import ErrorRate, NoErrors, NoOutage, Outage
from harness.records import Act
from harness.results import Cluster, Result
from harness.session import Session
from harness.spec import load_app
from harness.tune import trial
from harness.tune.change import Bench, Setting
from harness.tune.hunt import Task
from harness.tune.removal import Spread
from harness.tune.subject import Subject, limits_in_words, subject_of
from harness.tune.trial import Trials

SPREAD = Spread(where="from all nodes", count=20, least_s=0.1, median_s=0.4, half_s=0.6, most_s=1.2, share=0.86)


@pytest.fixture
def spec(tmp_path):
    def write(**fields):
        (tmp_path / "k8s.yaml").write_text(yaml.safe_dump_all([workload(), service()]))
        path = tmp_path / "shop.survive.yaml"
        path.write_text(yaml.safe_dump({"manifests": "k8s.yaml", **fields}))
        return path

    return write


@pytest.fixture
def app(monkeypatch, tmp_path):
    """The command with an app that needs 2 s, and 3 s to stop, in place of a cluster's."""
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path / "home"))
    found = Made(2, shutdown_s=3.0)

    @contextlib.contextmanager
    def session(options, folder, progress):
        folder.open(Cluster(provider="embedded", version="1", nodes=1))
        yield Session(None, folder)

    class Fake:
        def __init__(self, opened, subject, over, say):
            self.over, self.attempt = over, found.attempt

    monkeypatch.setattr(command, "session", session)
    monkeypatch.setattr(command, "Trials", Fake)
    monkeypatch.setattr(command, "measure", lambda opened, count: [SPREAD])
    return found


def test_it_begins_where_removals_end_and_keeps_what_it_found(app, spec, tmp_path, capsys):
    options = ["--out", str(tmp_path / "out"), "--json", str(tmp_path / "found.json")]
    assert main(["tune", str(spec(limits={"errors": "0 %"})), *options]) == 0
    said = capsys.readouterr().out
    assert "from all nodes: 20 removals took 0.10 to 1.20 s" in said
    assert "the search begins at a sleep of 2 s; 59 restarts without a failure then prove" in said
    assert "found: 0 of 59 restarts broke a limit" in said
    assert app.tasks[0].setting.sleep_s == 2
    folder = tmp_path / "out" / "latest"
    found = json.loads((folder / "tune.json").read_text())
    assert found == json.loads((tmp_path / "found.json").read_text())
    assert found["limits"] == {"rollout": ["errors at most 0 %"], "delete": ["errors at most 0 %"]}
    assert found["setting"]["terminationGracePeriodSeconds"] == 2 + 3 + 2
    (patch,) = yaml.safe_load_all((folder / "tune.patch.yaml").read_text())
    assert patch["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 7
    assert (folder / "results.json").exists()


def test_what_is_known_is_told_when_the_time_is_over_or_it_is_interrupted(app, spec, tmp_path, capsys, monkeypatch):
    out = ["--out", str(tmp_path / "out"), "--removals", "0"]
    assert main(["tune", str(spec()), *out, "--time-limit", "0.0000001"]) == 1
    assert "nothing is known yet: the time limit of 1e-07 min is over" in capsys.readouterr().out
    usual = app.attempt

    def interrupted(tasks):
        if len(app.tasks) >= 3:
            raise KeyboardInterrupt
        return usual(tasks)

    monkeypatch.setattr(app, "attempt", interrupted)
    assert main(["tune", str(spec()), *out]) == 1
    said = capsys.readouterr().out
    assert "not found, interrupted; the best so far: 0 of 0 restarts" in said
    assert "seconds: 2" in said  # it begins at 3 s if nothing was measured, and 2 s were tried beside


def test_without_a_measurement_it_says_where_it_begins(app, spec, tmp_path, capsys, monkeypatch):
    def noisy(opened, count):
        raise SurviveError("the removal of endpoints could not be measured: it was noisy")

    monkeypatch.setattr(command, "measure", noisy)
    assert main(["tune", str(spec()), "--out", str(tmp_path / "out"), "--begin", "5"]) == 0
    assert "it was noisy; the search begins at 5 s" in capsys.readouterr().out
    assert app.tasks[0].setting.sleep_s == 5


def test_routing_alone(app, tmp_path, capsys):
    assert main(["routing", "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.startswith("from all nodes: 20 removals took 0.10 to 1.20 s, median 0.40 s")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--below", "0"], "--below 0.0: a share between 0 and 1"),
        (["--confidence", "95"], "--confidence 95.0: a share between 0 and 1"),
        (["--highest", "-1"], "--highest -1: at least 0"),
        (["--at-first", "0"], "--at-first 0: at least 1"),
        (["--begin", "16"], "--begin 16: from 0 to --highest, 15"),
        (["--time-limit", "0"], "--time-limit 0: minutes, more than 0"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_touched(app, spec, capsys, options, said):
    assert main(["tune", str(spec()), *options]) == 1
    assert said in capsys.readouterr().err
    assert app.tasks == []


def test_the_paths_and_limits_are_those_of_the_file(spec):
    own = load_app(
        spec(
            limits={"outage": "1s", "errors": "1 %"},
            paths=["evict", {"delete": {"count": 2, "limits": {"p99": "50ms"}}}],
            requests={"path": "/x", "rate": "50/s"},
            duration="20s",
        )
    )
    subject = subject_of(own)
    (path,) = subject.paths
    assert (path.name, path.count, subject.every_s) == ("delete", 2, 20.0)
    assert limits_in_words(own, subject) == {"delete": ["p99 at most 50 ms"]}
    assert (subject.load["rate"], subject.load["background"], subject.load["at_least_s"]) == (50.0, 0.0, 0.0)
    both = subject_of(own, ["delete", "rollout"])
    assert [one.name for one in both.paths] == ["rollout", "delete"]
    assert both.limits["rollout"] == [ErrorRate(at_most=0.01), Outage(at_most_s=1.0)]


def test_without_limits_nothing_may_be_lost_and_load_that_was_asked_for_stays(spec):
    subject = subject_of(load_app(spec(requests={"background": "5/s"})))
    assert [path.name for path in subject.paths] == ["rollout", "delete"]
    assert subject.limits["delete"] == [NoErrors(), NoOutage()]
    assert subject.load["background"] == 5.0


class Scenario:
    """A trial of which each restart is one act, and the second one loses requests if it is to."""

    bad = False
    ends = "pass"

    def __init__(self, *args, **more):
        self.acts = []
        self.closed = None
        Scenario.last = self

    def open(self):
        if Scenario.ends == "breaks":
            raise WaitTimeout("waited 30 s for nothing")

    def deploy(self, app, ready_s):
        return app

    @contextlib.contextmanager
    def load(self, app, **asked):
        yield

    def restart(self, path):
        for number in range(path.count):
            if number and path.enough():
                return
            act = Act(made.at(5 + 10 * number), "restart", "restart/1", "begin", detail={"path": "delete"})
            self.acts += [act, Act(act.t_ns + 4 * 10**9, "restart", "restart/1", "done")]

    @property
    def history(self):
        return made.history(self.acts, made.probe(made.steady(90, (16, 16.1) if Scenario.bad else (0, 0))))

    def expect(self, *expectations):
        verdict = "inconclusive" if Scenario.ends == "noisy" else "fail" if Scenario.bad else "pass"
        result = Result(id="B2", name="t", path="delete", title="", test="", verdict=verdict, why="it was so")
        if Scenario.ends == "noisy":
            raise TooNoisy(result)
        if Scenario.bad:
            raise Failed(result)

    def close(self, error):
        self.closed = error


@pytest.fixture
def trials(monkeypatch):
    def make(*, bad=False, ends="pass", over=lambda: ""):
        Scenario.bad, Scenario.ends = bad, ends
        monkeypatch.setattr(trial, "Scenario", Scenario)
        app = server()
        subject = Subject(Bench(app), [Delete(app.selector)], {"delete": [NoErrors()]})
        said = []
        made_trials = Trials(Session(None, None), subject, over, said.append)
        return made_trials, said

    return make


TASK = Task((0, 0, 0, 2), Setting(2, grace_s=32), 6)


def test_a_trial_counts_its_restarts(trials):
    (told,) = trials()[0].attempt([TASK])
    assert (told.restarts, told.failed, told.broken) == (6, 0, "")
    assert told.each_s == pytest.approx((5 * 10 + 4) / 6)


def test_a_restart_that_breaks_a_limit_ends_its_trial_and_those_that_it_speaks_against(trials):
    made_trials, _ = trials(bad=True)
    (told,) = made_trials.attempt([TASK])
    assert (told.restarts, told.failed) == (1, 1)
    assert "requests failed" in told.broken
    Scenario.bad = False
    (less,) = made_trials.attempt([Task((0, 0, 0, 1), Setting(1), 6)])
    (more,) = made_trials.attempt([Task((0, 0, 0, 3), Setting(3), 6)])
    assert (less.restarts, more.restarts) == (1, 6)


@pytest.mark.parametrize(("ends", "why"), [("noisy", "it was so"), ("breaks", "waited 30 s for nothing")])
def test_what_cannot_be_told_is_told_as_such(trials, ends, why):
    (told,) = trials(ends=ends)[0].attempt([TASK])
    assert (told.restarts, told.why) == (0, why)
    assert why in Scenario.last.closed or ends == "noisy"  # the harness broke, which the row's result says


def test_an_interrupt_lets_what_runs_come_to_its_end_and_counts_it(trials, monkeypatch):
    made_trials, said = trials()
    wait, calls = concurrent.futures.wait, []

    def interrupted(jobs):
        calls.append(jobs)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return wait(jobs)

    monkeypatch.setattr(concurrent.futures, "wait", interrupted)
    (told,) = made_trials.attempt([TASK])
    assert 1 <= told.restarts <= 6
    assert made_trials.over() == "interrupted"
    assert said == ["interrupted: what runs comes to its end, in 52 s at most"]


def test_an_interrupt_before_all_are_begun_ends_those_that_are(trials, monkeypatch):
    made_trials, _ = trials()
    name, calls = made_trials._name, []

    def interrupted():
        calls.append(name())
        if len(calls) == 2:
            raise KeyboardInterrupt
        return calls[-1]

    monkeypatch.setattr(made_trials, "_name", interrupted)
    first, second = made_trials.attempt([TASK, TASK])
    assert 1 <= first.restarts <= 6
    assert (second.restarts, second.why) == (0, "interrupted")
    assert made_trials.over() == "interrupted"


def test_once_it_is_over_a_trial_goes_no_further(trials):
    made_trials, _ = trials(over=lambda: "the time is over")
    (told,) = made_trials.attempt([TASK])
    assert (told.restarts, made_trials.over()) == (1, "the time is over")
