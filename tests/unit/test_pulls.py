"""Images asked for by a throw-away pod: what is read of it, what is said, and that nothing stays."""

import pytest
import yaml
from own_manifests import other, service, workload

from harness import pulls
from harness.deploy import Furnishing
from harness.doctor_apps import images_of
from harness.errors import KubeError
from harness.images import Images
from harness.pulls import Wanted, outcomes, pod, pulled, told
from harness.spec import find_app
from harness.spec.models import Spec

WANTED = Wanted("every run", ["survive.dev/load:dev", "survive.dev/server:dev"])
NO_ROUTE = 'failed to do request: Head "https://r.example/v2": dial tcp 127.0.0.1:9: connect: connection refused'


def seen(*states):
    statuses = [{"name": f"image-{number}", "state": state} for number, state in enumerate(states)]
    return {"metadata": {"name": "images", "uid": "u"}, "status": {"phase": "Pending", "containerStatuses": statuses}}


def waiting(reason, message=""):
    return {"waiting": {"reason": reason, "message": message}}


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ({"terminated": {"exitCode": 128, "reason": "StartError"}}, ""),
        ({"running": {}}, ""),
        (waiting("RunContainerError", "no such file"), ""),
        (waiting("ContainerCreating"), None),
        ({}, None),
        (waiting("ErrImagePull", "denied"), "ErrImagePull: denied"),
        (waiting("ImagePullBackOff", "Back-off"), "ImagePullBackOff: Back-off"),
        (waiting("InvalidImageName"), "InvalidImageName"),
    ],
)
def test_what_a_container_tells_of_its_image(state, outcome):
    assert outcomes(seen(state), 1) == [outcome]


def test_a_container_of_which_nothing_is_known_yet():
    assert outcomes({}, 2) == [None, None]


@pytest.mark.parametrize(
    ("said", "todo"),
    [
        (NO_ROUTE, "the nodes do not reach its registry: name one by --image NAME=REF or --image-registry HOST/PATH"),
        ("401", "it is not there, or not without the right credentials: give them by --image-pull-secret FILE"),
        ("pull access denied, may require authorization", "it is not there, or not without the right credentials"),
        ("tls: failed to verify certificate: x509: unknown authority", "the nodes do not trust the registry's"),
        (
            "r.example/x:1: not found",
            "the registry has no such image: push it where the nodes find it, or name another",
        ),
        ("InvalidImageName", "that is no name of an image: correct --image NAME=REF"),
        ("out of tea", "see what was said; push it where the nodes find it"),
    ],
)
def test_a_pull_that_failed_is_told_with_the_way_out(said, todo):
    found = told("r.example/x:1", WANTED, f"ErrImagePull: {said}")
    assert (found.what, found.state) == ("pull r.example/x:1", "bad")
    assert said in found.said
    assert found.todo.startswith(todo)


def test_the_pod_passes_the_strictest_pod_security():
    spec = pod(WANTED)["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert all(one["securityContext"]["capabilities"] == {"drop": ["ALL"]} for one in spec["containers"])
    assert [one["image"] for one in spec["containers"]] == WANTED.images
    assert "imagePullSecrets" not in spec


class Kube:
    """Tells of the pod what it is given, in turn; notes what is made and removed."""

    def __init__(self, *looks):
        self.looks = list(looks)
        self.did = []

    def create(self, manifest, namespace=""):
        self.did.append(f"create {manifest['kind']}")

    def apply(self, manifests, namespace):
        self.did += [f"apply {one['kind']}" for one in manifests]

    def get(self, api_version, kind, name, namespace=""):
        if kind == "Namespace":
            return {"metadata": {"labels": {"app.kubernetes.io/managed-by": "pytest-survive"}}}
        if kind == "ServiceAccount":
            return {}
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, Exception):
            raise look
        return look

    def list(self, api_version, kind, namespace="", labels=""):
        return []

    def delete(self, api_version, kind, name):
        self.did.append(f"delete {kind}")

    def delete_all(self, api_version, kind, namespace, *, grace_s):
        pass


GOOD = {"terminated": {}}


def test_each_image_is_told_and_the_namespace_removed():
    secret = other("Secret", "pull")
    wanted = Wanted("shop", ["survive.dev/load:dev", "shop:1"], [secret], ["pull"])
    kube = Kube(seen(waiting("ContainerCreating"), GOOD), seen(GOOD, waiting("ErrImagePull", NO_ROUTE)))
    found = pulled(kube, Images("r.example"), Furnishing(), wanted)
    assert [(one.what, one.state) for one in found] == [("pull r.example/load:dev", "ok"), ("pull shop:1", "bad")]
    assert kube.did == ["create Namespace", "create Secret", "apply Pod", "delete Namespace"]


@pytest.mark.parametrize("broken", [KubeError("gone", 500), KeyboardInterrupt()])
def test_nothing_stays_whatever_happens(broken):
    kube = Kube(broken)
    if not isinstance(broken, Exception):
        kube.apply = lambda *_: (_ for _ in ()).throw(broken)
    with pytest.raises(type(broken)):
        pulled(kube, Images(), Furnishing(), WANTED)
    assert kube.did[-1] == "delete Namespace"


def test_one_that_nobody_ever_told_of_is_told_with_what_the_pod_waits_for(monkeypatch):
    monkeypatch.setattr(pulls, "PULL_S", 0.0)
    found = pulled(Kube(seen(GOOD, waiting("ContainerCreating"))), Images(), Furnishing(), WANTED)
    assert [one.state for one in found] == ["ok", "bad"]
    assert "not within 0 s: pod" in found[1].said


def test_the_images_of_an_app_with_its_secrets(tmp_path):
    made = workload()
    made["spec"]["template"]["spec"] |= {
        "initContainers": [{"name": "a", "image": "migrate:1"}],
        "imagePullSecrets": [{"name": "pull"}],
    }
    (tmp_path / "all.yaml").write_text(
        yaml.safe_dump_all([made, service(), other("Secret", "pull"), other("Secret", "db")])
    )
    found = images_of(find_app("shop", Spec(manifests=["all.yaml"]), tmp_path))
    assert (found.images, found.pull) == (["migrate:1", "shop:1"], ["pull"])
    assert [one["metadata"]["name"] for one in found.secrets] == ["pull"]
