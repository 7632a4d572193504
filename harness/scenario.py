"""One scenario, from an empty namespace to a verdict: the only place that knows the order of the stages.

provision → deploy → (load ∥ disrupt ∥ observe) → judge → report.
"""

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness import rights
from harness.clock import NS_PER_S, now_ns
from harness.deploy import (
    App,
    Furnishing,
    OwnNode,
    apply,
    create_namespace,
    delete_namespace,
    running,
    take_pods_off,
    wait_ready,
)
from harness.disrupt import NEEDS_NODES, PATHS, Path, Site, barred
from harness.errors import Impossible, UsageError
from harness.failures import raise_unless_passed
from harness.history import History, Recorder
from harness.judge import verdict
from harness.judge.expectation import Expectation
from harness.kube import Kube
from harness.load import HOME, Ask, Canary, Errand, Load, NewConnections, Probe, Swarm, read_locustfile
from harness.look import look
from harness.manifests import Manifest, essential
from harness.nodes import Nodes
from harness.observe.clocks import NodeClocks
from harness.observe.observer import Observer
from harness.proof import Proof
from harness.records import Deployed, LeaseSeen, ScenarioEnded, ScenarioStarted, Work
from harness.reigns import reigns
from harness.results import Note, Result
from harness.run import RunFolder
from harness.starts import in_turn
from harness.status import Status
from harness.wait import until

SETTLE_S = 30.0
"""How long after the act users may still be hurt; then the outage is reported as one that did not end."""

COMPONENTS = "kube-system"
"""Where the cluster's own controllers have their Leases."""

LEASE_S = 90.0
"""How long it may take until a Lease is held: one of a dead holder must expire first."""

LEADING_S = 3.0
"""A leader must have worked, and renewed its Lease, for a while before it is taken away."""


@dataclass(frozen=True, slots=True)
class Row:
    """Which row of the matrix a test is. `id` is the row's (B1); `name` is unique in a run (rollout-naive)."""

    id: str
    name: str
    path: str
    title: str
    test: str


class Scenario:
    """What a test's fixture `survive` is: deploy, load, restart, expect."""

    def __init__(
        self, kube: Kube, folder: RunFolder, row: Row, nodes: Nodes | None = None,
        furnishing: Furnishing | None = None, *, shared: bool = False, status: Status | None = None,
        again: bool = False, skipped: str = "",
    ) -> None:  # fmt: skip
        self.row = row
        self._skipped = skipped
        self._furnishing = furnishing
        self._shared = shared
        self.result: Result | None = None
        self._kube = kube
        self._folder = folder
        self._nodes = nodes
        self._own: list[OwnNode] = []
        earlier = folder.set_aside(row.name) if again else None
        self._earlier = earlier.noise.why if earlier and earlier.noise else ""
        self._recorder: Recorder = folder.recorder(row.name, status.heard if status else None)
        self._manifests: list[Manifest] = []
        self._paths: list[Path] = []
        self._lease = ""
        self._loaded = False
        self._closing = contextlib.ExitStack()
        self._namespace = ""
        self._elsewhere = ""
        """The namespace of an app of others that is restarted."""
        self._observers: list[Observer] = []
        self._clocks: NodeClocks | None = None

    def open(self) -> None:
        """Make the namespace and begin to observe it.

        Raises Impossible, before anything is made, where this version of Kubernetes cannot do the row, or its path is
        one that this cluster or one's rights bar.
        """
        began_ns = now_ns()
        self._closing.callback(self._recorder.close)
        self._closing.callback(self._remove_nodes)  # after the namespace was asked to go: nothing is replaced any more
        try:
            if self._skipped:
                raise Impossible(self._skipped)
            self._allow(*(path for path in PATHS if path.name == self.row.path))
            self._namespace = self._create_namespace(self.row.name)
            self._closing.callback(delete_namespace, self._kube, self._namespace)
        finally:
            row = self.row
            self._recorder.add(
                ScenarioStarted(began_ns, row.id, row.name, row.path, row.title, self._namespace, row.test)
            )
            self._recorder.flush()
        observer = Observer(self._kube, self._recorder, self._namespace)
        observer.start()
        self._observers.append(observer)
        self._clocks = NodeClocks(self._kube, self._recorder, self._namespace)

    def add_node(self, *, small_disk: bool = False) -> OwnNode:
        """Add a node for this row alone; it is removed with the row. Raises Impossible where the cluster gives none.

        A small disk is one that is soon full; see `harness.nodes`.
        """
        if self._nodes is None:
            raise Impossible(NEEDS_NODES)
        node = OwnNode.of(self.row.name)
        name = self._nodes.add(node.name, node.labels, [node.taint], small_disk=small_disk)
        node = dataclasses.replace(node, name=name)
        self._own.append(node)
        return node

    def deploy(self, app: App, timeout_s: float = 60, *, ready: bool = True) -> App:
        """Apply an app's manifests and wait until it is ready, unless it is one that never is."""
        self._recorder.add(Deployed(now_ns(), app.name, essential(app.manifests)))
        self._manifests += app.manifests
        with self._starting():
            apply(self._kube, app, self._namespace)
        if ready:
            wait_ready(self._kube, app, self._namespace, timeout_s)
        return app

    def attach(self, namespace: str, kind: str, name: str, service: str = "", port: int | str = "") -> App:
        """An app that runs already, in a namespace of others: it is observed, and what is restarted is it.

        Nothing is applied. Load is in a namespace of our own. Raises Impossible where rights are missing there.
        """
        self._elsewhere = namespace
        self._allow(*(path for path in PATHS if path.name == self.row.path))
        app = running(self._kube, namespace, kind, name, service, port)
        self._manifests += app.manifests
        self._recorder.add(Deployed(now_ns(), app.name, app.manifests))
        observer = Observer(self._kube, self._recorder, namespace)
        self._observers.append(observer)
        observer.start()
        return app

    @contextlib.contextmanager
    def load(
        self, app: App | None = None, rate: float = 100.0, background: float = 20.0,
        probes: Sequence[Probe] = (NewConnections(),), locustfile: str | pathlib.Path = "", users: int = 10,
        workers: int = 1, ask: Ask = HOME, deadline_s: float = 1.0, settle_s: float = SETTLE_S, at_least_s: float = 0,
    ) -> Iterator[None]:  # fmt: skip
        """Measure an app's Service `rate` times a second while the block runs, over Locust's `background` requests.

        `ask` says what is requested and what a good answer is; one that has none after `deadline_s` failed.

        `probes` says how: each is a prober of its own, and those of single requests send `rate` each. Without an app
        only the control is measured, which tells how quiet the machine is. The block begins when all is well, and its
        load ends when all has been well again for a while, or is not within `settle_s`, and not before `at_least_s`.

        With a `locustfile` its own users load instead, `users` of them, in a closed loop; `background` is not used.
        Over one `workers` either load is spread over so many pods under a Locust master.
        """
        own = read_locustfile(locustfile) if locustfile else ""
        swarm = Swarm(workers, background, users, own) if app and (own or workers > 1) else None
        load = Load(
            self._kube,
            self._recorder,
            self._namespace,
            service=app.service if app else None,
            port=app.port if app else 80,
            probes=probes,
            ask=ask,
            selector=app.selector if app else None,
            interval_ms=1000 / rate,
            deadline_s=deadline_s,
            background_rate=background,
            swarm=swarm,
            starting=self._starting,
        )
        self._loaded = True
        load.start()
        end_ns = now_ns() + round(at_least_s * NS_PER_S)
        try:
            yield
            load.settle(settle_s)
            until(lambda: now_ns() >= end_ns, f"{at_least_s:g} s of load", at_least_s + SETTLE_S, every_s=0.25)
        finally:
            load.stop()

    @contextlib.contextmanager
    def canary(self, errand: Errand) -> Iterator[None]:
        """Give one of the cluster's own controllers some work while the block runs; failovers are judged by its Lease.

        The block begins when it is at work, and ends when it is so again.
        """
        self._lease = errand.lease
        self._observers[0].watch_lease(errand.lease, COMPONENTS)
        namespace = self._create_namespace(f"{self.row.name}-canary")
        self._closing.callback(delete_namespace, self._kube, namespace)
        canary = Canary(self._kube, self._recorder, namespace, errand)
        try:
            canary.start()
            yield
            canary.wait_working()
        finally:
            canary.stop()

    def restart(self, path: Path) -> None:
        """Trigger a restart path and wait until it has come to its end; it is healed whatever happens.

        Raises Impossible, before anything is done, where this cluster cannot do it.
        """
        self._allow(path)
        site = Site(self._kube, self._elsewhere or self._namespace, self._recorder, self._nodes)
        if reason := path.needs(site):
            raise Impossible(reason)
        self._closing.callback(path.heal, site)
        self._paths.append(path)
        if self._clocks is not None:
            self._clocks.look()
        path.act(site)

    def _create_namespace(self, name: str) -> str:
        return create_namespace(self._kube, name, self._folder.id, furnishing=self._furnishing)

    def _allow(self, *paths: Path | type[Path]) -> None:
        """Raise Impossible if a path may not do to nodes what it does, or if rights that it needs are missing."""
        for path in paths:
            if reason := barred(path.on_nodes, self._nodes):
                raise Impossible(f"the path {path.name}: {reason}")
            needed = map(rights.Right.read, path.rights) if self._shared else ()
            if lacking := rights.missing(self._kube, needed, self._elsewhere):
                where = f" in the namespace {self._elsewhere}" if self._elsewhere else ""
                raise Impossible(f"the path {path.name}{where}: {rights.told(lacking)}")

    def wait_leader(self, lease: str) -> None:
        """Wait until a leader is, and has been for a while, at work; failovers are then judged by this Lease."""
        self._lease = lease

        def led() -> bool:
            line = reigns(self._recorder.history().of(Work))
            last = max((reign.stretches[-1] for reign in line), key=lambda one: one.last_ns, default=None)
            return last is not None and last.last_ns - max(last.first_ns, began_ns) >= LEADING_S * NS_PER_S

        began_ns = now_ns() - round(LEADING_S * NS_PER_S)
        until(led, f"{LEADING_S:g} s of work by the holder of lease/{lease}", SETTLE_S + LEADING_S, every_s=0.25)

    def wait_held(self, lease: str) -> None:
        """Wait until one holder has had a Lease, and renewed it, for a while: for leaders that tell nothing."""

        def held() -> bool:
            seen = [one for one in self._recorder.tail(LeaseSeen, 200) if one.name == lease]
            last = [one for one in seen if seen[-1].holder and one.holder == seen[-1].holder and one.t_ns >= began_ns]
            return bool(last) and last[-1].t_ns - last[0].t_ns >= LEADING_S * NS_PER_S

        began_ns = now_ns() - round(LEADING_S * NS_PER_S)
        until(held, f"lease/{lease} to be held for {LEADING_S:g} s", LEASE_S, every_s=0.25)

    def expect(self, *expectations: Expectation) -> Result:
        """Judge what was recorded. Raises Failed or Inconclusive unless it passes."""
        if not self._paths:
            raise UsageError("nothing was restarted: call survive.restart(...) before survive.expect(...)")
        result = self._judge(expectations, "")
        raise_unless_passed(result)
        return result

    def skip(self, reason: str) -> None:
        """Keep a result that says why this row was not run."""
        self.result = Result(
            id=self.row.id, name=self.row.name, path=self.row.path, title=self.row.title, test=self.row.test,
            verdict="skip", why=reason,
        )  # fmt: skip
        self._folder.file(self.result)

    @property
    def history(self) -> History:
        """All that was recorded so far."""
        return self._recorder.history()

    def note(self, notes: Sequence[Note]) -> None:
        """Keep paragraphs of a user's own with the result."""
        if self.result is not None and notes:
            self.result = self.result.model_copy(update={"notes": list(notes)})
            self._folder.file(self.result)

    def close(self, error: str = "") -> None:
        """Judge what was not judged, heal, and remove the namespace. `error` is what broke the test, if anything."""
        try:
            if self.result is None:
                self._judge((), error or "the test ended without a survive.expect(...)")
        finally:
            self._closing.close()

    def _starting(self) -> contextlib.AbstractContextManager[None]:
        """This row's turn, among those of the run, at starting containers."""
        return in_turn(self._folder.turn("starts", self.row.name), self._recorder)

    def _remove_nodes(self) -> None:
        for node in self._own:
            assert self._nodes is not None
            if self._nodes.breakable:  # on a node of others their pods stay
                take_pods_off(self._kube, node.name)
            self._nodes.remove(node.name)

    def _judge(self, expectations: tuple[Expectation, ...], error: str) -> Result:
        if self._observers and self._clocks is not None:
            self._clocks.look()
        while self._observers:
            self._observers.pop().stop()
        self._recorder.add(ScenarioEnded(now_ns(), self.row.name, error))
        history = self._recorder.history()
        proof = sum((path.proof(history) for path in self._paths), Proof())
        needed = verdict.needs_control(expectations, loaded=self._loaded)
        self.result = verdict.judge(
            history, proof, expectations, needs_control=needed, lease=self._lease, probe="service",
            restarts=sum(path.restarted(history) for path in self._paths),
        ).model_copy(update={"findings": look(self._manifests)})  # fmt: skip
        if self._earlier and self.result.noise:
            noise = self.result.noise.model_copy(update={"earlier": self._earlier})
            self.result = self.result.model_copy(update={"noise": noise})
        self._folder.file(self.result)
        return self.result
