"""Trials: restarts of an app with other settings, side by side, each trial in a namespace of its own."""

import concurrent.futures
import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Sequence

from harness.clock import seconds
from harness.disrupt.in_turn import InTurn
from harness.errors import SurviveError
from harness.failures import Failed, Inconclusive
from harness.history import History
from harness.judge.each_restart import RESTART, EachRestart, restarts
from harness.judge.hurt import drain_s
from harness.records import Act
from harness.scenario import Row, Scenario
from harness.session import Session
from harness.tune.hunt import Task, Told
from harness.tune.search import Point, within
from harness.tune.subject import Subject
from harness.tune.timing import timing


class Trials:
    """Makes trials on a cluster. `over` says why they have to end; what runs then ends after its present restart."""

    def __init__(self, session: Session, subject: Subject, over: Callable[[], str], say: Callable[[str], None]) -> None:
        self._session = session
        self._subject = subject
        self._over = over
        self._say = say
        self._interrupted = threading.Event()
        self._lost: list[Point] = []
        self._token = secrets.token_hex(2)  # a row's name is unique in a run, in which there may be more than one hunt
        self._count = 0

    def over(self) -> str:
        """Why no more trials are to be made; empty if they are."""
        return "interrupted" if self._interrupted.is_set() else self._over()

    def attempt(self, tasks: Sequence[Task]) -> list[Told]:
        """See `hunt.Attempt`. An interrupt (Ctrl-C) lets what runs come to an end, and counts what it showed."""
        jobs: list[concurrent.futures.Future[Told]] = []
        with concurrent.futures.ThreadPoolExecutor(len(tasks)) as pool:
            try:
                for task in tasks:
                    jobs.append(pool.submit(self._told, task, self._name()))  # noqa: PERF401 -- those begun are kept
                concurrent.futures.wait(jobs)
            except KeyboardInterrupt:
                self._interrupted.set()
                longest_s = max(task.setting.grace_s or 0 for task in tasks)
                self._say(f"interrupted: what runs comes to its end, in {longest_s + 20} s at most")
        not_begun = [Told(0, why="interrupted")] * (len(tasks) - len(jobs))
        return [job.result() for job in jobs] + not_begun

    def _name(self) -> str:
        self._count += 1
        return f"tune-{self._token}-{self._count}"

    def _told(self, task: Task, name: str) -> Told:
        """One trial; what the machine was too noisy for, what was not proved, or what broke, is not told."""
        began_s = time.monotonic()
        try:
            history = self._try(task, name)
        except Inconclusive as exc:
            return Told(0, why=exc.result.why)
        except SurviveError as exc:
            return Told(0, why=str(exc))
        found = restarts(history, self._subject.limits)
        broken = [one for one in found if not one.holds]
        sleep_s = self._subject.bench.longest_s(task.setting)
        each_s = _each_s(history, len(found))
        return Told(
            len(found), len(broken), timing(history, self._subject.bench.app.selector, sleep_s), drain_s(history),
            broken[0].seen if broken else "", "", each_s, time.monotonic() - began_s - each_s * len(found),
        )  # fmt: skip

    def _try(self, task: Task, name: str) -> History:
        subject, session = self._subject, self._session
        first = subject.paths[0].name
        title = f"{task.setting.words}: up to {task.restarts} restarts in turn"
        row = Row("B1" if first == "rollout" else "B2", name, first, title, "survive tune")
        scenario = Scenario(session.kube, session.folder, row, session.nodes, session.furnishing, shared=session.shared)
        error = ""
        try:
            scenario.open()
            app = scenario.deploy(subject.bench.changed(task.setting), subject.ready_s)
            with scenario.load(app, **subject.load):
                enough = self._enough(task.point, scenario)
                scenario.restart(InTurn(subject.paths, task.restarts, enough, subject.every_s))
            with contextlib.suppress(Failed):  # that a limit was broken is what a trial is for
                scenario.expect(EachRestart(limits=subject.limits))
        except Exception as exc:
            error = f"{type(exc).__name__}: {exc}"
            raise
        else:
            return scenario.history
        finally:
            scenario.close(error)

    def _enough(self, point: Point, scenario: Scenario) -> Callable[[], bool]:
        """Whether a trial need not go on: a failure, here or beside it, has put its point out, or all is over."""

        def enough() -> bool:
            if any(one.holds is False for one in restarts(scenario.history, self._subject.limits)):
                self._lost.append(point)
            return bool(self.over()) or any(within(point, lost) for lost in self._lost)

        return enough


def _each_s(history: History, count: int) -> float:
    """How long a restart took, of so many."""
    moments = [act.t_ns for act in history.of(Act) if act.verb == RESTART]
    return seconds(max(moments) - min(moments)) / count if count else 0.0
