"""NetworkPolicies, as Kubernetes reads them: which of them keep probers from an app."""

import pytest
import yaml
from own_manifests import other, service, workload

from harness.deploy.namespace import MANAGED, MANAGER
from harness.doctor_apps import of_network
from harness.errors import KubeError
from harness.policies import CONTROL_LABELS, End, barring, prober, shut_out
from harness.spec import find_app
from harness.spec.models import Spec
from tests import recommended

PROBER = End({"survive.dev/role": "load"}, "survive-x", {"app.kubernetes.io/managed-by": "pytest-survive"})
BESIDE = End({"app": "shop"}, "survive-x", {})
AWAY = End({"app": "shop"}, "shop", {"team": "a"})


def policy(name="deny", *, pods=None, **spec):
    made = {"podSelector": pods or {}, **spec}
    return {"kind": "NetworkPolicy", "metadata": {"name": name}, "spec": made}


OURS = {"namespaceSelector": {"matchLabels": {"app.kubernetes.io/managed-by": "pytest-survive"}}}
LOAD = {"podSelector": {"matchLabels": {"survive.dev/role": "load"}}}


@pytest.mark.parametrize(
    ("spec", "beside", "away"),
    [
        ({"policyTypes": ["Ingress"]}, True, True),
        ({}, True, True),  # ingress is what a policy is about that does not say
        ({"ingress": [{}]}, False, False),
        ({"ingress": [{"from": [{"podSelector": {}}]}]}, False, True),
        ({"ingress": [{"from": [LOAD]}]}, False, True),
        ({"ingress": [{"from": [OURS]}]}, False, False),
        ({"ingress": [{"from": [{**OURS, **LOAD}]}]}, False, False),
        ({"ingress": [{"from": [{"namespaceSelector": {}}]}]}, False, False),
        ({"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}, False, False),
        ({"ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "front"}}}]}]}, True, True),
        ({"pods": {"matchLabels": {"app": "db"}}}, False, False),
        ({"policyTypes": ["Egress"]}, True, False),
        ({"policyTypes": ["Egress"], "egress": [{"to": [{"podSelector": {}}]}]}, False, False),
    ],
)
def test_what_a_policy_lets_through(spec, beside, away):
    assert barring([policy(**spec)], PROBER, BESIDE) == (["survive-x/deny"] if beside else [])
    # The app's namespace is another: what probers may send is not its policies' business.
    only = {**policy(**spec), "metadata": {"name": "deny", "namespace": "shop"}}
    assert barring([only], PROBER, AWAY) == (["shop/deny"] if away else [])


def test_one_policy_that_lets_them_in_is_enough():
    assert barring([policy(), policy("let", ingress=[{"from": [LOAD]}])], PROBER, BESIDE) == []
    assert barring([], PROBER, BESIDE) == []


def test_those_of_the_document_let_probers_through_whatever_else_is_denied():
    deny = policy(policyTypes=["Ingress", "Egress"])
    control = End(CONTROL_LABELS, PROBER.namespace, PROBER.about)
    assert PROBER.labels.items() <= prober("survive-x", {}).labels.items()
    asked = {"app": BESIDE, "control": control}
    assert shut_out([deny], PROBER, asked) == (
        "no prober gets through to app and to control by NetworkPolicy survive-x/deny"
    )
    assert shut_out([deny, *recommended.policies()], PROBER, asked) == ""
    for one in recommended.policies():
        assert shut_out([deny, one], PROBER, asked), "both are needed"


class Kube:
    """The namespace shop as a cluster has it."""

    def __init__(self, *policies):
        self.policies = policies

    def get(self, api_version, kind, name, namespace=""):
        return {"metadata": {"labels": {"team": "a"}}} if kind == "Namespace" else workload()

    def list(self, api_version, kind, namespace=""):
        if not self.policies:
            raise KubeError("forbidden", 403)
        return list(self.policies)


def test_an_app_is_told_with_its_policies(tmp_path):
    def app(*objects):
        (tmp_path / "all.yaml").write_text(yaml.safe_dump_all([workload(), service(), *objects]))
        return find_app("shop", Spec(manifests=["all.yaml"]), tmp_path)

    deny = {**other("NetworkPolicy", "deny", "networking.k8s.io/v1"), "spec": {"podSelector": {}}}
    found = of_network(Kube(), app(deny), {})
    assert (found.what, found.state) == ("network shop", "warn")
    assert found.said == "no prober gets through to it and to our control server by NetworkPolicy survive-*/deny"
    assert f"let in pods labelled survive.dev/role=load from namespaces labelled {MANAGED}={MANAGER}" in found.todo
    let = {
        **deny,
        "metadata": {"name": "let"},
        "spec": {"podSelector": {"matchLabels": {"app": "shop"}}, "ingress": [{}]},
    }
    assert of_network(Kube(), app(deny, let), {}).said == (
        "no prober gets through to our control server by NetworkPolicy survive-*/deny"
    )
    assert of_network(Kube(), app(deny, *recommended.policies()), {}).state == "ok"
    assert of_network(Kube(), app(), {}).state == "ok"


def test_one_that_runs_already_is_told_with_those_of_its_namespace(tmp_path):
    asked = Spec.model_validate({"attach": "shop/deploy/shop", "requests": {"service": "shop"}})
    app = find_app("shop", asked, tmp_path)
    inside = {**policy(ingress=[{"from": [{"podSelector": {}}]}]), "metadata": {"name": "inside", "namespace": "shop"}}
    assert "NetworkPolicy shop/inside" in of_network(Kube(inside), app, {}).said
    let = {"namespaceSelector": {"matchLabels": {"tests": "yes"}}}
    assert of_network(Kube(policy(ingress=[{"from": [let]}])), app, {}).state == "warn"
    assert of_network(Kube(policy(ingress=[{"from": [let]}])), app, {"tests": "yes"}).state == "ok"
    assert of_network(Kube(), app, {}).said == "not known: forbidden"
    quiet = find_app("shop", Spec.model_validate({"attach": "shop/deploy/shop"}), tmp_path)
    assert of_network(Kube(), quiet, {}).said == "it is asked nothing"
