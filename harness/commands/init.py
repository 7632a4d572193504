"""`survive init`: a first `*.survive.yaml` from manifests, or of an app that runs already."""

import argparse
import os
import pathlib
from typing import Any

from harness.errors import UsageError
from harness.own.attach import attached_app
from harness.own.collect import choose
from harness.own.paths import BUILT_IN
from harness.spec import OwnApp, Spec, find_app, first, load_app
from harness.spec.models import ENDINGS
from harness.spec.sources import read_source


def add(commands: Any) -> None:
    """Add the command to the parser of commands."""
    parser = commands.add_parser(
        "init", help="write a first, commented NAME.survive.yaml from manifests, or of an app that runs already"
    )
    app = parser.add_mutually_exclusive_group(required=True)
    app.add_argument(
        "-f", "--file", type=pathlib.Path, action="append", metavar="FILE|DIR", dest="files",
        help="manifests, a folder of them, or a kustomization; may be given more than once",
    )  # fmt: skip
    app.add_argument("--attach", metavar="NAMESPACE/KIND/NAME", help="an app that runs already; no cluster is asked")
    parser.add_argument("--attach-service", metavar="NAME[:PORT]", help="with --attach: the Service that is asked")
    parser.add_argument("--attach-lease", metavar="NAME", help="with --attach: the Lease of its leader")
    parser.add_argument(
        "-o", "--output", type=pathlib.Path, metavar="FILE", help="default: NAME.survive.yaml here, by the workload"
    )
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Write it and say how to go on."""
    if chosen.attach:
        there = attached_app(chosen.attach, chosen.attach_service, chosen.attach_lease)
        output = _output(chosen, there.workload)
        _write(output, first.attached(there, _chosen(there), str(output)))
        return 0
    objects = [one for file in chosen.files for one in read_source(str(file.resolve()), pathlib.Path.cwd())]
    about = first.found(objects)
    output = _output(chosen, about.name)
    sources = [_relative(file, output.parent) for file in chosen.files]
    _write(output, first.text(about, sources, _paths(about, sources, output), str(output)))
    return 0


def _output(chosen: argparse.Namespace, name: str) -> pathlib.Path:
    """Where it is written. Raises UsageError for a place that cannot be."""
    output: pathlib.Path = chosen.output or pathlib.Path(f"{name}{ENDINGS[0]}")
    if not output.name.endswith(ENDINGS):
        raise UsageError(f"{output} must end with {' or '.join(ENDINGS)}: pytest finds it by that")
    if output.exists() and not chosen.force:
        raise UsageError(f"{output} is there already; --force writes over it")
    return output


def _write(output: pathlib.Path, text: str) -> None:
    output.write_text(text, encoding="utf-8")
    app = load_app(output)
    count = len(app.spec.paths)
    print(f"{output}: {app.kind}/{app.workload} on {count} restart path{'s' if count != 1 else ''}; pytest {output}")


def _relative(file: pathlib.Path, folder: pathlib.Path) -> str:
    return os.path.relpath(file.resolve(), folder.resolve())


def _paths(about: first.First, sources: list[str], output: pathlib.Path) -> list[tuple[str, str, str]]:
    """Every path there is, with its title and why it is left out."""
    workload = about.workload
    asked: dict[str, Any] = {
        "manifests": sources, "workload": f"{workload['kind']}/{about.name}", "lease": about.lease,
        "cluster_objects": "leave-out" if about.whole_cluster else "refuse",
        "limits": {"failover": first.FAILOVER} if about.lease else {},
    }  # fmt: skip
    if about.service is not None:
        asked["requests"] = {"service": about.service["metadata"]["name"]}
    app = find_app(about.name, Spec.model_validate(asked), output.parent)
    return _chosen(app)


def _chosen(app: OwnApp) -> list[tuple[str, str, str]]:
    return [(path.name, path.title, why_not) for path, why_not in choose(app, BUILT_IN)]
