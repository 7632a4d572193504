"""`--dry-run`: a row is told instead of run. Nothing is written to a cluster; an existing one is read to say what is
missing."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness import rights, versions
from harness.clusters.provider import at_existing, chosen_context
from harness.deploy import App, OwnNode, running
from harness.disrupt import PATHS, Path, barred, does
from harness.judge.expectation import Expectation
from harness.kube import Kube
from harness.load import HOME, Ask, Errand, NewConnections, Probe, Target, objects
from harness.manifests import Manifest, pod_spec
from harness.nodes import Nodes
from harness.options import Options
from harness.scenario import Row

NODE_WORDS = {
    "": "",
    "changes": "; the node is closed or tainted, or crowded, and is as before afterwards",
    "breaks": "; the node, which is the row's own, is broken and removed",
}


class Rehearsal:
    """Stands in for a Scenario: the same calls, each of which adds to `lines` what a run would do."""

    def __init__(
        self, row: Row, options: Options, kube: Kube | None = None, nodes: Nodes | None = None, skipped: str = ""
    ) -> None:  # fmt: skip
        self.row = row
        self.lines: list[str] = []
        self._options = options
        self._kube = kube
        self._nodes = nodes
        if skipped:
            self._say("skip", f"the row {row.name}: {skipped}")
        labels = ", ".join(f"{key}={value}" for key, value in options.labels.items())
        self._say("create", f"a namespace survive-{row.name}-*, removed at the end" + (f"; {labels}" if labels else ""))
        if options.pull_auth:
            self._say("create", "Secret/survive-pull in it, to pull images with")
        for path in (path for path in PATHS if path.name == row.path):
            self._bar(path)

    def add_node(self, *, small_disk: bool = False) -> OwnNode:
        """A node of its own, or one that is lent."""
        node = OwnNode.of(self.row.name)
        if listed := self._options.nodes:
            self._say(
                "lend", f"one of the nodes {', '.join(listed)}: label and taint {node.taint}, taken off at the end"
            )
            return dataclasses.replace(node, name=" or ".join(listed))
        self._say("add", f"a node for the row alone{', with a small disk' if small_disk else ''}, removed at the end")
        return node

    def deploy(self, app: App, timeout_s: float = 60, *, ready: bool = True) -> App:  # noqa: ARG002 - as a scenario's
        """The app's objects."""
        self._apply(app.manifests)
        return app

    def attach(self, namespace: str, kind: str, name: str, service: str = "", port: int | str = "") -> App:
        """Nothing is applied; without a cluster at hand the app's labels are not known."""
        self._say("watch", f"{kind} {namespace}/{name}, which is left as it is but for the restart")
        if self._kube is None:
            number = port if isinstance(port, int) else 80
            return App(name, [], f"{service}.{namespace}" if service else None, number, {}, kind)
        return running(self._kube, namespace, kind, name, service, port)

    @contextlib.contextmanager
    def load(
        self, app: App | None = None, rate: float = 100.0, background: float = 20.0,
        probes: Sequence[Probe] = (NewConnections(),), locustfile: str | pathlib.Path = "", users: int = 10,
        workers: int = 1, ask: Ask = HOME, deadline_s: float = 1.0, **_: float,
    ) -> Iterator[None]:  # fmt: skip
        """The load's objects, and how often they ask; for how long is not told."""
        target = Target(app.service, app.port, ask) if app and app.service else None
        before, pods = objects(
            target, probes if target else (), app.selector if app else {}, interval_ms=1000 / rate,
            deadline_s=deadline_s, background_rate=0 if locustfile else background,
        )  # fmt: skip
        self._apply([*before, *pods])
        if target:
            by = f"{users} users of {locustfile}" if locustfile else f"Locust's {background:g} a second"
            several = f" in {workers} pods under a master" if workers > 1 else ""
            what = f"{ask.method} {ask.path} of Service/{target.host}:{target.port}"
            self._say("ask", f"{what} {rate:g} times a second, over {by}{several}")
        yield

    @contextlib.contextmanager
    def canary(self, errand: Errand) -> Iterator[None]:
        """Work for one of the cluster's own controllers."""
        api_version, kind = errand.watched
        self._say("create", f"a second namespace, and {kind}s ({api_version}) in it that {errand.lease} works on")
        yield

    def restart(self, path: Path) -> None:
        """What the path does, to what."""
        fields = _fields(path)
        how = ", ".join(f"{name}={_words(value)}" for name, value in fields.items() if value not in (None, ""))
        what = f"{path.name}: {does(type(path))}" + (f" [{how}]" if how else "")
        self._say("restart", what + NODE_WORDS[path.on_nodes])
        self._bar(type(path))

    def wait_held(self, lease: str) -> None:
        """Nothing is changed."""
        self._say("wait", f"for a holder of Lease/{lease}")

    def wait_leader(self, lease: str) -> None:
        """Nothing is changed."""
        self._say("wait", f"for a leader by Lease/{lease}")

    def expect(self, *expectations: Expectation) -> None:
        """Nothing is judged."""
        self._say("judge", f"{len(expectations)} expectations, from what was recorded")

    def _apply(self, objects_: Iterable[Manifest]) -> None:
        for one in map(self._options.images.dress, objects_):
            images = sorted({container["image"] for container in _containers(one)})
            of = f" ({', '.join(images)})" if images else ""
            self._say("apply", f"{one['kind']}/{one['metadata']['name']}{of}")

    def _bar(self, path: type[Path]) -> None:
        if self._kube is None:
            return
        lacking = rights.missing(self._kube, map(rights.Right.read, path.rights))
        if why := barred(path.on_nodes, self._nodes) or (rights.told(lacking) if lacking else ""):
            self._say("skip", f"the path {path.name}: {why}")

    def _say(self, verb: str, what: str) -> None:
        line = f"{verb:8}{what}"
        if line not in self.lines:
            self.lines.append(line)


@contextlib.contextmanager
def rehearsals(options: Options) -> Iterator["Stage"]:
    """Where rows are rehearsed: an existing cluster is read, one of our own is left alone.

    Raises an error where a run would not be let in.
    """
    if not (context := chosen_context(options)):
        yield Stage(options)
        return
    connection = at_existing(options, context)
    with contextlib.closing(connection.kube()) as kube:
        rights.demand(kube, rights.of_role(rights.EVERY_RUN))
        skipped = versions.skipped(versions.parse(connection.version), versions.gates_of(kube.metrics))
        yield Stage(options, kube, connection.own_nodes("rehearsal"), skipped)


@dataclasses.dataclass(frozen=True, slots=True)
class Stage:
    """Where rows are rehearsed."""

    options: Options
    kube: Kube | None = None
    nodes: Nodes | None = None
    skipped: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def rehearsal(self, row: Row) -> Rehearsal:
        """One row's."""
        return Rehearsal(row, self.options, self.kube, self.nodes, self.skipped.get(row.name, ""))


def _fields(path: Path) -> dict[str, object]:
    if not dataclasses.is_dataclass(path):
        return {}
    return {one.name: getattr(path, one.name) for one in dataclasses.fields(path)}


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{key}={one}" for key, one in value.items())
    return str(value)


def _containers(manifest: Manifest) -> list[Manifest]:
    if manifest["kind"] != "Pod" and "template" not in manifest.get("spec", {}):
        return []
    found: list[Manifest] = pod_spec(manifest)["containers"]
    return found
