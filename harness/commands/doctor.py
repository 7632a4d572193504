"""`survive doctor`: what a cluster allows a run to do, and whether it has what single apps need."""

import argparse
import contextlib
import dataclasses
import json
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from harness import options
from harness.clusters.embedded import cluster as embedded
from harness.clusters.embedded import layout
from harness.clusters.kind import cluster as kind
from harness.clusters.provider import (
    Connection,
    at_embedded,
    at_existing,
    at_kind,
    chosen_context,
    chosen_provider,
)  # fmt: skip
from harness.deploy import Furnishing
from harness.doctor import APPS, CORE, Report, examine
from harness.doctor_apps import OF_ANY_APP, images_of, of_network
from harness.errors import ClusterError
from harness.images import OWN
from harness.nodes import Nodes
from harness.pulls import Wanted, pulled
from harness.spec import OwnApp, load_app

MARKS = {"ok": "[green]ok[/]", "warn": "[yellow]look[/]", "bad": "[red]NO[/]"}


def add(commands: Any) -> None:
    """Declare it."""
    text = (
        "say what a cluster allows: version, rights, nodes, images, which restart paths are possible and why not the"
        " others; nothing is touched unless --pull is given; exit code 0 only if the core paths are possible"
    )
    command = commands.add_parser("doctor", help=text, description=text)
    options.add_options(command.add_argument)
    command.add_argument(
        "files", nargs="*", type=pathlib.Path, metavar="FILE",
        help="*.survive.yaml of apps: are there rules of the network that keep probers from them, and, with --pull,"
        " are their images to be had",
    )  # fmt: skip
    command.add_argument(
        "--pull", action="store_true",
        help="prove that images are to be had, by pods in a namespace of our own, which is removed",
    )  # fmt: skip
    command.add_argument("--json", action="store_true", help="as JSON")
    command.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    wanted = options.of_arguments(chosen)
    apps = [load_app(file) for file in chosen.files]
    connection, nodes = _connect(wanted)
    with contextlib.closing(connection.kube()) as kube:
        report = Report(
            connection.provider, connection.context or connection.name, kube.server, connection.version, kube.who()
        )
        examine(kube, report, wanted.images, nodes, wanted.nodes, wanted.labels)
        report.findings.extend(of_network(kube, app, wanted.labels) for app in apps)
        if chosen.pull:
            furnishing = Furnishing(wanted.labels, wanted.pull_auth)
            for one in _images(apps):
                report.findings.extend(pulled(kube, wanted.images, furnishing, one))
    if chosen.json:
        sys.stdout.write(json.dumps({**dataclasses.asdict(report), "fit": report.fit}, indent=1) + "\n")
    else:
        show(report, Console(file=sys.stdout, soft_wrap=False))
    return 0 if report.fit else 1


def _images(apps: Sequence[OwnApp]) -> list[Wanted]:
    """The images that a run of these apps will use, or one of the matrix."""
    names = OF_ANY_APP if apps else APPS
    of_apps = [images_of(app) for app in apps if app.manifests]
    return [Wanted("every run", [f"{OWN}{name}:dev" for name in names]), *(one for one in of_apps if one.images)]


def _connect(wanted: options.Options) -> tuple[Connection, Nodes | None]:
    if context := chosen_context(wanted):
        connection = at_existing(wanted, context)
        return connection, connection.own_nodes("doctor")
    name = wanted.name or layout.default_name()
    if chosen_provider(wanted) == "kind":
        connection = at_kind(wanted, kind.running(name))
    elif embedded.status(name).phase == "ready":
        connection = at_embedded(wanted, layout.ClusterDir.named(name))
    else:
        raise ClusterError(f"the embedded cluster {name} does not run: survive cluster up; or name a --kube-context")
    return connection, connection.nodes_port("doctor")


def show(report: Report, console: Console) -> None:
    """The report as tables."""
    console.print(f"{report.provider} {report.context}: {report.server}, Kubernetes {report.version}, as {report.user}")
    table = Table(show_header=False, box=None, pad_edge=False)
    for finding in report.findings:
        todo = f"\n→ {finding.todo}" if finding.todo else ""
        table.add_row(finding.what, MARKS[finding.state], finding.said + todo)
    console.print(table)
    paths = Table("path", "", "what it does, or why not", box=None, pad_edge=False)
    for path in sorted(report.paths, key=lambda one: (not one.possible, one.name not in CORE, one.name)):
        paths.add_row(path.name, MARKS["ok" if path.possible else "bad"], path.does if path.possible else path.why)
        for row, why in path.skipped.items() if path.possible else ():
            paths.add_row("", MARKS["warn"], f"row {row} is skipped: {why}")
    console.print(paths)
    possible = sum(path.possible for path in report.paths)
    console.print(f"{possible} of {len(report.paths)} restart paths are possible; core paths: {', '.join(CORE)}")
    console.print("[green]fit for a run[/]" if report.fit else "[red]not fit for a run[/]: see NO above")
