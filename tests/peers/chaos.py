"""Chaos Toolkit: its experiment, its run, and what its journal says."""

import json
import pathlib
import subprocess
from collections.abc import Sequence
from typing import Any, NamedTuple

FREQUENCY_S = 1
"""How often its hypothesis is looked at."""

RUN_S = 180


class Said(NamedTuple):
    """Its verdict: `status`, whether the steady state deviated, how often it asked before, meanwhile and after, and was
    not answered well, and whether it was after.
    """

    version: str
    status: str
    deviated: bool
    asked: int
    failed: int
    well_after: bool

    @property
    def words(self) -> str:
        """As its own report has it."""
        return "deviated" if self.deviated else f"{self.status}, not deviated"


def experiment(url: str, rollout: Sequence[str], wait: Sequence[str]) -> dict[str, Any]:
    """A rollout while the app must answer 200 within a second; the two commands begin it and wait for its end."""
    return {
        "version": "1.0.0",
        "title": "A rollout is not noticed",
        "description": "The Service answers all the while.",
        "steady-state-hypothesis": {
            "title": "The Service answers",
            "probes": [
                {
                    "type": "probe",
                    "name": "answers",
                    "tolerance": 200,
                    "provider": {"type": "http", "url": url, "timeout": 1},
                }
            ],
        },
        "method": [_action("roll out", rollout), _action("wait for its end", wait)],
        "rollbacks": [],
    }


def _action(name: str, argv: Sequence[str]) -> dict[str, Any]:
    program, *arguments = argv
    return {
        "type": "action",
        "name": name,
        "provider": {"type": "process", "path": program, "arguments": " ".join(arguments), "timeout": RUN_S},
    }


def run(chaos: pathlib.Path, folder: pathlib.Path, wanted: dict[str, Any]) -> Said:
    """Run an experiment with its hypothesis looked at all the while, and read its journal."""
    (folder / "experiment.json").write_text(json.dumps(wanted, indent=1))
    argv = [str(chaos), "--no-version-check", "--log-file", "chaos.log", "run", "--journal-path", "journal.json"]
    argv += ["--hypothesis-strategy", "continuously", "--hypothesis-frequency", str(FREQUENCY_S), "experiment.json"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=RUN_S)
    if not (folder / "journal.json").exists():
        raise RuntimeError(f"{' '.join(argv)} wrote no journal:\n{done.stdout}{done.stderr}")
    return read(json.loads((folder / "journal.json").read_text()))


def read(journal: dict[str, Any]) -> Said:
    """What a journal says. Raises RuntimeError where its method did not do what it was to."""
    broken = [one["activity"]["name"] for one in journal["run"] if one["status"] != "succeeded"]
    if broken or len(journal["run"]) != 2:
        raise RuntimeError(f"the experiment did not do what it was to: {broken or journal['status']}")
    states = journal["steady_states"]
    after = states["after"]["probes"]
    looks = [*states["before"]["probes"], *(probe for one in states["during"] for probe in one["probes"]), *after]
    return Said(
        version=journal["chaoslib-version"],
        status=journal["status"],
        deviated=bool(journal["deviated"]),
        asked=len(looks),
        failed=sum(not _well(probe) for probe in looks),
        well_after=all(_well(probe) for probe in after),
    )


def _well(probe: dict[str, Any]) -> bool:
    return probe["status"] == "succeeded" and bool(probe.get("tolerance_met"))
