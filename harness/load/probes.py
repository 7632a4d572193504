"""What measures: the kinds of probers that a scenario may ask for. Each runs as a container of its own."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal

# Without site and without the environment Python starts in a third of the time.
PYTHON = ("python3", "-E", "-S", "-m")
MEASURE = "service"
EACH_POD = "each-pod"
HTTPX_INTERVAL_MS = 5.0
PATIENCE_S = 2.0
"""A request in flight fails so long after the time that it takes."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of an app, and the status of a good answer, or several. Headers are (name, value) pairs."""

    path: str = "/"
    status: int | tuple[int, ...] = 200
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""

    @property
    def good(self) -> tuple[int, ...]:
        """The statuses of a good answer."""
        return (self.status,) if isinstance(self.status, int) else self.status

    def said(self) -> list[str]:
        """Method, status, headers and body as options of a prober."""
        # Joined by =, since a value may begin with a dash.
        more = [f"--method={self.method}"] if self.method != "GET" else []
        more += [f"--header={name}:{value}" for name, value in self.headers]
        return [
            "--expect-status",
            ",".join(map(str, self.good)),
            *more,
            *([f"--body={self.body}"] if self.body else []),
        ]


HOME: Final = Ask()
"""What is asked where nothing is said: GET /."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests are sent, and what is asked."""

    host: str
    port: int = 80
    ask: Ask = HOME

    def at(self) -> list[str]:
        """It as options of a prober."""
        return ["--target", f"{self.host}:{self.port}", "--path", self.ask.path, *self.ask.said()]


@dataclass(frozen=True, slots=True)
class Probe(ABC):
    """One prober. `name` is what it is called in the history, `cpu` what it asks of the node that it runs on."""

    cpu: ClassVar[str] = "50m"
    slow: ClassVar[bool] = False
    """Whether its requests take long by design: then it is steady if those that ended lately were answered."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Unique among the probers of a scenario."""

    @abstractmethod
    def command(self, target: Target, interval_ms: float, deadline_s: float) -> list[str]:
        """The container's command; interval and deadline are the load's, for a probe that has none of its own."""

    def _prober(self, role: str, interval_ms: float, deadline_s: float) -> list[str]:
        spacing = ["--interval-ms", f"{interval_ms:g}", "--deadline-s", f"{deadline_s:g}"]
        return [*PYTHON, "load.probe", *spacing, "--probe", self.name, "--role", role]


@dataclass(frozen=True, slots=True)
class NewConnections(Probe):
    """A new connection for each request, through the Service: what every client that comes anew meets.

    `node`: from a pod on that node instead of the load's own place. `fresh_ports`: each from a source port that was not
    used for long, so that connection tracking takes none for an old one that was never answered.
    """

    cpu: ClassVar[str] = "200m"
    node: str = ""
    fresh_ports: bool = False

    @property
    def name(self) -> str:
        """By the node, if it is a chosen one; a container has it too, which has no dots."""
        return f"{MEASURE}-from-{self.node}".replace(".", "-")[:63].rstrip("-") if self.node else MEASURE

    def command(self, target: Target, interval_ms: float, deadline_s: float) -> list[str]:
        """As the load has it."""
        ports = ["--fresh-ports"] if self.fresh_ports else []
        return [*self._prober("measure", interval_ms, deadline_s), *target.at(), *ports]


@dataclass(frozen=True, slots=True)
class EachPod(Probe):
    """New connections straight to each pod's address, in turn, ready or not: what a pod does, whatever routing does.

    The prober learns of pods from a headless Service that publishes those that are not ready too. `port` is the pods'.
    """

    port: int = 8080

    @property
    def name(self) -> str:
        """The headless Service has it too."""
        return EACH_POD

    def command(self, target: Target, interval_ms: float, deadline_s: float) -> list[str]:
        """Its target is the headless Service."""
        pods = Target(EACH_POD, self.port, target.ask)
        return [*self._prober("direct", interval_ms, deadline_s), *pods.at(), "--resolve", "all"]


@dataclass(frozen=True, slots=True)
class KeptAlive(Probe):
    """So many pinned connections, used in turn. `looks`: each is looked at before it is used again, whether it is open.

    Clients that do not look (many do not, or not always) meet the server's close by a reset.
    """

    connections: int = 10
    looks: bool = True

    @property
    def name(self) -> str:
        """One a scenario."""
        return "kept-alive"

    def command(self, target: Target, interval_ms: float, deadline_s: float) -> list[str]:
        """As the load has it."""
        kept = ["--mode", "keepalive", "--connections", f"{self.connections}", *([] if self.looks else ["--no-looks"])]
        return [*self._prober("measure", interval_ms, deadline_s), *target.at(), *kept]


@dataclass(frozen=True, slots=True)
class Httpx(Probe):
    """By httpx, for an app that speaks https or HTTP/2: at most 200 requests a second.

    Over http:// HTTP/2 is spoken by prior knowledge. `connections` are pinned; with 0 each request has a new one. Any
    certificate is trusted, since an app in a cluster seldom has one of a known authority, unless `verify`. `named`:
    what it is called, in place of a name by its kind.
    """

    cpu: ClassVar[str] = "500m"
    scheme: Literal["https", "http"] = "https"
    http2: bool = False
    connections: int = 0
    verify: bool = False
    named: str = ""

    @property
    def name(self) -> str:
        """One of each kind in a scenario."""
        if self.named:
            return self.named
        kept = "-kept" if self.connections else ""
        return f"{self.scheme}{'-http2' if self.http2 else ''}{kept}"

    def command(self, target: Target, interval_ms: float, deadline_s: float) -> list[str]:
        """As the load has it, but no faster than it can."""
        url = f"{self.scheme}://{target.host}:{target.port}{target.ask.path}"
        made = ["--url", url, *target.ask.said(), "--deadline-s", f"{deadline_s:g}"]
        made += ["--interval-ms", f"{max(interval_ms, HTTPX_INTERVAL_MS):g}", *(["--http2"] if self.http2 else [])]
        made += ["--mode", "keepalive", "--connections", f"{self.connections}"] if self.connections else []
        asked = ["--probe", self.name, "--role", "measure", *made]
        return ["python3", "-m", "load.httpx_probe", *asked, *([] if self.verify else ["--insecure"])]


@dataclass(frozen=True, slots=True)
class Streams(Probe):
    """So many long-lived streams at any time, each kept for `lasting_s`, with a heartbeat each `beat_s`.

    One that is silent for `deadline_s` has failed. `path` is where the server has such streams; ours by default.
    """

    kind: Literal["sse", "websocket"] = "sse"
    count: int = 6
    lasting_s: float = 20.0
    beat_s: float = 0.2
    deadline_s: float = 2.0
    path: str = ""

    @property
    def name(self) -> str:
        """One of each kind in a scenario."""
        return self.kind

    def command(self, target: Target, interval_ms: float, deadline_s: float) -> list[str]:  # noqa: ARG002 - its own hold
        """By a program of its own."""
        path = self.path or f"/{'sse' if self.kind == 'sse' else 'ws'}?beat={self.beat_s:g}"
        length = ["--streams", f"{self.count}", "--lasting-s", f"{self.lasting_s:g}"]
        where = ["--target", f"{target.host}:{target.port}", "--path", path, "--deadline-s", f"{self.deadline_s:g}"]
        return [*PYTHON, "load.streams", "--probe", self.name, "--kind", self.kind, *length, *where]


@dataclass(frozen=True, slots=True)
class InFlight(Probe):
    """Requests that take `takes_s` (from, to), each with an idempotency key, against the server's ledger.

    The work is done after the share `done_at` of that time. `resends`: the client sends what failed once more, under
    the same key. `path` has places for {key}, {delay} and {work}, the latter two in seconds; our server's by default.
    """

    slow: ClassVar[bool] = True
    rate: float = 10.0
    takes_s: tuple[float, float] = (1.0, 5.0)
    done_at: float = 1.0
    resends: bool = False
    path: str = "/?key={key}&delay={delay}&work={work}"

    @property
    def name(self) -> str:
        """One a scenario."""
        return "in-flight"

    def command(self, target: Target, interval_ms: float, deadline_s: float) -> list[str]:  # noqa: ARG002 - its own hold
        """With a deadline that outlasts the work."""
        low_s, high_s = self.takes_s
        work = ["--work-s", f"{low_s:g}:{high_s:g}", "--done-at", f"{self.done_at:g}"]
        where = Target(target.host, target.port, replace(target.ask, path=self.path))
        asked = [*self._prober("inflight", 1000 / self.rate, high_s + PATIENCE_S), *where.at(), *work]
        return [*asked, "--resend"] if self.resends else asked
