"""Where builds and clusters live on disk: one home, outside every checkout."""

import hashlib
import json
import os
import pathlib
import re
import shutil
from dataclasses import dataclass
from typing import Any

from harness.errors import UsageError

PACKAGE = pathlib.Path(__file__).resolve().parents[2]
"""The `harness` package."""

SOURCES = pathlib.Path(__file__).resolve().parent / "sources"
"""Go modules and Containerfiles that the cluster's own parts are built from."""

WORKLOADS = PACKAGE.parent / "workloads"

NAME = r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?"

PARTIAL = "partial-"
"""How the names of builds begin that are not complete."""

NEWEST = 2
"""Of the builds that no cluster uses, how many are kept."""


def home() -> pathlib.Path:
    """SURVIVE_HOME, else pytest-survive in the user's cache folder."""
    if chosen := os.environ.get("SURVIVE_HOME"):
        return pathlib.Path(chosen).resolve()
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "pytest-survive"


def prune(builds: pathlib.Path, in_use: set[str]) -> None:
    """Remove builds that no cluster uses, but for the NEWEST of them: another checkout may want one again."""
    unused = [folder for folder in builds.iterdir() if folder.name not in in_use and folder.is_dir()]
    unused = [folder for folder in unused if not folder.name.startswith(PARTIAL)]
    for folder in sorted(unused, key=lambda folder: folder.stat().st_mtime)[:-NEWEST]:
        shutil.rmtree(folder)


def write_whole(file: pathlib.Path, values: dict[str, Any]) -> None:
    """Replace a JSON file, in a folder that is made if it is not there, at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(values, indent=1))
    partial.rename(file)


def remove(root: pathlib.Path) -> None:
    """Remove all that a cluster had on disk; one that has nothing is fine."""
    if root.exists():
        shutil.rmtree(root)


def default_name() -> str:
    """A cluster's name: one for each place the harness is installed in, so that two checkouts never share one.

    And one for each home: cgroups bear the name, and are the machine's.
    """
    return "survive-" + hashlib.sha256(f"{PACKAGE}\n{home()}".encode()).hexdigest()[:6]


def run_lock(name: str) -> pathlib.Path:
    """The lock of those who run on a cluster, or would change it under them."""
    return home() / "runs" / f"{name}.lock"


@dataclass(frozen=True, slots=True)
class ClusterDir:
    """The folder of one cluster."""

    root: pathlib.Path

    @classmethod
    def named(cls, name: str) -> "ClusterDir":
        """The folder of the cluster `name`, whether it exists or not. Raises UsageError for what is no plain name."""
        if not re.fullmatch(NAME, name):
            raise UsageError(f"{name!r} is no name for a cluster: small letters, digits and hyphens, at most 40")
        return cls(home() / "clusters" / name)

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.root.name

    @property
    def state(self) -> pathlib.Path:
        """What is running; see `state`."""
        return self.root / "state.json"

    @property
    def kubeconfig(self) -> pathlib.Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def pki(self) -> pathlib.Path:
        """Keys and certificates."""
        return self.root / "pki"

    @property
    def logs(self) -> pathlib.Path:
        """Output of the control plane's processes."""
        return self.root / "logs"

    def node(self, name: str) -> pathlib.Path:
        """The folder of one node."""
        return self.root / "nodes" / name
