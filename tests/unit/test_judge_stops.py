import histories as made
import pytest

from harness.judge.expectation import Evidence
from harness.judge.stopped import Bracket
from harness.judge.stops import BackOff, EndsAt, HookAt, NoHook, NoSignal, OneByOne, SignalAt, StopBegins
from harness.records import Act, AppSaid, EventSeen

ASKED_S = -1.5
"""The request; the stop begins at 0 s."""


def acted(t_s=ASKED_S):
    return [Act(made.at(t_s), "delete", "pod/a", status, "uid-a", {}) for status in ("begin", "done")]


def killing(t_s=0.0):
    return EventSeen(made.at(t_s), "Killing", "Normal", "Stopping container app", "Pod/a", "uid-a")


def started(*hears, t_s=-4):
    return made.said(t_s, "started", hears=list(hears))


def beats(until_s, since_s=0.0):
    return [made.said(since_s + n / 10, "beat") for n in range(round((until_s - since_s) * 10) + 1)]


def end(t_s, seen_s=None, **more):
    terminated = made.container(state="terminated", exit_code=137, finished_ns=made.at(int(t_s)), **more)
    return made.pod(t_s + 0.5 if seen_s is None else seen_s, containers=[terminated])


def judged(expectation, *records):
    running = made.pod(-5, containers=[made.container()])
    return expectation(Evidence(made.history(running, acted(), killing(), *records)))


def unstopped(expectation, *records):
    """Judged where the kubelet stopped nothing."""
    running = made.pod(-5, containers=[made.container()])
    return expectation(Evidence(made.history(running, acted(), *records)))


def signal(t_s, name="SIGTERM", event="signal", container="app"):
    return AppSaid(made.at(t_s), "a", container, event, {"signal": name})


@pytest.mark.parametrize(("t_s", "holds"), [(3.69, False), (3.7, True), (5.0, True), (5.01, False)])
def test_a_signal_at_its_time(t_s, holds):
    told = judged(SignalAt(at_s=4), started("SIGTERM"), signal(t_s))
    assert (told.holds, told.what) == (holds, "SIGTERM 4 s (-0.3, +1) after the stop began")
    assert told.seen == f"app {t_s:.2f} s"


def test_the_first_signal_counts_and_none_before_the_request():
    told = judged(SignalAt(at_s=0), started("SIGTERM"), signal(-2), signal(0.5, event="noted"), signal(3))
    assert (told.holds, told.seen) == (True, "app 0.50 s")


def test_a_signal_before_the_stop_is_too_early():
    assert judged(SignalAt(at_s=0), started("SIGTERM"), signal(-1), signal(0.5)).holds is False


def test_another_signal_is_not_it():
    assert judged(SignalAt(at_s=0), started("SIGTERM", "SIGQUIT"), signal(0.5, "SIGQUIT")).holds is False


@pytest.mark.parametrize("expectation", [SignalAt(at_s=0), HookAt(hook="preStop", at_s=0), EndsAt(at_s=0)])
def test_where_the_kubelet_stopped_nothing_no_time_is_known(expectation):
    told = unstopped(expectation, started("SIGTERM"), signal(0.5), hook(0.5), made.said(0.5, "exit", code=0))
    assert (told.holds, told.seen) == (None, "app was not stopped by the kubelet")


def test_the_stop_begins_soon_after_the_request():
    told = judged(StopBegins(at_most_s=2))
    assert (told.holds, told.seen) == (True, "app 1.50 s")
    assert judged(StopBegins(at_most_s=1.4)).holds is False
    assert unstopped(StopBegins(at_most_s=2)).holds is None


def test_who_cannot_hear_a_signal_tells_nothing_of_it():
    assert judged(SignalAt(at_s=0), started()).holds is None
    assert judged(NoSignal(), started()).holds is None
    assert judged(NoSignal()).holds is None


def test_no_signal():
    assert judged(NoSignal(), started("SIGTERM")).holds is True
    assert judged(NoSignal(), started("SIGTERM"), signal(1.25)).seen == "app at 1.25 s"
    assert judged(NoSignal(), started("SIGTERM"), signal(1.25)).holds is False
    assert judged(NoSignal(), started("SIGTERM"), started(t_s=2)).holds is None


def test_without_a_container_nothing_is_told():
    for expectation in (SignalAt(at_s=1), NoSignal(), HookAt(hook="h", at_s=1), EndsAt(at_s=1), NoHook(hook="h")):
        assert expectation(Evidence(made.history(acted()))).holds is None
        assert expectation(Evidence(made.history(made.pod(-5, containers=[made.container()])))).holds is None


def hook(t_s, step="begin", name="preStop"):
    return made.said(t_s, "hook", hook=name, step=step)


def test_a_hook():
    expectation = HookAt(hook="preStop", at_s=0)
    assert judged(expectation, hook(0.4), hook(5, "end"), hook(0.1, name="postStart")).holds is True
    assert judged(expectation, hook(1.1)).holds is False
    assert judged(expectation, hook(0.4), hook(0.8)).holds is False
    assert judged(expectation, hook(-0.4)).holds is False
    assert judged(HookAt(hook="preStop", step="end", at_s=5), hook(0.4), hook(5, "end")).holds is True


def test_no_hook():
    assert judged(NoHook(hook="preStop"), beats(1)).holds is True
    assert judged(NoHook(hook="preStop"), beats(1), hook(0.4)).holds is False
    assert judged(NoHook(hook="preStop")).holds is None


def test_an_exit_is_told_to_the_moment():
    assert judged(EndsAt(at_s=2, late_s=1), beats(2), made.said(2.5, "exit", code=0), end(2.5)).holds is True
    told = judged(EndsAt(at_s=2, late_s=1), beats(2), made.said(3.01, "exit", code=0), end(3.01))
    assert (told.holds, told.seen) == (False, "app 3.01 s")


@pytest.mark.parametrize(
    ("at_s", "holds"), [(4, True), (4.39, True), (4.42, None), (6, False), (2.1, None), (2, False)]
)
def test_a_kill_lies_between_the_last_line_and_the_end_of_the_second_that_the_status_tells(at_s, holds):
    told = judged(EndsAt(at_s=at_s), beats(4.1), end(4.2, seen_s=5.5))
    assert (told.holds, told.seen) == (holds, "app 4.10 to 5.00 s")


def test_a_kill_is_no_later_than_its_status_was_seen():
    assert judged(EndsAt(at_s=4), beats(4.1), end(4.2, seen_s=4.3)).seen == "app 4.10 to 4.30 s"


def test_without_lines_the_status_alone_brackets_it():
    assert judged(EndsAt(at_s=4), end(4.2, seen_s=5.5)).seen == "app 4.00 to 5.00 s"


def test_a_process_whose_pod_is_gone_ends_with_its_last_line():
    gone = made.pod(0.1, change="DELETED", deletion_s=0)
    talk = beats(2.4, since_s=ASKED_S)
    told = judged(EndsAt(at_s=2), gone, talk)
    assert (told.holds, told.seen) == (True, "app 2.40 to 2.50 s")
    assert judged(EndsAt(at_s=2), gone, beats(1.5, since_s=ASKED_S)).holds is False
    assert judged(EndsAt(at_s=2), gone, beats(2.4, since_s=2)).holds is None
    assert judged(EndsAt(at_s=2), talk).holds is None


def test_a_bracket_holds_as_a_whole_or_not_at_all():
    assert Bracket(1, 2).within(1, 2) is True
    assert Bracket(1, 2).within(0, 0.9) is False
    assert Bracket(1, 2).within(2.1, 3) is False
    assert Bracket(1, 2).within(1.5, 3) is None


def sidecars(moments):
    """A pod whose containers were signalled and exited at these moments."""
    pod = made.pod(-5, containers=[made.container(name=name) for name in moments])
    lines = [
        AppSaid(made.at(t_s), "a", name, event, {"signal": "SIGTERM"})
        for name, (signal_s, exit_s) in moments.items()
        for t_s, event in ((signal_s, "signal"), (exit_s, "exit"))
        if t_s is not None
    ]
    return Evidence(made.history(pod, acted(), killing(), lines))


ORDER = OneByOne(containers=("main", "two", "one"))


def test_one_by_one():
    assert ORDER(sidecars({"one": (4, 5), "two": (2, 3), "main": (0, 2)})).holds is True
    assert ORDER(sidecars({"one": (2.9, 5), "two": (2, 3), "main": (0, 2)})).holds is False
    assert ORDER(sidecars({"one": (4, 5), "two": (0, 1), "main": (0, 2)})).holds is False
    assert ORDER(sidecars({"one": (4, 5), "two": (2, None), "main": (0, 2)})).holds is None
    assert ORDER(sidecars({"two": (2, 3), "main": (0, 2)})).holds is None
    assert "two 2.00 s to 3.00 s" in ORDER(sidecars({"one": (4, 5), "two": (2, 3), "main": (0, 2)})).seen


def crashes(*pauses_s):
    lines, now_s = [], 1.0
    for pause_s in pauses_s:
        lines += [made.said(now_s, "exit", code=1), made.said(now_s + pause_s, "started", hears=[])]
        now_s += pause_s + 1
    return lines


def test_a_back_off():
    expectation = BackOff(delays_s=(0, 10, 20), jitter=0.5, start_s=3)
    assert judged(expectation, crashes(1, 10, 32.9)).holds is True
    assert judged(expectation, crashes(1, 9.9, 20)).holds is False
    assert judged(expectation, crashes(3.1, 10, 20)).holds is False
    assert judged(expectation, crashes(1, 10, 33.1)).holds is False
    assert judged(expectation, crashes(1, 10)).holds is False
    assert judged(expectation).holds is None
    assert judged(expectation, crashes(1, 10, 20)).seen == "1.00 s, 10.00 s, 20.00 s"
