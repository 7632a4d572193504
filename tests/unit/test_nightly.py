"""scripts/nightly.sh and `survive nightly`, with stand-ins for what they call; and the jobs which call them."""

import fnmatch
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading

import pytest
import yaml

from harness.cli import main
from harness.wait import until
from reports.nights import Nights

ROOT = pathlib.Path(__file__).parents[2]
RESULTS = ROOT / "tests" / "data" / "run-results.json"
RUN = "20261124-021700-7"

PYTHON = """#!/bin/sh
echo "$*" >> "{out}/said"
mkdir "{out}/{run}" && cp "{results}" "{out}/{run}/results.json" && echo summed > "{out}/{run}/summary.md"
[ {ended} = no ] || ln -sfn {run} "{out}/latest"
exit {rows}
"""
STOPPED = """#!/bin/sh
trap 'echo healed >> "{out}/said"; exit 2' INT
(trap - INT; exec sleep 30) &
echo began > "{out}/said"
wait
"""


def night(root: pathlib.Path, code: int = 0, **settings: str) -> tuple[int, list[str]]:
    """The script's exit code, and what it called."""
    (root / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "nightly.sh", root / "scripts")
    (root / "scripts" / "setup.sh").write_text("exit 0")
    survive = root / "venv" / "bin" / "survive"
    survive.parent.mkdir(parents=True)
    survive.write_text(
        f'#!/bin/sh\nfor one in "$@"; do printf "%s|" "$one"; done >> said; echo >> said\n'
        f'[ "$1" = cluster ] || exit {code}'
    )
    survive.chmod(0o755)
    env = {"PATH": os.environ["PATH"], **settings}
    done = subprocess.run(["sh", "scripts/nightly.sh", str(root / "venv")], cwd=root, env=env, check=False)
    return done.returncode, (root / "said").read_text().splitlines()


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_script_takes_the_cluster_down_and_says_what_the_night_said(tmp_path: pathlib.Path, code: int) -> None:
    got, said = night(tmp_path, code)
    assert got == code
    assert [line.split("|")[:2] for line in said] == [["cluster", "up"], ["nightly", "--history"], ["cluster", "down"]]
    assert "|--reruns|1|--only-rerun|^TooNoisy:|" in said[1]


def test_the_scripts_arguments_are_quoted_as_in_a_shell(tmp_path: pathlib.Path) -> None:
    _, said = night(tmp_path, ARGS="-k 'delete and not again'")
    assert said[1].endswith("|-k|delete and not again|")


def test_a_night_on_kind_is_up_and_down_there_and_has_a_history_of_its_own(tmp_path: pathlib.Path) -> None:
    _, (up, rows, down) = night(tmp_path, CLUSTER="kind", KIND_IMAGE="node:1")
    assert up == "cluster|up|--cluster|kind|--kind-image|node:1|"
    assert rows.startswith("nightly|--history|reports/out/nights-kind.sqlite|--|suites|--cluster|kind|")
    assert down == "cluster|down|--cluster|kind|"


@pytest.fixture
def nightly(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    """Runs `survive nightly` with a stand-in for pytest; its exit code."""

    def run(*arguments: str, rows: int = 0, ended: str = "yes", run: str = RUN, text: str = PYTHON) -> int:
        python = tmp_path / "python"
        python.write_text(text.format(out=tmp_path, results=RESULTS, run=run, rows=rows, ended=ended))
        python.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(python))
        return main(["nightly", "--out", str(tmp_path), *arguments])

    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return run


def test_a_night_is_kept_and_told(nightly, tmp_path: pathlib.Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step"))
    assert nightly("--", "suites", "-k", "a b") == 0
    assert (tmp_path / "said").read_text() == f"-m pytest suites -k a b --survive-out {tmp_path}\n"
    assert len(Nights(tmp_path / "nights.sqlite").runs()) == 1
    assert "1 of 23 nights" in (tmp_path / "trend.html").read_text()
    assert "1 of 23 nights: too few to judge" in capsys.readouterr().out
    assert (tmp_path / "step").read_text() == "summed\n"


@pytest.mark.parametrize(("rows", "trend", "code"), [(0, 3, 3), (1, 0, 1), (1, 3, 1)])
def test_the_exit_code_says_what_went_wrong(nightly, monkeypatch, rows: int, trend: int, code: int) -> None:
    monkeypatch.setattr("harness.commands.history.keep", lambda *_: trend)
    assert nightly(rows=rows) == code


@pytest.mark.parametrize(("rows", "code"), [(0, 1), (4, 4)])
def test_a_run_that_never_came_to_its_end_is_not_taken_for_the_night_before(
    nightly, tmp_path: pathlib.Path, capsys, rows: int, code: int
) -> None:
    (tmp_path / "latest").symlink_to("20261123-021700-7")
    assert nightly(rows=rows, ended="no") == code
    assert not (tmp_path / "nights.sqlite").exists()
    assert "no run came to its end" in capsys.readouterr().err


def test_only_the_folders_of_the_newest_runs_stay(nightly, tmp_path: pathlib.Path) -> None:
    for name in ("20261122-021700-7", "20261123-021700-7", "mine", "20261122"):
        (tmp_path / name).mkdir()
    assert nightly("--keep", "2") == 0
    kept = {one.name for one in tmp_path.iterdir() if one.is_dir() and not one.is_symlink()}
    assert kept == {"20261123-021700-7", RUN, "mine", "20261122"}
    assert len(Nights(tmp_path / "nights.sqlite").runs()) == 1


def test_none_at_all_cannot_stay(nightly, tmp_path: pathlib.Path, capsys) -> None:
    assert nightly("--keep", "0") == 1
    assert "--keep 0: at least this night's folder stays" in capsys.readouterr().err
    assert not (tmp_path / "said").exists()


def test_told_to_stop_it_lets_the_run_heal(nightly, tmp_path: pathlib.Path) -> None:
    said = tmp_path / "said"

    def stop() -> None:
        until(lambda: said.exists() and said.read_text() == "began\n", "the run", 20)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    told = threading.Thread(target=stop)
    told.start()
    assert nightly(text=STOPPED) == 2
    told.join()
    assert said.read_text() == "began\nhealed\n"
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("job", "schema"),
    [
        (".github/workflows/nightly.yml", ["vendor.github-workflows"]),
        (".gitlab-ci.yml", ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
    ],
)
def test_the_jobs_are_what_their_services_take(tmp_path: pathlib.Path, job: str, schema: list[str]) -> None:
    def fits(file: pathlib.Path) -> bool:
        argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", *schema, str(file)]
        return subprocess.run(argv, capture_output=True).returncode == 0

    broken = tmp_path / "broken.yml"
    broken.write_text((ROOT / job).read_text().replace("image: debian:12", "image: 12").replace("runs-on:", "runs:"))
    assert fits(ROOT / job)
    assert not fits(broken)


def test_the_jobs_call_the_script_and_keep_what_it_made_whatever_happens() -> None:
    github = yaml.safe_load((ROOT / ".github" / "workflows" / "nightly.yml").read_text())
    steps = github["jobs"]["matrix"]["steps"]
    assert github["permissions"] == {"contents": "read"}
    (matrix,) = [n for n, step in enumerate(steps) if "scripts/nightly.sh" in step.get("run", "")]
    uses = {step["uses"].partition("@")[0] for step in steps if "uses" in step}
    # actions/cache itself keeps nothing of a job that failed: the nights that matter most would be left out.
    assert uses == {
        "actions/checkout", "actions/cache/restore", "actions/cache/save", "actions/upload-artifact",
    }  # fmt: skip
    after = [step for step in steps[matrix + 1 :] if "uses" in step]
    assert [step["if"] for step in after] == ["always()", "always()"]
    night, upload = (step["with"] for step in after)
    (before,) = [step["with"] for step in steps[:matrix] if step.get("name") == "The nights before"]
    assert (night["path"], night["key"]) == (before["path"], before["key"])
    gitlab = yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text())["nightly"]
    assert gitlab["script"] == ["sh scripts/nightly.sh"]
    assert gitlab["artifacts"]["when"] == "always"
    assert all(cache["when"] == "always" for cache in gitlab["cache"])
    # What is behind the link `latest` is uploaded by neither.
    kept = [*upload["path"].split(), *gitlab["artifacts"]["paths"], gitlab["artifacts"]["reports"]["junit"]]
    assert {"reports/out/20*/", "reports/out/trend.html", "reports/out/20*/junit.xml"} == set(kept)
    assert fnmatch.fnmatch(RUN, "20*")
