"""A registry that asks for a password: the CNCF's, filled with our images, then read by each node on its loopback.

containerd takes a registry on loopback for one without TLS. Each node has its own loopback, so each gets a registry of
its own there; all read one folder, and none can write it.
"""

import base64
import contextlib
import io
import json
import os
import pathlib
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.children import DIES_WITH_US
from harness.clusters.embedded import host, images
from harness.clusters.embedded.layout import ClusterDir, home
from harness.clusters.embedded.programs import build_module, digest
from harness.clusters.kind import builds
from harness.locks import hold
from harness.progress import Progress
from harness.wait import until
from tests.cluster.conftest import ROOT

SOURCES = ROOT / "tests" / "registry"
ADDRESS = "127.0.0.1:5000"
USER, PASSWORD = "tester", "not-a-secret"
HTPASSWD = f"{USER}:$2a$04$QfPfMYF3wCh/UZ.CncPTbOwicDWpZj8ORfFe455Mc9Riz2zG2IXl2\n"
"""The password's bcrypt hash, as `htpasswd -B` makes it; of the least cost, since each request is checked by it."""

NAMES = ("server", "controller", "load", "signals")
"""The images that `survive doctor --pull` asks for."""

STARTED_S = 15.0


def program() -> pathlib.Path:
    """The registry's program, built once."""
    key = digest(SOURCES.iterdir(), SOURCES, platform.machine())

    def make(folder: pathlib.Path) -> None:
        build_module(SOURCES, folder, Progress(io.StringIO()))

    return builds.made(builds.place("program-registry", key), "building the registry", make) / SOURCES.name


@dataclass(frozen=True)
class Registry:
    """One that is filled, and served on the nodes. `thing`: an image by its digest, with a layer that no node has."""

    thing: str
    nodes: Mapping[str, pathlib.Path]
    """Their names, and the logs of what they asked for."""

    def answers(self, node: str) -> list[int]:
        """The status of each answer to a node."""
        return [status for _, status in self._asked(node)]

    def given(self, node: str) -> set[str]:
        """What a node was given, as paths below /v2/."""
        return {path for path, status in self._asked(node) if status in (200, 206)}

    def _asked(self, node: str) -> list[tuple[str, int]]:
        lines = re.findall(r'"[A-Z]+ /v2/(\S*) HTTP/[\d.]+" (\d+)', self.nodes[node].read_text())
        return [(path, int(status)) for path, status in lines]


def auth_file(file: pathlib.Path, password: str = PASSWORD) -> str:
    """A config.json as `docker login` writes it."""
    auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
    file.write_text(json.dumps({"auths": {ADDRESS: {"auth": auth}}}))
    return str(file)


@contextlib.contextmanager
def serving(cluster: ClusterDir, folder: pathlib.Path, mark: str) -> Iterator[Registry]:
    """A registry for each node of a cluster, with our images below `survive/` and another, `other/thing`."""
    (folder / "htpasswd").write_text(HTPASSWD)
    with _serve(folder, "push", "127.0.0.1:0") as log:
        found = re.search(r"listening on (127\.0\.0\.1:\d+)", log.read_text())
        assert found is not None
        thing = _fill(found[1], folder, mark)
    inits = host.find_inits(cluster.root)
    nodes = {spec.parent.name: pid for spec, pid in inits.items() if spec.parent != cluster.root}
    with contextlib.ExitStack() as all_of_them:
        logs = {
            name: all_of_them.enter_context(_serve(folder, name, ADDRESS, f"/proc/{pid}/ns/net"))
            for name, pid in nodes.items()
        }
        yield Registry(f"{ADDRESS}/other/thing@{thing}", logs)


@contextlib.contextmanager
def _serve(folder: pathlib.Path, name: str, address: str, network: str = "") -> Iterator[pathlib.Path]:
    """Serve the folder's images for as long as the block lasts; its log. In another network they are read-only."""
    config: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "info"},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "storage")},
            "maintenance": {"readonly": {"enabled": bool(network)}},
        },
        "auth": {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}},
        "http": {"addr": address, "secret": "one of them serves at a time"},
    }
    file, log = folder / f"{name}.json", folder / f"{name}.log"
    file.write_text(json.dumps(config))
    enter = ["nsenter", f"--net={network}"] if network else []
    with log.open("w") as said:
        process = subprocess.Popen(
            [*DIES_WITH_US, *enter, str(program()), "serve", str(file)], stdout=said, stderr=subprocess.STDOUT,
            env=os.environ | {"OTEL_TRACES_EXPORTER": "none"},
        )  # fmt: skip
    try:
        until(
            lambda: "listening on" in log.read_text() or process.poll() is not None,
            f"the registry {name}", STARTED_S, last=log.read_text,
        )  # fmt: skip
        assert process.poll() is None, log.read_text()
        yield log
    finally:
        process.terminate()
        process.wait(STARTED_S)


def _fill(address: str, folder: pathlib.Path, mark: str) -> str:
    """Push our images, and one with a layer that no node has; that one's digest."""
    own = {image.context.name: image for image in images.own()}
    thing = f"survive.dev/thing-{mark}:dev"
    (folder / "thing").mkdir()
    (folder / "thing" / "mark").write_text(mark)
    (folder / "thing" / "Containerfile").write_text(f"FROM {own['server'].name}\nCOPY mark /mark\n")
    with hold(home() / "images.lock", "pushing images to the tests' registry", wait_s=600):
        buildah = images.Buildah(home() / "buildah", folder / "context")
        images._base(buildah)
        for name in NAMES:
            buildah.build(own[name].name, own[name].context, {}, own[name].containerfile)
            _push(buildah, own[name].name, f"{address}/survive/{name}:dev", folder)
        buildah.build(thing, folder / "thing", {})
        try:
            return _push(buildah, thing, f"{address}/other/thing:1", folder)
        finally:
            images._run([*images.APART, "buildah", *buildah._options, "rmi", thing], "removing an image")


def _push(buildah: images.Buildah, image: str, target: str, folder: pathlib.Path) -> str:
    """Push an image; the digest that it has there."""
    said = folder / "digest"
    argv = [*images.APART, "buildah", *buildah._options, "push", "--quiet", "--tls-verify=false"]
    argv += ["--creds", f"{USER}:{PASSWORD}", "--digestfile", str(said), image, f"docker://{target}"]
    images._run(argv, f"pushing {target}")
    return said.read_text().strip()
