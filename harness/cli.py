"""The command `survive`: clusters by hand, calibration, reports again. Runs themselves are pytest's."""

import argparse
import contextlib
import os
import pathlib
import sys
from collections.abc import Iterator, Sequence

from harness import calibration
from harness.calibrate.calibrate import Where, calibrate, lines
from harness.calibrate.plan import Effort
from harness.clusters.embedded import cluster as embedded
from harness.clusters.embedded import layout
from harness.clusters.provider import connect
from harness.commands import cluster, compare, doctor, history, init, kind, look, nightly, rbac, schema, tune
from harness.errors import SurviveError
from harness.options import Options
from harness.progress import Progress
from harness.results import use_of
from reports.write import write_all


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it did what was asked, 1 with a message on standard error if not."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except SurviveError as exc:
        print(f"survive: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("survive: interrupted; `survive cluster down` removes what was started", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="survive", description="Can your Pod survive a restart?")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    cluster.add(commands)
    measured = commands.add_parser(
        "calibrate", help="inject outages of known length, tell by how much the measurement errs (exit 1: too much)"
    )
    measured.add_argument("--quick", action="store_true", help="few short outages, seconds instead of minutes")
    measured.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the table there as JSON")
    measured.add_argument(
        "--cluster", choices=("running", "none"), default="running",
        help="calibrate on the embedded cluster too if it runs (default), or not at all",
    )  # fmt: skip
    measured.add_argument("--name", default=layout.default_name(), help="which cluster (default: %(default)s)")
    measured.set_defaults(run=_calibrate)
    doctor.add(commands)
    rbac.add(commands)
    report = commands.add_parser("report", help="write a run's reports again, from its folder")
    report.add_argument("folder", type=pathlib.Path, help="the run's folder, such as reports/out/latest")
    for option, what in (
        ("--rate", "requests a second to your app: what a restart costs is told at this rate (default: as measured)"),
        ("--deploys", "deploys a day (default: 1)"),
        ("--slo", "the availability you aim at, per cent (default: 99.9)"),
    ):
        report.add_argument(option, type=float, metavar="NUMBER", help=what)
    report.set_defaults(run=_report)
    history.add(commands)
    nightly.add(commands)
    look.add(commands)
    compare.add(commands)
    init.add(commands)
    kind.add(commands)
    schema.add(commands)
    tune.add(commands)
    return parser


def _report(chosen: argparse.Namespace) -> int:
    try:
        written = write_all(chosen.folder, use_of(chosen.rate, chosen.deploys, chosen.slo))
    except (OSError, ValueError) as exc:
        raise SurviveError(f"{chosen.folder} cannot be reported, is it a run's folder? {exc}") from exc
    for path in written:
        print(path)
    return 0


def _calibrate(chosen: argparse.Namespace) -> int:
    effort = Effort.of(chosen.quick)
    command = f"survive calibrate{' --quick' if chosen.quick else ''}"
    with _where(chosen) as where:
        made = calibrate(effort, Progress(), command, where)
    print("\n".join(lines(made)))
    kept = calibration.keep(layout.home(), made)
    print(f"kept in {kept}" if kept else "not kept: there is a full one")
    if chosen.json is not None:
        chosen.json.write_text(made.table.model_dump_json(indent=1) + "\n")
    return 1 if made.missed else 0


@contextlib.contextmanager
def _where(chosen: argparse.Namespace) -> Iterator[Where]:
    """The embedded cluster, kept from others meanwhile, if it is wanted and runs."""
    if chosen.cluster == "none":
        yield Where(None, "not asked for")
    elif embedded.status(chosen.name).phase != "ready":
        yield Where(None, f"the cluster {chosen.name} does not run; survive cluster up starts it")
    else:
        run = f"calibrate-{os.getpid()}"
        options = Options(cluster="embedded", name=chosen.name)
        with connect(options, run, Progress(), joining=True) as connection:
            kube = connection.kube()
            try:
                yield Where(kube)
            finally:
                kube.close()
