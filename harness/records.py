"""The records of a history: what was asked, done, seen and said, each at a moment `t_ns`.

`t_ns` is nanoseconds since the Unix epoch (see `clock`). For what a watch brings it is the moment of arrival, an
upper bound of when it happened; for what a pod says of itself (`AppSaid`, `Work`, requests) it is the pod's own clock,
which `clocks` puts right as a history is read.
Records are frozen, hold plain values only, and know nothing of Kubernetes' client or of files.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Outcome = Literal["ok", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Record:
    """The base of all records: a moment."""

    kind: ClassVar[str] = ""
    t_ns: int


@dataclass(frozen=True, slots=True)
class ScenarioStarted(Record):
    """One row of the matrix begins. `row` is its id (B1), `name` is unique in a run (rollout-naive)."""

    kind: ClassVar[str] = "scenario"
    row: str
    name: str
    path: str
    title: str
    namespace: str
    test: str = ""


@dataclass(frozen=True, slots=True)
class ScenarioEnded(Record):
    """The row's last record. `error` is empty unless the harness itself broke."""

    kind: ClassVar[str] = "scenario-end"
    name: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Deployed(Record):
    """An app was brought into the namespace: of its manifests what matters to restarts (see `manifests.essential`)."""

    kind: ClassVar[str] = "deployed"
    name: str
    manifests: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ProbeStarted(Record):
    """A prober begins its schedule: request n is due at t_ns + n * interval_ns.

    In a closed loop (a user's locustfile) there is no schedule: interval_ns and deadline_ns are 0, and a request was
    due when it was sent, so that a stall shows as one late request of each user.
    """

    kind: ClassVar[str] = "probe"
    probe: str
    interval_ns: int
    deadline_ns: int
    target: str
    role: Literal["measure", "control", "load", "direct", "stream", "inflight"] = "measure"
    pod: str = ""
    loop: Literal["open", "closed"] = "open"


@dataclass(frozen=True, slots=True)
class ProbeEnded(Record):
    """A prober's last word: how many requests were due and how many batches of rows it wrote."""

    kind: ClassVar[str] = "probe-end"
    probe: str
    scheduled: int
    batches: int


@dataclass(frozen=True, slots=True)
class Steady(Record):
    """All was well: requests due from here on are measured; what the probers saw before was their warm-up."""

    kind: ClassVar[str] = "steady"


@dataclass(frozen=True, slots=True)
class RequestBatch(Record):
    """Rows of one prober, numbered so that a lost batch shows.

    A row is `[scheduled_ns, sent, first_byte, end, outcome, phase, error, status, pod, connection, use]`: sent,
    first_byte (null if none) and end are nanoseconds after scheduled_ns; outcome is ok, failed or unknown; phase
    is where it failed (dns, connect, tls, write, first_byte, body; empty if ok); error is refused, timeout,
    reset, closed, no_route, status, truncated, protocol or other (empty if ok); status 0 if there was none; pod
    is the X-Pod header of the answer (empty if none); connection is an id, use counts its requests from 1.

    By the prober's role: of `direct` the connection is the pod's address, and use counts the requests to it; of
    `inflight` it is the work's idempotency key, and use the attempt; of `stream` a row is a whole stream, its
    connection the stream's number, use its heartbeats, and the error `ended` says that the server ended it by a word.
    """

    kind: ClassVar[str] = "requests"
    probe: str
    seq: int
    rows: list[list[Any]]


@dataclass(frozen=True, slots=True)
class Beats(Record):
    """Heartbeats of one prober's streams, in numbered batches.

    A row is `[arrival, stream, number, sent]`: moments in ns since the epoch, sent by the server's clock; the number
    counts from 1 in each stream. Number and sent are 0 where the server told none.
    """

    kind: ClassVar[str] = "beats"
    probe: str
    seq: int
    rows: list[list[Any]]


@dataclass(frozen=True, slots=True)
class Task(Record):
    """An entry in a server's ledger: the work of an idempotency key was `begun` or `done`."""

    kind: ClassVar[str] = "task"
    pod: str
    key: str
    step: str


@dataclass(frozen=True, slots=True)
class Act(Record):
    """A step of a disruption or of its healing."""

    kind: ClassVar[str] = "act"
    verb: str
    target: str
    status: Literal["begin", "done", "refused", "failed", "heal"]
    uid: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContainerSeen:
    """A container's status. `state` is waiting, running or terminated; times are whole seconds in Kubernetes."""

    name: str
    id: str
    restarts: int
    state: str
    ready: bool
    reason: str = ""
    exit_code: int | None = None
    signal: int | None = None
    started_ns: int | None = None
    finished_ns: int | None = None
    last_reason: str = ""
    last_exit_code: int | None = None
    last_started_ns: int | None = None
    last_finished_ns: int | None = None
    stop_signal: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of a pod or node."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    since_ns: int | None = None


@dataclass(frozen=True, slots=True)
class PodSeen(Record):
    """A pod as a watch showed it. `change` is ADDED, MODIFIED or DELETED."""

    kind: ClassVar[str] = "pod"
    change: str
    name: str
    uid: str
    node: str
    ip: str
    phase: str
    reason: str
    ready: bool
    deletion_ns: int | None
    grace_s: int | None
    labels: dict[str, str] = field(default_factory=dict)
    conditions: list[Condition] = field(default_factory=list)
    containers: list[ContainerSeen] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class EndpointSeen:
    """One address of an EndpointSlice with its three conditions."""

    pod: str
    uid: str
    ip: str
    node: str
    ready: bool
    serving: bool
    terminating: bool


@dataclass(frozen=True, slots=True)
class EndpointsSeen(Record):
    """An EndpointSlice as a watch showed it; no endpoints after it was deleted."""

    kind: ClassVar[str] = "endpoints"
    service: str
    slice: str
    endpoints: list[EndpointSeen] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LeaseSeen(Record):
    """A Lease as a watch showed it. acquire_ns and renew_ns are the holder's own clock, whole microseconds."""

    kind: ClassVar[str] = "lease"
    name: str
    holder: str
    transitions: int
    duration_s: int
    acquire_ns: int | None
    renew_ns: int | None
    resource_version: str = ""


@dataclass(frozen=True, slots=True)
class EventSeen(Record):
    """A Kubernetes event about an object."""

    kind: ClassVar[str] = "event"
    reason: str
    type: str
    message: str
    object: str
    uid: str
    source: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class NodeSeen(Record):
    """A node as a watch showed it. Taints are written key=value:Effect."""

    kind: ClassVar[str] = "node"
    name: str
    ready: bool
    schedulable: bool
    taints: list[str] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    boot_id: str = ""


@dataclass(frozen=True, slots=True)
class ClockSeen(Record):
    """A node's clock minus the harness's is offset_ns, and errs by at most error_ns; `how` says why that is known."""

    kind: ClassVar[str] = "clock"
    node: str
    offset_ns: int
    error_ns: int
    how: str


@dataclass(frozen=True, slots=True)
class AppSaid(Record):
    """An event that a process in a pod wrote to its standard output: started, listening, signal, exit, …"""

    kind: ClassVar[str] = "app"
    pod: str
    container: str
    event: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Work(Record):
    """One piece of a leader's work: who did it, its number in that process, the lease's transitions it believed in."""

    kind: ClassVar[str] = "work"
    pod: str
    identity: str
    seq: int
    term: int


@dataclass(frozen=True, slots=True)
class Noise(Record):
    """The machine as the harness felt it: share of time some task waited for a CPU (0 to 1, over 10 s), run queue."""

    kind: ClassVar[str] = "noise"
    cpu_pressure: float | None
    load_1m: float


@dataclass(frozen=True, slots=True)
class Lost(Record):
    """The harness could not see for a while (a watch or a log stream broke): what, and what it means."""

    kind: ClassVar[str] = "lost"
    source: str
    what: str


@dataclass(frozen=True, slots=True)
class Log(Record):
    """A line of a container's output that is none of ours, kept for the report."""

    kind: ClassVar[str] = "log"
    pod: str
    container: str
    line: str


KINDS: dict[str, type[Record]] = {
    cls.kind: cls
    for cls in (
        ScenarioStarted, ScenarioEnded, Deployed, ProbeStarted, ProbeEnded, Steady, RequestBatch, Beats, Task, Act,
        PodSeen, EndpointsSeen, LeaseSeen, EventSeen, NodeSeen, ClockSeen, AppSaid, Work, Noise, Lost, Log,
    )
}  # fmt: skip
