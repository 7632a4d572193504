"""What came of tuning: the patch, its evidence, what it costs; as data and in words."""

import math
import pathlib
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from harness import patch
from harness.results import Model
from harness.shape import at
from harness.tune.change import Bench, Setting
from harness.tune.hunt import Hunt
from harness.tune.removal import Spread
from harness.tune.timing import SPARE_S
from harness.words import at_most_percent

JSON = "tune.json"
PATCH = "tune.patch.yaml"
TEXT = "tune.txt"


class Tried(Model):
    """A setting of the search: restarts in all, and in how many of them a limit was broken, and how."""

    what: str
    restarts: int
    failed: int
    broken: str = ""


class Tuned(Model):
    """See the module. Without `found` it is the best known so far, or nothing if `patch` and `restarts` are empty.

    `below`: fewer than this share of restarts break a limit, at `confidence`, by `restarts` of the whole patch without
    a failure; of `proofs` settings that were put to the proof each might have passed wrongly. `limits` are what had to
    hold, by path.
    """

    app: str
    found: bool
    hopeless: bool
    ended: str
    limits: dict[str, list[str]]
    removal: list[Spread]
    setting: dict[str, Any]
    restarts: int
    below: float
    confidence: float
    proofs: int
    tried: list[Tried]
    drain_s: float | None
    shutdown_s: float | None
    start_s: float | None
    costs: list[str]
    patch: list[dict[str, Any]]
    paste: str
    took_s: float

    @property
    def holds(self) -> bool:
        """Whether any setting is known that held."""
        return bool(self.setting)

    def lines(self) -> Iterator[str]:
        """What a person reads."""
        yield from (one.words for one in self.removal)
        yield from (
            f"{one.what}: {one.failed} of {one.restarts} restarts broke a limit{f' ({one.broken})' * bool(one.broken)}"
            for one in self.tried
        )
        if self.drain_s is not None:
            yield f"the last request that a pod on its way out lost was sent {self.drain_s:.2f} s after its deletion"
        if self.shutdown_s is not None:
            yield f"its containers ended {self.shutdown_s:.1f} s after their sleep at the latest"
        if self.start_s is not None:
            yield f"its pods were Ready {self.start_s:.1f} s after their start at the latest"
        yield ""
        yield self.verdict
        yield from (f"cost: {one}" for one in self.costs)
        if self.holds:
            yield from ("", self.paste.rstrip() or "as it is, it is right: there is nothing to change")

    @property
    def verdict(self) -> str:
        """The end in a sentence."""
        if self.hopeless:
            return "nothing that was tried holds: something else than the drain breaks a limit"
        if not self.holds:
            return f"nothing is known yet: {self.ended}"
        evidence = f"0 of {self.restarts} restarts broke a limit"
        if self.restarts:
            evidence += f": fewer than {at_most_percent(self.below)} do, at {100 * self.confidence:g} %"
        if self.proofs > 1:
            surely = max(0.0, 1 - self.proofs * (1 - self.confidence))
            evidence += f" ({100 * surely:.3g} % if all {self.proofs} settings that were put to the proof are counted)"
        return f"found: {evidence}" if self.found else f"not found, {self.ended}; the best so far: {evidence}"

    def write(self, folder: pathlib.Path) -> None:
        """Into a run's folder: as JSON, as text, and the patch alone."""
        (folder / JSON).write_text(self.model_dump_json(indent=1) + "\n")
        (folder / TEXT).write_text("\n".join(self.lines()) + "\n")
        if self.paste:
            (folder / PATCH).write_text(self.paste)


def outcome(hunt: Hunt, limits: dict[str, list[str]], removal: Sequence[Spread], took_s: float) -> Tuned:
    """The outcome of a hunt, as it stands."""
    setting, bench = hunt.setting, hunt.bench
    patches = bench.patches(setting) if setting else []
    tried = [
        Tried(
            what=Setting.at(one.point).words, restarts=one.restarts, failed=one.failed,
            broken=hunt.broken.get(one.point, ""),
        )
        for one in hunt.search.tried()
    ]  # fmt: skip
    return Tuned(
        app=bench.app.name, found=hunt.found, hopeless=hunt.search.hopeless, ended=hunt.ended, limits=limits,
        removal=list(removal), setting=_figures(bench, setting) if setting else {}, restarts=hunt.held,
        below=hunt.bound, confidence=hunt.confidence, proofs=len(hunt.put_to_proof), tried=tried, drain_s=hunt.drain_s,
        shutdown_s=hunt.timing.shutdown_s, start_s=hunt.timing.start_s,
        costs=list(_costs(hunt, setting)) if setting else [], patch=patches, paste=patch.text(patches),
        took_s=round(took_s, 1),
    )  # fmt: skip


def _figures(bench: Bench, setting: Setting) -> dict[str, Any]:
    """The setting's figures, by the manifests' names."""
    return {
        "preStop.sleep.seconds": setting.sleep_s,
        "terminationGracePeriodSeconds": setting.grace_s,
        "replicas": bench.replicas + setting.more_replicas,
        "create first": setting.create_first,
        "new readiness probe": setting.probed,
    }


def _costs(hunt: Hunt, setting: Setting) -> Iterator[str]:
    """What the setting costs, in sentences."""
    bench, pods = hunt.bench, hunt.bench.replicas + setting.more_replicas
    before_s = max((one.pre_stop_s or 0 for one in bench.serving), default=0)
    more_s = setting.sleep_s - before_s
    change = f", {abs(more_s)} s {'more' if more_s > 0 else 'less'} than now" if more_s else ", as now"
    yield (
        f"each pod stays {setting.sleep_s} s on its way out{change}: {setting.sleep_s * pods} s of a pod for a rollout"
        f" of {pods}"
    )
    if hunt.point and (took_s := hunt.rollouts_s.get(hunt.point)):
        middle_s = statistics.median(took_s)
        yield f"a rollout takes {middle_s:.1f} s until the last old pod is gone (median of {len(took_s)})"
    if setting.more_replicas:
        yield f"{setting.more_replicas} more pod{'s' if setting.more_replicas > 1 else ''}, for ever"
    if setting.create_first:
        yield "a pod more while a rollout lasts"
    more_s = (setting.grace_s or bench.workload.grace_s) - bench.workload.grace_s
    if more_s:
        yield (
            f"a pod that does not end is killed {abs(more_s)} s {'later' if more_s > 0 else 'sooner'} than now; the"
            f" grace period has room for what was seen, and {SPARE_S} s: what takes longer than that load is cut"
        )
    for one in bench.serving:
        if other := sorted((at(one.spec, "lifecycle", "preStop") or {}).keys() - {"sleep"}):
            yield f"the preStop hook of {one.name} ({other[0]}) is replaced by the sleep: move what else it did"


def minutes(hunt: Hunt) -> int:
    """About how long the hunt takes at most, by what is known before it begins; minutes."""
    start = Setting.at(hunt.search.start)
    waves = 2 + math.ceil(math.log2(hunt.search.most[-1] + 1))
    each = math.ceil(hunt.needed / hunt.side_by_side)
    proof_s = each * hunt.restart_s(start)
    return math.ceil((waves * 40 + proof_s) / 60)
