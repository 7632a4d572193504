"""Locks that say whose they are; the kernel lets go of them when their holder dies."""

import contextlib
import fcntl
import json
import os
import pathlib
import time
from collections.abc import Iterator

from harness.errors import UsageError


@contextlib.contextmanager
def hold(path: pathlib.Path, purpose: str, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a lock, or raise UsageError naming its holder once `wait_s` is over."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline_s = time.monotonic() + wait_s
    with path.open("a+") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline_s:
                    raise UsageError(f"{path.stem} is held by {holder(path)}; wait for it, or end it") from None
                time.sleep(0.1)
        file.truncate(0)
        json.dump({"pid": os.getpid(), "purpose": purpose, "since": time.strftime("%Y-%m-%d %H:%M:%S")}, file)
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def holder(path: pathlib.Path) -> str:
    """Who holds a lock, in words."""
    try:
        who = json.loads(path.read_text())
        return f"process {who['pid']} ({who['purpose']}, since {who['since']})"
    except (OSError, ValueError, KeyError):
        return "another process"
