"""Each published Containerfile, built by Docker's two builders and by Podman, is the image that buildah makes of it.

No registry is asked: their base is ours, with this machine's certificates and pip's settings in it.
"""

import functools
import json
import os
import pathlib
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.clusters.embedded import images
from harness.clusters.embedded.layout import home
from harness.clusters.embedded.programs import build_module
from harness.clusters.kind import samples
from harness.deploy.framework import FRAMEWORKS
from harness.errors import ClusterError
from harness.locks import hold
from harness.progress import Progress
from harness.wait import until
from tests.cluster import harness_image
from tests.images.recipe import ROOT, Recipe, recipes
from tests.kind.engine import Engine, engine
from tests.kind.podman import podman

BASE = "survive.dev/base-here:dev"
HERE = f"FROM {images.BASE}\nCOPY ca-certificates.crt {images.CERTIFICATES}\nCOPY pip.conf /etc/pip.conf\n"
BUILD_S, ANSWER_S = 600.0, 30.0
MATTERS = ("Entrypoint", "Cmd", "Env", "ExposedPorts", "StopSignal", "User", "WorkingDir")

RESTRICTED = ("--network=none", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--stop-timeout=0")
"""As our manifests restrict them in a pod."""

HELP = {"controller": ["--help"], "harness": ["--help"], "load": []}
"""Those that serve nobody, or need an API server for it, tell how they are used."""
SERVE = {
    "faults": ["--host=0.0.0.0", "--port=8080"],
    "pyweb": FRAMEWORKS["uvicorn"].command,
    "signals": ["run"],
    "signals-quit": ["run"],
}
"""What those are given that do not serve without arguments."""
ASK = """
import http.client
asked = http.client.HTTPConnection("127.0.0.1", 8080, timeout=5)
asked.request("GET", "/readyz")
print(asked.getresponse().status)
"""

Config = dict[str, Any]


@dataclass(frozen=True)
class Builder:
    """A command with `build`, `image inspect`, `run` and so on, and where it is run."""

    spaces: Engine
    command: tuple[str, ...]
    folder: pathlib.Path
    environment: Mapping[str, str] = field(default_factory=dict)
    build_options: tuple[str, ...] = ()
    run_options: tuple[str, ...] = ()

    def __call__(self, *arguments: str) -> str:
        environment = [f"{key}={value}" for key, value in self.environment.items()]
        return self.spaces.run("env", *environment, *self.command, *arguments, timeout_s=BUILD_S)

    def build(self, file: pathlib.Path, context: pathlib.Path, image: str, *arguments: str) -> None:
        options = ["--network=host", *self.build_options, *(f"--build-arg={one}" for one in arguments)]
        self("build", *options, "-f", str(file), "-t", image, str(context))

    def make(self, recipe: Recipe) -> None:
        """Build it as a user would; what it is made from before."""
        given = {"BASE": BASE, "SIGNALS": recipes()["signals"].image}
        if "SIGNALS" in recipe.takes:
            self.make(recipes()["signals"])
        context = ROOT / recipe.context
        if recipe.name == "goweb":
            context = with_program(context, self.folder)
        arguments = [f"{name}={given[name]}" for name in sorted(recipe.takes)]
        self.build(ROOT / recipe.file, context, recipe.image, *arguments)

    def config(self, image: str) -> Config:
        return dict(json.loads(self("image", "inspect", image))[0]["Config"])


def with_program(context: pathlib.Path, scratch: pathlib.Path) -> pathlib.Path:
    """A copy of the folder of a Go program with the program, as `go build` in it leaves it."""
    copy = scratch / context.name
    shutil.copytree(context, copy, dirs_exist_ok=True)
    progress = Progress()
    with progress.stage(f"program {context.name}"):
        shutil.copy2(build_module(context, scratch / "modules", progress), copy / context.name)
    return copy


def clients() -> Iterator[str]:
    """The docker commands on PATH."""
    for folder in os.environ["PATH"].split(os.pathsep):
        if found := shutil.which("docker", path=folder):
            yield found


def with_docker(stack: ExitStack, folder: pathlib.Path, buildkit: str) -> Builder:
    """Docker with one of its builders, by the first client that can have the engine use it."""
    spaces = stack.enter_context(engine(online=True))
    (folder / "empty").write_text("FROM scratch\nLABEL a=b\n")
    refusals = []
    for client in clients():
        environment = {**spaces.environment, "DOCKER_BUILDKIT": buildkit}
        builder = Builder(spaces, (client,), folder, environment)
        try:
            builder.build(folder / "empty", folder, "survive.dev/empty:dev")
        except ClusterError as exc:
            refusals.append(str(exc))
        else:
            return builder
    if all("buildx component is missing" in one for one in refusals):
        pytest.skip(f"this machine's docker has BuildKit only with buildx, which is missing: {list(clients())}")
    raise ClusterError("\n".join(refusals))


def with_podman(stack: ExitStack, folder: pathlib.Path) -> Builder:
    spaces = stack.enter_context(podman(online=True))
    return Builder(spaces, (spaces.program,), folder, build_options=("--isolation=chroot",))


BUILDERS: dict[str, Callable[[ExitStack, pathlib.Path], Builder]] = {
    "docker": functools.partial(with_docker, buildkit="0"),
    "buildkit": functools.partial(with_docker, buildkit="1"),
    "podman": with_podman,
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """The archive of our base image."""
    folder = tmp_path_factory.mktemp("base")
    with hold(home() / "images.lock", "building the base image", wait_s=BUILD_S):
        buildah = images.Buildah(home() / "buildah", folder / "context")
        images._base(buildah)
        buildah.save(images.BASE, folder / "base.tar")
    yield folder / "base.tar"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def by_buildah(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Config]:
    """What buildah writes into the images, by their names: those of our pods, and the harness's own."""
    folder = tmp_path_factory.mktemp("buildah")
    archives = [samples.build(None, Progress()), harness_image.archive(folder)]
    found = {name: config for archive in archives for name, config in configs(archive).items()}
    shutil.rmtree(folder)
    return found


def configs(archive: pathlib.Path) -> dict[str, Config]:
    """The configuration of each image of a docker-archive."""
    with tarfile.open(archive) as tar:

        def read(name: str) -> Any:
            content = tar.extractfile(name)
            assert content is not None
            return json.load(content)

        return {image["RepoTags"][0]: read(image["Config"])["config"] for image in read(samples.MANIFEST)}


@pytest.fixture(scope="module", params=BUILDERS)
def builder(
    request: pytest.FixtureRequest, base: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Builder]:
    """One that has the base image."""
    folder = tmp_path_factory.mktemp("builder")
    with ExitStack() as stack:
        builder = BUILDERS[request.param](stack, folder)
        builder("load", "--input", str(base))
        (folder / "Containerfile").write_text(HERE)
        shutil.copy2(images.CERTIFICATES, folder / "ca-certificates.crt")
        settings = {"PIP_CERT": "cert", "PIP_INDEX_URL": "index-url"}
        lines = [f"{settings[key]} = {value}" for key, value in images._pip_settings()]
        (folder / "pip.conf").write_text("\n".join(["[global]", *lines, ""]))
        builder.build(folder / "Containerfile", folder, BASE)
        yield builder
    shutil.rmtree(folder)


def what_matters(config: Config) -> Config:
    """What a cluster goes by. Where nothing is said, one builder leaves out what another has as empty."""
    said = {name: config.get(name) or None for name in MATTERS}
    return said | {"Env": sorted(config["Env"]), "WorkingDir": config.get("WorkingDir") or "/"}


@pytest.mark.parametrize("name", recipes())
def test_it_is_built_as_buildah_does_and_starts(builder: Builder, by_buildah: dict[str, Config], name: str) -> None:
    recipe = recipes()[name]
    builder.make(recipe)
    config = builder.config(recipe.image)
    assert what_matters(config) == what_matters(by_buildah[recipe.image])
    options = [*builder.run_options, *RESTRICTED]
    if name in HELP:
        assert "usage: " in builder("run", "--rm", *options, recipe.image, *HELP[name])
        return
    container = builder("run", "--detach", *options, recipe.image, *SERVE.get(name, ())).strip()
    try:
        until(lambda: answer(builder, container) == "200", f"an answer of {recipe.image}", ANSWER_S, every_s=0.5,
              last=lambda: builder("logs", container))  # fmt: skip
    finally:
        builder("rm", "--force", container)


def answer(builder: Builder, container: str) -> str:
    """The status that a container answers with; what is wrong where it does not."""
    process = builder("inspect", "--format", "{{.State.Pid}}", container).strip()
    try:
        return builder.spaces.run("nsenter", f"--net=/proc/{process}/ns/net", "--", "python3", "-c", ASK).strip()
    except ClusterError as exc:
        return str(exc)
