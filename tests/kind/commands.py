"""Our commands for a kind cluster, run among an engine's own, and the rows' verdicts on it."""

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass

from harness.clusters.kind import node_image, programs, samples, tool
from harness.clusters.kind.state import KindDir
from harness.errors import ClusterError
from harness.progress import Progress
from harness.results import Result, Results
from tests.kind.engine import Engine

ROOT = pathlib.Path(__file__).parents[2]
RECORDED = sorted((ROOT / "tests" / "data").glob("*-results.json"))
"""The recorded rows of the embedded cluster, all of them."""

# One by one, since five nodes leave a machine of two cores little room.
ONE_BY_ONE = ("-v", "-n", "1", "--dist", "load", "--maxschedchunk", "1")
AGAIN = ("--reruns", "2", "--only-rerun", "^TooNoisy:")
"""What was too noisy to be judged is measured again, and nothing else: a row that failed stays failed."""

UP_S, ROWS_S = 600.0, 1500.0


@dataclass(frozen=True)
class Kind:
    """The cluster of this name, there or not, on an engine that has the node image."""

    engine: Engine
    name: str

    @classmethod
    def on(cls, engine: Engine, name: str) -> "Kind":
        """With all made that is to be there: inside there is no network."""
        progress = Progress()
        samples.build(None, progress)
        engine.ask("load", "--input", str(node_image.build(progress)))
        return cls(engine, KindDir.named(name).name)

    @property
    def folder(self) -> KindDir:
        """What is known of it."""
        return KindDir.named(self.name)

    def survive(self, *arguments: str) -> subprocess.Popen[str]:
        """A command of ours."""
        return self.start(str(pathlib.Path(sys.executable).with_name("survive")), *arguments)

    def cluster(self, order: str, *arguments: str) -> subprocess.Popen[str]:
        """`survive cluster ORDER` for it."""
        return self.survive("cluster", order, "--cluster", "kind", "--name", self.name, *arguments)

    def up(self) -> subprocess.Popen[str]:
        """Start it."""
        return self.cluster("up", "--kind-image", node_image.name())

    def start(self, *argv: str) -> subprocess.Popen[str]:
        """A command with the engine and kind in its environment."""
        env = {**self.engine.environment, tool.BINARY: str(programs.build("kind", Progress()))}
        return subprocess.Popen(
            self.engine.command(argv), cwd=ROOT, env={**os.environ, **env}, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip

    def done(self, process: subprocess.Popen[str], timeout_s: float) -> str:
        """What it printed. It must end well."""
        said, _ = process.communicate(timeout=timeout_s)
        assert process.returncode == 0, said
        return said

    def nodes(self) -> list[str]:
        """The names of its containers."""
        named = self.engine.ask("ps", "--all", "--format", "{{.Names}}").split()
        return [one for one in named if one.startswith(self.name)]

    def running(self, pattern: str) -> bool:
        """Whether a process there has such a command line."""
        try:
            self.engine.run("pgrep", "--full", pattern)
        except ClusterError:
            return False
        return True

    def has_recorded_verdicts(self, rows: Collection[str], out: pathlib.Path) -> list[Result]:
        """Run these rows on it: their verdicts must be those of the embedded cluster."""
        where = ["--cluster", "kind", "--cluster-name", self.name, "--kind-image", node_image.name()]
        argv = [sys.executable, "-m", "pytest", *sorted(rows), *where, f"--survive-out={out}", *ONE_BY_ONE, *AGAIN]
        said, _ = self.start(*argv).communicate(timeout=ROWS_S)
        assert (out / "latest" / "results.json").exists(), said
        found = Results.read(out / "latest" / "results.json").results
        assert len(found) == len(rows), said
        wanted = {one.name: one.verdict for file in RECORDED for one in Results.read(file).results}
        assert {one.name: one.verdict for one in found} == {one.name: wanted[one.name] for one in found}, said
        return list(found)

    def down_leaves_nothing(self) -> None:
        """Take it down: no container, volume, file or loop device is left."""
        self.done(self.cluster("down"), 120)
        assert self.engine.ask("ps", "--all", "--quiet") == ""
        assert self.engine.ask("volume", "ls", "--quiet") == ""
        assert not self.folder.root.exists()
        loops = json.loads(self.engine.run("losetup", "--json", "--list") or '{"loopdevices": []}')["loopdevices"]
        assert not [one for one in loops if self.name in str(one["back-file"])]


def collected(*which: str) -> list[str]:
    """The rows that pytest's options choose."""
    argv = [sys.executable, "-m", "pytest", "suites", "--co", "-q", *which]
    said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [line for line in said.splitlines() if "::" in line]


def named(*names: str) -> list[str]:
    """The rows with these words in their names."""
    return collected("-k", " or ".join(names))
