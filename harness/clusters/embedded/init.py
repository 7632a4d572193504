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

Beside SPEC it makes a pipe, `control`, which takes orders, a line each: `stop NAME` (SIGTERM, and not started again
until `start NAME`), `start NAME`, `kill NAME` (SIGKILL; it comes back as after any end). What has become of them stands
in `programs.json`: {NAME: {"pid": int (0 while it is down), "starts": int, "stopped": bool}}.
"""

import contextlib
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
CONTROL, STATE = "control", "programs.json"


class Program:
    """One program that is kept running."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.name = spec["name"]
        self.argv = spec["argv"]
        self.log = spec["log"]
        self.env = spec.get("env", {})
        self.pid = 0
        self.starts = 0
        self.stopped = False
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
        self.starts += 1
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

    def obey(self, order: str) -> None:
        """Do one order: stop, start or kill."""
        if order == "kill":
            self._signal(signal.SIGKILL)
        elif order == "stop":
            self.stopped = True
            self._signal(signal.SIGTERM)
        elif order == "start":
            self.stopped = False
            self.pause_s, self.due_s = FIRST_PAUSE_S, 0.0

    def _signal(self, number: int) -> None:
        if self.pid:
            os.kill(self.pid, number)  # a child that is not reaped yet keeps its pid


class Control:
    """The pipe that orders come by and the file that tells of the programs, both in the spec's folder.

    They are opened before the steps, which may cover the folder.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self._told: object = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(CONTROL, dir_fd=self._folder)
        os.mkfifo(CONTROL, 0o600, dir_fd=self._folder)
        self.pipe = os.open(CONTROL, os.O_RDWR | os.O_NONBLOCK, dir_fd=self._folder)

    def obey(self, programs: list[Program]) -> None:
        """Do what was ordered. An order is far shorter than what a pipe takes at once, so lines come whole."""
        for line in os.read(self.pipe, 4096).decode().splitlines():
            order, _, name = line.partition(" ")
            for program in programs:
                if program.name == name:
                    program.obey(order)

    def tell(self, programs: list[Program]) -> None:
        """Write how the programs are, if that has changed."""
        state = {one.name: {"pid": one.pid, "starts": one.starts, "stopped": one.stopped} for one in programs}
        if state == self._told:
            return
        partial = f"{STATE}.partial"
        with os.fdopen(
            os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644, dir_fd=self._folder), "w"
        ) as file:
            json.dump(state, file)
        os.rename(partial, STATE, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        self._told = state


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


def keep_running(programs: list[Program], control: Control) -> None:
    """Start what is due, sleep until a child ends, an order comes or the next is due; for ever."""
    # A wake-up pipe, not a blocked or ignored signal: those would be inherited by every program started here.
    wake, write = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        reap(programs)
        now_s = time.monotonic()
        waiting = [program for program in programs if not program.pid and not program.stopped]
        for program in waiting:
            if program.due_s <= now_s:
                program.start()
        control.tell(programs)
        pauses = [program.due_s - now_s for program in waiting if program.due_s > now_s]
        heard, _, _ = select.select([wake, control.pipe], [], [], max(0.01, min(pauses, default=60.0)))
        if wake in heard:
            os.read(wake, 4096)
        if control.pipe in heard:
            reap(programs)
            control.obey(programs)


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
    control = Control(pathlib.Path(sys.argv[1]).parent)
    take_steps(spec, outer_net_fd)
    say("ready")
    os.close(outer_net_fd)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    keep_running([Program(program) for program in spec["processes"]], control)


if __name__ == "__main__":
    main()
