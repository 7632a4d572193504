"""Folders that are made once and kept, named by a key over what they are made of."""

import pathlib
import shutil
import tempfile
from collections.abc import Callable

from harness.clusters.embedded.layout import PARTIAL, home, prune
from harness.locks import hold

WAIT_S = 3600.0
"""How long to wait for another who makes the same."""


def place(kind: str, key: str) -> pathlib.Path:
    """Where the folder of this kind and key is, or will be once it was made."""
    return home() / "kind" / kind / key


def made(target: pathlib.Path, purpose: str, make: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """The folder `target`; unless it is there, `make` is given an empty folder to fill, which becomes it at the end.

    What was broken off leaves nothing that is used. Of its elder siblings the newest are kept.
    """
    if target.exists():
        return target
    with hold(target.parent.with_suffix(".lock"), purpose, wait_s=WAIT_S):
        if target.exists():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        for leftover in target.parent.glob(f"{PARTIAL}*"):
            shutil.rmtree(leftover)
        partial = pathlib.Path(tempfile.mkdtemp(prefix=PARTIAL, dir=target.parent))
        try:
            partial.chmod(0o755)
            make(partial)
            partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        prune(target.parent, {target.name})
    return target
