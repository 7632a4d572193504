"""The lanes of pods: each one's life, and how each Service saw it."""

import itertools
from collections.abc import Callable

from harness.history import History
from harness.lives import PodLife
from harness.lives import lives as lives_of
from harness.proof import EndpointChange, endpoint_changes
from harness.records import EndpointsSeen, PodSeen, ProbeStarted
from reports.figure import Bar, Mark, Row, Rows
from reports.text import plain

At = Callable[[int], float]

WORDS = {
    "pending": "pending",
    "running": "running, not ready",
    "ready": "ready",
    "terminating": "terminating",
    "exited": "no container runs",
    "endpoint-ready": "ready",
    "endpoint-draining": "serving, terminating",
    "endpoint-unready": "not ready",
}
"""What each state of a bar is called."""


def _state(pod: PodSeen) -> str:
    if pod.phase == "Pending":
        return "terminating" if pod.deletion_ns is not None else "pending"
    if pod.phase != "Running" or not any(one.state == "running" for one in pod.containers):
        return "exited"
    if pod.deletion_ns is not None:
        return "terminating"
    return "ready" if pod.ready else "running"


def _bars(life: PodLife, at: At, end_s: float) -> list[Bar]:
    """Stretches of one state; the last ends when the object left the API, or with the history."""
    present = [pod for pod in life.seen if pod.change != "DELETED"]
    starts = [next(group) for _, group in itertools.groupby(present, key=_state)]
    last = end_s if life.gone_ns is None else at(life.gone_ns)
    bars = []
    for pod, after in itertools.zip_longest(starts, starts[1:]):
        state = _state(pod)
        reasons = {one.reason for one in pod.containers if one.reason} | {pod.reason}
        grace = f" · grace {pod.grace_s} s" if pod.grace_s is not None else ""
        detail = plain(", ".join(sorted(reasons - {""})) + grace)
        bars.append(Bar(at(pod.t_ns), at(after.t_ns) if after else last, state, WORDS[state], detail.strip(" ·")))
    return bars


def _exit_marks(life: PodLife, at: At) -> list[Mark]:
    """Each end of a container once: where its process told of it by that moment, else by the watch's arrival."""
    told = [said for said in life.said if said.event == "exit"]
    marks = []
    for end in life.exits():
        before = [said for said in told if said.t_ns <= end.seen_ns and said.container in ("", end.container)]
        if before:
            told.remove(before[-1])
        moment = before[-1].t_ns if before else end.seen_ns
        source = "told by the process" if before else "by arrival of the watch's news"
        shape = "killed" if end.code else "exit"
        marks.append(Mark(at(moment), shape, f"exit {end.code}", plain(f"{end.container}: {end.reason} · {source}")))
    for said in told:
        code = said.data.get("code", "?")
        text = plain(f"exit {code}")
        marks.append(Mark(at(said.t_ns), "killed" if code else "exit", text, plain(f"{said.container}: as it told")))
    return marks


def _marks(life: PodLife, at: At) -> list[Mark]:
    signals = [said for said in life.said if said.event == "signal"]
    marks = [
        Mark(
            at_s=at(said.t_ns),
            shape="signal",
            text=plain(str(said.data.get("signal", "signal"))),
            detail=plain(f"received by {said.container}"),
        )
        for said in signals
    ]
    marks += _exit_marks(life, at)
    for before, pod in itertools.pairwise(life.seen):
        old = {one.name: one.restarts for one in before.containers}
        marks += [
            Mark(at(pod.t_ns), "restart", f"restart {one.restarts}", plain(f"of container {one.name}"))
            for one in pod.containers
            if one.restarts > old.get(one.name, one.restarts)
        ]
    return sorted(marks, key=lambda mark: mark.at_s)


def lives(history: History, at: At, end_s: float) -> Rows | None:
    """One row a pod: its states as bars; stop signals, exits and restarts as marks."""
    rows = [
        Row(
            plain(life.name),
            plain(f"{life.node or 'no node'} · {', '.join(sorted(life.ips)) or 'no address'} · uid {life.uid}"),
            _bars(life, at, end_s),
            _marks(life, at),
        )
        for life in lives_of(history).values()
    ]
    return Rows("Pods", rows) if rows else None


def _endpoint_state(change: EndpointChange) -> str:
    if change.ready:
        return "endpoint-ready"
    return "endpoint-draining" if change.serving and change.terminating else "endpoint-unready"


def _endpoint_row(changes: list[EndpointChange], at: At, end_s: float) -> Row:
    bars = []
    for change, after in itertools.zip_longest(changes, changes[1:]):
        if change.present:
            state = _endpoint_state(change)
            flags = ("ready", "serving", "terminating")
            detail = " · ".join(f"{flag} {str(getattr(change, flag)).lower()}" for flag in flags)
            bars.append(Bar(at(change.t_ns), at(after.t_ns) if after else end_s, state, WORDS[state], detail))
    return Row(plain(changes[0].pod), plain(f"Service {changes[0].service}"), bars)


def endpoints(history: History, at: At, end_s: float) -> Rows | None:
    """One row for each pod of each Service: ready, serving while terminating, or not ready."""
    rows: list[Row] = []
    order = list(lives_of(history))
    # The headless Service by which a prober learned of pods says nothing of them.
    hidden = {probe.probe for probe in history.of(ProbeStarted) if probe.role == "direct"}
    for service in dict.fromkeys(seen.service for seen in history.of(EndpointsSeen) if seen.service not in hidden):
        changes = endpoint_changes(history, service)
        known = {change.uid: change.pod for change in changes}
        # In the order of the pods' own lane; what names no known pod (an endpoint by hand) comes last, by name.
        uids = [uid for uid in order if uid in known]
        uids += sorted(known.keys() - set(uids), key=lambda uid: (known[uid], uid))
        rows += [_endpoint_row([change for change in changes if change.uid == uid], at, end_s) for uid in uids]
    return Rows("Endpoints", rows) if rows else None
