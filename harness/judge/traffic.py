"""Traffic: what one prober's requests say of what the app's users felt."""

from collections import Counter

from harness.clock import seconds
from harness.history import History
from harness.judge.bounds import upper_bound
from harness.judge.causes import causes, without_cause
from harness.judge.latency import latency
from harness.judge.outages import stalls, windows
from harness.judge.unseen import certain_s, spacing_s, statement
from harness.judge.world import World
from harness.records import ProbeStarted
from harness.requests import Requests
from harness.results import Outage, Traffic

STALL_S = 0.5
RATE_SHARE = 1e-3
"""By how much a second of another machine's clock may differ from one of ours while it is being set right: Linux slews
a clock by 500 parts in a million at most, and a bad oscillator adds 100."""

DRAIN_NS = 50_000_000
"""What waited in a stall is not answered all at once when it ends."""


def traffic(requests: Requests, world: World | None = None, stall_s: float = STALL_S, restarts: int = 0) -> Traffic:
    """Judge a prober's rows; with a world its failures get causes.

    Good requests later than `stall_s` are stalls, unless an outage by errors already spans them: what waits in a
    stall beyond its deadline fails. `restarts`: how many restarts the rows stand for; 0 if that is not known.
    """
    errors, unknown = int(requests.failed.sum()), int((~requests.ok & ~requests.failed).sum())
    known = len(requests) - unknown
    found: list[Outage] = []
    why: Counter[str] = Counter()
    for window in windows(requests):
        here = Counter() if world is None else causes(requests, world, window.rows)
        why += here
        found.append(window.outage.model_copy(update={"cause": next(iter(dict(here.most_common(1))), "")}))
    found.extend(stall for stall in stalls(requests, stall_s) if not any(_spans(one, stall) for one in found))
    certain, spacing = certain_s(requests), spacing_s(requests)
    return Traffic(
        requests=len(requests),
        errors=errors,
        error_rate=errors / known if known else 0.0,
        error_rate_below=upper_bound(errors, known),
        restarts=restarts,
        restarts_failing_below=upper_bound(0, restarts) if restarts and not errors else None,
        certain_s=certain,
        rate_per_s=round(1 / spacing, 3) if spacing else None,
        statement=statement(errors, known, restarts, certain, spacing),
        unknown=unknown,
        outages=sorted(found, key=lambda outage: outage.start_ns),
        causes=dict(why.most_common()),
        without_cause=without_cause(why) if world is not None else errors,
        latency_ms=latency(requests),
    )


def _spans(outage: Outage, stall: Outage) -> bool:
    """Whether an outage by errors is the same trouble as a stall: it holds the stall's beginning and its end."""
    return outage.start_ns <= stall.start_ns and stall.end_ns <= outage.end_ns + DRAIN_NS


def by_clock(seen: Traffic, error_ns: int) -> Traffic:
    """The same by a prober's clock that may be off the harness's by so much; 0 if they are one clock.

    Lengths are measured by the prober's alone, so only its rate matters to them; their moments are off by the error.
    """
    if not error_ns:
        return seen
    wider = [
        one.model_copy(update={"low_s": one.low_s * (1 - RATE_SHARE), "high_s": one.high_s * (1 + RATE_SHARE)})
        for one in seen.outages
    ]
    return seen.model_copy(update={"outages": wider, "clock_error_s": seconds(error_ns)})


def by_probe(history: History, stall_s: float = STALL_S, restarts: int = 0) -> dict[str, Traffic]:
    """The traffic of each measuring prober, by its name, in the order in which they began."""
    names = [probe.probe for probe in history.of(ProbeStarted) if probe.role == "measure"]
    clocks = history.clocks
    return {
        name: by_clock(
            traffic(history.requests(name), World(history, name), stall_s, restarts), clocks.of_probe(name).error_ns
        )
        for name in names
    }
