"""What a kind cluster needs of programs besides the embedded one's; each is built when it is asked for."""

import pathlib
import platform
from typing import Final, Literal

from harness.clusters.embedded.programs import KUBERNETES, build_module, digest
from harness.clusters.kind import builds
from harness.progress import Progress

SOURCES: Final = pathlib.Path(__file__).parent / "sources"
RECIPE: Final = "1"
"""Raise it when the way of building changes without a change of the sources."""

Program = Literal["kind", "kubeadm", "podnet"]
_OWN_SOURCE: Final = {"podnet"}


def key(name: Program) -> str:
    """The key of what the sources of a program give on this kind of machine."""
    files = [file for file in (SOURCES / name).iterdir() if file.suffix in (".go", ".mod", ".sum")]
    return digest(files, SOURCES, RECIPE, KUBERNETES, platform.machine())


def build(name: Program, progress: Progress) -> pathlib.Path:
    """The program's path, once it is built; what is there is not built again.

    Raises ClusterError with the compiler's words, or with what to do where Go or the network is missing.
    """

    def make(folder: pathlib.Path) -> None:
        with progress.stage(f"build {name}"):
            build_module(SOURCES / name, folder, progress, "." if name in _OWN_SOURCE else "tool")

    return builds.made(builds.place(f"program-{name}", key(name)), f"building {name}", make) / name
