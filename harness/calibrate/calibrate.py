"""A whole calibration: trials here and on the cluster, the clients, the table, and where it is kept."""

import datetime
import pathlib
import random
import tempfile
from dataclasses import dataclass

from harness.calibrate import clients, cluster, compare, local
from harness.calibrate.machine import machine
from harness.calibrate.plan import SPACING_MS, Effort
from harness.errors import SurviveError
from harness.kube import Kube
from harness.progress import Progress
from harness.results import Calibrated


@dataclass(frozen=True, slots=True)
class Where:
    """The cluster to calibrate on too; without one, why not."""

    kube: Kube | None
    why: str = ""


def calibrate(effort: Effort, progress: Progress, command: str, where: Where) -> Calibrated:
    """Inject, measure, compare. Too much noise is told as a target that was missed, and so is what went wrong on the
    cluster. Raises SurviveError where something here did not end well.
    """
    broken: list[str] = []
    without = local.left_out() | clients.left_out()
    with tempfile.TemporaryDirectory(prefix="survive-calibrate-") as name:
        folder = pathlib.Path(name)
        # Chance, not a secret.
        chosen = [pair for pair in local.pairs(random.Random(), effort) if pair.fault not in without]  # noqa: S311
        with progress.stage(f"{len(chosen)} kinds of fault, {effort.outages} outages of each"):
            trials = local.run(chosen, folder)
        with progress.stage("clients against a server's ledger"):
            counted = clients.clients(folder)
        if where.kube is None:
            without["the cluster"] = where.why
        else:
            try:
                with progress.stage(f"{effort.on_cluster} outages of a pod on the cluster"):
                    trials.append(cluster.run(where.kube, effort, folder))
            except SurviveError as exc:
                broken.append(f"the cluster: {exc}")
    table = compare.table(trials, SPACING_MS, counted)
    return Calibrated(
        made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        machine=machine(),
        command=command,
        full=effort.full,
        table=table,
        left_out=[f"{what}: {why}" for what, why in without.items()],
        missed=[*broken, *(each.loud for each in trials if each.loud), *compare.missed(table, effort.full)],
    )


def lines(made: Calibrated) -> list[str]:
    """The table as Markdown, with what was left out and what was missed."""
    table = made.table
    text = [
        f"Measured at {table.spacing_ms:g} ms spacing by `{made.command}`, {made.made}, on {made.machine}.",
        "",
        "| Fault | Outages | Bias, ms | sd, ms | Brackets that hold the truth |",
        "|---|---:|---:|---:|---:|",
        *(_row(name, one.outages, one.bias_ms, one.sd_ms, one.bracket_share) for name, one in table.by_fault.items()),
        _row("**all**", table.outages, table.bias_ms, table.sd_ms, table.bracket_share),
        "",
        f"False failures: {table.false_failures} in {table.probes_without_fault:,} probes away from every fault.",
        *(
            f"Broken requests on kept connections, {name}: {one.seen} seen of {one.broken}."
            for name, one in table.clients.items()
        ),
    ]
    text += [f"Left out: {what}." for what in made.left_out]
    return text + [f"MISSED: {what}." for what in made.missed]


def _row(*cells: str | float) -> str:
    name, outages, bias_ms, sd_ms, share = cells
    return f"| {name} | {outages} | {bias_ms:+.2f} | {sd_ms:.2f} | {float(share):.1%} |"
