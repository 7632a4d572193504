"""A scenario's own nodes: what it asks of the port, in which order all is taken away, and where there is no port."""

import pytest

from harness import scenario as module
from harness.disrupt import Drain, FillDisk, NodeDown, Path, RestartDaemon, Site, Taint
from harness.errors import Impossible
from harness.proof import Proof
from harness.run import RunFolder
from harness.scenario import Row, Scenario
from tests.unit.fake_observer import NoObserver

LABELS = {"app": "a"}


class FakeNodes:
    """Notes what it is asked."""

    breakable = True

    def __init__(self, done):
        self.done = done

    def add(self, name, labels, taints, *, small_disk):
        self.done.append(("add", name, labels, taints, small_disk))
        return name

    def remove(self, name):
        self.done.append(("remove", name))


class Heals(Path):
    name = "heals"

    def __init__(self, done):
        self.done = done

    def act(self, site):
        raise KeyboardInterrupt

    def proof(self, history):
        return Proof()

    def heal(self, site):
        self.done.append(("heal", site.nodes is not None))


@pytest.fixture
def done(monkeypatch):
    found = []
    monkeypatch.setattr(module, "create_namespace", lambda *_, **__: "ns")
    monkeypatch.setattr(module, "delete_namespace", lambda *_: found.append(("delete", "ns")))
    monkeypatch.setattr(module, "take_pods_off", lambda _, node: found.append(("pods off", node)))
    monkeypatch.setattr(module, "Observer", NoObserver)
    return found


@pytest.fixture
def opened(tmp_path, done):
    made = Scenario(None, RunFolder(tmp_path), Row("C13", "node-down", "node-down", "", ""), FakeNodes(done))
    made.open()
    return made


def test_a_node_is_added_for_the_row_and_kept_for_it(opened, done):
    node = opened.add_node(small_disk=True)
    assert node.name.startswith("node-down-")
    assert done == [("add", node.name, node.labels, [node.taint], True)]
    opened.close()


def test_interrupted_it_heals_then_removes_namespace_pods_and_nodes(opened, done):
    first, second = opened.add_node(), opened.add_node()
    done.clear()
    with pytest.raises(KeyboardInterrupt):
        opened.restart(Heals(done))
    opened.close("interrupted")
    taken = [(what, node.name) for node in (first, second) for what in ("pods off", "remove")]
    assert done == [("heal", True), ("delete", "ns"), *taken]


def test_the_pods_of_others_stay_on_a_node_that_was_lent(tmp_path, done):
    class Lent(FakeNodes):
        breakable = False

        def add(self, name, labels, taints, *, small_disk):
            return "theirs"

    made = Scenario(None, RunFolder(tmp_path), Row("C12", "drain", "drain", "", ""), Lent(done))
    made.open()
    assert made.add_node().name == "theirs"
    made.close()
    assert done == [("delete", "ns"), ("remove", "theirs")]


def test_nothing_is_made_for_a_path_that_is_barred(tmp_path, done, monkeypatch):
    class Asked:
        def allowed(self, verb, group, resource, subresource, namespace):
            return False

    monkeypatch.setattr(module, "create_namespace", lambda *_, **__: done.append("namespace"))
    drain = Scenario(None, RunFolder(tmp_path), Row("C12", "drain", "drain", "", ""))
    with pytest.raises(Impossible, match="the path drain: it changes a node"):
        drain.open()
    evict = Scenario(Asked(), RunFolder(tmp_path), Row("C1", "evict", "evict", "", ""), shared=True)
    with pytest.raises(Impossible, match="the path evict: the right to create pods/eviction is missing"):
        evict.open()
    assert done == []


def test_nothing_is_made_for_a_row_that_this_version_cannot_do(tmp_path, done, monkeypatch):
    monkeypatch.setattr(module, "create_namespace", lambda *_, **__: done.append("namespace"))
    row = Row("A6", "stopsignal-spec", "stop", "", "")
    made = Scenario(None, RunFolder(tmp_path), row, FakeNodes(done), skipped="it needs Kubernetes 1.33")
    with pytest.raises(Impossible, match=r"it needs Kubernetes 1\.33"):
        made.open()
    assert done == []


def test_where_no_node_may_be_had_the_row_is_impossible_and_says_what_it_needs(tmp_path, done):
    made = Scenario(None, RunFolder(tmp_path), Row("C13", "node-down", "node-down", "", ""))
    with pytest.raises(Impossible, match="--cluster embedded"):
        made.add_node()
    assert done == []


@pytest.mark.parametrize(
    "path",
    [
        Drain("n", LABELS),
        FillDisk("n", LABELS, "soft"),
        NodeDown("n", LABELS, "crash"),
        RestartDaemon("n", "kubelet"),
        Taint("n", LABELS),
    ],
)
def test_a_path_of_nodes_needs_them(path):
    assert "--cluster embedded" in path.needs(Site(None, "ns", None))
    assert path.needs(Site(None, "ns", None, FakeNodes([]))) == ""
