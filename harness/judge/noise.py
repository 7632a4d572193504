"""Noise: whether the machine and the harness were quiet enough to blame the app for what was seen."""

import statistics

import numpy as np

from harness.history import History
from harness.records import Lost, Noise, ProbeEnded, ProbeStarted, RequestBatch
from harness.requests import Requests
from harness.results import Noise as Quietness

LAG_SHARE = 0.5

PRESSURE_MOST = 0.99
"""Of the time, in which some task waited for a CPU, at the median of its samples. Daemons of the idle class wait
whenever anything else runs, so a high pressure alone says little: 10 rows side by side on 2 cores were felt as up to
0.94, while no prober was over 2.4 ms late. Above this limit there is no moment at which nothing waits, and so none that
the app under test could be sure to get."""

CONTROL_LATE_MS = 100.0
"""The p99 of the control's answers. The untouched server is as the app under test is, without the probers' right of
way: if it answers late, so may the app without any fault of its own. A fifth of what counts as a stall; it was at most
11 ms in 12 rows, 4 at a time, on 2 cores."""


def noise(history: History, needs_control: bool = True) -> Quietness:
    """The control probe's errors and each prober's lag, p99 of (sent - scheduled), against half its spacing.

    quiet is False if a control request erred, its answers or a prober were late, the CPU pressure was over its limit,
    or a part of the measurement was lost; None if there was no control probe though one is needed. Probers of the role
    `load` are not held to the lag.
    """
    probes = history.of(ProbeStarted)
    control = [history.requests(probe.probe) for probe in probes if probe.role == "control"]
    count, errors = sum(map(len, control)), sum(int((~rows.ok).sum()) for rows in control)
    lags = [(lag, limit, probe.probe) for probe in probes for lag, limit in _lag(history, probe)]
    worst = max(lags, key=lambda one: one[0] / one[1], default=None)
    loud = [f"{errors} of {count} control requests failed"] if errors else []
    loud += [
        f"the prober {name} was {lag:.1f} ms late at p99, over {top:.1f} ms" for lag, top, name in lags if lag > top
    ]
    loud += [
        f"an untouched server answered {late:.0f} ms late at p99, over {CONTROL_LATE_MS:.0f} ms"
        for late in map(_late_ms, control) if late > CONTROL_LATE_MS
    ]  # fmt: skip
    pressures = [one.cpu_pressure for one in history.of(Noise) if one.cpu_pressure is not None]
    if pressures and (middle := statistics.median(pressures)) > PRESSURE_MOST:
        loud.append(f"some task waited for a CPU {100 * middle:.1f} % of the time, over {100 * PRESSURE_MOST:.0f} %")
    loud += _lost(history)
    quiet, why = _judge(loud, count, needs_control)
    return Quietness(
        control_requests=count,
        control_errors=errors,
        lag_p99_ms=worst[0] if worst else None,
        limit_ms=worst[1] if worst else None,
        cpu_pressure=max(pressures, default=None),
        quiet=quiet,
        why=why,
    )


def _judge(loud: list[str], control_requests: int, needs_control: bool) -> tuple[bool | None, str]:
    """Whether it was quiet, and why."""
    if loud:
        return False, "; ".join(loud)
    if control_requests:
        return True, f"none of {control_requests:,} control requests failed and no prober was late"
    if needs_control:
        return None, "no control probe ran, so a noisy machine cannot be told from a broken app"
    return True, "nothing was lost; no control probe was needed"


def _lag(history: History, probe: ProbeStarted) -> list[tuple[float, float]]:
    """A prober's lag at p99 and its limit in ms; empty if it sent nothing or is held to none."""
    rows = history.requests(probe.probe)
    if probe.role == "load" or not len(rows) or probe.interval_ns <= 0:
        return []
    lag_ns = float(np.percentile(rows.sent_ns - rows.scheduled_ns, 99))
    return [(lag_ns / 1e6, LAG_SHARE * probe.interval_ns / 1e6)]


def _late_ms(control: Requests) -> float:
    """The p99 of the time from when a request was due to its good answer."""
    good = (control.end_ns - control.scheduled_ns)[control.ok]
    return float(np.percentile(good, 99)) / 1e6 if len(good) else 0.0


def _lost(history: History) -> list[str]:
    """What of the measurement is missing, in sentences."""
    ended = {probe.probe: probe for probe in history.of(ProbeEnded)}
    started = {probe.probe for probe in history.of(ProbeStarted)}
    batches: dict[str, set[int]] = {}
    for batch in history.of(RequestBatch):
        batches.setdefault(batch.probe, set()).add(batch.seq)
    found = list(dict.fromkeys(f"{lost.source} was lost: {lost.what}" for lost in history.of(Lost)))
    for name in sorted(started | ended.keys() | batches.keys()):
        if name not in started:
            found.append(f"the prober {name} never said how it began")
        if name not in ended:
            found.append(f"the prober {name} never came to its end")
            continue
        seen = batches.get(name, set())
        if missing := set(range(ended[name].batches)) - seen:
            found.append(f"{len(missing)} of {ended[name].batches} batches of the prober {name} are missing")
        elif (rows := len(history.requests(name, warm_up=True))) != ended[name].scheduled:
            found.append(f"the prober {name} was due {ended[name].scheduled} requests and told of {rows}")
    return found
