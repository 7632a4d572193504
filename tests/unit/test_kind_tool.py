"""kind and its engine: found, asked, and each way in which they are not there told with the way out."""

import json

import pytest

from harness.clusters.kind import tool
from harness.errors import ClusterError, UsageError
from tests.unit.fake_kind import DOCKER, Tools

PODMAN = {
    "host": {"memTotal": 4_000_000_000, "cgroupVersion": "v2", "security": {"rootless": True}},
    "store": {"graphRoot": "/var/lib/containers"},
}


@pytest.fixture
def made(tmp_path, monkeypatch):
    found = Tools(tmp_path)
    monkeypatch.setenv("PATH", str(found.bin))
    for name in (tool.PROVIDER, tool.BINARY):
        monkeypatch.delenv(name, raising=False)
    return found


def test_both_on_path(made):
    tools = tool.find()
    assert (tools.kind, tools.engine) == (str(made.bin / "kind"), "docker")
    assert tools.machine == tool.Machine(DOCKER["MemTotal"], "/", 2)
    assert tools.version() == (0, 33)


def test_kind_by_its_name_or_the_environment(made, tmp_path, monkeypatch):
    (made.bin / "kind").rename(tmp_path / "mine")
    assert tool.find(str(tmp_path / "mine")).kind == str(tmp_path / "mine")
    monkeypatch.setenv(tool.BINARY, str(tmp_path / "mine"))
    assert tool.find().kind == str(tmp_path / "mine")


def test_kind_that_is_missing(made):
    (made.bin / "kind").unlink()
    with pytest.raises(UsageError, match=r"install kind .* or name it by --kind-binary FILE"):
        tool.find()
    with pytest.raises(UsageError, match="/nowhere/kind is not there"):
        tool.find("/nowhere/kind")


def test_no_engine_at_all(made):
    (made.bin / "docker").unlink()
    with pytest.raises(UsageError) as told:
        tool.find()
    assert "docker is not installed" in str(told.value)
    assert "podman is not installed" in str(told.value)
    assert "--cluster embedded needs none" in str(told.value)


@pytest.mark.parametrize(
    ("said", "cure"),
    [
        ("Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?", "systemctl start docker"),
        ("permission denied while trying to connect to the Docker daemon socket", "usermod -aG docker"),
        ("something else", "docker does not answer: something else"),
    ],
)
def test_an_engine_that_does_not_run(made, said, cure):
    made.fail("docker info", said)
    with pytest.raises(UsageError, match=cure):
        tool.find()


def test_an_engine_that_tells_its_error_and_ends_well(made):
    made.answer("docker info", json.dumps({"ServerErrors": ["Cannot connect to the Docker daemon"]}))
    with pytest.raises(UsageError, match="does not run: start it"):
        tool.find()


def test_podman_where_docker_does_not_run(made):
    made.install("podman")
    made.fail("docker info", "Is the docker daemon running?")
    made.answer("podman info", json.dumps(PODMAN))
    tools = tool.find()
    assert tools.engine == "podman"
    assert tools.machine == tool.Machine(4_000_000_000, "/var/lib/containers", 2, rootless=True)


def test_what_makes_podmans_networks_where_it_does_not_tell_what_names_containers(made, monkeypatch):
    made.install("podman")
    monkeypatch.setenv(tool.PROVIDER, "podman")
    host = PODMAN["host"] | {"networkBackend": "netavark"}
    made.answer("podman info", json.dumps(PODMAN | {"host": host}))
    assert tool.find().machine.network == "netavark"
    host |= {"networkBackendInfo": {"backend": "netavark", "dns": {"path": "/usr/lib/podman/aardvark-dns"}}}
    made.answer("podman info", json.dumps(PODMAN | {"host": host}))
    assert tool.find().machine.network == ""


def test_the_engine_that_kind_is_told_to_use(made, monkeypatch):
    made.install("podman")
    made.answer("podman info", json.dumps(PODMAN))
    monkeypatch.setenv(tool.PROVIDER, "podman")
    assert tool.find().engine == "podman"
    assert not made.calls("docker")
    monkeypatch.setenv(tool.PROVIDER, "nerdctl")
    with pytest.raises(UsageError, match="KIND_EXPERIMENTAL_PROVIDER=nerdctl: nodes are handled by docker or podman"):
        tool.find()


def test_the_nodes_and_their_states(made):
    (made.root / "clusters" / "c").mkdir()
    for name, state in (("c-worker", "running"), ("c-worker2", "paused")):
        (made.root / "clusters" / "c" / name).write_text(state)
    tools = tool.find()
    assert tools.clusters() == {"c"}
    assert tools.containers("c") == {"c-worker": "running", "c-worker2": "paused"}
    assert tools.containers("other") == {}


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("kindest/node:v1.34.2@sha256:1.2", (1, 34)),
        ("registry.example:5000/node:v1.31.0", (1, 31)),
        ("survive.dev/kind-node:v1.37.2-0a1b", (1, 37)),
        ("", None),
    ],
)
def test_the_version_in_an_images_tag(made, image, version):
    assert tool.find().kubernetes(image) == version
    assert not made.calls("run")


def test_an_image_without_such_a_tag_is_asked_if_it_is_here(made):
    made.answer("cat team/node:latest /kind/version", "v1.35.1")
    assert tool.find().kubernetes("team/node:latest") == (1, 35)
    made.fail("image inspect", "no such image")
    assert tool.find().kubernetes("team/node:latest") is None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('ERROR: failed to pull image "x": dial tcp: i/o timeout', "survive kind image"),
        ("could not find a log line that matches", "fs.inotify.max_user_instances=512"),
        ("failed to init node with kubeadm", "memory or disk are too small"),
        ("write /var: no space left on device", "disk of the container engine is full"),
        ("Bind for 127.0.0.1:1 failed: port is already allocated", "A port is taken"),
    ],
)
def test_what_kind_fails_of_is_told_with_a_hint_and_its_words(made, said, told):
    made.fail("create cluster", said)
    with pytest.raises(ClusterError, match=told) as raised:
        tool.find().kind_run("create", "cluster", doing="creating")
    assert str(raised.value).startswith("creating failed")
    assert said in str(raised.value)


def test_kind_is_told_the_engine_that_was_found(made):
    (made.bin / "kind").write_text("#!/bin/sh\necho $KIND_EXPERIMENTAL_PROVIDER\n")
    assert tool.find().kind_run("version", doing="asking").strip() == "docker"


def test_a_program_that_does_not_end(made):
    (made.bin / "kind").write_text("#!/bin/sh\nexec /bin/sleep 10\n")
    with pytest.raises(ClusterError, match=r"waiting: .*kind had not ended within 0.05 s"):
        tool.find().kind_run("get", "clusters", doing="waiting", timeout_s=0.05)
