"""One row's figure, built from its history and its verdict."""

import datetime
from collections.abc import Callable

from harness.clock import NS_PER_S, seconds
from harness.history import History
from harness.records import Act, LeaseSeen, Noise, ProbeStarted, RequestBatch, ScenarioStarted, Work
from harness.results import Outage, Result
from reports import leaders, pods, text
from reports.figure import Bar, Figure, Gap, Line, Mark, Rows, Shots
from reports.shots import shots
from reports.story import act_words, logs, story
from reports.streams import streams

BEFORE_S = 5.0
AFTER_S = 5.0
"""Where there are no requests and no work, this much before the first and after the last act is shown first."""


def zero_ns(history: History) -> int:
    """The figure's zero: the first act's begin; without acts the row's first record."""
    begins = [act.t_ns for act in history.of(Act) if act.status == "begin"]
    return begins[0] if begins else history.records[0].t_ns


def _gap(outage: Outage, at: Callable[[int], float]) -> Gap:
    start, end = at(outage.start_ns), at(outage.end_ns)
    inner, outer = (outage.estimate_s - outage.low_s) / 2, (outage.high_s - outage.estimate_s) / 2
    kind = (
        "late (a stall)" if outage.kind == "stall" else "failed, others were answered" if outage.partial else "failed"
    )
    cause = f" · {outage.cause}" if outage.cause else ""
    return Gap(
        from_s=start - outer,
        sure_from_s=start + inner,
        sure_to_s=max(end - inner, start + inner),
        to_s=end + outer,
        text=text.outage(outage),
        detail=text.plain(f"{outage.failed} {kind}{cause}"),
    )


def _marks(acts: list[Act], at: Callable[[int], float]) -> list[Mark]:
    return [
        Mark(at(act.t_ns), act.status, text.plain(f"{act.verb} {act.status}"), act_words(act))
        for act in acts
    ]  # fmt: skip


def _requests(history: History, result: Result, zero: int, most: int) -> list[Shots]:
    probes = {probe.probe: probe for probe in history.of(ProbeStarted)}
    names = dict.fromkeys(batch.probe for batch in history.of(RequestBatch))
    roles = {name: probes[name].role if name in probes else "measure" for name in names}
    single = [name for name in names if roles[name] != "stream"]
    measuring = [name for name in single if roles[name] == "measure"] or single
    measuring += [name for name in single if roles[name] in ("inflight", "direct") and name not in measuring]
    control_erred = result.noise is not None and result.noise.control_errors > 0
    controls = [name for name in names if roles[name] == "control" and name not in measuring]
    shown = measuring + (controls if control_erred or result.verdict == "inconclusive" else [])
    return [shots(history.requests(name), probes.get(name), zero, most // len(shown)) for name in shown]


def _noise(history: History, at: Callable[[int], float]) -> Line | None:
    felt = [(at(noise.t_ns), noise.cpu_pressure) for noise in history.of(Noise)]
    known = [(t, round(value * 100, 1)) for t, value in felt if value is not None]
    return Line("Tasks that waited for a CPU, %", [t for t, _ in known], [v for _, v in known]) if known else None


def _view(
    lanes: list[Rows | Shots | Line], acts: list[Mark], work: Rows | None, whole: tuple[float, float]
) -> tuple[float, float]:
    moments = [t for lane in lanes if isinstance(lane, Shots) for t in (*lane.good.at_s, *lane.bad.at_s)]
    moments += [t for row in (work.rows if work else []) for bar in row.bars for t in (bar.start_s, bar.end_s)]
    if not moments:
        moments = [t for act in acts for t in (act.at_s - BEFORE_S, act.at_s + AFTER_S)]
    if not moments:
        return whole
    moments += [act.at_s for act in acts]
    low, high = min(moments), max(moments)
    pad = 0.02 * (high - low)
    return max(low - pad, whole[0]), min(high + pad, whole[1])


def _focus(gaps: list[Gap], between: list[Bar]) -> tuple[float, float] | None:
    found = [(gap.from_s, gap.to_s) for gap in gaps] + [(bar.start_s, bar.end_s) for bar in between]
    if not found:
        return None
    low, high = max(found, key=lambda span: span[1] - span[0])
    pad = max(0.35 * (high - low), 0.1)
    return low - pad, high + pad


def figure(history: History, result: Result, most_points: int, most_lines: int) -> Figure | None:
    """The picture of one row; None where its history is empty. At most `most_points` good requests are drawn."""
    records = [record for record in history.records if not isinstance(record, ScenarioStarted)]
    if not records:
        return None
    zero = zero_ns(history)

    def at(t_ns: int) -> float:
        return round(seconds(t_ns - zero), 4)

    whole = (at(records[0].t_ns), max(at(records[-1].t_ns), 0.001))
    acts = _marks(history.of(Act), at)
    gaps = [_gap(outage, at) for outage in result.traffic.outages] if result.traffic else []
    beats, seen = history.of(Work), history.of(LeaseSeen)
    between = leaders.handovers(result.failover, beats, at)
    look = leaders.looks(seen, beats)
    work = leaders.work(beats, result.failover, between, look, at)
    requests = _requests(history, result, zero, most_points)
    quiet = result.noise is None or result.noise.quiet is not False
    found = [
        *requests,
        streams(history, at),
        pods.lives(history, at, whole[1]),
        pods.endpoints(history, at, whole[1]),
        leaders.leases(seen, look, at, whole[1]),
        work,
        None if quiet and result.verdict != "inconclusive" else _noise(history, at),
    ]
    lanes = [lane for lane in found if lane is not None]
    told, left_out = story(history, at, most_lines)
    output, output_left_out = logs(history, at, most_lines)
    return Figure(
        start_s=whole[0],
        end_s=whole[1],
        view=_view(lanes, acts, work, whole),
        focus=_focus(gaps, between),
        zero=datetime.datetime.fromtimestamp(zero / NS_PER_S, datetime.UTC).isoformat(timespec="milliseconds"),
        acts=acts,
        gaps=gaps,
        lanes=lanes,
        story=told,
        story_left_out=left_out,
        logs=output,
        logs_left_out=output_left_out,
    )
