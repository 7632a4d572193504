"""All checks together."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from harness.look import availability, budgets, fields, probes, services, stops
from harness.look.found import Scene
from harness.look.source import Source
from harness.manifests import Manifest
from harness.results import Finding
from harness.shape import Shape

Check = Callable[[Scene], Iterator[Finding]]

CHECKS: Final[tuple[Check, ...]] = (
    probes.no_readiness_probe, probes.liveness, stops.prestop_eats_grace, stops.no_drain, stops.prestop_needs_program,
    stops.shell_is_process_1, stops.sidecar_stops_first, availability.one_replica, availability.strategy,
    availability.no_spread, availability.min_ready_zero, fields.ignored, budgets.blocks, budgets.matching,
    budgets.missing, budgets.guards_broken, services.selecting,
)  # fmt: skip

ORDER: Final = {"error": 0, "warning": 1, "info": 2}


def look(manifests: Iterable[Manifest]) -> list[Finding]:
    """What manifests promise wrongly, the worst first."""
    return look_at([Source(one) for one in manifests])


def look_at(sources: Iterable[Source]) -> list[Finding]:
    """The same of manifests that were read from files: each finding tells the file and line."""
    found = list(sources)
    scene = Scene(Shape.of(one.manifest for one in found), found)
    return sorted((one for check in CHECKS for one in check(scene)), key=lambda one: ORDER[one.severity])
