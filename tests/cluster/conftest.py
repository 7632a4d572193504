"""A cluster of the tests' own, besides the one that the suites run on."""

import io
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from harness.clusters.embedded import cluster
from harness.clusters.embedded.layout import ClusterDir
from harness.progress import Progress

NAME = "survive-test"
ROOT = pathlib.Path(__file__).parents[2]


def bring_up(name: str = NAME) -> tuple[ClusterDir, float]:
    """A running cluster and how long it took, in seconds."""
    began_s = time.monotonic()
    folder = cluster.up(name, Progress(io.StringIO()))
    return folder, time.monotonic() - began_s


@pytest.fixture
def no_cluster() -> Iterator[str]:
    """A name whose cluster does not run, and is gone afterwards whatever the test does."""
    cluster.down(NAME)
    yield NAME
    cluster.down(NAME)


@pytest.fixture(scope="module")
def spare() -> Iterator[ClusterDir]:
    """A running cluster for a module's tests."""
    folder, _ = bring_up()
    yield folder
    cluster.down(NAME)


@pytest.fixture
def survive() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `survive …`; what still runs at the end is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, module: str = "harness.cli", cwd: pathlib.Path = ROOT) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", f"import sys; from {module} import main; sys.exit(main())", *arguments]
        process = subprocess.Popen(argv, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
