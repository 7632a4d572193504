"""Verdicts as data: the models behind results.json. A field that does not apply is left out of the file."""

import pathlib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import UsageError

SCHEMA = 1

Verdict = Literal["pass", "fail", "inconclusive", "skip", "error"]


class Model(BaseModel):
    """The base: frozen, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Expected(Model):
    """One expectation: what was to hold, what was seen. `holds` is None where it could not be told."""

    what: str
    seen: str
    holds: bool | None = None
    reason: str = Field(default="", description="where the figure and its tolerance come from")


class Outage(Model):
    """An interval of failing or late requests. It began and ended within brackets: its length is in [low_s, high_s]."""

    low_s: float
    estimate_s: float
    high_s: float
    cause: str = ""
    start_ns: int = Field(description="estimate of its beginning, ns since the epoch")
    end_ns: int = Field(description="estimate of its end, ns since the epoch")
    failed: int = Field(description="failed requests in it; of a stall the late ones")
    kind: Literal["errors", "stall"] = "errors"
    partial: bool = Field(default=False, description="some requests were answered in it; high_s is then a 99 % bound")
    excess_s: float | None = Field(default=None, description="of a stall: the longest wait in it beyond the usual one")
    ended: bool = Field(default=True, description="false if it still lasted when the probe stopped")


class Latency(Model):
    """Milliseconds from the scheduled time to the end, of answered requests."""

    p50: float
    p99: float
    max: float


class Traffic(Model):
    """What the app's users felt, by the measuring probe."""

    requests: int
    errors: int
    error_rate: float
    error_rate_below: float = Field(description="upper bound of the error rate at 95 % confidence")
    restarts: int = Field(default=0, description="how many restarts it stands for; 0 where that is not known")
    restarts_failing_below: float | None = Field(
        default=None, description="upper bound, at 95 %, of the share of such restarts in which any request fails"
    )
    certain_s: float | None = Field(
        default=None, description="an outage of the whole Service longer than this would surely have been seen"
    )
    rate_per_s: float | None = Field(default=None, description="how many requests were due in a second")
    statement: str = Field(default="", description="what errors, or their absence, say, in words")
    unknown: int = 0
    outages: list[Outage] = []
    causes: dict[str, int] = {}
    without_cause: int = Field(default=0, description="failed requests that no cause explains")
    latency_ms: Latency | None = None
    clock_error_s: float = Field(default=0.0, description="by how much its moments may differ from what pods say")


class Phase(Model):
    """One moment of a handover; it lay within its bounds, ns since the epoch by the harness's clock."""

    what: Literal["act", "last work", "released", "expired", "acquired", "first work"]
    low_ns: int
    high_ns: int


class Cut(Model):
    """A stream, or a request in flight, that broke off. `pod` is empty where none is known to have had it."""

    pod: str
    error: str
    at_ns: int
    age_s: float
    after_signal_s: float | None = Field(default=None, description="since the pod said that it was told to stop")


class Streams(Model):
    """The long-lived streams of one prober that were open after the warm-up, by how they ended; the rest lasted."""

    opened: int
    unopened: int = Field(default=0, description="failed before the first heartbeat")
    unknown: int = 0
    cut: int = Field(default=0, description="reset, closed or truncated: ended without a word")
    told: int = Field(default=0, description="ended by the server by a word: the last chunk, a close frame")
    silent: int = Field(default=0, description="no heartbeat for longer than the deadline")
    other: int = 0
    heartbeats: int = 0
    lost: int = Field(default=0, description="numbers missing between a stream's first and last heartbeat")
    doubled: int = 0
    untold: int = Field(default=0, description="heartbeats that came, but not into the history")
    longest_gap_s: float | None = None
    cuts: list[Cut] = []


class InFlight(Model):
    """Requests that take a while, each with a key, against the servers' ledgers; `requests` counts keys."""

    requests: int
    answered: int
    resent: int = 0
    failed: int = Field(default=0, description="failed sendings, first and second ones")
    unknown: int = 0
    lost: int = Field(default=0, description="begun and never done")
    doubled: int = Field(default=0, description="done more than once")
    unanswered: int = Field(default=0, description="done, but no sending of it was answered")
    untold: int = Field(default=0, description="entries of ledgers that did not come into the history")
    cuts: list[Cut] = []


class Kept(Model):
    """One prober's kept connections."""

    connections: int
    reused: int = Field(description="requests on a connection that had been used before")
    broken: int = Field(description="those of them that failed")
    oldest_s: float
    most_used: int


class PodAnswers(Model):
    """What one pod did with requests straight to its address."""

    pod: str
    requests: int
    failed: int
    failed_while_ready: int = Field(description="while the pod's endpoint was ready in a Service")
    first_ns: int | None = None
    last_ns: int | None = None


class Handover(Model):
    """One passing of a Lease's leadership. What was not seen is None."""

    old: str
    new: str
    gap_s: float = Field(description="first new work minus last old work before it; negative if the old one went on")
    clock_error_s: float = Field(default=0.0, description="by how much the two leaders' clocks may differ")
    first_work_ns: int
    last_renewal_ns: int | None = None
    acquired_ns: int | None = None
    since_last_renewal_s: float | None = Field(default=None, description="acquired by the new minus renewed by the old")
    phases: list[Phase] = []


class Failover(Model):
    """From the old leader's last work to the new one's first, the longest; overlap is both at work at once."""

    low_s: float
    estimate_s: float
    high_s: float
    total_low_s: float = Field(default=0.0, description="of all handovers together, as are the next two")
    total_estimate_s: float = 0.0
    total_high_s: float = 0.0
    overlap_s: float = Field(default=0.0, description="two at work for so long at least")
    overlap_high_s: float = 0.0
    stale: int = Field(default=0, description="pieces of work done by a leader after the next one's first")
    stale_unsure: int = Field(default=0, description="pieces of which the clocks cannot tell")
    clock_error_s: float = 0.0
    transitions: int = Field(default=0, description="by how much the Lease's own count rose")
    handovers: list[Handover] = []


class Advice(Model):
    """A change that would have spared the users what they felt. `kind` says where: in the manifests, in the app's code,
    or in the cluster. `patch` are patches of manifests, `paste` the same as YAML.
    """

    code: str
    kind: Literal["manifest", "code", "cluster"]
    what: str
    why: str
    evidence: list[str] = []
    object: str = ""
    patch: list[dict[str, Any]] = []
    paste: str = ""


class Finding(Model):
    """What a manifest promises wrongly, told before any restart. `code` is stable; `row` and `shown_by` say what shows
    it: a row's id (B2) and a restart path (delete).
    """

    code: str
    severity: Literal["error", "warning", "info"]
    what: str
    why: str
    object: str
    path: str = ""
    file: str = ""
    line: int | None = None
    row: str = ""
    shown_by: str = ""
    paste: str = Field(default="", description="the manifest's lines to paste, YAML")


class Noise(Model):
    """How quiet the machine was: the control probe and the lag of sent against scheduled."""

    control_requests: int = 0
    control_errors: int = 0
    lag_p99_ms: float | None = None
    limit_ms: float | None = None
    cpu_pressure: float | None = None
    quiet: bool | None = None
    why: str = ""
    earlier: str | None = Field(
        default=None, description="what was too noisy at the first time, where it was measured twice"
    )


class Note(Model):
    """A paragraph of a user's own about a row: plain text."""

    title: str
    text: str


class Result(Model):
    """One row's verdict. `id` is the row (B1), `name` is unique in a run (rollout-naive)."""

    id: str
    name: str
    path: str
    title: str = ""
    test: str = ""
    verdict: Verdict
    why: str
    proof: list[str] = []
    expected: list[Expected] = []
    traffic: Traffic | None = None
    other_traffic: dict[str, Traffic] | None = Field(default=None, description="of further measuring probers, by name")
    kept: dict[str, Kept] | None = None
    streams: dict[str, Streams] | None = None
    in_flight: InFlight | None = None
    each_pod: list[PodAnswers] | None = None
    failover: Failover | None = None
    noise: Noise | None = None
    advice: list[Advice] = Field(default=[], description="what to change; none where nobody was hurt")
    findings: list[Finding] = Field(default=[], description="what the manifests promise wrongly; see `survive look`")
    notes: list[Note] = Field(default=[], description="by pytest_survive_notes")
    timings: dict[str, float] = {}
    started_ns: int = 0
    duration_s: float = 0.0


class FaultSeen(Model):
    """How well the outages of one kind of fault were measured."""

    outages: int
    bias_ms: float = Field(description="mean of (estimate - truth)")
    sd_ms: float = Field(description="standard deviation of (estimate - truth)")
    bracket_share: float = Field(description="share of the outages whose bracket [low, high] holds the truth")


class ClientSeen(Model):
    """A client's count of broken requests beside that of the server which broke them."""

    broken: int
    seen: int


class Calibration(Model):
    """How well outages of known length were measured."""

    spacing_ms: float
    outages: int
    bias_ms: float = Field(description="of the outages that every request met; so is sd_ms")
    sd_ms: float
    bracket_share: float
    probes_without_fault: int
    false_failures: int
    by_fault: dict[str, FaultSeen]
    clients: dict[str, ClientSeen]


class Calibrated(Model):
    """A calibration with where and when it was made."""

    made: str = Field(description="ISO 8601, UTC")
    machine: str
    command: str
    full: bool = Field(description="false for a quick one, whose figures are held to fewer targets")
    table: Calibration
    left_out: list[str] = []
    missed: list[str] = Field(default=[], description="the targets that were missed")


class Cluster(Model):
    """Where it ran."""

    provider: str
    version: str
    nodes: int


class Use(Model):
    """How a user's app is used, by which a report says what a restart costs."""

    rate_per_s: float | None = Field(
        default=None, gt=0, description="requests a second; None: as many as were measured"
    )
    deploys_a_day: float = Field(default=1.0, gt=0, description="each restarts the app once")
    slo_percent: float = Field(default=99.9, gt=0, lt=100, description="the availability that is aimed at")


def use_of(rate_per_s: float | None, deploys_a_day: float | None, slo_percent: float | None) -> Use | None:
    """The use that options tell of; None if they tell nothing. Raises UsageError where a figure cannot be."""
    told = {"rate_per_s": rate_per_s, "deploys_a_day": deploys_a_day, "slo_percent": slo_percent}
    given = {name: value for name, value in told.items() if value is not None}
    try:
        return Use(**given) if given else None
    except ValidationError as exc:
        first = exc.errors()[0]
        raise UsageError(f"{first['loc'][0]} {first['input']}: {first['msg']}") from exc


class Run(Model):
    """The run as a whole."""

    id: str
    started: str = Field(description="ISO 8601, UTC")
    duration_s: float
    cluster: Cluster
    noise: dict[str, Any] = {}
    failed: int = Field(default=0, description="failed requests of all rows")
    without_cause: int = Field(default=0, description="of these, those that no cause explains")
    use: Use | None = Field(default=None, description="as the run was told")
    calibration: Calibrated | None = Field(default=None, description="the last one of this machine; None: never")


class Results(Model):
    """The whole of results.json."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: int = Field(default=SCHEMA, alias="schema")
    run: Run
    results: list[Result]

    def write(self, path: pathlib.Path) -> None:
        """Write results.json; fields that do not apply are left out."""
        text = self.model_dump_json(by_alias=True, exclude_none=True, indent=1)
        path.write_text(text + "\n")

    @classmethod
    def read(cls, path: pathlib.Path) -> "Results":
        """Read results.json. Raises pydantic.ValidationError where it is not of this schema."""
        return cls.model_validate_json(path.read_text())


def schema() -> dict[str, Any]:
    """The JSON schema of results.json."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Results.model_json_schema(by_alias=True)}
