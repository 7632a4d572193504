"""`--cluster kind` for real: a start that is killed, one that is whole, rows of every topic with the embedded cluster's
verdicts, and nothing left.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from harness.clusters.embedded import programs as embedded
from harness.clusters.kind import node_image, programs, samples, tool
from harness.clusters.kind.state import KindDir
from harness.errors import ClusterError
from harness.progress import Progress
from harness.results import Results
from harness.wait import until
from tests.kind.engine import Engine, engine

ROOT = pathlib.Path(__file__).parents[2]
EMBEDDED = sorted((ROOT / "tests" / "data").glob("*-results.json"))
"""The recorded rows of the embedded cluster, all of them."""

NAME = KindDir.named("provider").name
BEYOND_CORE = ("signal-handled", "soft-eviction", "node-down-crash", "handover-crash", "scale-down-abrupt")
"""Besides the six paths of the main job: what topics A, C, D and E have besides, the small disk and a dead node."""

AGAIN = ("--reruns", "2", "--only-rerun", "^TooNoisy:")
"""What was too noisy to be judged is measured again, and nothing else: a row that failed stays failed."""

UP_S, ROWS_S = 600.0, 1500.0


@dataclass(frozen=True)
class Kind:
    docker: Engine

    def survive(self, *arguments: str) -> subprocess.Popen[str]:
        """A command of ours among the engine's own."""
        return self.start(str(pathlib.Path(sys.executable).with_name("survive")), *arguments)

    def start(self, *argv: str) -> subprocess.Popen[str]:
        env = {**self.docker.environment, tool.BINARY: str(programs.build("kind", Progress()))}
        return subprocess.Popen(
            self.docker.command(argv), cwd=ROOT, env={**os.environ, **env}, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip

    def done(self, process: subprocess.Popen[str], timeout_s: float) -> str:
        """What it printed. It must end well."""
        said, _ = process.communicate(timeout=timeout_s)
        assert process.returncode == 0, said
        return said

    def nodes(self) -> list[str]:
        named = self.docker.docker("ps", "--all", "--format", "{{.Names}}").split()
        return [one for one in named if one.startswith(NAME)]

    def running(self, pattern: str) -> bool:
        try:
            self.docker.run("pgrep", "--full", pattern)
        except ClusterError:
            return False
        return True


@pytest.fixture(scope="module")
def kind() -> Iterator[Kind]:
    progress = Progress()
    image = node_image.build(progress)
    samples.build(None, progress)  # now, since inside there is no network
    with engine() as docker:
        docker.docker("load", "--input", str(image))
        yield Kind(docker)


UP = ("cluster", "up", "--cluster", "kind", "--name", NAME, "--kind-image")


def test_a_killed_start_takes_kind_with_it_and_the_next_one_begins_anew(kind: Kind) -> None:
    killed = kind.survive(*UP, node_image.name())
    until(lambda: bool(kind.nodes()), "the first node", UP_S, every_s=0.2)
    kind.docker.run("pkill", "--signal", "KILL", "--full", "survive cluster up")
    killed.communicate(timeout=30)
    assert killed.returncode != 0
    until(lambda: not kind.running("create cluster"), "the end of kind itself", 5)
    assert kind.nodes(), "a killed start leaves its containers: else nothing is tried here"
    assert "ready" not in kind.survive("cluster", "status", "--cluster", "kind", "--name", NAME).communicate()[0]

    said = kind.done(kind.survive(*UP, node_image.name()), UP_S)
    assert "take down what is left" in said
    assert len(kind.nodes()) == 5
    kind.done(kind.survive("cluster", "status", "--cluster", "kind", "--name", NAME), 60)


def collected(*which: str) -> list[str]:
    argv = [sys.executable, "-m", "pytest", "suites", "--co", "-q", *which]
    said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [line for line in said.splitlines() if "::" in line]


def test_rows_of_every_topic_have_the_embedded_clusters_verdicts(kind: Kind, tmp_path: pathlib.Path) -> None:
    rows = sorted({*collected("-m", "core"), *collected("-k", " or ".join(BEYOND_CORE))})
    where = f"--cluster kind --cluster-name {NAME} --kind-image {node_image.name()} --survive-out {tmp_path}".split()
    # One by one, since five nodes leave a machine of two cores little room.
    one_by_one = ["-v", "-n", "1", "--dist", "load", "--maxschedchunk", "1"]
    said, _ = kind.start(sys.executable, "-m", "pytest", *rows, *where, *one_by_one, *AGAIN).communicate(timeout=ROWS_S)
    assert (tmp_path / "latest" / "results.json").exists(), said
    found = {one.name: one for one in Results.read(tmp_path / "latest" / "results.json").results}
    wanted = {one.name: one.verdict for file in EMBEDDED for one in Results.read(file).results}
    assert len(found) == len(rows), said
    assert {one.id[0] for one in found.values()} == set("ABCDE")
    assert set(BEYOND_CORE) < set(found)
    assert {name: one.verdict for name, one in found.items()} == {name: wanted[name] for name in found}, said


def test_by_its_context_it_is_somebody_elses_cluster(kind: Kind, tmp_path: pathlib.Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(KindDir.named(NAME).kubeconfig.read_text())
    named = ["--kubeconfig", str(kubeconfig), "--kube-context"]
    row = [*collected("-k", "delete-sleep"), "--survive-out", str(tmp_path), *AGAIN]

    wrong, _ = kind.start(sys.executable, "-m", "pytest", *row, *named, "elsewhere").communicate(timeout=60)
    assert f"kind-{NAME}" in wrong, wrong
    assert not (tmp_path / "latest").exists(), "and nothing was touched"

    assert "v1.37" in kind.done(kind.survive("doctor", *named, f"kind-{NAME}", "--pull"), 120)
    kind.done(kind.start(sys.executable, "-m", "pytest", *row, *named, f"kind-{NAME}"), 300)
    results = Results.read(tmp_path / "latest" / "results.json")
    assert results.run.cluster.provider == "existing"
    assert [(one.name, one.verdict) for one in results.results] == [("delete-sleep", "pass")]
    kubectl = str(embedded.folder() / "kubectl")
    left = kind.docker.run(kubectl, f"--kubeconfig={kubeconfig}", "get", "namespaces", "--output=name")
    assert "survive-" not in left


def test_down_leaves_nothing(kind: Kind) -> None:
    kind.done(kind.survive("cluster", "down", "--cluster", "kind", "--name", NAME), 120)
    assert kind.docker.docker("ps", "--all", "--quiet") == ""
    assert kind.docker.docker("volume", "ls", "--quiet") == ""
    folder = KindDir.named(NAME)
    assert not folder.root.exists()
    loops = json.loads(kind.docker.run("losetup", "--json", "--list") or '{"loopdevices": []}')["loopdevices"]
    assert not [one for one in loops if re.search(NAME, str(one["back-file"]))]
