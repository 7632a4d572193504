"""`--cluster kind` for real: a start that is killed, one that is whole, rows of every topic with the embedded cluster's
verdicts, and nothing left.
"""

import pathlib
import sys
from collections.abc import Iterator

import pytest

from harness.clusters.embedded import programs as embedded
from harness.results import Results
from harness.wait import until
from tests.kind.commands import AGAIN, UP_S, Kind, collected, named
from tests.kind.engine import engine

BEYOND_CORE = ("signal-handled", "soft-eviction", "node-down-crash", "handover-crash", "scale-down-abrupt")
"""Besides the six paths of the main job: what topics A, C, D and E have besides, the small disk and a dead node."""


@pytest.fixture(scope="module")
def kind() -> Iterator[Kind]:
    with engine() as docker:
        yield Kind.on(docker, "provider")


def test_a_killed_start_takes_kind_with_it_and_the_next_one_begins_anew(kind: Kind) -> None:
    killed = kind.up()
    until(lambda: bool(kind.nodes()), "the first node", UP_S, every_s=0.2)
    kind.engine.run("pkill", "--signal", "KILL", "--full", "survive cluster up")
    killed.communicate(timeout=30)
    assert killed.returncode != 0
    until(lambda: not kind.running("create cluster"), "the end of kind itself", 5)
    assert kind.nodes(), "a killed start leaves its containers: else nothing is tried here"
    assert "ready" not in kind.cluster("status").communicate()[0]

    said = kind.done(kind.up(), UP_S)
    assert "take down what is left" in said
    assert len(kind.nodes()) == 5
    kind.done(kind.cluster("status"), 60)


def test_rows_of_every_topic_have_the_embedded_clusters_verdicts(kind: Kind, tmp_path: pathlib.Path) -> None:
    found = kind.has_recorded_verdicts({*collected("-m", "core"), *named(*BEYOND_CORE)}, tmp_path)
    assert {one.id[0] for one in found} == set("ABCDE")
    assert set(BEYOND_CORE) < {one.name for one in found}


def test_by_its_context_it_is_somebody_elses_cluster(kind: Kind, tmp_path: pathlib.Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(kind.folder.kubeconfig.read_text())
    asked = ["--kubeconfig", str(kubeconfig), "--kube-context"]
    row = [*named("delete-sleep"), "--survive-out", str(tmp_path), *AGAIN]

    wrong, _ = kind.start(sys.executable, "-m", "pytest", *row, *asked, "elsewhere").communicate(timeout=60)
    assert f"kind-{kind.name}" in wrong, wrong
    assert not (tmp_path / "latest").exists(), "and nothing was touched"

    assert "v1.37" in kind.done(kind.survive("doctor", *asked, f"kind-{kind.name}", "--pull"), 120)
    kind.done(kind.start(sys.executable, "-m", "pytest", *row, *asked, f"kind-{kind.name}"), 300)
    results = Results.read(tmp_path / "latest" / "results.json")
    assert results.run.cluster.provider == "existing"
    assert [(one.name, one.verdict) for one in results.results] == [("delete-sleep", "pass")]
    kubectl = str(embedded.folder() / "kubectl")
    left = kind.engine.run(kubectl, f"--kubeconfig={kubeconfig}", "get", "namespaces", "--output=name")
    assert "survive-" not in left


def test_down_leaves_nothing(kind: Kind) -> None:
    kind.down_leaves_nothing()
