"""Timings: how long each step of the first stopped pod's end, and of its replacement's start, took."""

from harness.clock import NS_PER_S, seconds
from harness.history import History
from harness.lives import PodLife, lives
from harness.records import Act


def timings(history: History) -> dict[str, float]:
    """Seconds from the disruption's first act, of what was seen of it; empty without an act.

    stop_signal_s, listen_end_s, exit_s and gone_s are of the first pod that was told to stop (or deleted), exit_code
    its container's; new_ready_s is the first pod seen Ready after the act that was not before.
    """
    acts = [act for act in history.of(Act) if act.status in ("begin", "done")]
    if not acts:
        return {}
    start = acts[0].t_ns
    pods = list(lives(history).values())
    found: dict[str, float | None] = {"new_ready_s": _since(start, _new_ready(pods, start))}
    if stopped := _stopped(pods, start):
        exits = [end for end in stopped.exits() if end.seen_ns >= start]
        closed = [span.end_ns for span in stopped.listening() if span.end_ns is not None and span.end_ns >= start]
        found |= {
            "stop_signal_s": _since(start, stopped.signal_ns),
            "listen_end_s": _since(start, min(closed, default=None)),
            "exit_s": _since(start, stopped.exit_ns),
            "exit_code": float(exits[0].code) if exits else None,
            "ended_s": _since(
                start, max((end.finished_ns + NS_PER_S for end in exits if end.finished_ns), default=None)
            ),
            "gone_s": _since(start, stopped.gone_ns),
        }
    return {name: value for name, value in found.items() if value is not None}


def _since(start_ns: int, moment_ns: int | None) -> float | None:
    return None if moment_ns is None or moment_ns < start_ns else seconds(moment_ns - start_ns)


def _new_ready(pods: list[PodLife], start_ns: int) -> int | None:
    """The first moment after the act at which a pod turned Ready that was not."""
    moments = []
    for pod in pods:
        ready = False
        for seen in pod.seen:
            if seen.ready and not ready and seen.t_ns >= start_ns:
                moments.append(seen.t_ns)
            ready = seen.ready
    return min(moments, default=None)


def _stopped(pods: list[PodLife], start_ns: int) -> PodLife | None:
    """The first pod that was told to stop after the act, or else was deleted after it."""
    signals = [(pod.signal_ns, pod) for pod in pods]
    deletions = [(pod.deletion_seen_ns, pod) for pod in pods]
    for moments in (signals, deletions):
        told = [(moment, pod) for moment, pod in moments if moment is not None and moment >= start_ns]
        if told:
            return min(told, key=lambda one: one[0])[1]
    return None
