"""Locks that say whose they are; the kernel lets go of them when their holder dies."""

import contextlib
import fcntl
import json
import os
import pathlib
import time
from collections.abc import Iterator
from typing import IO

from harness.errors import UsageError


@contextlib.contextmanager
def hold(path: pathlib.Path, purpose: str, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a lock, or raise UsageError naming its holder once `wait_s` is over."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline_s = time.monotonic() + wait_s
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(path.open("a+"))
        while not (_try(file, fcntl.LOCK_EX) and _stands(file, path)):
            if time.monotonic() >= deadline_s:
                raise UsageError(f"{path.stem} is held by {holder(path)}; wait for it, or end it")
            time.sleep(0.1)
            stack.close()
            file = stack.enter_context(path.open("a+"))
        _sign(file, purpose)
        try:
            yield
        finally:
            file.truncate(0)


@contextlib.contextmanager
def share(path: pathlib.Path, group: str, purpose: str) -> Iterator[None]:
    """Hold a lock together with every other process of the same `group`, or raise UsageError naming its holder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        for _ in range(50):
            if _try(file, fcntl.LOCK_EX):
                _sign(file, purpose, group)
            # Going from exclusive to shared may let another in between; it then finds our group's name, and leaves.
            if _try(file, fcntl.LOCK_SH):
                if _signed(path).get("group") == group:
                    yield
                    return
                fcntl.flock(file, fcntl.LOCK_UN)
                break
            time.sleep(0.1)
        raise UsageError(f"{path.stem} is held by {holder(path)}; wait for it, or end it")


def _try(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _stands(file: IO[str], path: pathlib.Path) -> bool:
    """Whether this is the lock still: one that its holder has removed is another's to make anew."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _sign(file: IO[str], purpose: str, group: str = "") -> None:
    who = {"pid": os.getpid(), "purpose": purpose, "since": time.strftime("%Y-%m-%d %H:%M:%S"), "group": group}
    file.seek(0)
    file.truncate(0)
    json.dump(who, file)
    file.flush()


def _signed(path: pathlib.Path) -> dict[str, object]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


def holder(path: pathlib.Path) -> str:
    """Who holds a lock, in words."""
    who = _signed(path)
    return f"process {who['pid']} ({who['purpose']}, since {who['since']})" if who else "another process"
