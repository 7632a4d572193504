"""What is shipped: a wheel and an sdist with all that belongs to them; the wheel works where there is no checkout."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
PACKAGES = ("harness", "reports", "workloads")


def run(argv: list[str], cwd: pathlib.Path, code: int = 0, **environment: str) -> str:
    """What a program says on both outputs, outside of this checkout's environment."""
    kept = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV", "SURVIVE_HOME")
    }
    done = subprocess.run(
        argv, cwd=cwd, capture_output=True, text=True, check=False, env=kept | environment, timeout=300
    )
    assert done.returncode == code, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def tracked() -> list[str]:
    """The files of the repository, new ones too."""
    told = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT)
    return [name for name in told.split("\0") if name and (ROOT / name).exists()]


def built(source: pathlib.Path, target: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """The wheel and the sdist of a folder of sources."""
    run([sys.executable, "-m", "hatchling", "build", "-d", str(target)], source)
    (wheel,) = target.glob("*.whl")
    (sdist,) = target.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, pathlib.Path]:
    return built(ROOT, tmp_path_factory.mktemp("dist"))


def in_wheel(wheel: pathlib.Path) -> dict[str, int]:
    """The files of a wheel's packages, each with its checksum."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            one.filename: one.CRC for one in archive.infolist() if not one.filename.split("/")[0].endswith(".dist-info")
        }


def test_the_wheel_has_every_file_of_its_packages_and_no_other(shipped: tuple[pathlib.Path, pathlib.Path]) -> None:
    wanted = {name for name in tracked() if name.split("/")[0] in PACKAGES}
    assert set(in_wheel(shipped[0])) == wanted
    # Not only code: what is built, applied, shown and checked by.
    assert {pathlib.Path(name).suffix for name in wanted} >= {
        ".py",
        ".yaml",
        ".json",
        ".j2",
        ".js",
        ".css",
        ".mod",
        ".go",
        "",
    }


def test_the_sdist_is_the_repository_and_gives_the_same_wheel(
    shipped: tuple[pathlib.Path, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    subprocess.run(["tar", "--extract", "--file", shipped[1], "--directory", tmp_path], check=True)
    (folder,) = tmp_path.iterdir()
    found = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert found - set(tracked()) <= {"PKG-INFO"}
    assert found >= {name for name in tracked() if name.split("/")[0] in (*PACKAGES, "examples", "suites", "docs")}
    assert in_wheel(built(folder, tmp_path / "again")[0]) == in_wheel(shipped[0])


@pytest.fixture(scope="module")
def installed(shipped: tuple[pathlib.Path, pathlib.Path], tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The programs of an empty environment that the wheel was installed in, with the versions that are locked."""
    folder = tmp_path_factory.mktemp("installed")
    locked = [
        line.partition(" \\")[0] for line in (ROOT / "requirements.txt").read_text().splitlines() if line[:1].isalnum()
    ]
    (folder / "locked.txt").write_text("\n".join(locked))
    run([sys.executable, "-m", "venv", str(folder / "env")], folder)
    pip = [str(folder / "env" / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--no-compile", "--constraint", "locked.txt", str(shipped[0])], folder)
    return folder / "env" / "bin"


@pytest.fixture
def elsewhere(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder of a user's, with manifests and a spec, and no checkout around it."""
    shutil.copytree(ROOT / "examples" / "nginx", tmp_path / "nginx")
    return tmp_path


def test_the_command_works(installed: pathlib.Path, elsewhere: pathlib.Path) -> None:
    survive = str(installed / "survive")
    assert "usage: survive" in run([survive, "--help"], elsewhere)
    assert json.loads(run([survive, "schema"], elsewhere))["title"] == "Spec"
    assert "Deployment/site on" in run([survive, "init", "-f", "nginx/k8s", "-o", "first.survive.yaml"], elsewhere)
    assert yaml.safe_load((elsewhere / "first.survive.yaml").read_text())["workload"] == "Deployment/site"
    assert "ServiceAccount" in run([survive, "rbac"], elsewhere)
    run([survive, "look", "-f", "nginx/k8s"], elsewhere)


def test_pytest_finds_the_plugin_and_the_file(installed: pathlib.Path, elsewhere: pathlib.Path) -> None:
    told = run([str(installed / "pytest"), "--co", "-q", "nginx/site.survive.yaml"], elsewhere)
    assert "nginx/site.survive.yaml::rollout" in told
    assert "9 tests collected" in told


def test_a_dry_run_says_what_it_would_do_without_a_cluster(installed: pathlib.Path, elsewhere: pathlib.Path) -> None:
    told = run([str(installed / "pytest"), "--dry-run", "nginx/site.survive.yaml", "-k", "rollout"], elsewhere)
    assert "dry run of nginx/site.survive.yaml::rollout" in told


def test_a_runs_reports_can_be_written_again(installed: pathlib.Path, elsewhere: pathlib.Path) -> None:
    folder = elsewhere / "run"
    folder.mkdir()
    shutil.copy(ROOT / "tests" / "data" / "run.jsonl.gz", folder / "history.jsonl.gz")
    shutil.copy(ROOT / "tests" / "data" / "run-results.json", folder / "results.json")
    run([str(installed / "survive"), "report", "run"], elsewhere)
    assert "rollout-naive" in (folder / "report.html").read_text()


def test_what_the_embedded_cluster_lacks_is_told_at_once(installed: pathlib.Path, elsewhere: pathlib.Path) -> None:
    """A machine without Go and Debian's packages, by a PATH with nothing on it; as root and as somebody else."""
    home = elsewhere / "home"
    argv = [str(installed / "python"), str(installed / "survive"), "cluster", "up"]
    told = run(argv, elsewhere, 1, PATH="/nowhere", SURVIVE_HOME=str(home))
    if os.geteuid() == 0:
        assert "this machine cannot run the embedded cluster yet" in told
        assert "apt-get install" in told
        assert "no Go 1.26.8 or newer" in told
    else:
        assert "the embedded cluster needs root" in told
    assert "--kube-context" in told
    assert not (home / "programs").exists()
