"""A kind cluster up and down by stand-ins for kind and docker: reuse, leftovers, and nothing stays of a failure."""

import contextlib

import pytest
import yaml

from harness.clusters.kind import checks, cluster, disk, samples, state, tool
from harness.clusters.kind.state import KindDir, State
from harness.errors import ClusterError, KubeError, UsageError
from harness.locks import hold
from harness.options import KindOptions
from tests.unit.fake_kind import Api, alone

NAME = "survive-made"


class Said:
    """A Progress that keeps what it says."""

    def __init__(self):
        self.notes, self.stages = [], []

    def stage(self, name):
        self.stages.append(name)
        return contextlib.nullcontext()

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def made(tmp_path, monkeypatch):
    found = alone(tmp_path, monkeypatch)
    monkeypatch.setattr(checks, "preflight", lambda *_, **__: None)
    monkeypatch.setattr(disk, "cannot", lambda: "it takes root")
    monkeypatch.setattr(samples, "key", lambda _: "k1")
    monkeypatch.setattr(samples, "build", lambda *_: tmp_path / "samples.tar")
    monkeypatch.setattr(cluster, "READY_S", 0)
    monkeypatch.setattr(cluster, "REVIVED_S", 0)
    return found


@pytest.fixture
def api(monkeypatch):
    found = Api(NAME)
    monkeypatch.setattr(cluster.Kube, "connect", found.connect)
    return found


def up(name=NAME, asked=KindOptions(), said=None, **more):  # noqa: B008 - it is frozen
    return cluster.up(name, asked, said or Said(), **more)


def test_a_cluster_is_made_by_our_config_and_has_our_images(made, api):
    folder = up(asked=KindOptions("kindest/node:v1.35.0"))
    (create,) = made.calls("kind create cluster")
    assert f"--name {NAME} --config {folder.config} --kubeconfig {folder.kubeconfig}" in create
    assert create.endswith("--image kindest/node:v1.35.0")
    written = yaml.safe_load((made.root / "config").read_text())
    assert len(written["nodes"]) == 5
    assert "RestartAllContainersOnContainerExits" in written["featureGates"]
    assert len(made.calls("kind load image-archive", f"--name {NAME}")) == 1
    found = state.read(folder)
    assert (found.phase, found.images, found.image) == ("ready", "k1", "kindest/node:v1.35.0")
    assert folder.kubeconfig.read_text() == "made by kind"


def test_what_measures_has_the_greatest_share_of_the_cpu_or_it_is_said(made, api):
    up()
    assert made.calls("docker update") == [f"docker update --cpu-shares=262144 {NAME}-worker"]
    said = Said()
    made.fail("update", "not supported here")
    up("other", said=said)
    assert any("so more may be too noisy" in note and "not supported here" in note for note in said.notes)


def test_one_that_runs_is_kept_whatever_image_it_has(made, api):
    up(asked=KindOptions("kindest/node:v1.35.0"))
    up()
    up(asked=KindOptions("kindest/node:v1.35.0"))
    assert len(made.calls("kind create")) == 1
    assert len(made.calls("kind load")) == 1


def test_another_image_or_another_recipe_makes_it_anew(made, api, monkeypatch):
    up()
    up(asked=KindOptions("kindest/node:v1.34.0"))
    assert len(made.calls("kind create")) == 2
    monkeypatch.setattr(cluster, "recipe", lambda: "new")
    up()
    assert len(made.calls("kind create")) == 3
    assert made.calls("kind create")[-1].endswith("--image kindest/node:v1.34.0")


def test_new_images_of_ours_are_loaded_and_none_where_a_registry_has_them(made, api, monkeypatch):
    up(load=False)
    assert not made.calls("kind load")
    up()
    monkeypatch.setattr(samples, "key", lambda _: "k2")
    up()
    assert len(made.calls("kind load")) == 2
    assert state.read(KindDir.named(NAME)).images == "k2"


def test_clusters_side_by_side_have_the_prefix_and_folders_of_their_own(made, api):
    assert up("one").name == "survive-one"
    assert up("two").name == "survive-two"
    assert tool.find().clusters() == {"survive-one", "survive-two"}
    assert cluster.down("one")
    assert tool.find().clusters() == {"survive-two"}
    with pytest.raises(UsageError, match="no name for a cluster"):
        up("A b")


def test_down_leaves_nothing(made, api):
    folder = up()
    assert cluster.down(NAME)
    assert made.states(NAME) == {}
    assert not folder.root.exists()
    assert not folder.lock.exists()
    assert not cluster.down(NAME)


def test_nodes_that_were_paused_or_stopped_are_started_again(made, api):
    up()
    made.set_state(f"{NAME}-worker2", "paused")
    made.set_state(f"{NAME}-worker4", "exited")
    assert cluster.status(NAME).why == f"nodes have ended: {NAME}-worker2, {NAME}-worker4"
    said = Said()
    up(said=said)
    assert set(made.states(NAME).values()) == {"running"}
    assert len(made.calls("kind create")) == 1
    assert cluster.status(NAME).phase == "ready"


def test_one_that_does_not_work_any_more_is_made_anew(made, api):
    up()
    api.nodes[f"{NAME}-worker"]["status"]["conditions"][0]["status"] = "Unknown"
    said = Said()
    with pytest.raises(ClusterError, match=f"did not become ready.*nodes not Ready: {NAME}-worker"):
        up(said=said)
    assert any("is made anew" in note for note in said.notes)
    assert made.states(NAME) == {}


def test_a_start_that_fails_leaves_nothing_and_says_why(made, api):
    made.fail("create cluster", "ERROR: failed to pull image")
    with pytest.raises(ClusterError, match=r"creating the kind cluster survive-made failed\. The node image could not"):
        up()
    assert not KindDir.named(NAME).root.exists()
    assert made.calls("kind delete cluster")


def test_dns_that_does_not_come_is_a_failed_start(made, api):
    api.dns_ready = 1
    with pytest.raises(ClusterError, match=r"coredns: of 2 wanted: updatedReplicas 1"):
        up()
    assert made.states(NAME) == {}


def test_a_start_that_is_interrupted_leaves_nothing(made, api, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cluster, "_wait_ready", interrupted)
    with pytest.raises(KeyboardInterrupt):
        up()
    assert made.states(NAME) == {}


def test_what_a_killed_start_left_is_removed_by_the_next(made, api):
    killed = KindDir.named("killed")
    State(killed.name, "docker", "", "r").write(killed)
    (made.root / "clusters" / killed.name).mkdir()
    said = Said()
    up(said=said)
    assert tool.find().clusters() == {NAME}
    assert not killed.root.exists()
    assert said.notes[0] == "  survive-killed was left by a run that was killed, and is removed"


def test_a_start_under_way_is_no_leftover(made, api):
    going = KindDir.named("going")
    State(going.name, "docker", "", "r").write(going)
    with hold(going.lock, "going up"):
        up()
    assert going.state.exists()


def test_the_same_start_killed_is_made_anew(made, api):
    State(NAME, "docker", "", cluster.recipe()).write(KindDir.named(NAME))
    (made.root / "clusters" / NAME).mkdir()
    up()
    assert len(made.calls("kind delete cluster")) == 1
    assert cluster.status(NAME).phase == "ready"


def test_a_cluster_that_others_made_by_our_name_is_not_touched(made, api):
    (made.root / "clusters" / NAME).mkdir()
    with pytest.raises(UsageError, match="knows nothing of"):
        up()
    assert not made.calls("kind delete")


def test_another_engine_than_it_was_made_by_is_told(made, api):
    folder = up()
    known = state.read(folder)
    known.engine = "podman"
    known.write(folder)
    for do in (up, lambda: cluster.down(NAME)):
        with pytest.raises(UsageError, match="KIND_EXPERIMENTAL_PROVIDER=podman"):
            do()
    assert not made.calls("kind delete")


def test_an_engine_elsewhere_than_it_was_made_by_is_told(made, api, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://there:2375")
    folder = up()
    monkeypatch.setenv("DOCKER_HOST", "tcp://here:2375")
    for attempt in (up, lambda: cluster.down(NAME)):
        with pytest.raises(
            UsageError, match=r"at tcp://there:2375, and not at tcp://here:2375: set DOCKER_HOST=tcp://there"
        ):
            attempt()
    monkeypatch.delenv("DOCKER_HOST")
    up("other")
    assert folder.root.exists(), "it is another's, and no leftover"
    monkeypatch.setenv("DOCKER_HOST", "tcp://there:2375")
    with pytest.raises(UsageError, match="its usual place, and not at tcp://there:2375: unset DOCKER_HOST"):
        cluster.down("other")
    assert cluster.down(NAME)


def test_checks_come_before_anything_is_changed(made, api, monkeypatch):
    def refused(*_, **__):
        raise UsageError("too small")

    monkeypatch.setattr(checks, "preflight", refused)
    with pytest.raises(UsageError, match="too small"):
        up()
    assert not made.calls("create")
    assert not KindDir.named(NAME).root.exists()


def test_without_a_disk_it_is_said_and_kept(made, api):
    said = Said()
    folder = up(said=said)
    assert "it takes root" in said.notes[-1]
    assert state.read(folder).no_disk == "it takes root"


@pytest.fixture
def mounted(monkeypatch, tmp_path):
    monkeypatch.setattr(disk, "cannot", lambda: "")
    monkeypatch.setattr(disk, "make", lambda folder: folder / "kubelet")


def test_the_disk_goes_to_the_spare_node(made, api, mounted):
    folder = up()
    last = yaml.safe_load((made.root / "config").read_text())["nodes"][-1]
    assert last["extraMounts"][0] == {"hostPath": str(folder.root / "kubelet"), "containerPath": "/var/lib/kubelet"}
    assert (folder.patches / "kubeletconfiguration0+merge.yaml").exists()
    assert state.read(folder).no_disk == ""
    assert made.calls(f"exec {NAME}-worker4 df")


def test_a_disk_that_the_engine_does_not_see_is_none(made, api, mounted):
    made.answer("df --output=size", "1M-blocks\n 100000")
    assert state.read(up()).no_disk == "docker does not see the disk that was mounted here for it"


def test_a_mount_that_is_refused_is_no_failure(made, api, mounted, monkeypatch):
    def refused(_):
        raise ClusterError("mount: permission denied")

    monkeypatch.setattr(disk, "make", refused)
    assert state.read(up()).no_disk == "mount: permission denied"


def test_the_status(made, api):
    assert cluster.status(NAME).phase == "absent"
    State(NAME, "docker", "", "r").write(KindDir.named(NAME))
    assert cluster.status(NAME).phase == "starting"
    up()
    assert cluster.status(NAME).nodes[0] == f"{NAME}-control-plane"
    api.broken = KubeError("no answer")
    assert cluster.status(NAME).why == "its API server does not answer: no answer"
    (made.root / "clusters" / "survive-other").mkdir()
    (made.root / "clusters" / "survive-other" / "n").write_text("running")
    assert cluster.status("other").why == "it is not one of this home's"
    for file in (made.root / "clusters" / NAME).iterdir():
        file.unlink()
    assert cluster.status(NAME).why == "its containers are gone"


def test_one_that_does_not_run_is_told_with_what_starts_it(made):
    with pytest.raises(UsageError, match="survive-made is not running: survive cluster up --cluster kind"):
        cluster.running(NAME)
