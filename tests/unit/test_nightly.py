"""scripts/nightly.sh, with stand-ins for what it calls; and that the jobs which call it are what they should be."""

import os
import pathlib
import shutil
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]

PYTHON = """#!/bin/sh
echo "pytest $*" >> said
[ {run} = none ] || {{ mkdir -p reports/out/new && echo summed > reports/out/new/summary.md
ln -sfn new reports/out/latest; }}
exit {rows}
"""
SURVIVE = """#!/bin/sh
echo "survive $*" >> said
case "$1" in history) exit {trend} ;; esac
"""


def night(root: pathlib.Path, rows: int = 0, trend: int = 0, run: str = "new") -> tuple[int, list[str], str]:
    """The exit code, what was called, and the step's summary."""
    (root / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "nightly.sh", root / "scripts")
    (root / "scripts" / "setup.sh").write_text("exit 0")
    (root / "reports" / "out").mkdir(parents=True)
    (root / "reports" / "out" / "latest").symlink_to("old")
    for name, text in (("python", PYTHON), ("survive", SURVIVE)):
        file = root / "venv" / "bin" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.format(rows=rows, trend=trend, run=run))
        file.chmod(0o755)
    env = {"PATH": os.environ["PATH"], "GITHUB_STEP_SUMMARY": str(root / "summary")}
    done = subprocess.run(["sh", "scripts/nightly.sh", str(root / "venv")], cwd=root, env=env, check=False)
    said = (root / "said").read_text().splitlines()
    return done.returncode, said, (root / "summary").read_text() if (root / "summary").exists() else ""


@pytest.mark.parametrize(("rows", "trend", "code"), [(0, 0, 0), (1, 0, 1), (0, 3, 3), (1, 3, 1)])
def test_the_exit_code_says_what_went_wrong(tmp_path: pathlib.Path, rows: int, trend: int, code: int) -> None:
    got, said, summary = night(tmp_path, rows, trend)
    assert got == code
    assert [line.split()[:2] for line in said] == [
        ["survive", "cluster"], ["pytest", "-m"], ["survive", "history"], ["survive", "cluster"],
    ]  # fmt: skip
    assert said[-1] == "survive cluster down"
    assert summary == "summed\n"


def test_a_run_that_never_came_to_its_end_is_not_taken_for_the_night_before(tmp_path: pathlib.Path) -> None:
    got, said, summary = night(tmp_path, rows=0, run="none")
    assert got == 1
    assert not any(line.startswith("survive history") for line in said)
    assert summary == ""


def test_the_jobs_call_the_script_and_keep_what_it_made() -> None:
    github = yaml.safe_load((ROOT / ".github" / "workflows" / "nightly.yml").read_text())
    steps = github["jobs"]["matrix"]["steps"]
    assert any("scripts/nightly.sh" in step.get("run", "") for step in steps)
    (upload,) = [step for step in steps if step.get("uses", "").startswith("actions/upload-artifact@")]
    assert upload["if"] == "always()"
    assert github["permissions"] == {"contents": "read"}
    gitlab = yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text())["nightly"]
    assert gitlab["script"] == ["sh scripts/nightly.sh"]
    assert gitlab["artifacts"]["when"] == "always"
