"""Processes of a calibration: fault servers and clients, whose output is kept in files.

They end with the thread that started them, however that ends.
"""

import contextlib
import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator, Sequence

from harness.children import DIES_WITH_US
from harness.errors import SurviveError
from harness.history import History
from harness.observe.lines import record_of
from harness.wait import until

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKLOADS = ROOT / "workloads"
PYTHON = (sys.executable, "-E", "-S")
"""As the prober's container starts it."""


@contextlib.contextmanager
def process(argv: Sequence[str], output: pathlib.Path, where: pathlib.Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process with its output in a file; it is ended with the block. Raises SurviveError if it ended badly before."""
    with output.open("wb") as out, output.with_suffix(".errors").open("wb") as errors:
        process = subprocess.Popen(
            [*DIES_WITH_US, *argv], stdout=out, stderr=errors, stdin=subprocess.DEVNULL, cwd=where
        )
        try:
            yield process
        except subprocess.TimeoutExpired as exc:
            raise SurviveError(f"{argv[-1]} did not end in time; see {output}") from exc
        finally:
            ended = process.poll()
            process.terminate()
            process.wait()
    if ended:
        said = output.with_suffix(".errors").read_text().strip().splitlines()
        raise SurviveError(f"{' '.join(argv[:8])} ended with {ended}: {said[-1] if said else 'it said nothing'}")


@contextlib.contextmanager
def fault_server(arguments: Sequence[str], folder: pathlib.Path) -> Iterator[int]:
    """A fault server on a free port of the loopback interface; what it tells is in `faults`, its ledger at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    told, given = folder / "faults", folder / "arguments"
    given.write_text("\n".join(arguments))
    with process([sys.executable, "-m", "workloads.faults", f"@{given}"], told, ROOT):
        until(lambda: b"\n" in told.read_bytes(), "the fault server to listen", 20, 0.05, told.read_text)
        yield int(json.loads(told.read_text().splitlines()[0])["port"])


def history(path: pathlib.Path) -> History:
    """A client's lines, read as the harness reads them from a pod's log."""
    return History(path.name, [record_of(0, line, "", "") for line in path.read_text().splitlines()])
