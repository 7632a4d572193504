"""Names of images: in all pods of a manifest, ours alone, and with the Secret to pull them."""

import pytest

from harness import manifests
from harness.errors import UsageError
from harness.images import Images, unpulled

OURS = "survive.dev/server:dev"


def pod(*images):
    return {"kind": "Pod", "spec": {"containers": [{"name": f"c{n}", "image": one} for n, one in enumerate(images)]}}


def test_as_they_are():
    assert Images().of(OURS) == OURS
    assert Images().dress(pod(OURS)) == pod(OURS)


def test_a_registry_stands_for_ours_alone():
    images = Images.read("registry.example/team/", [])
    assert images.of(OURS) == "registry.example/team/server:dev"
    assert images.of("nginx:1") == "nginx:1"


def test_a_single_name_goes_before_the_registry():
    images = Images.read("registry.example", ["server=other.example/app@sha256:1", "survive.dev/load:dev=l:2"])
    assert images.of(OURS) == "other.example/app@sha256:1"
    assert images.of("survive.dev/load:dev") == "l:2"
    assert images.of("survive.dev/controller:dev") == "registry.example/controller:dev"


@pytest.mark.parametrize("wrong", ["server", "=x", "server="])
def test_what_is_no_pair(wrong):
    with pytest.raises(UsageError, match="write NAME=REF"):
        Images.read(None, [wrong])


def test_every_pod_spec_of_every_workload_is_changed_and_the_manifest_is_not():
    images = Images.read("r.example", [], secret=True)
    for name in ("server", "controller", "load", "signals", "nginx", "faults"):
        for manifest in manifests.load(name):
            before = str(manifest)
            dressed = images.dress(manifest)
            assert str(manifest) == before
            assert "survive.dev/server:dev" not in str(dressed)
            assert "image': 'survive.dev/" not in str(dressed)
            assert ("survive-pull" in str(dressed)) == ("containers" in str(manifest))


def test_init_containers_and_cron_jobs_too():
    inner = {"initContainers": [{"name": "i", "image": OURS}], "containers": [{"name": "c", "image": "x"}]}
    job = {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": inner}}}}}
    dressed = Images("r").dress(job)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert [dressed["initContainers"][0]["image"], dressed["containers"][0]["image"]] == ["r/server:dev", "x"]


def test_pods_of_others_get_no_secret_of_ours():
    assert Images(secret=True).dress(pod("nginx:1")) == pod("nginx:1")
    assert Images(secret=True).dress(pod(OURS))["spec"]["imagePullSecrets"] == [{"name": "survive-pull"}]


def waits(reason, message="", kind="containerStatuses"):
    state = {"waiting": {"reason": reason, "message": message}}
    return {"status": {kind: [{"name": "web", "image": "r.example/web:1", "state": state}]}}


@pytest.mark.parametrize(
    ("pod", "todo"),
    [
        (
            waits("ErrImagePull", "HEAD https://r.example/v2/: 401 Unauthorized"),
            "give them by --image-pull-secret FILE",
        ),
        (waits("ImagePullBackOff", "Back-off: r.example/web:1: not found"), "the registry has no such image: push it"),
        (waits("ErrImagePull", "x509: unknown authority", "initContainerStatuses"), "do not trust the registry's"),
        (waits("InvalidImageName"), "that is no name of an image: correct --image NAME=REF"),
    ],
)
def test_an_image_that_will_not_come(pod, todo):
    said = unpulled([{"status": {}}, pod])
    assert said.startswith("web does not get the image r.example/web:1: ")
    assert todo in said


@pytest.mark.parametrize(
    "pod",
    [
        waits("ContainerCreating"),
        waits("ErrImagePull", "dial tcp 10.0.0.9:443: connect: connection refused"),
        waits("ErrImagePull", "r.example/web@sha256:8d401c: 429 Too Many Requests"),
        waits("CrashLoopBackOff", "exec: not found"),
        {"status": {"containerStatuses": [{"name": "web", "image": "x", "state": {"running": {}}}]}},
    ],
)
def test_an_image_that_may_come_yet(pod):
    assert unpulled([pod]) == ""
    reason = pod["status"]["containerStatuses"][0]["state"].get("waiting", {}).get("reason")
    assert bool(unpulled([pod], passing=True)) == (reason == "ErrImagePull")
