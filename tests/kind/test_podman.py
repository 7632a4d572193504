"""Podman as kind's engine: rows with the embedded cluster's verdicts, and nothing left of Podman itself."""

import pathlib
from collections.abc import Iterator

import pytest

from harness.clusters.embedded import host
from harness.clusters.kind.checks import MODULES
from tests.kind.commands import UP_S, Kind, named
from tests.kind.podman import CGROUP, CLUSTER, make_modules, place, podman

ROWS = ("delete-sleep", "soft-eviction", "node-down-crash")
"""One of the main job, and those that need most of the engine: the small disk, and nodes that are killed."""


def elsewhere() -> dict[pathlib.Path, float]:
    """What is where Podman keeps things otherwise, and when it was changed."""
    places = ("/var/lib/containers", "/etc/containers", "/etc/cni")
    return {path: path.stat().st_mtime for top in places for path in pathlib.Path(top).rglob("*")}


def cgroups() -> list[pathlib.Path]:
    return [found for root in host.hierarchies() for found in (root / CGROUP.lstrip("/")).glob("libpod-*")]


def test_it_builds_and_then_nothing_is_left_of_it(tmp_path: pathlib.Path) -> None:
    before, ran = elsewhere(), cgroups()
    (tmp_path / "Containerfile").write_text("FROM scratch\nLABEL a=b\n")
    with podman(online=True) as spaces:
        spaces.ask("build", "--isolation=chroot", "-f", str(tmp_path / "Containerfile"), str(tmp_path))
        assert len(spaces.ask("images", "--quiet").split()) == 1
        assert any((place() / "graph").iterdir()), "it is kept there"
        assert str(place()) not in pathlib.Path("/proc/self/mounts").read_text()
    assert not place().exists()
    assert cgroups() == ran
    assert elsewhere() == before


@pytest.fixture(scope="module")
def kind() -> Iterator[Kind]:
    with podman() as spaces:
        yield Kind.on(spaces, CLUSTER)
    assert not place().exists()


def test_a_folder_that_podman_does_not_make_is_told(kind: Kind) -> None:
    if MODULES.exists():
        pytest.skip(f"this machine has {MODULES}, as most have")
    up = kind.up()
    said, _ = up.communicate(timeout=60)
    assert up.returncode == 1, said
    assert f"mkdir {MODULES}" in said
    assert not kind.folder.root.exists()
    assert kind.nodes() == []


def test_rows_on_it_have_the_embedded_clusters_verdicts(kind: Kind, tmp_path: pathlib.Path) -> None:
    make_modules()
    kind.done(kind.up(), UP_S)
    assert len(kind.nodes()) == 5
    found = kind.has_recorded_verdicts(named(*ROWS), tmp_path)
    assert {one.name for one in found} >= set(ROWS)


def test_down_leaves_nothing(kind: Kind) -> None:
    kind.down_leaves_nothing()
