import re

import pytest

from harness import wait
from harness.deploy import Furnishing, create_namespace, delete_namespace, sweep, wait_deleted
from harness.deploy.namespace import namespace_name
from harness.errors import KubeError, UsageError, WaitTimeout

OURS = {"app.kubernetes.io/managed-by": "pytest-survive", "survive.dev/run": "run-7"}
NAME = "survive-b1-abcde"
KILLED = "killed"


class Kube:
    """Namespaces: name -> [labels, looks until it is gone once it is being deleted; None: never, KILLED: only then]."""

    def __init__(self, **spaces):
        self.spaces = {name.replace("_", "-"): list(one) for name, one in spaces.items()}
        self.deleting = set()
        self.did = []

    def create(self, manifest, namespace=""):
        if manifest["kind"] == "Secret":
            self.did.append((namespace, manifest["metadata"]["name"], manifest["type"], manifest["stringData"]))
        else:
            self.did.append(manifest["metadata"])

    def get(self, api_version, kind, name, namespace=""):
        if kind == "ServiceAccount":
            return {}
        if name not in self.spaces:
            raise KubeError("not found", 404)
        found, left = self._object(name), self.spaces[name][1]
        if name in self.deleting and isinstance(left, int):
            self.spaces[name][1] = left - 1
            if left == 0:
                del self.spaces[name]
        return found

    def _object(self, name):
        conditions = [{"status": "True", "message": "a pod is in the way"}, {"status": "False", "message": "not me"}]
        going = {"deletionTimestamp": "now"} if name in self.deleting else {}
        return {
            "metadata": {"name": name, "labels": self.spaces[name][0], **going},
            "status": {"conditions": conditions},
        }

    def list(self, api_version, kind, namespace="", labels=""):
        return [self._object(name) for name in list(self.spaces) if matches(labels, self.spaces[name][0])]

    def delete(self, api_version, kind, name):
        self.did.append(f"delete {name}")
        self.deleting.add(name)

    def delete_all(self, api_version, kind, namespace, *, grace_s):
        self.did.append(f"kill {namespace} in {grace_s} s")
        if grace_s == 0 and self.spaces[namespace][1] == KILLED:
            self.spaces[namespace][1] = 0


def matches(selector, labels):
    """A label selector of the forms a=b, a!=b and a."""
    for part in selector.split(","):
        key, equal, value = part.partition("=")
        known = labels.get(key.rstrip("!"))
        if (known == value if equal else known is not None) is key.endswith("!"):
            return False
    return True


@pytest.fixture(autouse=True)
def _fake_time(monkeypatch):
    until, now = wait.until, [0.0]

    def sleep(duration):
        now[0] += duration

    monkeypatch.setattr(wait, "until", lambda *how, **more: until(*how, **more, clock=lambda: now[0], sleep=sleep))


@pytest.mark.parametrize("scenario", ["b1", "Rollout: naive!", "x" * 90, "B2/delete_drain (sleep)"])
def test_names_are_labels_and_differ(scenario):
    names = {namespace_name(scenario) for _ in range(20)}
    assert len(names) == 20
    assert all(re.fullmatch(r"survive-[a-z0-9]([a-z0-9-]*[a-z0-9])?-[a-z0-9]{5}", name) for name in names)
    assert max(map(len, names)) <= 63


def test_create_labels_it():
    kube = Kube()
    name = create_namespace(kube, "b1", "run-7")
    assert kube.did == [{"name": name, "labels": OURS}]


def test_it_is_furnished_with_further_labels_and_what_images_are_pulled_with():
    kube = Kube()
    labels = {"team": "a", "app.kubernetes.io/managed-by": "others"}
    name = create_namespace(kube, "b1", "run-7", furnishing=Furnishing(labels, '{"auths": {}}'))
    secret = (name, "survive-pull", "kubernetes.io/dockerconfigjson", {".dockerconfigjson": '{"auths": {}}'})
    assert kube.did == [{"name": name, "labels": {"team": "a", **OURS}}, secret]


def test_delete_asks_for_the_end_and_kills_its_pods():
    kube = Kube(survive_b1_abcde=(OURS, None))
    delete_namespace(kube, NAME)
    assert kube.did == [f"delete {NAME}", f"kill {NAME} in 1 s"]


def test_delete_of_what_is_gone_does_nothing():
    kube = Kube()
    delete_namespace(kube, NAME)
    assert kube.did == []


@pytest.mark.parametrize("labels", [{}, {"app.kubernetes.io/managed-by": "somebody"}, None])
def test_delete_refuses_a_namespace_of_anybody_else(labels):
    kube = Kube(default=(labels, None))
    with pytest.raises(UsageError, match="not ours to delete"):
        delete_namespace(kube, "default")
    assert kube.did == []


def test_pods_that_went_with_their_namespace_are_no_error(monkeypatch):
    kube = Kube(survive_b1_abcde=(OURS, None))

    def gone(*_, **__):
        raise KubeError("gone", status)

    kube.delete_all = gone
    status = 404
    delete_namespace(kube, NAME)
    status = 500
    with pytest.raises(KubeError):
        delete_namespace(kube, NAME)


def test_wait_deleted_waits_for_those_of_its_run_that_go():
    other = {**OURS, "survive.dev/run": "run-8"}
    kube = Kube(a=(OURS, 5), b=(OURS, 3), other=(other, None), kept=(OURS, None), foreign=({}, None))
    kube.deleting = {"a", "b", "other", "foreign"}
    wait_deleted(kube, "run-7")
    assert set(kube.spaces) == {"other", "kept", "foreign"}
    assert kube.did == []


def test_wait_deleted_forces_what_stays():
    kube = Kube(a=(OURS, KILLED))
    kube.deleting = {"a"}
    wait_deleted(kube, "run-7")
    assert kube.did == ["kill a in 0 s"]
    assert kube.spaces == {}


def test_wait_deleted_says_what_is_in_the_way():
    kube = Kube(a=(OURS, None))
    kube.deleting = {"a"}
    with pytest.raises(WaitTimeout, match=r"last seen: a pod is in the way$"):
        wait_deleted(kube, "run-7")
    assert kube.did == ["kill a in 0 s"]


def test_sweep_takes_what_other_runs_left():
    old = {**OURS, "survive.dev/run": "run-6"}
    nobodys = {"app.kubernetes.io/managed-by": "pytest-survive"}
    kube = Kube(mine=(OURS, None), old_a=(old, 2), old_b=(old, 2), default=({}, None), nobodys=(nobodys, None))
    sweep(kube, but="run-7")
    assert set(kube.spaces) == {"mine", "default", "nobodys"}
    assert kube.did == [
        "delete old-a", "kill old-a in 1 s", "delete old-b", "kill old-b in 1 s",
    ]  # fmt: skip


def test_sweep_of_a_clean_cluster_does_nothing():
    kube = Kube(mine=(OURS, None), default=({}, None))
    sweep(kube, but="run-7")
    assert kube.did == []
