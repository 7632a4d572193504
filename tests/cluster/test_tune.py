"""`survive tune` as a user runs it, on an app whose true answer is known."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from harness.clusters.embedded.layout import ClusterDir
from harness.deploy import server
from harness.kube import Kube
from tests.cluster.conftest import NAME

SHUTDOWN_S = 3
SPEC = "manifests: k8s.yaml\nrequests: {rate: 50/s}\nlimits: {outage: 0s, errors: 0 %}\npaths: [delete]\n"


def test_the_sleep_and_the_grace_period_that_an_app_lacks(
    spare: ClusterDir, survive: Callable[..., Any], tmp_path: pathlib.Path
) -> None:
    """It takes no more connections from its signal on, and then 3 s to end, of which its manifest leaves it 2."""
    app = server(replicas=2, args=["--shutdown-s", f"{SHUTDOWN_S}"], grace_s=2)
    (tmp_path / "k8s.yaml").write_text(yaml.safe_dump_all(app.manifests))
    (tmp_path / "shop.survive.yaml").write_text(SPEC)
    command = survive(
        "tune", str(tmp_path / "shop.survive.yaml"), "--cluster", "embedded", "--cluster-name", NAME, "--removals", "4",
        "--below", "0.5", "--at-first", "2", "--highest", "6", "--out", str(tmp_path / "out"),
    )  # fmt: skip
    said, _ = command.communicate(timeout=170)
    if "no trial could be told" in said and "The measurement cannot be trusted" in said:
        pytest.skip(f"the machine was too noisy for any trial: {said.splitlines()[-1]}")
    assert command.returncode == 0, said
    folder = tmp_path / "out" / "latest"
    found = json.loads((folder / "tune.json").read_text())
    sleep_s, grace_s = found["setting"]["preStop.sleep.seconds"], found["setting"]["terminationGracePeriodSeconds"]
    # kube-proxy writes within a second of its last write; the rest is the endpoint's way, on a busy machine.
    assert 1 <= sleep_s <= 5, said
    assert any(one["failed"] and one["what"] == f"sleep {sleep_s - 1} s" for one in found["tried"]), said
    # finishedAt has whole seconds, and the kubelet takes a moment: two more at most.
    assert sleep_s + SHUTDOWN_S + 2 <= grace_s <= sleep_s + SHUTDOWN_S + 2 + 2, said
    assert found["restarts"] >= 5
    assert found["below"] <= 0.5
    # A machine too noisy to measure removals on is told of as such; the search is there all the same.
    assert [one["count"] for one in found["removal"][:1]] == [4] or "could not be measured" in said, said
    (patch,) = yaml.safe_load_all((folder / "tune.patch.yaml").read_text())
    pod = patch["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == grace_s
    assert pod["containers"] == [{"name": "server", "lifecycle": {"preStop": {"sleep": {"seconds": sleep_s}}}}]
    assert "cost: each pod stays" in said
    kube = Kube.connect(spare.kubeconfig)
    assert kube.list("v1", "Namespace", labels="app.kubernetes.io/managed-by=pytest-survive") == []
