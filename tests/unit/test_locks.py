"""Locks between processes: each holder here is a process that says `held` and lets go when its input ends."""

import contextlib
import re
import subprocess
import sys

import pytest

from harness import locks
from harness.errors import UsageError
from harness.locks import hold, holder, share

CODE = """
import pathlib, sys
from harness.errors import UsageError
from harness.locks import hold, share
how, path, *more = sys.argv[1:]
try:
    with {"hold": hold, "share": share}[how](pathlib.Path(path), *more):
        print("held", flush=True)
        sys.stdin.read()
except UsageError as error:
    print(error, flush=True)
"""


class Holder:
    """A process that holds a lock, or `said` why not."""

    def __init__(self, how, path, *more):
        argv = [sys.executable, "-c", CODE, how, str(path), *more]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said = self.process.stdout.readline().strip()

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def end(self):
        self.process.communicate()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "cluster.lock"


@pytest.fixture
def start(path):
    with contextlib.ExitStack() as stack:

        def started(how, *more):
            made = Holder(how, path, *more)
            stack.callback(made.kill)
            return made

        yield started


def test_a_second_holder_is_told_who_holds_it(path, start):
    one = start("hold", "survive cluster up (a)")
    told = rf"^cluster is held by process {one.pid} \(survive cluster up \(a\), since \d{{4}}-.*\); wait for it, or end"
    assert one.said == "held"
    with pytest.raises(UsageError, match=told), hold(path, "another"):
        pass
    assert re.match(told, start("hold", "a third").said)


def test_it_is_free_when_its_holder_lets_go(path, start):
    start("hold", "first").end()
    with hold(path, "second"):
        assert "second" in holder(path)
    assert holder(path) == "another process"
    assert start("hold", "third").said == "held"


def test_it_is_free_when_its_holder_is_killed(path, start):
    start("hold", "first").kill()
    assert "first" in holder(path)
    with hold(path, "second"):
        assert "second" in holder(path)


def test_it_is_free_after_an_error(path):
    with pytest.raises(ZeroDivisionError), hold(path, "first"):
        raise ZeroDivisionError
    with hold(path, "second"):
        pass


def test_it_waits_for_its_turn(path, start, monkeypatch):
    """The holder ends while another waits."""
    one = start("hold", "first")
    waited = []

    def sleep(_):
        waited.append(one.end())

    monkeypatch.setattr("harness.locks.time.sleep", sleep)
    with hold(path, "second", wait_s=60):
        assert len(waited) == 1


def test_a_lock_whose_file_was_removed_meanwhile_is_not_held(path, start, monkeypatch):
    """Another may hold its successor already."""
    one = start("hold", "first")
    next_ones = []

    def sleep(_):
        if not next_ones:
            path.unlink()
            next_ones.append(start("hold", "the next"))
            one.end()
        else:
            next_ones[0].end()

    monkeypatch.setattr("harness.locks.time.sleep", sleep)
    with hold(path, "second", wait_s=60):
        assert next_ones[0].process.poll() is not None
        assert "second" in holder(path)
        assert "second" in start("hold", "third").said


def test_a_lock_whose_file_goes_as_it_is_taken_is_made_anew(path, monkeypatch):
    tried = []

    def removed_first(*how):
        if not tried:
            path.unlink()
        tried.append(locked(*how))
        return tried[-1]

    locked = locks._try
    monkeypatch.setattr(locks, "_try", removed_first)
    monkeypatch.setattr("harness.locks.time.sleep", lambda _: None)
    with hold(path, "me", wait_s=60):
        assert "me" in holder(path)
    assert tried == [True, True]


def test_processes_of_one_group_share_it_and_another_may_not(path, start):
    first, second = start("share", "run-1", "run run-1"), start("share", "run-1", "run run-1")
    assert (first.said, second.said) == ("held", "held")
    other = start("share", "run-2", "run run-2")
    assert re.match(
        rf"cluster is held by process {first.pid} \(run run-1, since .*\); wait for it, or end it", other.said
    )
    first.end()
    assert "is held by" in start("share", "run-2", "run run-2").said
    assert start("share", "run-1", "run run-1").said == "held"


@pytest.mark.parametrize("how", ["end", "kill"])
def test_another_group_has_it_after_the_last_of_the_first(start, how):
    for one in [start("share", "run-1", "x"), start("share", "run-1", "x")]:
        getattr(one, how)()
    assert start("share", "run-2", "y").said == "held"
    assert "(y, since" in start("share", "run-1", "x").said


def test_what_is_shared_cannot_be_held_alone(path, start):
    start("share", "run-1", "run run-1")
    with pytest.raises(UsageError, match="run run-1"), hold(path, "me"):
        pass


def test_the_first_of_a_group_goes_on_if_a_second_comes_between(path):
    with share(path, "run-1", "a"), share(path, "run-1", "b"), pytest.raises(UsageError), share(path, "run-2", "c"):
        pass
    with share(path, "run-2", "c"):
        pass


def test_nobody_is_named_where_nothing_can_be_read(tmp_path):
    assert holder(tmp_path / "none") == "another process"
    (tmp_path / "bad").write_text("{")
    assert holder(tmp_path / "bad") == "another process"
