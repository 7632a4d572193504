"""The manifests of deploy/ and the image of the harness: they fit the code that they run, and each other."""

import argparse
import pathlib
import re
from typing import Any

import pytest
import yaml

from harness import cli, rights
from harness.options import Options, add_options, of_arguments

ROOT = pathlib.Path(__file__).parents[2]
CRONJOB = ROOT / "deploy" / "cronjob"
IGNORED = (ROOT / ".dockerignore").read_text().splitlines()
CONTAINERFILE = (ROOT / "deploy" / "harness" / "Containerfile").read_text()


def read(path: pathlib.Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


@pytest.fixture
def job() -> dict[str, Any]:
    """The night's Job."""
    spec: dict[str, Any] = read(CRONJOB / "cronjob.yaml")["spec"]["jobTemplate"]["spec"]
    return spec


def test_the_rights_are_those_of_the_one_manifest() -> None:
    resources = read(CRONJOB / "kustomization.yaml")["resources"]
    (taken,) = [one for one in resources if (CRONJOB / one).is_dir()]
    folder = (CRONJOB / taken).resolve()
    assert [folder / one for one in read(folder / "kustomization.yaml")["resources"]] == [rights.MANIFEST.resolve()]
    kinds = {read(CRONJOB / one)["kind"] for one in resources if one != taken}
    assert kinds == {"CronJob", "PersistentVolumeClaim"}


def test_all_are_of_the_accounts_own_namespace(job: dict[str, Any]) -> None:
    for name in ("cronjob", "claim", "reports"):
        assert read(CRONJOB / f"{name}.yaml")["metadata"]["namespace"] == rights.ACCOUNT
    assert job["template"]["spec"]["serviceAccountName"] == rights.ACCOUNT
    claim = read(CRONJOB / "claim.yaml")["metadata"]["name"]
    assert read(ROOT / "deploy" / "cronjob-local" / "volume.yaml")["spec"]["claimRef"]["name"] == claim
    for pod in (job["template"]["spec"], read(CRONJOB / "reports.yaml")["spec"]):
        (volume,) = [one for one in pod["volumes"] if one["name"] == "reports"]
        assert volume["persistentVolumeClaim"] == {"claimName": claim}


def test_a_night_is_run_once_alone_and_never_again(job: dict[str, Any]) -> None:
    spec = read(CRONJOB / "cronjob.yaml")["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert (job["backoffLimit"], job["template"]["spec"]["restartPolicy"]) == (0, "Never")


def test_its_arguments_are_understood(job: dict[str, Any]) -> None:
    (container,) = job["template"]["spec"]["containers"]
    chosen = cli._parser().parse_args(container["args"])
    assert (chosen.out, chosen.keep, chosen.arguments[0]) == (pathlib.Path("/reports"), 30, "--")
    assert str(chosen.out) in [mount["mountPath"] for mount in container["volumeMounts"]]
    parser = argparse.ArgumentParser()
    add_options(parser.add_argument)
    options, rest = parser.parse_known_args(chosen.arguments[1:])
    assert of_arguments(options) == Options(cluster="existing")
    assert rest == ["suites", "-m", "core", "-v", "--reruns=1", "--only-rerun=^TooNoisy:"]


def test_the_image_is_made_of_what_its_context_has() -> None:
    let_in = {line[1:] for line in IGNORED if line.startswith("!")}
    copied = {
        word
        for line in re.findall(r"^COPY (.*)$", CONTAINERFILE, re.MULTILINE)
        for word in line.split()[:-1]
    }  # fmt: skip
    assert all((ROOT / name).exists() for name in let_in)
    assert {name for name in copied if name not in let_in} == {"deploy/harness/requirements.txt"}
    assert let_in - copied == {"deploy/harness"}


def test_it_has_the_versions_that_the_tests_have() -> None:
    def pins(path: pathlib.Path) -> set[str]:
        return set(re.findall(r"^([\w.-]+==[\w.]+)", path.read_text(), re.MULTILINE))

    image, ours = pins(ROOT / "deploy" / "harness" / "requirements.txt"), pins(ROOT / "requirements.txt")
    assert image <= ours
    assert {"hatchling", "kubernetes", "pytest", "prometheus-client"} <= {pin.partition("==")[0] for pin in image}
