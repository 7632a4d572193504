"""The first process of a set of namespaces, without namespaces: it takes a made file for the host's name."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import types

import pytest

from harness.clusters.embedded import init
from harness.wait import until

HOSTNAME = "/proc/sys/kernel/hostname"
DRIVER = """
import importlib.util, pathlib, sys, types
file, hostname, *sys.argv = sys.argv[1:]
spec = importlib.util.spec_from_file_location("init", file)
init = importlib.util.module_from_spec(spec)
spec.loader.exec_module(init)
made = {"/proc/sys/kernel/hostname": hostname}
init.pathlib = types.SimpleNamespace(Path=lambda path: pathlib.Path(made.get(path, path)))
init.main()
"""


def write_spec(tmp_path, *steps, processes=(), cgroups=()):
    path = tmp_path / "spec.json"
    spec = {"hostname": "node-1", "cgroups": list(cgroups), "steps": list(steps), "processes": list(processes)}
    path.write_text(json.dumps(spec))
    return path


@contextlib.contextmanager
def started(tmp_path, spec):
    """init as its starter starts it, but for the host's name: (process, lines of its standard output)."""
    hostname = tmp_path / "hostname"
    net = os.open("/proc/self/ns/net", os.O_RDONLY)
    argv = [sys.executable, "-I", "-S", "-c", DRIVER, init.__file__, str(hostname), "init.py", str(spec), str(net)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True, pass_fds=[net])
    os.close(net)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def go(process):
    assert process.stdout.readline() == "started\n"
    process.stdin.write("go\n")
    process.stdin.flush()


def test_a_starter_that_dies_before_go_leaves_nothing_done(tmp_path):
    spec = write_spec(tmp_path, ["touch", str(tmp_path / "done")])
    argv = [sys.executable, "-I", "-S", init.__file__, str(spec), "0"]
    ended = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert ended.returncode != 0
    assert (ended.stdout, ended.stderr) == ("started\n", "the starter went away\n")
    assert not (tmp_path / "done").exists()


def test_any_other_word_than_go_is_none(tmp_path):
    spec = write_spec(tmp_path, ["touch", str(tmp_path / "done")])
    with started(tmp_path, spec) as process:
        out, _ = process.communicate("stop\n", timeout=30)
    assert (process.returncode, out) == (1, "started\n")
    assert not (tmp_path / "done").exists()


def test_a_step_that_fails_ends_it_by_name(tmp_path):
    steps = [
        ["touch", str(tmp_path / "one")],
        ["sh", "-c", "echo no such device >&2; exit 3"],
        ["touch", str(tmp_path / "two")],
    ]
    with started(tmp_path, write_spec(tmp_path, *steps)) as process:
        go(process)
        out, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert out == ""
    assert errors == "sh -c echo no such device >&2; exit 3: no such device\n"
    assert (tmp_path / "hostname").read_text() == "node-1"
    assert (tmp_path / "one").exists()
    assert not (tmp_path / "two").exists()


def test_ready_then_what_ends_is_started_again_and_orphans_are_reaped(tmp_path):
    told = tmp_path / "told"
    os.mkfifo(told)
    script = f"echo $$ $WHO > {told}; exec cat {tmp_path}/forever"
    os.mkfifo(tmp_path / "forever")
    program = {
        "name": "p", "argv": ["sh", "-c", script], "log": str(tmp_path / "p.log"), "env": {"WHO": "me"},
    }  # fmt: skip
    with started(tmp_path, write_spec(tmp_path, ["true"], processes=[program])) as process:
        go(process)
        assert process.stdout.readline() == "ready\n"
        first, who = told.read_text().split()
        os.kill(int(first), signal.SIGKILL)
        second, _ = told.read_text().split()
        assert (first != second, who) == (True, "me")
        assert process.poll() is None
        assert not pathlib.Path("/proc", first).exists()
        assert os.getsid(int(second)) == int(second)
        os.kill(int(second), signal.SIGKILL)


@pytest.fixture
def steps(monkeypatch, tmp_path):
    """The commands that `take_steps` ran."""
    ran = []

    def run(argv, **how):
        ran.append((argv, how["pass_fds"]))
        return subprocess.CompletedProcess(argv, 0, "", "")

    here = types.SimpleNamespace(Path=lambda path: tmp_path / "hostname" if path == HOSTNAME else pathlib.Path(path))
    monkeypatch.setattr(init, "pathlib", here)
    monkeypatch.setattr(init.subprocess, "run", run)
    return ran


def test_outer_steps_enter_the_network_of_the_starter(steps):
    init.take_steps({"hostname": "n", "cgroups": [], "steps": [["outer", "ip", "link"], ["ip", "route"]]}, 9)
    assert steps == [(["nsenter", "--net=/proc/self/fd/9", "ip", "link"], [9]), (["ip", "route"], [9])]


def test_the_cgroups_are_joined_before_anything_is_started(steps, tmp_path):
    joined = tmp_path / "cgroup.procs"
    init.take_steps({"hostname": "n", "cgroups": [str(joined)], "steps": []}, 9)
    assert joined.read_text() == "0"
    with pytest.raises(OSError, match="missing"):
        init.take_steps({"hostname": "n", "cgroups": [str(tmp_path / "missing" / "p")], "steps": [["true"]]}, 9)
    assert steps == []


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(init, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    return now


def a_program():
    return init.Program({"name": "x", "argv": ["x"], "log": "/dev/null"})


def test_the_pause_grows_to_its_limit(clock):
    program = a_program()
    pauses = []
    for _ in range(8):
        program.pid, program.started_s = 7, clock[0]
        clock[0] += 0.5
        program.ended()
        pauses.append(round(program.due_s - clock[0], 3))
        clock[0] = program.due_s
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    assert program.pid == 0


@pytest.mark.parametrize(("lived_s", "pause_s"), [(9.9, 0.8), (10.0, 0.2)])
def test_after_a_steady_life_the_pause_is_short_again(clock, lived_s, pause_s):
    program = a_program()
    program.pause_s, program.started_s = 0.8, clock[0]
    clock[0] += lived_s
    program.ended()
    assert program.due_s - clock[0] == pytest.approx(pause_s)


def test_a_new_program_is_due_at_once(clock):
    assert a_program().due_s <= clock[0]


def test_reap_notes_only_the_end_of_its_own(monkeypatch, clock):
    ended = [(41, 0), (7, 9), (0, 0)]
    monkeypatch.setattr(init.os, "waitpid", lambda *_: ended.pop(0))
    one, two = a_program(), a_program()
    one.pid, two.pid = 7, 8
    init.reap([one, two])
    assert (one.pid, two.pid, ended) == (0, 8, [])


def test_reap_without_children(monkeypatch):
    def none(*_):
        raise ChildProcessError

    monkeypatch.setattr(init.os, "waitpid", none)
    init.reap([a_program()])


@contextlib.contextmanager
def keeping(tmp_path, argv):
    """init with one program, ready: what it tells of the program, and an order to it."""
    program = {"name": "p", "argv": argv, "log": str(tmp_path / "p.log"), "env": {}}
    with started(tmp_path, write_spec(tmp_path, ["true"], processes=[program])) as process:
        go(process)
        assert process.stdout.readline() == "ready\n"

        def told():
            return json.loads((tmp_path / "programs.json").read_text())["p"]

        def order(verb, met):
            (tmp_path / "control").write_text(f"{verb} p\n")
            until(lambda: bool(met(told())), f"the effect of {verb}", 20, every_s=0.01)
            return told()

        until((tmp_path / "programs.json").exists, "its start", 20, every_s=0.01)
        try:
            yield told, order
        finally:
            order("stop", lambda now: not now["pid"])


def test_stopped_it_stays_down_until_it_is_started(tmp_path):
    with keeping(tmp_path, ["sleep", "1000"]) as (told, order):
        first = told()
        down = order("stop", lambda now: not now["pid"])
        assert (down["stopped"], down["starts"]) == (True, 1)
        order("kill", lambda now: now["stopped"])
        assert told() == down, "what is down is not killed, and does not come back by it"
        up = order("start", lambda now: now["pid"])
        assert (up["stopped"], up["starts"]) == (False, 2)
        assert not pathlib.Path("/proc", str(first["pid"])).exists()


def test_killed_it_comes_back(tmp_path):
    deaf = tmp_path / "deaf"
    script = f"trap '' TERM; echo $$ > {deaf}; while :; do sleep 0.05; done"
    with keeping(tmp_path, ["sh", "-c", script]) as (told, order):
        first = told()
        again = order("kill", lambda now: now["pid"] not in (0, first["pid"]))
        assert (again["stopped"], again["starts"]) == (False, 2)
        until(lambda: deaf.exists() and deaf.read_text().strip() == str(again["pid"]), "its ears shut", 20)
        # SIGTERM is nothing to this one: stopped, and yet not down.
        stopped = order("stop", lambda now: now["stopped"])
        assert stopped["pid"] == again["pid"]
        order("kill", lambda now: not now["pid"])
        assert told()["starts"] == 2


def test_orders_for_others_and_nonsense_change_nothing(clock):
    program = a_program()
    read, write = os.pipe()
    control = types.SimpleNamespace(pipe=read)
    os.write(write, b"stop y\nwhat x\n\nstop\n")
    init.Control.obey(control, [program])
    assert (program.stopped, program.pid, program.due_s) == (False, 0, 0.0)
    os.write(write, b"stop x\n")
    init.Control.obey(control, [program])
    assert program.stopped
