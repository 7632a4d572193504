"""Records of a made scenario, without a cluster: lives of pods, endpoints, requests, acts."""

import dataclasses
import random
from typing import Any

from harness.clock import NS_PER_S
from harness.records import (
    Act,
    AppSaid,
    Condition,
    ContainerSeen,
    EndpointSeen,
    EndpointsSeen,
    Noise,
    PodSeen,
    ProbeEnded,
    ProbeStarted,
    Record,
    RequestBatch,
    ScenarioEnded,
    ScenarioStarted,
)

START_NS = 1_795_392_000 * NS_PER_S
MS = 1_000_000


def ns(at_s: float) -> int:
    """A moment of the made run: seconds after its start as nanoseconds since the epoch."""
    return START_NS + round(at_s * NS_PER_S)


@dataclasses.dataclass
class Made:
    """Records of one scenario as they are made up; all times in seconds after the run's start."""

    row: str
    name: str
    path: str
    title: str
    start_s: float
    records: list[Record] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        space = f"survive-{self.name}"
        self.add(ScenarioStarted(ns(self.start_s), self.row, self.name, self.path, self.title, space))

    def add(self, *records: Record) -> None:
        self.records.extend(records)

    def act(self, at_s: float, verb: str, target: str, step: Any = "begin", **detail: Any) -> None:
        self.add(Act(ns(at_s), verb, target, step, detail=detail))

    def pod(self, name: str, life: list[tuple[float, str]], exit_code: int = 0, node: str = "node-1") -> None:
        """A pod's life: moments of pending, running, ready, unready, terminating, exit, restart, gone."""
        restarts, ready, phase, deletion, state = 0, False, "Pending", None, "waiting"
        for at_s, what in life:
            change = "DELETED" if what == "gone" else "ADDED" if what == "pending" else "MODIFIED"
            if what in ("running", "restart"):
                restarts += what == "restart"
                phase, state = "Running", "running"
            elif what in ("ready", "unready"):
                ready = what == "ready"
            elif what == "terminating":
                deletion = ns(at_s + 30)
                self.add(AppSaid(ns(at_s + 0.031), name, "app", "signal", {"signal": "SIGTERM"}))
            elif what == "exit":
                state, ready = "terminated", False
                self.add(AppSaid(ns(at_s - 0.004), name, "app", "exit", {"code": exit_code}))
            elif what == "gone":
                phase = "Failed" if exit_code else "Succeeded"
            self.add(self._seen(at_s, change, name, phase, ready, deletion, state, restarts, exit_code, node))

    def _seen(
        self, at_s: float, change: str, name: str, phase: str, ready: bool, deletion: int | None, state: str,
        restarts: int, exit_code: int, node: str,
    ) -> PodSeen:  # fmt: skip
        ended = state == "terminated"
        container = ContainerSeen(
            name="app", id=f"{name}-{restarts}", restarts=restarts, state=state, ready=ready,
            reason=("Error" if exit_code else "Completed") if ended else "",
            exit_code=exit_code if ended else None,
            started_ns=None if state == "waiting" else ns(int(at_s)), finished_ns=ns(int(at_s)) if ended else None,
            last_exit_code=exit_code if restarts else None, last_reason="Error" if restarts else "",
            last_finished_ns=ns(int(at_s)) if restarts else None,
        )  # fmt: skip
        return PodSeen(
            ns(at_s), change, name, f"uid-{name}", node, "10.1.0.7", phase, "", ready, deletion,
            None if deletion is None else 30, {"app": "shop"},
            [Condition("Ready", "True" if ready else "False", since_ns=ns(int(at_s)))], [container],
        )  # fmt: skip

    def endpoints(self, at_s: float, **states: str) -> None:
        """A slice: each pod ready, draining (serving and terminating) or notready."""
        seen = [
            EndpointSeen(name, f"uid-{name}", "10.1.0.7", "node-1", s == "ready", s != "notready", s == "draining")
            for name, s in ((pod.replace("_", "-"), state) for pod, state in states.items())
        ]
        self.add(EndpointsSeen(ns(at_s), "shop", "shop-x7k2p", seen))

    def probe(
        self, start_s: float, end_s: float, answered_by: list[tuple[float, str]], every_ms: int = 10,
        down: tuple[float, float] = (0, 0), error: str = "refused", role: Any = "measure", name: str = "service",
    ) -> None:  # fmt: skip
        """Requests on a schedule; `answered_by` says from when on which pods answer."""
        rng = random.Random(self.name)
        self.add(ProbeStarted(ns(start_s), name, every_ms * MS, NS_PER_S, f"http://{name}.{self.name}:8080/", role))
        count, rows, seq = round((end_s - start_s) * 1000 / every_ms), [], 0
        for n in range(count):
            at_s = start_s + n * every_ms / 1000
            sent = round(rng.gammavariate(2, 0.04) * MS)
            pods = [pod for since, pod in answered_by if at_s >= since][-2:] or [""]
            took = sent + round(rng.lognormvariate(0.6, 0.35) * MS * (1 if rng.random() > 0.004 else 9))
            if down[0] <= at_s < down[1]:
                timeout = error == "mixed" and n % 3 == 0
                took = NS_PER_S if timeout else sent + round(rng.uniform(0.2, 0.9) * MS)
                kind = "timeout" if timeout else "refused" if error == "mixed" else error
                rows.append([ns(at_s), sent, None, took, "failed", "connect", kind, 0, "", f"c{n}", 1])
            else:
                rows.append([ns(at_s), sent, took - 100, took, "ok", "", "", 200, rng.choice(pods), f"c{n}", 1])
            if len(rows) == 25 or n == count - 1:
                self.add(RequestBatch(ns(at_s + 0.05), name, seq, rows))
                rows, seq = [], seq + 1
        self.add(ProbeEnded(ns(end_s), name, count, seq))

    def noise(self, end_s: float, pressure: float = 0.03) -> None:
        rng = random.Random(self.name)
        for n in range(int(end_s - self.start_s)):
            self.add(Noise(ns(self.start_s + n), round(pressure * rng.uniform(0.4, 1.8), 3), 1.2))

    def end(self, at_s: float, error: str = "") -> list[Record]:
        self.add(ScenarioEnded(ns(at_s), self.name, error))
        return self.records
