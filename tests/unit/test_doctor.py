"""The doctor: each finding from what the API server tells, and that it writes nothing."""

from datetime import UTC, datetime

import pytest

from harness import disrupt
from harness.disrupt import PATHS, Evict, NodeDown, Path, Preempt, Resize, Stop, does
from harness.doctor import (
    CORE,
    PathState,
    Report,
    examine,
    of_gates,
    of_images,
    of_listed,
    of_namespace,
    of_nodes,
    of_path,
    of_rights,
    of_room,
    of_version,
)  # fmt: skip
from harness.images import Images
from harness.rights import Right
from tests.unit.fake_api import FakeApi

READY = [{"type": "Ready", "status": "True"}]
NOW = datetime(2026, 11, 30, 6, tzinfo=UTC)
IMAGES = [{"names": [f"survive.dev/{app}:dev"]} for app in ("server", "controller", "load", "signals")]


def node(name, *, taints=(), closed=False, conditions=READY, cpu="2", images=IMAGES):
    spec = {"taints": [dict(zip(("key", "effect"), taint.split(":"), strict=True)) for taint in taints]}
    status = {"conditions": conditions, "allocatable": {"cpu": cpu, "memory": "4Gi"}, "images": images}
    return {"metadata": {"name": name}, "spec": {**spec, "unschedulable": closed}, "status": status}


def pod(cpu, phase="Running", where="a"):
    container = {"resources": {"requests": {"cpu": cpu, "memory": "128Mi"}}}
    return {"spec": {"nodeName": where, "containers": [container]}, "status": {"phase": phase}}


def test_nodes_that_take_no_pods_are_told_with_what_keeps_them_off():
    shut = [node("b", closed=True), node("c", taints=["gpu:NoSchedule"]), node("d", conditions=[])]
    found = of_nodes([node("a"), node("e", taints=["x:PreferNoSchedule"]), *shut])
    assert found.state == "ok"
    assert found.said == "2 of 5 take any pod; not b (cordoned), c (taint gpu:NoSchedule), d (not Ready)"
    assert of_nodes([node("a"), *shut]).state == "warn"
    assert of_nodes(shut).state == "bad"


def test_room_is_what_no_pod_on_an_open_node_asked_for():
    nodes = [node("a"), node("b", closed=True)]
    assert of_room(nodes, [pod("500m"), pod("1", "Succeeded"), pod("1", where="b")]).said.startswith("1.5 cores")
    assert of_room(nodes, [pod("1500m")]).state == "bad"


def test_images_that_no_registry_has_must_be_on_the_nodes():
    assert {found.state for found in of_images([node("a"), node("b")], Images(), NOW)} == {"ok"}
    here = of_images([node("a"), node("b", images=[])], Images(), NOW)
    assert {found.state for found in here} == {"bad"}
    assert "on 1 of 2 nodes" in here[0].said
    assert "--image-registry" in here[0].todo
    there = of_images([node("a", images=[])], Images("registry.example/team"), NOW)
    assert there[0].said == "registry.example/team/server:dev: on 0 of 1 nodes; the others pull it"
    assert there[0].state == "ok"


def ready_since(one, moment):
    one["status"]["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": moment}]
    return one


def test_an_image_that_a_node_may_not_have_told_of_is_not_called_missing():
    new = ready_since(node("b", images=[]), "2026-11-30T05:59:30Z")
    found = of_images([node("a"), new], Images(), NOW)
    assert {one.state for one in found} == {"warn"}
    assert "on 1 of 2 nodes, but b may not tell of all images" in found[0].said
    assert "doctor --pull" in found[0].todo
    known = ready_since(node("b", images=[]), "2026-11-30T05:58:30Z")
    assert {one.state for one in of_images([node("a"), known], Images(), NOW)} == {"bad"}
    assert {one.state for one in of_images([node("a", images=[]), new], Images(), NOW)} == {"bad"}
    crowded = [{"names": [f"other{n}:1"]} for n in range(50)]
    assert {one.state for one in of_images([node("a", images=crowded)], Images(), NOW)} == {"warn"}
    assert {one.state for one in of_images([node("a", images=crowded[:49])], Images(), NOW)} == {"bad"}


def test_a_node_that_is_listed_must_be_one():
    assert of_listed([node("a")], ["a"]).said == "may touch a"
    assert of_listed([node("a")], ["a", "x"]).state == "bad"


def test_rights_that_every_run_needs():
    assert of_rights([]).state == "ok"
    assert of_rights([Right.read("list events")]).said == "missing: list events"


def test_gates_as_the_api_server_tells_them():
    assert "not known" in of_gates(None).said
    assert "InPlacePodVerticalScaling on" in of_gates({"InPlacePodVerticalScaling": True}).said


def test_a_path_is_barred_by_nodes_rights_and_gates():
    class Whole:
        breakable = False

    new = (1, 37)
    assert of_path(Evict, None, [], new, None).possible
    assert "create pods/eviction" in of_path(Evict, None, [Right.read("create pods/eviction")], new, None).why
    assert "--allow-node-disruption" in of_path(Preempt, None, [], new, None).why
    assert of_path(Preempt, Whole(), [], new, None).possible
    off = of_path(Resize, None, [], new, {"InPlacePodVerticalScaling": False})
    assert "InPlacePodVerticalScaling, which is off here" in off.why
    assert of_path(Resize, None, [], new, {"InPlacePodVerticalScaling": True}).possible


def test_a_path_says_which_of_its_rows_this_version_cannot_do():
    class Breakable:
        breakable = True

    old = (1, 31)
    down = of_path(NodeDown, Breakable(), [], old, None)
    assert down.possible
    assert list(down.skipped) == ["node-down-crash", "node-down-cut"]
    assert "needs Kubernetes 1.32 or newer, this is 1.31" in down.skipped["node-down-cut"]
    assert not of_path(NodeDown, Breakable(), [], (1, 32), None).skipped
    resize = of_path(Resize, None, [], old, {})
    assert not resize.possible
    assert resize.why == "a resize by pods/resize needs Kubernetes 1.32 or newer, this is 1.31"
    assert set(of_path(Stop, None, [], old, None).skipped) == {"stopsignal-spec", "prestop-sleep-zero"}
    assert of_path(Stop, None, [], None, None).skipped == {}


@pytest.mark.parametrize(
    ("text", "state", "said"),
    [
        ("v1.37.2", "ok", "v1.37.2; rows are made for 1.31 to 1.37"),
        ("v1.33.5-gke.100", "ok", "rows are made for 1.31 to 1.37"),
        ("v1.30.9", "bad", "v1.30.9 is older than 1.31"),
        ("v1.40.0", "warn", "newer than 1.37, the newest that rows were seen on"),
        ("v", "warn", "cannot be read"),
    ],
)
def test_the_version_is_told(text, state, said):
    found = of_version(text)
    assert found.state == state
    assert said in found.said


def test_all_paths_are_known():
    exported = {getattr(disrupt, name) for name in disrupt.__all__}
    paths = {one for one in exported if isinstance(one, type) and issubclass(one, Path) and one is not Path}
    assert set(PATHS) == paths
    assert len({path.name for path in PATHS}) == len(PATHS)


def test_every_path_says_what_it_does_in_a_sentence():
    assert does(Evict).startswith("Evict `count` pods")
    assert all(10 < len(does(path)) < 200 and "\n" not in does(path) for path in PATHS)


def test_a_cluster_is_fit_only_if_the_core_paths_are_possible():
    paths = [PathState(name, "", True) for name in CORE]
    assert Report("existing", "c", "s", "v", "u", [], paths).fit
    assert not Report("existing", "c", "s", "v", "u", [], paths[1:]).fit
    assert not Report("existing", "c", "s", "v", "u", [of_namespace({}, "quota")], paths).fit


@pytest.fixture
def api(monkeypatch):
    made = FakeApi()
    yield made
    made.close()


def answers(api, allowed=True):
    api.on("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"status": {"allowed": allowed}})
    api.on("GET", "/api/v1/nodes", {"items": [node("a"), node("b")]})
    api.on("GET", "/api/v1/pods", {"items": []})
    api.on("POST", "/api/v1/namespaces", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}})
    api.on("GET", "/metrics", (403, {"message": "no"}))


def test_all_is_looked_at_and_nothing_is_kept(api, tmp_path):
    answers(api)
    found = examine(api.connect(tmp_path), Report("existing", "c", "s", "v1.37.2", "u"), Images(), None, (), {})
    assert found.fit
    assert any("enforces 'baseline'" in one.said for one in found.findings)
    kept = [one for one in api.asked if one[0] != "GET" and "reviews" not in one[1] and one[2] != "dryRun=All"]
    assert kept == []


def test_without_rights_nothing_is_known_but_that(api, tmp_path):
    answers(api, allowed=False)
    found = examine(api.connect(tmp_path), Report("existing", "c", "s", "v", "u"), Images(), None, (), {})
    assert not found.fit
    assert [one.what for one in found.findings] == ["rights", "version", "feature gates", "nodes"]
    assert {one[1] for one in api.requests("GET")} == {"/metrics"}


def test_a_namespace_that_is_refused_is_told(api, tmp_path):
    answers(api)
    api.on("POST", "/api/v1/namespaces", (403, {"message": "admission webhook teams denied it: no owner label"}))
    found = examine(api.connect(tmp_path), Report("existing", "c", "s", "v", "u"), Images(), None, (), {})
    assert any("no owner label" in one.said and one.state == "bad" for one in found.findings)
    assert not found.fit
