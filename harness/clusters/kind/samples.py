"""The images of our own pods as one archive that `kind load image-archive` takes.

Where root, buildah and mmdebstrap are, they are built as the embedded cluster's are, without a registry; elsewhere the
container engine builds them from the same Containerfiles, on base images that it pulls.
"""

import json
import os
import pathlib
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from typing import IO, Any

from harness.clusters.embedded import images, layout
from harness.clusters.embedded.hints import HINTS
from harness.clusters.embedded.images import Image
from harness.clusters.embedded.programs import build_module
from harness.clusters.kind.tool import MAKE_S, Tools
from harness.locks import hold
from harness.progress import Progress

MANIFEST = "manifest.json"
NEEDED = ("buildah", "mmdebstrap", "unshare")


def folder() -> pathlib.Path:
    """Where archives are kept, by the key of their sources."""
    return layout.home() / "kind" / "samples"


def key(tools: Tools | None) -> str:
    """The key of what would be built."""
    return f"{images.own_key()}-{'buildah' if tools is None or without_registry() else tools.engine}"


def without_registry() -> bool:
    """Whether this machine can build them without one."""
    return os.geteuid() == 0 and all(map(shutil.which, NEEDED)) and pathlib.Path("/etc/debian_version").exists()


def build(tools: Tools | None, progress: Progress) -> pathlib.Path:
    """The archive, built unless it is there; without tools it is built without a registry.

    Raises ClusterError with what failed and what to do.
    """
    target = folder() / f"{key(tools)}.tar"
    if target.exists():
        return target
    with hold(layout.home() / "samples.lock", "building the images of our pods", wait_s=3600):
        if target.exists():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        for older in target.parent.iterdir():
            shutil.rmtree(older) if older.is_dir() else older.unlink()
        with tempfile.TemporaryDirectory(prefix=layout.PARTIAL, dir=target.parent) as name:
            partial = pathlib.Path(name)
            if tools is None or without_registry():
                archives = images.archive_own(partial, progress)
                with progress.stage("one archive of all images"):
                    join(archives, partial / "all.tar")
            else:
                _by_engine(tools, partial, progress)
            (partial / "all.tar").rename(target)
    return target


def _by_engine(tools: Tools, partial: pathlib.Path, progress: Progress) -> None:
    for image in images.own():
        with progress.stage(f"image {image.name}"):
            context = _context(image, partial, progress)
            tools.engine_run(
                "build", "--tag", image.name, "--file", str(context / image.containerfile), str(context),
                doing=f"building the image {image.name}", timeout_s=MAKE_S, hints=HINTS,
            )  # fmt: skip
    names = [image.name for image in images.own()]
    with progress.stage("one archive of all images"):
        tools.engine_run(
            "save", "--output", str(partial / "all.tar"), *names, doing="saving the images", timeout_s=MAKE_S
        )


def _context(image: Image, partial: pathlib.Path, progress: Progress) -> pathlib.Path:
    """The folder that an image is built from; its program is built and put beside the sources where it has one."""
    if not image.module:
        return image.context
    context = partial / image.context.name
    shutil.copytree(image.context, context)
    shutil.copy2(build_module(image.context, partial / "modules", progress), context / image.context.name)
    return context


def join(archives: Sequence[pathlib.Path], target: pathlib.Path) -> None:
    """Write docker-archives as one: the layers that several have are written once."""
    manifests: list[dict[str, Any]] = []
    written: set[str] = set()
    with tarfile.open(target, "w") as joined:
        for archive in archives:
            with tarfile.open(archive) as one:
                for member in one:
                    if member.name == MANIFEST:
                        manifests += json.load(_content(one, member))
                    elif member.name not in written and member.name != "repositories":
                        written.add(member.name)
                        joined.addfile(member, _content(one, member) if member.isreg() else None)
        with tempfile.TemporaryFile() as text:
            text.write(json.dumps(manifests).encode())
            info = tarfile.TarInfo(MANIFEST)
            info.size = text.tell()
            text.seek(0)
            joined.addfile(info, text)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    assert content is not None
    return content
