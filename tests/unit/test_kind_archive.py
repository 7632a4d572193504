import hashlib
import json
import tarfile

import pytest

from harness.clusters.kind import archive
from harness.errors import ClusterError


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    monkeypatch.setattr(archive.platform, "machine", lambda: "x86_64")


def read(file):
    """Every member of a tar file by name: its description and its content."""
    with tarfile.open(file) as tar:
        return {one.name: (one, tar.extractfile(one).read() if one.isfile() else b"") for one in tar}


def test_a_layer_has_files_folders_contents_and_links_and_all_are_roots(tmp_path):
    program, folder = tmp_path / "program", tmp_path / "folder"
    program.write_text("runs")
    program.chmod(0o755)
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "file").write_text("read")
    files = {"usr/bin/p": program, "opt/f": folder, "etc/name": b"text"}
    found = read(archive.layer(tmp_path / "layer", files, {"usr/bin/q": "p"}))
    assert set(found) == {"usr/bin/p", "usr/bin/q", "opt/f", "opt/f/below", "opt/f/below/file", "etc/name"}
    assert {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one, _ in found.values()} == {(0, 0, "", "", 0)}
    assert (found["usr/bin/p"][0].mode & 0o777, found["usr/bin/p"][1]) == (0o755, b"runs")
    assert (found["etc/name"][0].mode & 0o777, found["etc/name"][1]) == (0o644, b"text")
    assert found["opt/f/below/file"][1] == b"read"
    assert found["usr/bin/q"][0].issym()
    assert found["usr/bin/q"][0].linkname == "p"


def test_the_same_content_gives_the_same_layer(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_text("same")
    layers = [archive.layer(tmp_path / f"{name}.layer", {"a": tmp_path / name, "b": b""}) for name in ("one", "two")]
    assert layers[0].read_bytes() == layers[1].read_bytes()


def test_an_archive_names_the_image_its_layers_in_order_and_how_it_runs(tmp_path):
    layers = [archive.layer(tmp_path / name, {name: b"x"}) for name in ("low", "high")]
    archive.write(tmp_path / "image.tar", "survive.dev/x:dev", layers, {"Entrypoint": ["/x"]})
    found = {name: content for name, (_, content) in read(tmp_path / "image.tar").items()}
    (entry,) = json.loads(found["manifest.json"])
    assert entry["RepoTags"] == ["survive.dev/x:dev"]
    assert [found[path] for path in entry["Layers"]] == [layer.read_bytes() for layer in layers]
    config = found[entry["Config"]]
    assert entry["Config"] == f"{hashlib.sha256(config).hexdigest()}.json"
    image = json.loads(config)
    digests = [f"sha256:{hashlib.sha256(layer.read_bytes()).hexdigest()}" for layer in layers]
    assert image["rootfs"] == {"type": "layers", "diff_ids": digests}
    assert (image["os"], image["architecture"]) == ("linux", "amd64")
    assert image["config"] == {"Entrypoint": ["/x"], "Env": [archive.PATH]}


def test_an_unknown_machine_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive.platform, "machine", lambda: "s390x")
    with pytest.raises(ClusterError, match="no images are made on s390x: only on x86_64 and aarch64"):
        archive.write(tmp_path / "image.tar", "x", [], {})
