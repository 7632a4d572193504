"""The images that an embedded cluster has from its start: built by buildah, unpacked once, shared by all nodes.

What is kept is a containerd root folder with every image unpacked; a node gets it as hard links (see `host`).
"""

import os
import pathlib
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

from harness.clusters.embedded.hints import explain
from harness.clusters.embedded.layout import PARTIAL, SOURCES, WORKLOADS, home
from harness.clusters.embedded.programs import build_module, digest
from harness.errors import ClusterError
from harness.locks import hold
from harness.progress import Progress

RECIPE = "3"
BASE = "survive.dev/base:dev"
BASE_PACKAGES = "python3,python3-venv,ca-certificates"
APART = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
"""In namespaces of its own, so that a kill leaves neither a process nor a mount."""

CERTIFICATES = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its name, the folder that it is built from, files of the build to add to that, its Containerfile.

    `module`: the folder is a Go module as well, whose program, named as the folder, is built and added.
    """

    name: str
    context: pathlib.Path
    programs: tuple[str, ...] = ()
    module: bool = False
    containerfile: str = "Containerfile"


IMAGES = (
    Image("survive.dev/pause:dev", SOURCES / "pause", ("pause",)),
    Image("survive.dev/coredns:dev", SOURCES / "coredns", ("coredns",)),
    Image("survive.dev/signals:dev", WORKLOADS / "signals"),
    Image("survive.dev/signals-quit:dev", WORKLOADS / "signals-quit"),  # made from the one before
    Image("survive.dev/server:dev", WORKLOADS / "server"),
    Image("survive.dev/controller:dev", WORKLOADS / "controller"),
    Image("survive.dev/load:dev", WORKLOADS / "load"),
    Image("survive.dev/nginx:dev", WORKLOADS / "nginx"),
    Image("survive.dev/pyweb:dev", WORKLOADS / "pyweb"),
    Image("survive.dev/node:dev", WORKLOADS / "node"),
    Image("survive.dev/goweb:dev", WORKLOADS / "goweb", module=True),
    Image("survive.dev/faults:dev", WORKLOADS, containerfile="faults/Containerfile"),
)


def suite() -> str:
    """The code name of this machine's distribution (bookworm, noble), of which the base image is made."""
    release = platform.freedesktop_os_release()
    # A distribution made of Ubuntu's packages has a code name of its own beside Ubuntu's.
    name = release.get("UBUNTU_CODENAME") or release.get("VERSION_CODENAME", "")
    if not name or not {"debian", "ubuntu"} & _kin():
        raise ClusterError("our images are made of Debian or Ubuntu packages: build them on one of these")
    return name


def components() -> str:
    """The parts of the distribution's archive that BASE_PACKAGES are in: Ubuntu has python3-venv in universe."""
    return "main,universe" if "ubuntu" in _kin() else "main"


def _kin() -> set[str]:
    release = platform.freedesktop_os_release()
    return {release.get("ID", ""), *release.get("ID_LIKE", "").split()}


def key(programs: pathlib.Path) -> str:
    """The key of the images that these sources and programs give."""
    files = [file for image in IMAGES for file in _files(image.context)] + [SOURCES / "base" / "Containerfile"]
    return digest(files, WORKLOADS.parent, RECIPE, programs.name, suite(), BASE_PACKAGES)


def _files(context: pathlib.Path) -> list[pathlib.Path]:
    # Manifests are read by the harness; they are no part of the image.
    files = [file for file in context.rglob("*") if file.is_file() and file.name != "manifests.yaml"]
    return [file for file in files if "__pycache__" not in file.parts]


def folder(programs: pathlib.Path) -> pathlib.Path:
    """Where the images are, or will be once `build` returned."""
    return home() / "images" / key(programs)


def build(programs: pathlib.Path, progress: Progress) -> pathlib.Path:
    """Build what is not there yet; return the containerd root that holds all images, unpacked."""
    target = folder(programs)
    if target.exists():
        return target
    with hold(home() / "images.lock", "building the cluster's images", wait_s=3600):
        if target.exists():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        for leftover in target.parent.glob(f"{PARTIAL}*"):
            shutil.rmtree(leftover)
        with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=target.parent) as name:
            partial = pathlib.Path(name)
            _save_all(IMAGES, programs, partial, progress)
            with progress.stage("unpack images"):
                import_archives(programs, partial)
            (partial / "store").rename(target)
    return target


def own() -> tuple[Image, ...]:
    """The images of our own pods, without those of the cluster's parts."""
    return tuple(image for image in IMAGES if not image.context.is_relative_to(SOURCES))


def own_key() -> str:
    """The key of what the images of our own pods are built from."""
    return digest([file for image in own() for file in _files(image.context)], WORKLOADS.parent, RECIPE)


def archive_own(target: pathlib.Path, progress: Progress) -> list[pathlib.Path]:
    """Build the images of our own pods as docker-archives in a folder. It takes root, buildah and mmdebstrap."""
    with hold(home() / "images.lock", "building the images of our pods", wait_s=3600):
        return _save_all(own(), target, target, progress)


def _save_all(
    images: tuple[Image, ...], programs: pathlib.Path, target: pathlib.Path, progress: Progress
) -> list[pathlib.Path]:
    """Build images on the base, which is built before, and write each as a docker-archive into a folder."""
    buildah = Buildah(home() / "buildah", target / "context")
    with progress.stage(f"image base ({suite()})"):
        buildah.tidy()
        _base(buildah)
    archives = []
    for image in images:
        with progress.stage(f"image {image.name}"):
            extra = {file: programs / file for file in image.programs}
            if image.module:
                extra[image.context.name] = build_module(image.context, target / "modules", progress)
            buildah.build(image.name, image.context, extra, image.containerfile)
            archives.append(target / f"{image.context.name}.tar")
            buildah.save(image.name, archives[-1])
    return archives


class Buildah:
    """buildah with a storage of its own, so that nothing of the user's is touched.

    The storage is kept: what did not change is not built again. `scratch` is where build contexts are put together.
    """

    def __init__(self, root: pathlib.Path, scratch: pathlib.Path) -> None:
        self._run = root / "run"
        self._scratch = scratch
        self._options = ["--root", str(root / "storage"), "--runroot", str(self._run), "--storage-driver", "overlay"]

    def tidy(self) -> None:
        """Remove what a killed build left, and images that have been replaced."""
        # What it notes there of mounts went with the namespace that they were in.
        shutil.rmtree(self._run, ignore_errors=True)
        for what in (["rm", "--all"], ["rmi", "--prune"]):
            _run([*APART, "buildah", *self._options, *what], "tidying the storage of images")

    def build(
        self, name: str, context: pathlib.Path, extra: dict[str, pathlib.Path], containerfile: str = "Containerfile"
    ) -> None:
        """Build a Containerfile as anybody would, on the base image instead of one from a registry.

        `extra` are files to put beside it, by name.
        """
        folder = self._scratch / context.name
        shutil.copytree(context, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for file, source in extra.items():
            shutil.copy2(source, folder / file)
        # For the build alone: an index's address may have a password in it, and an image is given to others.
        settings = [item for key, value in _pip_settings() for item in (f"--env={key}={value}", f"--unsetenv={key}")]
        trust = (
            ["--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro"]
            if CERTIFICATES.exists() and context.name != "base"
            else []
        )
        argv = [
            *APART, "buildah", *self._options, "build", "--layers", "--isolation", "chroot", "--network", "host",
            "--pull-never", "--build-arg", f"BASE={BASE}", *trust, *settings, "--tag", name,
            "--file", str(folder / containerfile), str(folder),
        ]  # fmt: skip
        _run(argv, f"building the image {name}")

    def save(self, name: str, archive: pathlib.Path) -> None:
        """Write an image as a docker-archive."""
        argv = [*APART, "buildah", *self._options, "push", "--quiet", name, f"docker-archive:{archive}:{name}"]
        _run(argv, f"saving the image {name}")


def _pip_settings() -> list[tuple[str, str]]:
    return [(key, value) for key, value in sorted(os.environ.items()) if key in ("PIP_INDEX_URL", "PIP_CERT")]


def _base(buildah: Buildah) -> None:
    # apt is of priority required in Debian, and so in each minbase, but not in Ubuntu.
    made_of = digest([], WORKLOADS, BASE_PACKAGES, components(), platform.machine())
    tar = home() / "bases" / f"{suite()}-{made_of}.tar"
    if not tar.exists():
        distribution(tar, f"apt,{BASE_PACKAGES}")
    buildah.build(BASE, SOURCES / "base", {"base.tar": tar})


def distribution(tar: pathlib.Path, packages: str, variant: str = "minbase") -> None:
    """Make a tar file of this machine's own distribution: its packages (and what they need) on a `variant` of it."""
    tar.parent.mkdir(parents=True, exist_ok=True)
    partial = tar.with_suffix(".partial")
    argv = ["mmdebstrap", f"--variant={variant}", f"--components={components()}", f"--include={packages}"]
    argv += ["--format=tar", suite(), str(partial)]
    _run(argv, f"making {tar.name} of {suite()}'s packages")
    partial.rename(tar)


def import_archives(programs: pathlib.Path, partial: pathlib.Path, *options: str) -> None:
    """Import the archives of a folder into the containerd root `store` below it, with options of `ctr images import`.

    It is done by a containerd of its own, which lives and dies in namespaces of its own.
    """
    config = partial / "containerd.toml"
    config.write_text(
        f'version = 3\nroot = "{partial}/store"\nstate = "/run/state"\n'
        '[grpc]\naddress = "/run/containerd.sock"\n'
        'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images",'
        ' "io.containerd.cri.v1.runtime"]\n'
    )
    script = f"""
    set -e
    mount -t tmpfs tmpfs /run
    "{programs}/containerd" --config "{config}" >"{partial}/containerd.log" 2>&1 &
    ctr() {{ "{programs}/ctr" --address /run/containerd.sock --namespace k8s.io "$@"; }}
    tries=0
    until ctr version >/dev/null 2>&1; do
        tries=$((tries + 1)); [ $tries -lt 100 ] || {{ tail -3 "{partial}/containerd.log" >&2; exit 1; }}
        sleep 0.1
    done
    for archive in "{partial}"/*.tar; do
        ctr images import {" ".join(options)} --label io.cri-containerd.pinned=pinned "$archive"
    done
    kill -TERM $!
    wait $! || true
    """
    argv = [*APART, "sh", "-c", script]
    _run(argv, "unpacking the images")


def _run(argv: list[str], what: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise ClusterError(explain(what, done.stderr or done.stdout))
