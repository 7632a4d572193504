"""The small process as a real one: what it tells of signals, requests and hooks, and how it exits."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

PROGRAM = pathlib.Path(__file__).parents[2] / "workloads" / "signals" / "signals.py"


class Running:
    """A started process; its lines are read one by one, so that nothing waits by the clock."""

    def __init__(self, *args):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        argv = [sys.executable, "-I", "-S", str(PROGRAM), "run", "--port", str(self.port), *args]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE)

    def next(self, event):
        """The next line of this event; None at the end of all."""
        for line in self.process.stdout:
            told = json.loads(line)
            assert told["kind"] == "app"
            if told["event"] == event:
                return told
        return None

    def send(self, number):
        os.kill(self.process.pid, number)

    def ask(self, method, path):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status

    def code(self):
        return self.process.wait(timeout=10)


@pytest.fixture
def run():
    started = []

    def start(*args):
        started.append(Running(*args))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        one.process.stdout.close()


def test_sigterm_ends_it_with_its_exit_code(run):
    process = run("--exit-code", "3")
    assert process.next("started")["data"]["hears"] == ["SIGTERM"]
    process.send(signal.SIGTERM)
    told = process.next("signal")
    assert told["data"] == {"signal": "SIGTERM"}
    ended = process.next("exit")
    assert (ended["data"], ended["t_ns"] >= told["t_ns"]) == ({"code": 3}, True)
    assert process.code() == 3


def test_a_noted_signal_is_told_and_changes_nothing(run):
    process = run("--notes", "SIGUSR1", "--shutdown-s", "0.05")
    assert process.next("started")["data"]["hears"] == ["SIGTERM", "SIGUSR1"]
    process.send(signal.SIGUSR1)
    assert process.next("noted")["data"] == {"signal": "SIGUSR1"}
    process.send(signal.SIGTERM)
    told, ended = process.next("signal"), process.next("exit")
    assert ended["t_ns"] - told["t_ns"] >= 50_000_000
    assert process.code() == 0


def test_another_signal_stops_it_where_asked(run):
    process = run("--stops", "SIGQUIT", "--notes", "SIGTERM")
    process.next("started")
    process.send(signal.SIGTERM)
    assert process.next("noted")["data"] == {"signal": "SIGTERM"}
    process.send(signal.SIGQUIT)
    assert process.next("signal")["data"] == {"signal": "SIGQUIT"}
    assert process.code() == 0


def test_without_a_handler_the_kernel_decides(run):
    process = run("--stops", "none")
    assert process.next("started")["data"]["hears"] == []
    process.send(signal.SIGTERM)
    # Only process 1 of a pid namespace would live on.
    assert process.code() == -signal.SIGTERM
    assert process.next("signal") is None


def test_it_beats(run):
    process = run("--beat-s", "0.01")
    first, second = process.next("beat"), process.next("beat")
    assert second["t_ns"] - first["t_ns"] >= 10_000_000


@pytest.mark.parametrize("path", ["/quit", "/quit?wait=1"])
def test_a_request_to_quit_ends_it(run, path):
    process = run("--shutdown-s", "0.05")
    process.next("started")
    assert process.ask("GET", "/readyz") == 200
    assert process.ask("GET", path) == 200
    assert process.next("quit") is not None
    assert process.next("exit")["data"] == {"code": 0}
    assert process.code() == 0


def test_a_crash_by_request_answers_first(run):
    process = run()
    process.next("started")
    assert process.ask("POST", "/crash?code=7") == 200
    assert process.next("exit")["data"] == {"code": 7, "crash": True}
    assert process.code() == 7


@pytest.mark.parametrize(("method", "path"), [("GET", "/crash"), ("POST", "/quit"), ("GET", "/none")])
def test_what_it_does_not_know_is_not_found(run, method, path):
    process = run()
    process.next("started")
    with pytest.raises(urllib.error.HTTPError) as refused:
        process.ask(method, path)
    assert refused.value.code == 404
    assert process.process.poll() is None


def test_an_unknown_signal_is_refused(run):
    assert run("--stops", "SIGNONE").code() == 2
