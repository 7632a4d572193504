"""The cluster's programs, built from their Go modules into a cache keyed by what they are built from."""

import hashlib
import os
import pathlib
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from typing import Final

from harness.clusters.embedded.hints import explain
from harness.clusters.embedded.layout import PARTIAL, SOURCES, home
from harness.errors import ClusterError
from harness.locks import hold
from harness.progress import Progress

KUBERNETES = "v1.37.2"
"""What is built unless another is asked for."""

MODULES: Final = {"v1.31.14": "kubernetes-1.31", KUBERNETES: "kubernetes"}
"""The versions that can be built, each with the Go module, below `sources`, that pins its programs."""

GO = (1, 26, 8)
"""The oldest Go that the modules build with."""

RECIPE = "1"
"""Raise it when the way of building changes without a change of the sources."""

_VERSION = "k8s.io/component-base/version"
_RENAMED = {"server": "etcd"}
"""Go names a program after the last part of its path; etcd's is `server`."""

_TOOL = ("tool",)
"""What Go calls all programs that a module names by its `tool` lines."""

Parts = Sequence[tuple[str, Sequence[str]]]


def digest(files: Iterable[pathlib.Path], base: pathlib.Path, *extra: str) -> str:
    """A key of 16 hex digits over files (names below `base` and contents) and some texts."""
    seen = hashlib.sha256()
    for file in sorted(files):
        seen.update(f"{file.relative_to(base)}\0{file.stat().st_mode & 0o111}\0".encode())
        seen.update(hashlib.sha256(file.read_bytes()).digest())
    seen.update("\0".join(extra).encode())
    return seen.hexdigest()[:16]


def key(kubernetes: str = KUBERNETES) -> str:
    """The key of the programs that these sources give, for one of MODULES, on this kind of machine."""
    files = [
        file
        for name, _ in _parts(kubernetes)
        for file in (SOURCES / name).iterdir()
        if file.suffix in (".go", ".mod", ".sum")
    ]
    return digest(files, SOURCES, RECIPE, kubernetes, platform.machine())


def folder(kubernetes: str = KUBERNETES) -> pathlib.Path:
    """Where the programs are, or will be once `build` returned."""
    return home() / "programs" / key(kubernetes)


def build(progress: Progress, kubernetes: str = KUBERNETES) -> pathlib.Path:
    """Build what is not there yet and return its folder. A build that was broken off leaves nothing that is used.

    `kubernetes` is one of MODULES; all other programs are of one version each.

    Raises ClusterError with the compiler's words, or with what to do where Go or the network is missing.
    """
    target = folder(kubernetes)
    if target.exists():
        return target
    with hold(home() / "programs.lock", "building the cluster's programs", wait_s=3600):
        if target.exists():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        for leftover in target.parent.glob(f"{PARTIAL}*"):
            shutil.rmtree(leftover)
        partial = pathlib.Path(tempfile.mkdtemp(prefix=PARTIAL, dir=target.parent))
        partial.chmod(0o755)
        progress.note("  The cluster's programs are built from source, once: about 10 minutes on two cores.")
        for name, what in _parts(kubernetes):
            with progress.stage(f"build {name}"):
                _build(SOURCES / name, what, partial, progress, kubernetes)
        for built, wanted in _RENAMED.items():
            (partial / built).rename(partial / wanted)
        partial.rename(target)
    return target


def build_module(module: pathlib.Path, target: pathlib.Path, progress: Progress, what: str = ".") -> pathlib.Path:
    """Build the program of a small module into a folder and return its path; it is named as the module's folder.

    `what` is "tool" where the module has no source of its own, but names another's program.
    """
    target.mkdir(exist_ok=True)
    _build(module, (what,), target, progress, KUBERNETES)
    return target / module.name


def go() -> str:
    """The Go command: this machine's if it is new enough, else the one that `make setup` installs."""
    for found in (shutil.which("go"), str(home() / "go" / "go" / "bin" / "go")):
        if found and pathlib.Path(found).exists():
            said = subprocess.run([found, "env", "GOVERSION"], capture_output=True, text=True).stdout.strip()
            version = tuple(int(part) for part in re.findall(r"\d+", said))
            if version >= GO:
                return found
    raise ClusterError(
        f"no Go {'.'.join(map(str, GO))} or newer: run `make setup` in a checkout of the repository, or put one on the"
        " PATH"
    )


def _parts(kubernetes: str) -> Parts:
    """The modules that a cluster's programs are built from, each with what of it."""
    newest: Parts = [("kubernetes", _TOOL)]
    if kubernetes != KUBERNETES:
        newest = [("kubernetes", _others()), (MODULES[kubernetes], _TOOL)]
    return [("containerd", _TOOL), *newest, ("pause", (".",))]


def _others() -> Sequence[str]:
    """The programs that the newest version's module names besides Kubernetes' own: etcd, CoreDNS, the CNI plugins."""
    found = re.search(r"^tool \((.*?)^\)", (SOURCES / "kubernetes" / "go.mod").read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return [name for name in found[1].split() if not name.startswith("k8s.io/")]


def _build(
    module: pathlib.Path, what: Sequence[str], target: pathlib.Path, progress: Progress, kubernetes: str
) -> None:
    environment = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off", "GOTOOLCHAIN": "local"}
    command = go()
    progress.update("counting packages")
    total = _run([command, "list", "-deps", *what], module, environment).count("\n")
    options = ["-trimpath", "-mod=readonly", "-v", "-ldflags", _link(kubernetes), "-o", f"{target}/"]
    argv = [command, "build", *options, *what]
    process = subprocess.Popen(argv, cwd=module, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said: list[str] = []
    compiled = 0
    try:
        for line in process.stderr:
            if re.fullmatch(r"[\w.\-/~]+\n", line):
                compiled += 1
                progress.update(f"{compiled} packages compiled of at most {total}")
            else:
                said.append(line)
        if process.wait():
            raise ClusterError(explain(f"building {module.name}", "".join(said)))
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _link(kubernetes: str) -> str:
    """The linker's flags, by which Kubernetes' programs know their version."""
    major, minor, _ = kubernetes.removeprefix("v").split(".")
    told = {"gitVersion": kubernetes, "gitMajor": major, "gitMinor": minor}
    return " ".join(["-s -w", *(f"-X {_VERSION}.{name}={value}" for name, value in told.items())])


def _run(argv: list[str], folder: pathlib.Path, environment: dict[str, str]) -> str:
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise ClusterError(explain(f"building {folder.name}", done.stderr))
    return done.stdout
