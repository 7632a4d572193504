import re

import pytest

from harness import wait
from harness.deploy import create_namespace, delete_namespace
from harness.deploy.namespace import namespace_name
from harness.errors import KubeError, UsageError, WaitTimeout

OURS = {"app.kubernetes.io/managed-by": "pytest-survive"}


class Kube:
    """A namespace that goes away after `lives` looks at it; None: never."""

    def __init__(self, labels=None, lives=None):
        self.labels = labels
        self.lives = lives
        self.did = []

    def create(self, manifest):
        self.did.append(manifest["metadata"])

    def get(self, api_version, kind, name, namespace=""):
        if kind == "ServiceAccount":
            return {}
        if self.labels is None or self.lives == 0:
            raise KubeError("not found", 404)
        if self.lives and self.did:
            self.lives -= 1
        conditions = [{"status": "True", "message": "a pod is in the way"}, {"status": "False", "message": "not me"}]
        return {"metadata": {"labels": self.labels}, "status": {"conditions": conditions}}

    def delete(self, api_version, kind, name):
        self.did.append(f"delete {name}")

    def delete_all(self, api_version, kind, namespace, *, grace_s):
        self.did.append(f"kill in {grace_s} s")


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
    assert kube.did == [{"name": name, "labels": {**OURS, "survive.dev/run": "run-7"}}]


def test_delete_kills_its_pods_and_waits():
    kube = Kube(OURS, lives=5)
    delete_namespace(kube, "survive-b1-abcde")
    assert kube.did == ["delete survive-b1-abcde", "kill in 1 s"]


def test_delete_of_what_is_gone_does_nothing():
    kube = Kube()
    delete_namespace(kube, "survive-b1-abcde")
    assert kube.did == []


@pytest.mark.parametrize("labels", [{}, {"app.kubernetes.io/managed-by": "somebody"}])
def test_delete_refuses_a_namespace_of_anybody_else(labels):
    kube = Kube(labels)
    with pytest.raises(UsageError, match="not ours to delete"):
        delete_namespace(kube, "default")
    assert kube.did == []


def test_delete_forces_what_stays_and_says_what_is_in_the_way():
    kube = Kube(OURS)
    with pytest.raises(WaitTimeout, match=r"last seen: a pod is in the way$"):
        delete_namespace(kube, "survive-b1-abcde")
    assert kube.did == ["delete survive-b1-abcde", "kill in 1 s", "kill in 0 s"]


def test_delete_forces_and_is_content():
    kube = Kube(OURS, lives=60)
    delete_namespace(kube, "survive-b1-abcde")
    assert kube.did[-1] == "kill in 0 s"
