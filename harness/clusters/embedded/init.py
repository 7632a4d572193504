"""The first process of a set of namespaces: mounts, network, then a few programs kept running.

Runs alone (`python -I init.py SPEC FD`), as process 1 of its pid namespace, with the standard library only. It says
`started` on standard output and does nothing until it reads `go` from standard input; an end of input before that
means that its starter died, and it leaves. SPEC is a JSON file:

    {"hostname": str,
     "cgroups": [path of a cgroup.procs, ...],     joined before anything else, and so by all that is started
     "steps": [[program, argument, ...], ...],   run in order, each must succeed; a leading "outer" runs it in the
                                                 network namespace that descriptor FD stands for
     "processes": [{"name": str, "argv": [...], "log": path, "env": {...}}, ...]}

A process that ends is started again after a growing pause (0.2 s up to 5 s; back to 0.2 s after 10 s of life).
"""

import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time
from typing import Any

FIRST_PAUSE_S, LAST_PAUSE_S, STEADY_S = 0.2, 5.0, 10.0


class Program:
    """One program that is kept running."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.argv = spec["argv"]
        self.log = spec["log"]
        self.env = spec.get("env", {})
        self.pid = 0
        self.started_s = 0.0
        self.pause_s = FIRST_PAUSE_S
        self.due_s = 0.0

    def start(self) -> None:
        """Start it in a session of its own, its output appended to its log."""
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            child = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.env},
                start_new_session=True,
            )
        finally:
            os.close(log)
        self.pid = child.pid
        child.returncode = 0  # this process reaps all children itself
        self.started_s = time.monotonic()

    def ended(self) -> None:
        """Note its end and when it is due again."""
        self.pid = 0
        now_s = time.monotonic()
        if now_s - self.started_s >= STEADY_S:
            self.pause_s = FIRST_PAUSE_S
        self.due_s = now_s + self.pause_s
        self.pause_s = min(LAST_PAUSE_S, self.pause_s * 2)


def take_steps(spec: dict[str, Any], outer_net_fd: int) -> None:
    """Cgroups, host name, then the steps in order; the first that fails ends the process with its message."""
    for path in spec["cgroups"]:
        pathlib.Path(path).write_text("0")
    with pathlib.Path("/proc/sys/kernel/hostname").open("w") as file:
        file.write(spec["hostname"])
    for step in spec["steps"]:
        argv = step
        if step[0] == "outer":
            argv = ["nsenter", f"--net=/proc/self/fd/{outer_net_fd}", *step[1:]]
        done = subprocess.run(argv, capture_output=True, text=True, pass_fds=[outer_net_fd])
        if done.returncode:
            sys.exit(f"{' '.join(step)}: {(done.stderr or done.stdout).strip()}")


def reap(programs: list[Program]) -> None:
    """Collect every ended child, the orphans of the namespace among them."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        for program in programs:
            if program.pid == pid:
                program.ended()


def keep_running(programs: list[Program]) -> None:
    """Start what is due, sleep until a child ends or the next is due; for ever."""
    # A wake-up pipe, not a blocked or ignored signal: those would be inherited by every program started here.
    wake, write = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        reap(programs)
        now_s = time.monotonic()
        waiting = [program for program in programs if not program.pid]
        for program in waiting:
            if program.due_s <= now_s:
                program.start()
        pauses = [program.due_s - now_s for program in waiting if program.due_s > now_s]
        if select.select([wake], [], [], max(0.01, min(pauses, default=60.0)))[0]:
            os.read(wake, 4096)


def say(word: str) -> None:
    """Tell the starter."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def main() -> None:
    """Wait for the word, then set up and supervise."""
    say("started")
    if sys.stdin.readline().strip() != "go":
        sys.exit("the starter went away")
    outer_net_fd = int(sys.argv[2])
    with pathlib.Path(sys.argv[1]).open() as file:
        spec = json.load(file)
    take_steps(spec, outer_net_fd)
    say("ready")
    os.close(outer_net_fd)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    keep_running([Program(program) for program in spec["processes"]])


if __name__ == "__main__":
    main()
