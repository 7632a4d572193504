"""Images as files: what `docker load` and `ctr images import` take, written without a container engine."""

import hashlib
import io
import json
import pathlib
import platform
import tarfile
from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.errors import ClusterError

ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
"""The machines' names, and what images call them."""

PATH: Final = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def layer(
    target: pathlib.Path, files: Mapping[str, pathlib.Path | bytes], links: Mapping[str, str] | None = None
) -> pathlib.Path:
    """Write a layer: by their names in the image, files or whole folders (or a file's content), and symbolic links.

    Everything belongs to root and is of no date, so that the same content gives the same layer.
    """
    with tarfile.open(target, "w") as tar:
        for name, content in sorted(files.items()):
            if isinstance(content, bytes):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(_plain(info), io.BytesIO(content))
            else:
                tar.add(content, name, filter=_plain)
        for name, aim in sorted((links or {}).items()):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, aim
            tar.addfile(_plain(info))
    return target


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    return info


def write(archive: pathlib.Path, name: str, layers: Sequence[pathlib.Path], config: Mapping[str, Any]) -> None:
    """Write an image as a docker-archive: its layers, the lowest first, and how it runs (Docker's own words).

    Raises ClusterError on a machine of which no images are known.
    """
    digests = [_digest(layer) for layer in layers]
    image = {
        "architecture": architecture(),
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {"Env": [PATH], **config},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": layer.name} for layer in layers],
    }
    text = json.dumps(image, sort_keys=True).encode()
    named = f"{hashlib.sha256(text).hexdigest()}.json"
    paths = [f"{digest}/layer.tar" for digest in digests]
    manifest = json.dumps([{"Config": named, "RepoTags": [name], "Layers": paths}]).encode()
    with tarfile.open(archive, "w") as tar:
        for path, content in (("manifest.json", manifest), (named, text)):
            info = tarfile.TarInfo(path)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for path, one in zip(paths, layers, strict=True):
            tar.add(one, path, filter=_plain)


def architecture() -> str:
    """What images call this machine's architecture. Raises ClusterError where that is not known."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise ClusterError(f"no images are made on {machine}: only on {' and '.join(ARCHITECTURES)}")
    return ARCHITECTURES[machine]


def _digest(file: pathlib.Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
