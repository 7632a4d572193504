"""What there is to find: of each code how bad it is, why, and which row (`restart-paths`) and path will show it."""

from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A kind of finding."""

    severity: Severity
    row: str
    shown_by: str
    why: str


CATALOGUE: Final[dict[str, Entry]] = {
    "no-readiness-probe": Entry(
        "error", "B1", "rollout",
        "Without it a pod counts as ready as soon as its container runs, so a rollout stops the old pods before the new"
        " ones listen.",
    ),
    "liveness-is-readiness": Entry(
        "warning", "B5", "liveness",
        "What makes a pod unready for a moment kills it at the same moment: liveness has to give up much later.",
    ),
    "liveness-too-fast": Entry(
        "warning", "B5", "liveness",
        "A pause that every process has now and then (garbage collection, a throttled processor, a busy node) is longer"
        " than that, and each one is a restart.",
    ),
    "liveness-without-startup": Entry(
        "warning", "B6", "startup",
        "initialDelaySeconds guesses how long the start takes; a start that is slower is killed, again and again. A"
        " startup probe waits for it and no longer.",
    ),
    "prestop-eats-grace": Entry(
        "error", "A11", "stop",
        "The grace period begins with the preStop hook, not after it: no time is left to shut down, so the process is"
        " killed.",
    ),
    "no-drain": Entry(
        "warning", "B2", "delete",
        "The stop signal reaches a pod before its removal from the Service reaches every node: who closes the port at"
        " the signal refuses requests meanwhile.",
    ),
    "prestop-needs-program": Entry(
        "warning", "A4", "stop",
        "Where the image has no such program (distroless, scratch) the hook fails at once and there is no drain; the"
        " kubelet's own sleep needs none.",
    ),
    "shell-is-process-1": Entry(
        "warning", "A1", "stop",
        "The shell is process 1 and passes no SIGTERM on: the app is killed at the end of the grace period without"
        " having heard of it.",
    ),
    "one-replica": Entry(
        "warning", "C4", "evict",
        "An evicted, preempted or deleted pod goes before its replacement comes, so that nobody answers meanwhile.",
    ),
    "recreate": Entry(
        "error", "B4", "rollout", "No new pod is made until every old one is gone: each rollout is an outage."
    ),
    "unavailable-all": Entry(
        "error", "B4", "rollout", "A rollout may take all old pods away before a new one is ready."
    ),
    "no-spread": Entry(
        "info", "C13", "node-down",
        "Nothing but the scheduler's weak default keeps the replicas apart: one node's end may be all of theirs.",
    ),
    "min-ready-zero": Entry(
        "info", "E1", "rollout",
        "A new pod counts as available at its first ready answer, so a version that breaks a second later is rolled"
        " out all the way.",
    ),
    "field-ignored": Entry(
        "error", "B4", "rollout",
        "Kubernetes knows no such field there: it is dropped (or refused by strict validation), so the setting does"
        " not hold.",
    ),
    "budget-blocks": Entry(
        "error", "C5", "evict-blocked",
        "No eviction is ever allowed: every drain of a node hangs until someone deletes the pod by hand.",
    ),
    "budget-matches-nothing": Entry(
        "warning", "C12", "drain", "A budget that counts no pods protects none: a drain may take all at once."
    ),
    "budgets-overlap": Entry(
        "error", "C1", "evict", "The Eviction API answers 500 to a pod that two budgets count: it cannot be evicted."
    ),
    "no-budget": Entry(
        "warning", "C12", "drain", "A drain of nodes may evict all replicas at the same moment."
    ),
    "budget-guards-broken": Entry(
        "info", "C6", "evict-unready",
        "By default a budget may keep pods that never became ready from being evicted, so that a drain hangs on a"
        " broken version.",
    ),
    "service-selects-nothing": Entry(
        "warning", "B1", "rollout", "Nobody is behind the Service: its users get no answer at all."
    ),
    "service-port-unknown": Entry(
        "error", "B1", "rollout", "Requests are sent to a port on which nobody listens."
    ),
    "sidecar-stops-first": Entry(
        "warning", "B11", "delete",
        "All main containers are told to stop at once, each after its own hook: one that another still needs is gone"
        " before it. A native sidecar stops after the main ones.",
    ),
}  # fmt: skip
