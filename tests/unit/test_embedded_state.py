import dataclasses
import json

import pytest

from harness.clusters.embedded import layout, state
from harness.clusters.embedded.cluster import chosen_version, up
from harness.clusters.embedded.layout import ClusterDir
from harness.clusters.embedded.node import STANDARD
from harness.clusters.embedded.programs import KUBERNETES
from harness.clusters.embedded.state import State
from harness.errors import UsageError


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path))
    return tmp_path


def made(**more):
    return State(**{"name": "one", "b": 201, "recipe": "r", "programs": "p", "images": "i"} | more)


def test_home_is_chosen_or_in_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path / "x" / ".." / "y"))
    assert layout.home() == tmp_path / "y"
    monkeypatch.setenv("SURVIVE_HOME", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert layout.home() == tmp_path / "pytest-survive"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/somebody")
    assert str(layout.home()) == "/somebody/.cache/pytest-survive"


def test_each_place_and_home_has_a_cluster_name_of_its_own(tmp_path, monkeypatch):
    first = layout.default_name()
    assert layout.default_name() == first
    assert first.startswith("survive-")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(layout, "PACKAGE", tmp_path / "harness")
        assert layout.default_name() != first
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path))
    assert layout.default_name() != first


def test_all_of_a_cluster_lies_in_its_folder(home):
    folder = ClusterDir.named("one")
    assert folder.root == home / "clusters" / "one"
    assert folder.name == "one"
    inside = [folder.state, folder.kubeconfig, folder.pki, folder.logs, folder.node("a"), folder.node("b")]
    assert len(set(inside)) == 6
    assert all(path.is_relative_to(folder.root) for path in inside)


def test_a_state_survives_the_disk(home):
    folder = ClusterDir.named("one")
    known = made(phase="ready", nodes=list(STANDARD))
    known.write(folder)
    assert state.read(folder) == known
    assert [path.name for path in folder.root.iterdir()] == ["state.json"]
    known.phase = "starting"
    known.write(folder)
    assert state.read(folder) == known


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"nodes": 1}', '{"nodes": [{"name": "a"}]}'])
def test_a_state_that_cannot_be_read_is_none(home, text):
    folder = ClusterDir.named("one")
    assert state.read(folder) is None
    folder.root.mkdir(parents=True)
    folder.state.write_text(text)
    assert state.read(folder) is None


def test_a_state_of_another_version_is_none(home):
    folder = ClusterDir.named("one")
    made().write(folder)
    values = json.loads(folder.state.read_text())
    folder.state.write_text(json.dumps(values | {"more": 1}))
    assert state.read(folder) is None
    del values["images"]
    folder.state.write_text(json.dumps(values))
    assert state.read(folder) is None


def test_a_state_that_tells_no_version_is_of_the_newest(home):
    folder = ClusterDir.named("one")
    made(kubernetes="v1.31.14").write(folder)
    assert state.read(folder).kubernetes == "v1.31.14"
    values = json.loads(folder.state.read_text())
    del values["kubernetes"]
    folder.state.write_text(json.dumps(values))
    assert state.read(folder).kubernetes == KUBERNETES


def test_a_cluster_has_the_gates_that_its_version_knows():
    assert made().gates == {"ContainerStopSignals": True}
    assert made(kubernetes="v1.31.14").gates == {"MaxUnavailableStatefulSet": True}


def test_the_version_is_the_one_asked_for_or_that_of_the_cluster_or_the_newest(home):
    folder = ClusterDir.named("one")
    assert chosen_version(folder, "") == KUBERNETES
    assert chosen_version(folder, "v1.31.14") == "v1.31.14"
    made(kubernetes="v1.31.14").write(folder)
    assert chosen_version(folder, "") == chosen_version(folder, "v1.31.14") == "v1.31.14"


def test_a_cluster_of_a_version_that_is_not_built_any_more_is_made_anew(home):
    folder = ClusterDir.named("one")
    made(kubernetes="v1.30.1").write(folder)
    assert chosen_version(folder, "") == KUBERNETES


@pytest.mark.parametrize(
    ("there", "asked", "told"),
    [
        (None, "v1.34.2", r"--kubernetes-version v1\.34\.2: .* built of v1\.31\.14 or v1\.37\.2 only"),
        ("v1.31.14", "v1.34.2", r"built of v1\.31\.14 or v1\.37\.2 only"),
        ("v1.31.14", KUBERNETES, r"cluster one is Kubernetes v1\.31\.14, not v1\.37\.2: .*down --name one\)"),
        (KUBERNETES, "v1.31.14", r"cluster one is Kubernetes v1\.37\.2, not v1\.31\.14: take it down first"),
    ],
)
def test_a_version_that_cannot_be_is_told_before_anything_is_touched(home, there, asked, told):
    folder = ClusterDir.named("one")
    if there:
        made(kubernetes=there).write(folder)
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match=told):
        up("one", None, kubernetes=asked)
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_made_of_the_same_sources():
    one = made(phase="ready")
    assert one.made_of(made(name="two", b=202))
    assert not any(one.made_of(made(**{key: "other"})) for key in ("recipe", "programs", "images"))


def test_all_states_are_those_that_can_be_read(home):
    for name, b in (("two", 202), ("one", 201)):
        made(name=name, b=b).write(ClusterDir.named(name))
    bad = ClusterDir.named("bad")
    bad.root.mkdir()
    bad.state.write_text("?")
    assert [(known.name, known.addresses.range) for known in state.all_states()] == [
        ("one", "10.201.0.0/16"), ("two", "10.202.0.0/16"),
    ]  # fmt: skip


def test_remove_leaves_nothing(home):
    folder = ClusterDir.named("one")
    made().write(folder)
    layout.remove(folder.root)
    layout.remove(folder.root)
    assert not folder.root.exists()


def test_the_standard_nodes_differ():
    assert len({node.name for node in STANDARD}) == len({node.index for node in STANDARD}) == len(STANDARD)
    assert all(node.index >= 1 for node in STANDARD)
    assert dataclasses.is_dataclass(STANDARD[0])
