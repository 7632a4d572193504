"""Images come from a registry that asks for a password, as on a cluster of one's own."""

import concurrent.futures
import json
import pathlib
import re
import secrets
from collections.abc import Iterator

import pytest

from harness import history
from harness.clusters.embedded.layout import ClusterDir
from harness.kube import Kube
from harness.records import EventSeen
from tests.cluster import registry
from tests.cluster.account import CONTEXT
from tests.cluster.registry import ADDRESS, Registry, auth_file
from tests.cluster.test_existing import DELETE, HANDOVER, own_namespaces, results

WORKERS = ("worker-1", "worker-2")
DENIED = "401 Unauthorized|authorization failed"
BY_REGISTRY = ("--image-registry", f"{ADDRESS}/survive")


@pytest.fixture(scope="module")
def served(spare: ClusterDir, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry.serving(spare, tmp_path_factory.mktemp("registry"), secrets.token_hex(4)) as one:
        yield one


@pytest.fixture
def doctor(survive, kubeconfig: pathlib.Path):
    """What `survive doctor --pull` says of each image that it asked for."""

    def ask(*arguments: str) -> dict[str, dict[str, str]]:
        argv = ["doctor", "--kube-context", CONTEXT, "--kubeconfig", str(kubeconfig), "--json", "--pull", *arguments]
        said = survive(*argv).communicate(timeout=60)[0]
        found = [one for one in json.loads(said)["findings"] if one["what"].startswith("pull ")]
        return {one["what"].removeprefix("pull "): one for one in found}

    return ask


def pulls(tmp_path: pathlib.Path) -> list[str]:
    """What kubelets said of the images that they had pulled for the last run's pods."""
    (scenario,) = history.read(tmp_path / "latest" / "history.jsonl.gz").values()
    return [event.message for event in scenario.of(EventSeen) if event.reason == "Pulled"]


def test_a_wrong_password_is_told_with_the_image_and_the_way_out(
    rows, doctor, served: Registry, admin: Kube, tmp_path: pathlib.Path
) -> None:
    wrong = (*BY_REGISTRY, "--image-pull-secret", auth_file(tmp_path / "config.json", "wrong"))
    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        row = beside.submit(rows, HANDOVER, *wrong)
        said = doctor(*wrong)
    assert {what: one["state"] for what, one in said.items()} == {
        f"{ADDRESS}/survive/{name}:dev": "bad" for name in registry.NAMES
    }
    for one in said.values():
        assert re.search(DENIED, one["said"]), one["said"]
        assert one["todo"].endswith("not without the right credentials: give them by --image-pull-secret FILE")
    (found,) = results(tmp_path)
    assert found["verdict"] == "error", row.result().stdout
    assert f"controller does not get the image {ADDRESS}/survive/controller:dev: " in found["why"]
    assert re.search(DENIED, found["why"]), found["why"]
    assert "give them by --image-pull-secret FILE" in found["why"]
    assert own_namespaces(admin) == []
    answers = {status for node in served.nodes for status in served.answers(node)}
    assert answers == {401}


def test_the_doctor_finds_what_the_nodes_pull(doctor, served: Registry, admin: Kube, tmp_path: pathlib.Path) -> None:
    said = doctor(*BY_REGISTRY, "--image-pull-secret", auth_file(tmp_path / "config.json"))
    assert {what: one["state"] for what, one in said.items()} == {
        f"{ADDRESS}/survive/{name}:dev": "ok" for name in registry.NAMES
    }
    given = set().union(*map(served.given, served.nodes))
    assert {f"survive/{name}/manifests/dev" for name in registry.NAMES} <= given
    assert own_namespaces(admin) == []


def test_a_row_runs_with_images_of_the_registry_one_by_its_digest(
    rows, served: Registry, admin: Kube, tmp_path: pathlib.Path
) -> None:
    right = (*BY_REGISTRY, "--image-pull-secret", auth_file(tmp_path / "config.json"))
    seen: set[str] = set()
    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        row = beside.submit(rows, DELETE, "--image", f"server={served.thing}", *right)
        while not concurrent.futures.wait([row], 0.5).done:
            seen |= ran(admin)
    (found,) = results(tmp_path)
    # A machine too noisy to measure on is told of as such; the pods ran all the same.
    assert found["verdict"] in ("pass", "inconclusive"), row.result().stdout
    assert found["proof"], row.result().stdout
    assert seen == {served.thing}
    for image in (f"{ADDRESS}/survive/load:dev", served.thing):
        assert any(f'Successfully pulled image "{image}"' in one for one in pulls(tmp_path)), image
    assert "survive/load/manifests/dev" in served.given("load")
    for worker in WORKERS:
        blobs = {path for path in served.given(worker) if path.startswith("other/thing/blobs/")}
        assert len(blobs) >= 2, "its configuration, and the layer that no node had"
    assert own_namespaces(admin) == []


def ran(kube: Kube) -> set[str]:
    """The images, by their digests, of the containers that run in pods of the sample app."""
    pods = [
        one
        for one in kube.list("v1", "Pod", labels="app=server")
        if one["metadata"]["namespace"].startswith("survive-")
    ]
    statuses = [one for pod in pods for one in pod.get("status", {}).get("containerStatuses") or []]
    return {one["imageID"] for one in statuses if "running" in one["state"]}
