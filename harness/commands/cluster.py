"""`survive cluster`: embedded and kind clusters by hand."""

import argparse
from typing import Any

from harness.clusters.embedded import cluster as embedded
from harness.clusters.embedded import layout
from harness.clusters.kind import cluster as kind
from harness.clusters.kind.state import KindDir
from harness.clusters.provider import kind_lock
from harness.errors import SurviveError, UsageError
from harness.locks import hold
from harness.options import KindOptions, add_own_options, of_own_cluster
from harness.progress import Progress


def add(commands: Any) -> None:
    """Declare it."""
    group = commands.add_parser("cluster", help="the embedded cluster, or one of kind: up, down, status, kubeconfig")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    for name, run, text in (
        ("up", _up, "start it (the first time it is built, about 12 minutes on two cores); a running one is kept"),
        ("down", _down, "take it down, to the last process, mount, link and cgroup"),
        ("status", _status, "say how it is; exit code 0 only if it is ready"),
        ("kubeconfig", _kubeconfig, "print the path of its kubeconfig"),
    ):
        action = actions.add_parser(name, help=text, description=text)
        action.add_argument("--cluster", choices=("embedded", "kind"), default="embedded", help="(default: embedded)")
        action.add_argument("--name", default=layout.default_name(), help="which cluster (default: %(default)s)")
        add_own_options(action.add_argument)
        action.set_defaults(run=run)
        if name == "up":
            action.add_argument(
                "--address-range", metavar="10.N.0.0/16", help="embedded: its addresses (default: a free one)"
            )


def _kind(chosen: argparse.Namespace) -> KindOptions | None:
    """The options of a kind cluster; None for the embedded one. Raises UsageError where they do not fit."""
    kubernetes, asked = of_own_cluster(vars(chosen).get)
    if chosen.cluster == "kind":
        if getattr(chosen, "address_range", None):
            raise UsageError("--address-range is for the embedded cluster; kind's networks are its engine's")
        return asked.of(kubernetes)
    if asked != KindOptions():
        raise UsageError("--kind-image and --kind-binary are for --cluster kind")
    return None


def _up(chosen: argparse.Namespace) -> int:
    if (asked := _kind(chosen)) is not None:
        with hold(kind_lock(chosen.name), "survive cluster up", wait_s=600):
            made = kind.up(chosen.name, asked, Progress())
        print(f"cluster {made.name} is ready: export KUBECONFIG={made.kubeconfig}")
        return 0
    with hold(layout.run_lock(layout.ClusterDir.named(chosen.name).name), "survive cluster up", wait_s=600):
        kubernetes, _ = of_own_cluster(vars(chosen).get)
        folder = embedded.up(chosen.name, Progress(), chosen.address_range, kubernetes)
    print(f"cluster {chosen.name} is ready: export KUBECONFIG={folder.kubeconfig}")
    return 0


def _down(chosen: argparse.Namespace) -> int:
    if (asked := _kind(chosen)) is not None:
        name = KindDir.named(chosen.name).name
        with hold(kind_lock(chosen.name), "survive cluster down"):
            existed = kind.down(chosen.name, asked.binary)
    else:
        name = chosen.name
        with hold(layout.run_lock(layout.ClusterDir.named(name).name), "survive cluster down"):
            existed = embedded.down(name)
    print(f"cluster {name} {'is down' if existed else 'was not there'}")
    return 0


def _status(chosen: argparse.Namespace) -> int:
    if (asked := _kind(chosen)) is not None:
        found = kind.status(chosen.name, asked.binary)
        return _say(found.name, found.phase, found.why, " ".join(found.nodes))
    status = embedded.status(chosen.name)
    return _say(status.name, status.phase, status.why, status.range, " ".join(status.nodes))


def _say(name: str, phase: str, *more: str) -> int:
    print("; ".join(part for part in (f"cluster {name}: {phase}", *more) if part))
    return 0 if phase == "ready" else 1


def _kubeconfig(chosen: argparse.Namespace) -> int:
    asked = _kind(chosen)
    folder = KindDir.named(chosen.name) if asked is not None else layout.ClusterDir.named(chosen.name)
    if not folder.kubeconfig.exists():
        up = "survive cluster up --cluster kind" if asked is not None else "survive cluster up"
        raise SurviveError(f"cluster {folder.name} is not there: {up}")
    print(folder.kubeconfig)
    return 0
