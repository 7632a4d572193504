"""`make compare-peers`: Chaos Toolkit and this, on the same rollouts; prints both verdicts, writes the table."""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import venv

from harness import history
from harness.calibrate.machine import machine
from harness.clusters.embedded import layout, state
from harness.history import History
from harness.records import Act
from harness.results import Result, Results
from reports import text
from tests.peers.chaos import FREQUENCY_S, Said

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
KEPT = HERE / "results.json"
PAGE = ROOT / "docs" / "comparison.md"
TABLE = re.compile(r"(?<=<!-- by make compare-peers -->\n).*?(?=<!-- end -->)", re.DOTALL)


def chaos() -> pathlib.Path:
    """Chaos Toolkit in an environment of its own, which is made if it is not there yet."""
    wanted = HERE / "requirements.txt"
    key = hashlib.sha256(wanted.read_bytes()).hexdigest()[:16]
    folder = layout.home() / f"chaostoolkit-{key}"
    if not (folder / "made").exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "--requirement", str(wanted)], check=True)
        (folder / "made").touch()
    return folder / "bin" / "chaos"


def measure(program: pathlib.Path, out: pathlib.Path) -> tuple[Results, dict[str, History]]:
    """Run the rollouts, one after another, on the embedded cluster."""
    folder = layout.ClusterDir.named(layout.default_name())
    known = state.read(folder)
    if known is None:
        raise SystemExit("the embedded cluster does not run: survive cluster up")
    environment = os.environ | {
        "SURVIVE_CHAOS": str(program),
        "SURVIVE_KUBECTL": str(layout.home() / "programs" / known.programs / "kubectl"),
        "SURVIVE_KUBECONFIG": str(folder.kubeconfig),
    }
    argv = [
        sys.executable,
        "-m",
        "pytest",
        str(HERE / "rollouts.py"),
        "--cluster",
        "embedded",
        "-v",
        "-p",
        "no:cacheprovider",
    ]
    argv += ["--survive-out", str(out), "--reruns", "1", "--only-rerun", "^TooNoisy:", *sys.argv[1:]]
    subprocess.run(argv, cwd=ROOT, check=False, env=environment)  # its rows fail, as they are to
    return Results.read(out / "latest" / "results.json"), history.read(out / "latest" / "history.jsonl.gz")


def said(seen: History) -> Said | None:
    """What Chaos Toolkit said in a row; None where it did not come so far."""
    acts = [act for act in seen.of(Act) if act.verb == "chaos-toolkit"]
    return Said(**acts[-1].detail["said"]) if acts else None


def row(result: Result, theirs: Said) -> dict[str, str]:
    """One run, as it stands in the table."""
    traffic = result.traffic
    ours = f"{traffic.errors} of {traffic.requests} failed" if traffic else ""
    return {
        "rollout": result.name,
        "Chaos Toolkit": theirs.words,
        "its requests": f"{theirs.failed} of {theirs.asked} failed{'' if theirs.well_after else ' (the last one)'}",
        "pytest-survive": result.verdict.upper(),
        "requests": ours,
        "longest outage": text.longest_words(traffic),
    }


def table(rows: list[dict[str, str]]) -> str:
    """The rows in Markdown."""
    head = list(rows[0])
    lines = [head, ["---"] * len(head), *(list(one.values()) for one in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def words(kept: dict[str, object], rows: list[dict[str, str]]) -> str:
    """The part of the page that is measured."""
    about = (
        f"`make compare-peers`, {kept['date']}, {kept['machine']}; Chaos Toolkit {kept['chaostoolkit']} (library"
        f" {kept['library']}), hypothesis each {FREQUENCY_S} s, continuously; this prober each 10 ms."
    )
    return f"{about}\n\n{table(rows)}"


def main() -> int:
    """Measure, print, write."""
    program = chaos()
    with tempfile.TemporaryDirectory() as out:
        results, histories = measure(program, pathlib.Path(out))
    found = [(one, said(histories[one.name])) for one in results.results]
    rows = [row(result, theirs) for result, theirs in found if theirs]  # the others are told at the end
    version = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True).stdout
    kept = {
        "date": results.run.started[:10],
        "machine": machine(),
        "chaostoolkit": version.split()[-1],
        "library": next((theirs.version for _, theirs in found if theirs), "unknown"),
        "rows": rows,
    }
    print(table(rows))
    if len(sys.argv) == 1:
        KEPT.write_text(json.dumps(kept, indent=1) + "\n")
        PAGE.write_text(TABLE.sub(lambda _: words(kept, rows), PAGE.read_text()))
        print(f"written to {KEPT.relative_to(ROOT)} and {PAGE.relative_to(ROOT)}")
    missing = [result.name for result, theirs in found if theirs is None or result.verdict not in ("fail", "pass")]
    if missing:
        print(f"without a verdict of both: {', '.join(missing)}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
