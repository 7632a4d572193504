"""The image of a kind cluster's nodes, without a registry: the distribution's packages, programs from Go modules."""

import os
import pathlib
import shutil
from typing import Final

from harness.clusters.embedded import images
from harness.clusters.embedded import programs as embedded
from harness.clusters.embedded.layout import home
from harness.clusters.kind import archive, builds, components, node_root, programs
from harness.errors import UsageError
from harness.progress import Progress

RECIPE: Final = "1"
"""Raise it when what these modules write changes without a change of the files that they write it from."""

HERE: Final = pathlib.Path(__file__).parent
_FREE_GB: Final = 6


def key() -> str:
    """The key of the image that these sources give on this machine."""
    files = [file for file in node_root.FILES.rglob("*") if file.is_file()]
    made_of = [embedded.key(), *(programs.key(name) for name in ("kubeadm", "podnet"))]
    return embedded.digest(files, HERE, RECIPE, *made_of, images.suite(), node_root.PACKAGES, components.PACKAGES)


def name() -> str:
    """The image's name; another content has another."""
    return f"survive.dev/kind-node:{embedded.KUBERNETES}-{key()}"


def path() -> pathlib.Path:
    """Where the image's archive is, or will be once `build` returned."""
    return builds.place("images", key()) / "node.tar"


def build(progress: Progress) -> pathlib.Path:
    """The image as a docker-archive, which `docker load --input` takes; what is there is not built again.

    Raises UsageError, before anything is done, where this machine cannot; ClusterError where a build failed.
    """
    if path().exists():
        return path()
    _check()
    binaries = embedded.build(progress)
    own = {"kubeadm": programs.build("kubeadm", progress), "podnet": programs.build("podnet", progress)}

    def make(folder: pathlib.Path) -> None:
        wanted = components.names(own["kubeadm"])
        with progress.stage(f"packages of {images.suite()}"):
            base = _packages("node", node_root.PACKAGES, "minbase")
            rules = _packages("rules", components.PACKAGES, "extract")
        scratch = folder / "scratch"
        scratch.mkdir()
        with progress.stage("images of the cluster's own pods"):
            found = {program: binaries / program for program in wanted} | {"podnet": own["podnet"]}
            components.write(scratch, wanted | {"podnet": components.PODNET}, found, rules)
            images.import_archives(binaries, scratch, "--no-unpack")
        with progress.stage("the node's image"):
            layers = [
                base,
                node_root.layer(scratch / "root", binaries, own["kubeadm"], wanted["pause"]),
                archive.layer(scratch / "images", {"var/lib/containerd": scratch / "store"}),
            ]
            archive.write(folder / "node.tar", name(), layers, node_root.CONFIG)
        shutil.rmtree(scratch)

    builds.made(path().parent, "building the kind node image", make)
    return path()


def _packages(what: str, packages: str, variant: str) -> pathlib.Path:
    """A tar file of packages of this machine's distribution, kept."""
    made_of = embedded.digest([], HERE, packages, images.components(), archive.architecture())
    tar = home() / "bases" / f"{images.suite()}-{what}-{made_of}.tar"
    if not tar.exists():
        images.distribution(tar, packages, variant)
    return tar


def _check() -> None:
    """Raise UsageError with everything that is missing here, and how to get it."""
    archive.architecture()
    images.suite()
    problems = []
    if os.geteuid() != 0:
        problems.append("it takes root, for mmdebstrap and for a containerd that imports images: run it by sudo")
    if missing := [program for program in ("mmdebstrap", "unshare") if shutil.which(program) is None]:
        problems.append(f"programs are missing: run `make setup`, or apt-get install {' '.join(missing)}")
    place = home()
    while not place.exists():
        place = place.parent
    if (free_gb := shutil.disk_usage(place).free / 1e9) < _FREE_GB:
        problems.append(f"{place} has {free_gb:.1f} GB free of {_FREE_GB} needed: make room, or set SURVIVE_HOME")
    if problems:
        raise UsageError("the kind node image cannot be built here:\n" + "\n".join(f"  - {one}" for one in problems))
