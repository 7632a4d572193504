"""A pytest plugin that breaks one thing about the rows of the main job: the act, the proof, or the app (SURVIVE_BREAK).

To be loaded before the suites: `python -m pytest -p tests.cluster.breaks suites …`.
"""

import os
from typing import Any

import harness.deploy
from harness.deploy import App
from harness.disrupt import Delete, Evict, FailLiveness, Handover, Path, Preempt, Rollout, Site
from harness.history import History
from harness.proof import Proof
from harness.records import Act, EventSeen, LeaseSeen, PodSeen

PATHS: tuple[type[Path], ...] = (Rollout, Delete, FailLiveness, Evict, Preempt, Handover)
SHOWN = (PodSeen, EventSeen, LeaseSeen)

_proofs = {path: path.proof for path in PATHS}
_server, _controller = harness.deploy.server, harness.deploy.controller


def nothing(_path: Path, _site: Site) -> None:
    """The act that does not happen."""


def blind(path: Path, history: History) -> Proof:
    """The proof of somebody who did not see what the cluster showed once the act had begun."""
    began_ns = min(act.t_ns for act in history.of(Act))
    seen = [one for one in history.records if not (isinstance(one, SHOWN) and one.t_ns > began_ns)]
    return _proofs[type(path)](path, History(history.scenario, seen))


def careless_server(*args: Any, **settings: Any) -> App:
    """The sample server without what made a good variant good."""
    if "liveness" in settings:  # a second replica, and it is back in time
        # With a threshold of 1 the new container is killed again before its startup probe holds the other back: see
        # docs/discoveries.md.
        patient = settings["liveness"] | {"failureThreshold": 5}
        late = {"replicas": 1, "args": ["--startup-delay-s", "10"], "liveness": patient}
        return _server(*args, **settings | late)
    return _server(*args, **settings | {"probes": False, "pre_stop_s": None, "args": ["--startup-delay-s", "2"]})


BREAKS: dict[str, list[tuple[Any, str, Any]]] = {
    "act": [(path, "act", nothing) for path in PATHS],
    "proof": [(path, "proof", blind) for path in PATHS],
    "app": [
        (harness.deploy, "server", careless_server),
        (harness.deploy, "controller", lambda **settings: _controller(**settings | {"release": False})),
    ],
}


def pytest_configure() -> None:
    """Break it, in this process: pytest-xdist's workers load the plugin as well."""
    for owner, name, broken in BREAKS[os.environ["SURVIVE_BREAK"]]:
        setattr(owner, name, broken)
