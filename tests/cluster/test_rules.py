"""Rules of a cluster that keep pods away: each is seen once, and told with what to do about it."""

import pathlib
from collections.abc import Callable, Iterator

import pytest

from harness.clusters.embedded.layout import ClusterDir
from harness.deploy import Furnishing, apply, create_namespace, delete_namespace, server, wait_ready
from harness.errors import KubeError, Refused, WaitTimeout
from harness.history import Recorder
from harness.kube import Kube
from harness.load import Load
from harness.observe.observer import Observer
from harness.wait import until


@pytest.fixture(scope="module")
def kube(spare: ClusterDir) -> Kube:
    return Kube.connect(spare.kubeconfig)


@pytest.fixture
def space(kube: Kube) -> Iterator[Callable[..., str]]:
    """Makes namespaces as a run does."""
    made: list[str] = []

    def make(**labels: str) -> str:
        made.append(create_namespace(kube, "rules", "rules", furnishing=Furnishing(labels)))
        return made[-1]

    yield make
    for name in made:
        delete_namespace(kube, name)


def test_a_quota_that_is_used_up(kube: Kube, space) -> None:
    namespace = space()
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "small"},
        "spec": {"hard": {"pods": "1"}},
    }
    kube.apply([quota], namespace)
    until(lambda: kube.get("v1", "ResourceQuota", "small", namespace).get("status", {}).get("hard"), "the quota", 20)
    app = server(replicas=3)
    apply(kube, app, namespace)
    with pytest.raises(Refused, match=r"exceeded quota: small.*the namespace's ResourceQuota is used up: raise it"):
        wait_ready(kube, app, namespace, 30)


def test_a_limit_range_that_forbids_what_is_asked_for(kube: Kube, space) -> None:
    namespace = space()
    limit = {"type": "Container", "max": {"memory": "16Mi"}}
    range_ = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "tiny"}, "spec": {"limits": [limit]}}
    kube.apply([range_], namespace)
    app = server(replicas=1, resources={"requests": {"memory": "32Mi"}, "limits": {"memory": "32Mi"}})
    apply(kube, app, namespace)
    with pytest.raises(
        Refused, match=r"maximum memory usage per Container is 16Mi.*the namespace's LimitRange forbids it"
    ):
        wait_ready(kube, app, namespace, 30)


def test_a_rule_of_the_cluster_that_refuses_an_object(kube: Kube, space) -> None:
    rule = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "owners"},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["deployments"],
                    }
                ]
            },
            "validations": [{"expression": "has(object.metadata.labels.owner)", "message": "say who owns it"}],
        },
    }
    selector = {"namespaceSelector": {"matchLabels": {"team": "strict"}}}
    binding = {
        "apiVersion": rule["apiVersion"],
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "owners"},
        "spec": {"policyName": "owners", "validationActions": ["Deny"], "matchResources": selector},
    }
    kube.apply([rule, binding], "")
    namespace = space(team="strict")
    app = server(replicas=1)
    told: list[str] = []

    def refused() -> bool:
        try:
            kube.create(app.manifests[0], namespace, dry_run=True)
        except KubeError as exc:
            told.append(str(exc))
        return bool(told)

    try:
        until(refused, "the policy to be in force", 30)
        with pytest.raises(KubeError, match=r"say who owns it; a rule of this cluster's own refuses it: do as it says"):
            apply(kube, app, namespace)
    finally:
        kube.delete(binding["apiVersion"], binding["kind"], "owners")
        kube.delete(rule["apiVersion"], rule["kind"], "owners")


def test_probes_that_never_get_through_name_the_network_policies(kube: Kube, space, tmp_path: pathlib.Path) -> None:
    namespace = space()
    deny = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny"}, "spec": deny}
    kube.apply([policy], namespace)
    recorder = Recorder(tmp_path / "h.jsonl.gz", "rules")
    # Nobody answers for a Service that is not there, as nobody would behind a policy that is enforced (here none is).
    load = Load(kube, recorder, namespace, service="nobody")
    with (
        Observer(kube, recorder, namespace),
        pytest.raises(WaitTimeout, match=rf"put NetworkPolicies into {namespace} \(deny\): they must let its pods"),
    ):
        load.start(timeout_s=12)
    recorder.close()
