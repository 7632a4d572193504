"""What rows need of Kubernetes beyond what 1.31 does by default: data, read by `survive doctor`, by runs and by kind.

The oldest version is 1.31: what the other rows need is on by default there. A row whose need is not met is skipped.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from harness.errors import KubeError

Version = tuple[int, int]

OLDEST: Final[Version] = (1, 31)
BUILT_FOR: Final[Version] = (1, 37)
"""What the embedded cluster is, and what the rows' expectations were measured on."""

Gates = Mapping[str, bool]

GATES_FILE: Final = "kubernetes 1.37.2, pkg/features/kube_features.go"


@dataclass(frozen=True, slots=True)
class Need:
    """What some rows need: `rows` by id and name, all of one restart path.

    `since`: the first version that has it at all, behind its gate where it has one. `default`: the first in which it is
    on by default; None if there is none yet. `along`: gates that must be on as well. `source`: where that stands.
    """

    path: str
    rows: tuple[tuple[str, str], ...]
    what: str
    since: Version
    default: Version | None
    source: str
    gate: str = ""
    along: tuple[str, ...] = ()


NEEDS: Final = (
    Need(
        "stop", (("A6", "stopsignal-spec"),), "lifecycle.stopSignal", (1, 33), None,
        GATES_FILE, "ContainerStopSignals",
    ),
    Need(
        "stop", (("A7", "prestop-sleep-zero"),), "a preStop sleep of 0 s", (1, 32), (1, 33),
        "KEP-4818", "PodLifecycleSleepActionAllowZero",
    ),
    Need(
        "delete", (("B12", "endpoint-aware-sleep-short"),), "a preStop sleep of 0 s", (1, 32), (1, 33),
        "KEP-4818", "PodLifecycleSleepActionAllowZero",
    ),
    Need(
        "crash", (("A15", "crash-rules"),), "restartPolicyRules of a container", (1, 34), (1, 35),
        GATES_FILE, "ContainerRestartRules",
    ),
    Need(
        "restart-all", (("A15", "crash-restart-all"),), "the rule RestartAllContainers", (1, 35), (1, 36),
        GATES_FILE, "RestartAllContainersOnContainerExits", ("ContainerRestartRules", "NodeDeclaredFeatures"),
    ),
    Need(
        "resize", (("E6", "resize-restart"), ("E6", "resize-in-place")), "a resize by pods/resize", (1, 32), (1, 33),
        f"{GATES_FILE}; the subresource: KEP-1287", "InPlacePodVerticalScaling",
    ),
    Need(
        "rollout", (("E2", "statefulset-two-at-once"),), "maxUnavailable of a StatefulSet", (1, 24), (1, 37),
        GATES_FILE, "MaxUnavailableStatefulSet",
    ),
    Need(
        "node-down", (("C13", "node-down-crash"), ("C13", "node-down-cut")),
        "a lost node's grace of 50 s (40 s before), which their bounds are told for", (1, 32), (1, 32),
        "kubernetes pull request 126287",
    ),
)  # fmt: skip


def parse(text: str) -> Version | None:
    """Major and minor of a version such as v1.37.2 or v1.33.5-gke.100; None for what is none."""
    found = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def told(version: Version) -> str:
    """A version in words."""
    return ".".join(map(str, version))


def read_gates(metrics: str) -> dict[str, bool]:
    """The feature gates in what an API server tells of itself (/metrics)."""
    found = re.findall(r'^kubernetes_feature_enabled\{name="(\w+)",stage="\w*"\} (\d)', metrics, re.MULTILINE)
    return {name: value == "1" for name, value in found}


def gates_of(metrics: Callable[[], str]) -> Gates | None:
    """The gates of an API server whose /metrics are read so; None where they may not be."""
    try:
        return read_gates(metrics())
    except KubeError:
        return None


def unmet(need: Need, version: Version, gates: Gates | None) -> str:
    """Why a cluster of this version, with these gates, does not meet a need; empty if it does.

    Gates that are not known (None, or not told of) are taken for what they are by default.
    """
    if version < need.since:
        return f"{need.what} needs Kubernetes {told(need.since)} or newer, this is {told(version)}"
    by_default = need.default is not None and version >= need.default
    if (gates or {}).get(need.gate, by_default):
        return ""
    default = f"on by default from {told(need.default)} on" if need.default else "off by default in every version yet"
    how = "off here" if need.gate in (gates or {}) else "not known to be on here"
    return f"{need.what} needs the feature gate {need.gate}, which is {how} ({default})"


def skipped(version: Version | None, gates: Gates | None) -> dict[str, str]:
    """The rows that a cluster cannot do, by name, each with why. A version that cannot be read bars nothing."""
    if version is None:
        return {}
    reasons = [(need, why) for need in NEEDS if (why := unmet(need, version, gates))]
    return {name: why for need, why in reasons for _, name in need.rows}


def to_enable(version: Version | None) -> dict[str, bool]:
    """The gates to turn on in a cluster of our own, so that all rows can run that this version can do.

    A version that is not known is taken for 1.33, the default of the oldest kind that is used.
    """
    known = version or (1, 33)
    wanted = [
        need for need in NEEDS if need.gate and need.since <= known and not (need.default and known >= need.default)
    ]
    return {gate: True for need in wanted for gate in (need.gate, *need.along)}
