"""The tests' own Podman leaves nothing."""

import pathlib

from harness.clusters.embedded import host
from tests.images.podman import cgroup, command, place, podman


def elsewhere() -> dict[pathlib.Path, float]:
    """What is where Podman keeps things otherwise, and when it was changed."""
    return {path: path.stat().st_mtime for path in pathlib.Path("/var/lib/containers").rglob("*")}


def test_it_builds_and_then_nothing_is_left_of_it(tmp_path: pathlib.Path) -> None:
    before = elsewhere()
    (tmp_path / "Containerfile").write_text("FROM scratch\nLABEL a=b\n")
    with podman() as spaces:
        spaces.run(*command(), "build", "--isolation=chroot", "-f", str(tmp_path / "Containerfile"), str(tmp_path))
        assert len(spaces.run(*command(), "images", "--quiet").split()) == 1
        assert any(place().iterdir()), "it is kept there"
        assert str(place()) not in pathlib.Path("/proc/self/mounts").read_text()
    assert not place().exists()
    assert not [root for root in host.hierarchies() if (root / cgroup().lstrip("/")).exists()]
    assert elsewhere() == before
