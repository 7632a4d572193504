"""`survive nightly`: one night's run; its figures are kept beside those of the nights before, and the trend is told."""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

from harness.commands import history
from harness.errors import UsageError
from harness.run import LATEST, runs

STOPS = (signal.SIGTERM, signal.SIGINT)
"""What a Job's end, a node's drain or a terminal send."""


def add(commands: Any) -> None:
    """Declare it."""
    text = (
        "run pytest, keep its figures beside those of the nights before and write the trend page; exit code: pytest's"
        f" where rows did not pass, else {history.SLOWER} where a row is slower than the nights before, else 0"
    )
    command = commands.add_parser("nightly", help=text, description=text)
    command.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("reports/out"), metavar="DIR",
        help="where the runs' folders, nights.sqlite and trend.html are (default: %(default)s)",
    )  # fmt: skip
    command.add_argument("--history", type=pathlib.Path, metavar="FILE", help="in place of DIR/nights.sqlite")
    command.add_argument(
        "--keep", type=int, metavar="N", help="remove the folders of all runs but the newest N; their figures stay"
    )
    command.add_argument("arguments", nargs=argparse.REMAINDER, metavar="-- ARGUMENTS", help="pytest's")
    command.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    if chosen.keep is not None and chosen.keep < 1:
        raise UsageError(f"--keep {chosen.keep}: at least this night's folder stays, so write 1 or more")
    out = chosen.out.resolve()
    before = _latest(out)
    arguments = chosen.arguments[1:] if chosen.arguments[:1] == ["--"] else chosen.arguments
    failed = _pytest([*arguments, "--survive-out", str(out)])
    if _latest(out) == before:
        print("nightly: no run came to its end, so there is nothing to keep", file=sys.stderr)
        return failed or 1
    slower = history.keep(chosen.history or out / "nights.sqlite", [out / LATEST], out / "trend.html")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with pathlib.Path(summary).open("a", encoding="utf-8") as file:
            file.write((out / LATEST / "summary.md").read_text(encoding="utf-8"))
    for folder in runs(out)[: -chosen.keep] if chosen.keep else []:
        shutil.rmtree(folder)
    return failed or slower


def _latest(out: pathlib.Path) -> str:
    """The run that came to its end last; empty if none has."""
    link = out / LATEST
    return str(link.readlink()) if link.is_symlink() else ""


def _pytest(arguments: Sequence[str]) -> int:
    """Run it; told to stop, it is interrupted as by Ctrl-C: it heals, cleans up and keeps what it saw."""
    running: list[int] = []
    stopped = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True
        for group in running:
            os.killpg(group, signal.SIGINT)

    earlier = {number: signal.signal(number, stop) for number in STOPS}
    try:
        # In a group of its own, so that the processes of pytest-xdist hear of it, each once.
        with subprocess.Popen([sys.executable, "-m", "pytest", *arguments], start_new_session=True) as process:
            running.append(process.pid)
            if stopped:
                os.killpg(process.pid, signal.SIGINT)
            code = process.wait()
            running.clear()
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code
