"""The last calibration of this machine: kept below the harness's home, told in every report."""

import pathlib

import pydantic

from harness.results import Calibrated

FILE = "calibration.json"


def keep(home: pathlib.Path, made: Calibrated) -> pathlib.Path | None:
    """Store it in place of the last one; returns the file. A quick one takes no full one's place: then None."""
    if not made.full and (before := last(home)) is not None and before.full:
        return None
    home.mkdir(parents=True, exist_ok=True)
    path = home / FILE
    partial = path.with_suffix(".partial")
    partial.write_text(made.model_dump_json(indent=1) + "\n")
    partial.replace(path)
    return path


def last(home: pathlib.Path) -> Calibrated | None:
    """The one that was stored last; None where there is none, or none of this version."""
    try:
        return Calibrated.model_validate_json((home / FILE).read_text())
    except (OSError, pydantic.ValidationError):
        return None
