"""A cluster of the tests' own, besides the one that the suites run on."""

import io
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from harness import rights
from harness.clusters.embedded import cluster, layout
from harness.clusters.embedded.layout import ClusterDir
from harness.kube import Kube
from harness.progress import Progress
from harness.wait import until
from tests.cluster.account import CONTEXT, token, write_kubeconfig

NAME = layout.default_name().replace("survive-", "survive-test-")
"""One for each checkout: cgroups bear the name, and are the machine's."""

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


@pytest.fixture(scope="module")
def admin(spare: ClusterDir) -> Kube:
    """The cluster's administrator, who has applied the manifest."""
    kube = Kube.connect(spare.kubeconfig)
    kube.apply(rights.documents(), rights.ACCOUNT)
    return kube


@pytest.fixture(scope="module")
def kubeconfig(admin: Kube, spare: ClusterDir, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A kubeconfig whose one context is that of the ServiceAccount."""
    return write_kubeconfig(spare, token(admin), tmp_path_factory.mktemp("kube") / "config")


@pytest.fixture
def rows(kubeconfig: pathlib.Path, tmp_path: pathlib.Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs rows as the ServiceAccount."""

    def run(
        *arguments: str, config: pathlib.Path = kubeconfig, context: str = CONTEXT, out: pathlib.Path = tmp_path
    ) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "pytest", "--kube-context", context, "--kubeconfig", str(config)]
        argv += ["--survive-out", str(out), "-p", "no:cacheprovider", "-v", *arguments]
        return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=240)

    return run


@pytest.fixture
def without(admin: Kube, kubeconfig: pathlib.Path):
    """Takes rights away from the roles until the test ends, and waits until the API server knows."""
    changed: dict[str, rights.Right] = {}
    kube = Kube.connect(kubeconfig, CONTEXT)

    def take(role: str, right: str) -> None:
        (whole,) = [
            one for one in rights.documents() if (one["kind"], one["metadata"]["name"]) == ("ClusterRole", role)
        ]
        wanted = changed[role] = rights.Right.read(right)
        rules = [
            {"apiGroups": [one.group], "resources": ["/".join(filter(None, one[2:]))], "verbs": [one.verb]}
            for one in rights.of_role(role)
            if one != wanted
        ]
        admin.patch("rbac.authorization.k8s.io/v1", "ClusterRole", role, "", {**whole, "rules": rules})
        until(lambda: not kube.allowed(*wanted), f"the end of the right to {right}", 10)

    yield take
    roles = [one for one in rights.documents() if one["kind"] == "ClusterRole"]
    admin.apply([one for one in roles if one["metadata"]["name"] in changed], "")
    until(lambda: not rights.missing(kube, changed.values()), "the rights again", 10)
