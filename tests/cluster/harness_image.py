"""The harness's own image, built as the cluster's are, and brought to one node."""

import pathlib
import shutil

from harness.clusters.embedded import images
from harness.clusters.embedded.layout import home
from harness.clusters.embedded.nodes import EmbeddedNodes
from harness.locks import hold
from tests.cluster.conftest import ROOT

NAME = "survive.dev/harness:dev"
PARTS = ("pyproject.toml", "README.md", "LICENSE", "harness", "reports", "workloads", "suites", "deploy/harness")
"""What .dockerignore lets through (tests/unit/test_deploy.py holds it against that)."""


def archive(scratch: pathlib.Path) -> pathlib.Path:
    """The image as a docker-archive; what did not change is not built again."""
    context = scratch / "repository"
    for part in PARTS:
        source, target = ROOT / part, context / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "out"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    made = scratch / "harness.tar"
    with hold(home() / "images.lock", "building the harness's image", wait_s=600):
        buildah = images.Buildah(home() / "buildah", scratch / "context")
        images._base(buildah)
        buildah.build(NAME, context, {}, "deploy/harness/Containerfile")
        buildah.save(NAME, made)
    return made


def give(nodes: EmbeddedNodes, node: str, image: pathlib.Path) -> None:
    """Import it into a node's containerd."""
    ctr = ["/run/survive/programs/ctr", "--address", "/run/containerd/containerd.sock", "--namespace", "k8s.io"]
    nodes.run(node, [*ctr, "images", "import", str(image)], 120)
