"""Rights: one manifest grants what runs and paths need, and no more; what is missing is named."""

import pytest

from harness import rights
from harness.commands.rbac import manifest
from harness.disrupt import PATHS
from harness.errors import UsageError
from harness.rights import Right, demand, missing, of_role, told
from tests.unit.fake_api import FakeApi

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@pytest.mark.parametrize(
    "text", ["create pods/eviction", "patch deployments.apps/scale", "get nodes", "list jobs.batch"]
)
def test_a_right_is_read_as_it_is_told(text):
    assert str(Right.read(text)) == text


def test_what_paths_need_is_what_their_roles_grant():
    needed = {Right.read(text) for path in PATHS for text in path.rights}
    granted = {*of_role(rights.PATHS), *of_role(rights.NODES)}
    assert needed == granted


def test_no_right_is_granted_twice_and_none_to_all():
    granted = [right for role in rights.ROLES for right in of_role(role)]
    assert len(granted) == len(set(granted))
    assert not any("*" in right for right in granted)
    assert {right.resource for right in granted}.isdisjoint({"clusterroles", "clusterrolebindings"})
    assert [str(right) for right in granted if right.resource == "secrets"] == ["create secrets"]


def test_the_role_of_nodes_is_bound_only_if_asked_for():
    assert "name: pytest-survive-nodes\nroleRef" not in manifest(nodes=False)
    bound = manifest(nodes=True)
    assert bound.startswith(manifest(nodes=False))
    assert "kind: ClusterRole\n  name: pytest-survive-nodes" in bound


@pytest.fixture
def api():
    made = FakeApi()
    yield made
    made.close()


def test_what_is_missing_is_asked_for_and_named(api, tmp_path):
    api.on("POST", REVIEWS, {"status": {"allowed": False}})
    lacking = missing(api.connect(tmp_path), [Right.read("create pods/eviction")], "shop")
    assert lacking == [Right("create", "", "pods", "eviction")]
    (asked,) = api.requests("POST")
    wanted = {"verb": "create", "resource": "pods", "subresource": "eviction", "namespace": "shop"}
    assert asked[3]["spec"]["resourceAttributes"] == wanted
    assert told(lacking).startswith("the right to create pods/eviction is missing: `survive rbac | kubectl apply")
    assert "survive rbac --nodes" in told([Right.read("patch nodes")])


def test_a_run_without_a_right_ends_before_it_begins(api, tmp_path):
    api.on("POST", REVIEWS, {"status": {"allowed": False}})
    api.on("POST", WHO, {"status": {"userInfo": {"username": "jane"}}})
    with pytest.raises(UsageError, match=r"jane may not do what every run does; the right to list events is missing"):
        demand(api.connect(tmp_path), [Right.read("list events")])


def test_one_who_has_all_rights_is_let_in(api, tmp_path):
    api.on("POST", REVIEWS, {"status": {"allowed": True}})
    demand(api.connect(tmp_path), of_role(rights.EVERY_RUN))
    assert len(api.requests("POST")) == len(of_role(rights.EVERY_RUN))
