"""The images of our pods as one archive: joined, kept, and built by the engine where nothing else can."""

import contextlib
import io
import json
import tarfile

import pytest

from harness.clusters.embedded import images
from harness.clusters.kind import samples, tool
from harness.errors import ClusterError
from harness.progress import Progress
from tests.unit.fake_kind import Tools


def archive(path, name, layers):
    """A docker-archive of one image."""
    with tarfile.open(path, "w") as made:
        manifest = [{"Config": f"{name}.json", "RepoTags": [name], "Layers": [f"{one}.tar" for one in layers]}]
        texts = {f"{one}.tar": one for one in layers} | {f"{name}.json": name, "manifest.json": json.dumps(manifest)}
        for file, text in texts.items():
            info = tarfile.TarInfo(file)
            info.size = len(text)
            made.addfile(info, io.BytesIO(text.encode()))
        link = tarfile.TarInfo(f"{name}/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, f"../{layers[0]}.tar"
        made.addfile(link)
    return path


def test_archives_are_joined_and_a_layer_of_both_is_there_once(tmp_path):
    both = [archive(tmp_path / "a", "a", ["base", "one"]), archive(tmp_path / "b", "b", ["base", "two"])]
    samples.join(both, tmp_path / "all")
    with tarfile.open(tmp_path / "all") as joined:
        names = joined.getnames()
        assert sorted(names) == sorted(set(names))
        assert {"base.tar", "one.tar", "two.tar", "a.json", "b.json", "a/layer.tar", "b/layer.tar"} < set(names)
        assert joined.extractfile("two.tar").read() == b"two"
        manifests = json.load(joined.extractfile("manifest.json"))
    assert [one["RepoTags"] for one in manifests] == [["a"], ["b"]]
    assert manifests[1]["Layers"] == ["base.tar", "two.tar"]


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path / "home"))
    found = Tools(tmp_path)
    monkeypatch.setenv("PATH", str(found.bin))
    monkeypatch.delenv(tool.PROVIDER, raising=False)
    monkeypatch.setattr(samples, "build_module", lambda module, target, progress: module / "go.mod")
    return found


def quiet():
    return Progress(io.StringIO())


def test_without_buildah_the_engine_builds_and_saves_them(made, tmp_path):
    assert not samples.without_registry()
    with contextlib.suppress(FileNotFoundError):  # the stand-in saves nothing
        samples.build(tool.find(), quiet())
    built = made.calls("docker build")
    assert len(built) == len(images.own())
    assert any("--tag survive.dev/server:dev --file" in one and one.endswith("workloads/server") for one in built)
    (goweb,) = made.calls("docker build", "survive.dev/goweb:dev")
    assert str(tmp_path / "home") in goweb
    (saved,) = made.calls("docker save --output")
    assert all(image.name in saved for image in images.own())


def test_a_build_that_fails_is_told_and_leaves_nothing(made):
    made.fail("docker build", "Could not resolve host")
    with pytest.raises(ClusterError, match=r"building the image survive.dev/\S+ failed. The network is needed"):
        samples.build(tool.find(), quiet())
    assert list(samples.folder().iterdir()) == []


def test_with_buildah_they_are_the_embedded_clusters(made, tmp_path, monkeypatch):
    def built(target, progress):
        return [archive(target / "a.tar", "a", ["base"])]

    monkeypatch.setattr(samples, "without_registry", lambda: True)
    monkeypatch.setattr(images, "archive_own", built)
    found = samples.build(tool.find(), quiet())
    assert found.name.endswith("-buildah.tar")
    assert tarfile.is_tarfile(found)
    monkeypatch.setattr(images, "archive_own", None)
    assert samples.build(tool.find(), quiet()) == found
    assert list(found.parent.iterdir()) == [found]


def test_the_parts_of_the_embedded_cluster_are_not_among_them():
    names = {image.name for image in images.own()}
    assert "survive.dev/server:dev" in names
    assert not {"survive.dev/pause:dev", "survive.dev/coredns:dev"} & names
