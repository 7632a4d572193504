"""What is tuned: a user's app with its load, its restart paths, and the limits that it has to keep on each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.disrupt import Path
from harness.judge.each_restart import Limits
from harness.judge.expect import NoErrors, NoOutage
from harness.own.paths import BUILT_IN
from harness.own.run import as_app, asked, expectations
from harness.spec import OwnApp, PathSettings
from harness.tune.change import Bench

PATHS: Final = ("rollout", "delete")
"""The restarts that are made: of those that a drain is for, the two that need no node. Eviction, preemption, drains and
taints mark a pod for deletion as these do."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An app, how it is asked, its restart paths, and what must hold on each of them, by its name.

    A restart lasts `every_s` at least; a trial's app must be ready within `ready_s`.
    """

    bench: Bench
    paths: Sequence[Path]
    limits: Limits
    load: Mapping[str, Any] = field(default_factory=dict)
    every_s: float = 0.0
    ready_s: float = 90.0


def subject_of(own: OwnApp, chosen: Sequence[str] = ()) -> Subject:
    """That of a spec, on the paths that were chosen, else on those of them that it names, else on all."""
    names = [name for name in PATHS if name in (chosen or own.spec.paths)] or list(PATHS)
    load = {**asked(own), "at_least_s": 0.0}
    if own.spec.requests is None or "background" not in own.spec.requests.model_fields_set:
        load["background"] = 0.0  # nobody asked for it, and several at once would make the machine noisy
    known = {path.name: path for path in BUILT_IN}
    settings = {name: own.spec.paths.get(name, PathSettings()) for name in names}
    limits = {}
    for name in names:
        # A limit on failover is not about requests, and no sleep helps it.
        limits[name] = [one for one in expectations(own, settings[name]) if one.of_traffic] or [NoErrors(), NoOutage()]
    # A trial's load lasts as long as its restarts do, each of which lasts as long as the file says.
    return Subject(
        Bench(as_app(own), load["ask"]), [known[name].make(own, settings[name], "") for name in names], limits,
        load, own.spec.duration, own.spec.ready,
    )  # fmt: skip


def limits_in_words(own: OwnApp, subject: Subject) -> dict[str, list[str]]:
    """The limits of each path, as one reads them."""
    found = {}
    for name in subject.limits:
        settings = own.spec.paths.get(name, PathSettings())
        limits = settings.limits if settings.limits.given else own.spec.limits
        words = [f"outage at most {limits.outage:g} s"] if limits.outage is not None else []
        words += [f"errors at most {100 * limits.errors:g} %"] if limits.errors is not None else []
        words += [f"p99 at most {1000 * limits.p99:g} ms"] if limits.p99 is not None else []
        found[name] = words or ["no failed and no late request"]
    return found
