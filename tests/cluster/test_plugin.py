"""The plugin against a real cluster: who may run, what a Ctrl-C and a kill leave."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from harness import history
from harness.clusters.embedded import layout
from harness.clusters.embedded.layout import ClusterDir
from harness.kube import Kube
from harness.locks import share
from harness.records import Act
from harness.wait import until
from tests.cluster.conftest import NAME, ROOT


@pytest.fixture
def run(spare: ClusterDir, tmp_path: pathlib.Path):
    """Starts pytest on the spare cluster, its reports in a folder of the test's."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        # What a shell started in the background ignores SIGINT, and so would all that it starts.
        argv = [
            "env",
            "--default-signal=INT",
            sys.executable,
            "-m",
            "pytest",
            "suites",
            "--cluster",
            "embedded",
            "--cluster-name",
            NAME,
        ]
        argv += ["--survive-out", str(tmp_path), "-p", "no:cacheprovider", *arguments]
        process = subprocess.Popen(
            argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def left_of_rows(folder: ClusterDir) -> list[str]:
    kube = Kube.connect(folder.kubeconfig)
    found = kube.list("v1", "Namespace", labels="app.kubernetes.io/managed-by=pytest-survive")
    found += kube.list("scheduling.k8s.io/v1", "PriorityClass", labels="app.kubernetes.io/managed-by=pytest-survive")
    return [item["metadata"]["name"] for item in found]


def acted(tmp_path: pathlib.Path) -> bool:
    """Whether the running row has written its first act to disk."""
    for part in tmp_path.glob("*/parts/*.jsonl.gz"):
        if any(scenario.of(Act) for scenario in history.read(part).values()):
            return True
    return False


def test_a_run_that_another_holds_the_cluster_of_is_told_whose_it_is(run, spare: ClusterDir) -> None:
    with share(layout.run_lock(NAME), "somebody", "run somebody"):
        process = run("-k", "evict")
        said = process.communicate(timeout=60)[0]
        code = "from harness.cli import main; raise SystemExit(main())"
        argv = [sys.executable, "-c", code, "cluster", "down", "--name", NAME]
        down = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert process.returncode != 0
    assert f"held by process {os.getpid()} (run somebody" in said
    assert down.returncode == 1
    assert f"held by process {os.getpid()}" in down.stderr
    assert left_of_rows(spare) == []


def test_ctrl_c_heals_cleans_up_and_keeps_what_was_seen(run, spare: ClusterDir, tmp_path: pathlib.Path) -> None:
    process = run("-k", "preempt-two")
    until(lambda: acted(tmp_path), "the row's first act", 60, every_s=0.2)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=90)[0]
    assert process.returncode == pytest.ExitCode.INTERRUPTED, said
    # What the namespace owns beside it, the garbage collector removes after it.
    until(lambda: left_of_rows(spare) == [], "nothing left of the row", 20, every_s=0.25)
    found = history.read(tmp_path / "latest" / "history.jsonl.gz")
    assert found["preempt-two"].of(Act)
    assert (tmp_path / "latest" / "report.html").exists()


def test_a_killed_run_is_cleaned_up_by_the_next(run, spare: ClusterDir, tmp_path: pathlib.Path) -> None:
    process = run("-k", "preempt-two")
    until(lambda: acted(tmp_path), "the row's first act", 60, every_s=0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert left_of_rows(spare) != []
    process = run("-k", "evict-second", "-n", "2", "-x")
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said
    assert "C2" in said
    until(lambda: left_of_rows(spare) == [], "nothing left of the rows", 20, every_s=0.25)


def test_collecting_needs_no_cluster(tmp_path: pathlib.Path) -> None:
    argv = [sys.executable, "-m", "pytest", "suites", "--co", "-q", "--cluster-name", "survive-test-absent"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "test_rollout" in done.stdout
    assert not ClusterDir.named("survive-test-absent").root.exists()
