"""Which rows a version of Kubernetes can do: the table, and what is read of it."""

import pathlib
import re

import pytest

from harness import versions
from harness.disrupt import PATHS
from harness.errors import KubeError
from harness.versions import NEEDS, skipped, to_enable, unmet

ROOT = pathlib.Path(__file__).parents[2]
STOP_SIGNAL = next(need for need in NEEDS if need.gate == "ContainerStopSignals")
LOST = next(need for need in NEEDS if not need.gate)


def rows():
    found = re.compile(r'mark\.row\("(\w+)", "([\w-]+)", "([\w-]+)"')
    return {one for file in (ROOT / "suites").glob("*.py") for one in found.findall(file.read_text())}


def test_every_row_of_the_table_is_one_of_the_matrix():
    told = {(identity, name, need.path) for need in NEEDS for identity, name in need.rows}
    assert told <= rows()


def test_the_table_of_the_documents_is_the_same():
    text = (ROOT / "docs" / "clusters.md").read_text()
    table = [line.split(" | ") for line in text.partition("## Versions")[2].partition("\n## ")[0].splitlines()]
    lines = {cells[0].removeprefix("| "): cells for cells in table if len(cells) == 5}
    assert len(lines) == len(NEEDS) + 1, "and its head"
    for need in NEEDS:
        row = f"{need.rows[0][0]} " + ", ".join(f"`{name}`" for _, name in need.rows)
        default = versions.told(need.default) if need.default else "never yet"
        assert lines[row][2:4] == [versions.told(need.since), default]
        assert need.gate in lines[row][1]


def test_every_gate_of_a_path_is_told_of():
    by_path = {need.path: need.gate for need in NEEDS}
    assert {path.name: path.gate for path in PATHS if path.gate}.items() <= by_path.items()


@pytest.mark.parametrize(
    ("text", "version"),
    [("v1.37.2", (1, 37)), ("1.31", (1, 31)), ("v1.33.5-gke.100+x", (1, 33)), ("v", None), ("latest", None)],
)
def test_versions_are_read(text, version):
    assert versions.parse(text) == version


def test_a_version_that_does_not_know_it_says_which_does():
    assert unmet(STOP_SIGNAL, (1, 32), {}) == "lifecycle.stopSignal needs Kubernetes 1.33 or newer, this is 1.32"
    assert "40 s before" in unmet(LOST, (1, 31), None)
    assert unmet(LOST, (1, 32), None) == ""


@pytest.mark.parametrize(
    ("gates", "told"),
    [
        ({"ContainerStopSignals": True}, ""),
        ({"ContainerStopSignals": False}, "which is off here (off by default in every version yet)"),
        ({"Other": True}, "which is not known to be on here"),
        (None, "which is not known to be on here"),
    ],
)
def test_a_gate_that_is_off_by_default_must_be_on(gates, told):
    assert told in unmet(STOP_SIGNAL, (1, 37), gates)
    assert bool(told) == bool(unmet(STOP_SIGNAL, (1, 37), gates))


def test_a_gate_that_is_on_by_default_may_be_off_or_gone():
    (need,) = [one for one in NEEDS if one.gate == "MaxUnavailableStatefulSet"]
    assert "on by default from 1.37 on" in unmet(need, (1, 36), None)
    assert unmet(need, (1, 36), {need.gate: True}) == ""
    assert unmet(need, (1, 37), None) == unmet(need, (1, 40), {}) == ""
    assert "off here" in unmet(need, (1, 37), {need.gate: False})


def test_what_is_skipped_grows_with_age():
    count = [len(skipped((1, minor), {})) for minor in range(31, 38)]
    assert count == [10, 8, 4, 4, 3, 2, 1]
    assert set(skipped((1, 37), {})) == {"stopsignal-spec"}
    assert skipped((1, 37), {"ContainerStopSignals": True}) == {}
    assert skipped(None, None) == {}


def test_what_a_cluster_of_ours_enables_is_then_not_skipped():
    for minor in range(31, 38):
        version = (1, minor)
        left = skipped(version, to_enable(version))
        assert all(f"or newer, this is 1.{minor}" in why for why in left.values())


def test_gates_are_read_from_metrics_where_they_may_be():
    text = 'kubernetes_feature_enabled{name="A",stage="BETA"} 1\nkubernetes_feature_enabled{name="B",stage=""} 0\n'
    assert versions.gates_of(lambda: text) == {"A": True, "B": False}

    def refused():
        raise KubeError("no", 403)

    assert versions.gates_of(refused) is None
