"""Where a run runs, and what it may do there: the options of pytest and of the command `survive` alike."""

import argparse
import json
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from harness.errors import UsageError
from harness.images import Images

Choice = Literal["auto", "existing", "kind", "embedded"]
CHOICES: tuple[Choice, ...] = ("auto", "existing", "kind", "embedded")


@dataclass(frozen=True, slots=True)
class KindOptions:
    """The node image of a kind cluster (kind's default, or that of the cluster that runs, if empty); the program."""

    image: str = ""
    binary: str = ""

    def of(self, kubernetes: str) -> "KindOptions":
        """Those of a version, by kind's own node image of it; any if it is empty."""
        return replace(self, image=f"kindest/node:{kubernetes}") if kubernetes else self


@dataclass(frozen=True, slots=True)
class Options:
    """The cluster, by choice, context or name; the nodes that may be touched; what our namespaces and images are like.

    `kubernetes` is the version, such as v1.34.2, of a cluster of our own; empty for any.
    `kubeconfig` may be a list as $KUBECONFIG may, which stands for it if it is empty. `pull_auth`: the text of the
    file with which Docker or Podman logs in to registries. `labels` are for our namespaces.
    """

    cluster: Choice = "auto"
    context: str | None = None
    name: str | None = None
    kubeconfig: str = ""
    nodes: Sequence[str] = ()
    images: Images = field(default_factory=Images)
    pull_auth: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    kubernetes: str = ""
    kind: KindOptions = KindOptions()

    @classmethod
    def read(cls, get: Callable[[str], Any]) -> "Options":
        """From parsed options, got by their names. Raises UsageError where they contradict each other."""
        nodes, allowed = get("survive_nodes") or [], get("allow_node_disruption")
        if nodes and not allowed:
            raise UsageError("--node is for --allow-node-disruption: without that no node is touched")
        if allowed and not nodes:
            raise UsageError("--allow-node-disruption needs --node NAME, once for each node that may be touched")
        kubernetes, kind = of_own_cluster(get)
        auth = _auth(file) if (file := get("image_pull_secret")) else ""
        return cls(
            cluster=get("cluster"), context=get("kube_context"), name=get("cluster_name"),
            kubeconfig=get("kubeconfig") or "", nodes=tuple(nodes),
            images=Images.read(get("image_registry"), get("survive_images") or [], secret=bool(auth)),
            pull_auth=auth, labels=_labels(get("namespace_labels") or []),
            kubernetes=kubernetes, kind=kind,
        )  # fmt: skip


def add_options(add: Callable[..., Any]) -> None:
    """Declare them, by argparse's `add_argument` or pytest's `addoption`."""
    add(
        "--cluster", choices=CHOICES, default="auto",
        help="where to run: a cluster that exists (with --kube-context), one of kind, or the embedded one; the last two"
        " are started if they do not run; auto (default): existing where a context is named, else embedded for root and"
        " kind for others",
    )  # fmt: skip
    add(
        "--kube-context", metavar="NAME",
        help="the kubeconfig context to use; no other is ever touched; in-cluster: that of the pod this runs in",
    )  # fmt: skip
    add("--kubeconfig", metavar="FILE", help="the kubeconfig, or a list as in $KUBECONFIG (default: that)")
    add(
        "--cluster-name",
        metavar="NAME",
        help="the name of the embedded or kind cluster (default: one for each checkout)",
    )
    add_own_options(add)
    add(
        "--allow-node-disruption", action="store_true", default=False,
        help="on a cluster that exists: the nodes named by --node may be closed, tainted and crowded",
    )  # fmt: skip
    add("--node", dest="survive_nodes", action="append", metavar="NAME", help="a node that may be; may be repeated")
    add("--image-registry", metavar="HOST/PATH", help="where our images are, in place of survive.dev")
    add(
        "--image", dest="survive_images", action="append", metavar="NAME=REF",
        help="one image of ours (server, controller, load, …) in full; may be repeated",
    )  # fmt: skip
    add(
        "--image-pull-secret", metavar="FILE",
        help="pull our images with this file of Docker or Podman (config.json, auth.json), as a Secret in our"
        " namespaces",
    )  # fmt: skip
    add(
        "--namespace-label", dest="namespace_labels", action="append", metavar="KEY=VALUE",
        help="a label of the namespaces that a run makes, such as pod-security.kubernetes.io/enforce=restricted",
    )  # fmt: skip


def add_own_options(add: Callable[..., Any]) -> None:
    """Declare those of a cluster of our own, embedded or kind."""
    add(
        "--kubernetes-version", metavar="X.Y.Z",
        help="embedded: one of those that it is built of; kind: any, by kind's own node image of it (default: that of"
        " the cluster that runs)",
    )  # fmt: skip
    add("--kind-image", metavar="IMAGE", help="kind: the node image (default: kind's own)")
    add("--kind-binary", metavar="FILE", help="the program kind (default: $SURVIVE_KIND, else kind on PATH)")


def of_own_cluster(get: Callable[[str], Any]) -> tuple[str, KindOptions]:
    """The version that was asked for, such as v1.34.2, and what else of kind. Raises UsageError."""
    image, version = get("kind_image") or "", get("kubernetes_version") or ""
    if version and image:
        raise UsageError("--kubernetes-version names one of kind's own node images, --kind-image any: give one")
    if version and not re.fullmatch(r"v?1\.\d+\.\d+", version):
        raise UsageError(f"--kubernetes-version {version}: write it in full, such as 1.34.2")
    return version and f"v{version.removeprefix('v')}", KindOptions(image, get("kind_binary") or "")


def of_arguments(chosen: argparse.Namespace) -> Options:
    """From what argparse has parsed."""
    return Options.read(lambda name: getattr(chosen, name))


def _auth(file: str) -> str:
    """A file of Docker or Podman, which must have what it logs in with in itself."""
    try:
        text = pathlib.Path(file).read_text()
        entries = json.loads(text).get("auths") or {}
    except (OSError, ValueError, AttributeError) as exc:
        raise UsageError(
            f"--image-pull-secret {file} is no config.json of Docker or auth.json of Podman: {exc}"
        ) from exc
    if not any(entry.get("auth") for entry in entries.values()):
        raise UsageError(
            f"--image-pull-secret {file} has no credentials in itself (a helper keeps them?): log in with"
            " `podman login --authfile FILE REGISTRY`, and name that file"
        )
    return text


def _labels(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if wrong := [text for text, (key, sign, _) in zip(texts, pairs, strict=True) if not (key and sign)]:
        raise UsageError(f"--namespace-label {wrong[0]}: write KEY=VALUE")
    return {key: value for key, _, value in pairs}
