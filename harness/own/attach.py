"""`--attach NAMESPACE/KIND/NAME`: restarts of an app that runs already, a test a path; the rest of it is left alone."""

import pathlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from harness.deploy import App
from harness.disrupt import Delete, Evict, Handover, Path, Rollout
from harness.errors import UsageError
from harness.judge.expect import NoErrors, NoOutage
from harness.judge.presence import NoneAvailable
from harness.scenario import Scenario

KINDS = {
    "deployment": "Deployment", "deploy": "Deployment", "statefulset": "StatefulSet", "sts": "StatefulSet",
    "daemonset": "DaemonSet", "ds": "DaemonSet",
}  # fmt: skip

RATE = 20.0
"""Requests a second where load is asked for: others use the app too."""

TAKES_S = 40.0


@dataclass(frozen=True, slots=True)
class Attached:
    """What runs: where, what, and by which Service it is asked and by which Lease it is led, if by any."""

    namespace: str
    kind: str
    name: str
    service: str = ""
    port: int = 0
    lease: str = ""

    @classmethod
    def read(cls, text: str, service: str | None = None, lease: str | None = None) -> "Attached":
        """From the options. Raises UsageError."""
        namespace, kind, name, *more = [*text.split("/"), "", ""]
        if not (namespace and name) or any(more) or kind.lower() not in KINDS:
            kinds = ", ".join(sorted(set(KINDS.values())))
            raise UsageError(f"--attach {text}: write NAMESPACE/KIND/NAME, such as shop/deployment/web; kinds: {kinds}")
        called, _, port = (service or "").partition(":")
        if port and not port.isdigit():
            raise UsageError(f"--attach-service {service}: write NAME or NAME:PORT, the port as a number")
        return cls(namespace, KINDS[kind.lower()], name, called, int(port or 0), lease or "")


@dataclass(frozen=True, slots=True)
class AttachedPath:
    """A path, its row of the matrix, and what makes it."""

    name: str
    row: str
    title: str
    make: Callable[[App, str], Path]


PATHS = (
    AttachedPath(
        "rollout", "B1", "It is rolled out anew, as by `kubectl rollout restart`.",
        lambda app, _: Rollout(app.name, app.selector, app.kind),
    ),
    AttachedPath("delete", "B2", "A pod of it is deleted.", lambda app, _: Delete(app.selector)),
    AttachedPath("evict", "C1", "A pod of it is evicted, as by a drain.", lambda app, _: Evict(app.selector)),
    AttachedPath(
        "handover", "D1", "The pod that leads it is deleted.", lambda app, lease: Handover(lease, app.selector)
    ),
)  # fmt: skip


def items(session: pytest.Session, attached: Attached) -> Iterable[pytest.Item]:
    """A test a path; they take turns."""
    module = _Attached.from_parent(session, path=session.config.rootpath / "attach", name="attach")
    for path in PATHS:
        if path.name == "handover" and not attached.lease:
            continue
        item = pytest.Function.from_parent(module, name=path.name, callobj=_test(attached, path))
        item.add_marker(pytest.mark.row(path.row, f"{attached.name}-{path.name}", path.name, takes_s=TAKES_S))
        item.add_marker(pytest.mark.alone(f"attach-{attached.namespace}-{attached.name}"))
        yield item


class _Attached(pytest.Module):
    obj = None  # it is no module of Python

    def reportinfo(self) -> tuple[pathlib.Path, int, str]:
        """Where it is and what it is called."""
        return self.path, 0, "attach"


def run(survive: Scenario, attached: Attached, path: AttachedPath) -> None:
    """Restart it on a path, under load if there is a Service to ask, and judge what its users or its pods show."""
    app = survive.attach(attached.namespace, attached.kind, attached.name, attached.service, attached.port)
    restart = path.make(app, attached.lease)
    if app.service:
        with survive.load(app, rate=RATE, background=0):
            survive.restart(restart)
        survive.expect(NoErrors(), NoOutage())
    else:
        survive.restart(restart)
        survive.expect(NoneAvailable(labels=tuple(app.selector.items()), at_most_s=0.0))


def _test(attached: Attached, path: AttachedPath) -> Callable[[Scenario], None]:
    def test(survive: Scenario) -> None:
        run(survive, attached, path)

    test.__doc__ = path.title
    return test
