"""Can your Pod survive a restart? A pytest plugin that finds out, on a real cluster, under load, with proof.

What tests of your own need is here: apps, restart paths, probers, expectations. Each name is imported when it is first
used, so that `import harness` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.deploy import App
    from harness.disrupt import (
        Crash,
        Delete,
        Drain,
        Evict,
        FailLiveness,
        FlapReadiness,
        Force,
        Handover,
        Hang,
        Kill,
        NodeDown,
        Path,
        Preempt,
        Rollout,
        ScaleDown,
        Site,
        Taint,
    )
    from harness.history import History
    from harness.judge.expect import (
        ErrorRate,
        ExitCode,
        Latency,
        NoErrors,
        NoOutage,
        Outage,
        Restarts,
        Seen,
        SomeErrors,
        Timing,
    )
    from harness.judge.expect_lease import LeaseGap
    from harness.judge.expectation import Evidence, Expectation
    from harness.load import Ask, EachPod, Httpx, InFlight, KeptAlive, NewConnections, Probe, Streams
    from harness.own.app import Finder, own_app, path_params
    from harness.own.paths import OwnPath
    from harness.own.run import as_app, run_path
    from harness.proof import Proof
    from harness.results import Note, Result, Results
    from harness.scenario import Scenario
    from harness.spec import OwnApp, PathSettings

__all__ = [
    "App",
    "Ask",
    "Crash",
    "Delete",
    "Drain",
    "EachPod",
    "ErrorRate",
    "Evict",
    "Evidence",
    "ExitCode",
    "Expectation",
    "FailLiveness",
    "Finder",
    "FlapReadiness",
    "Force",
    "Handover",
    "Hang",
    "History",
    "Httpx",
    "InFlight",
    "KeptAlive",
    "Kill",
    "Latency",
    "LeaseGap",
    "NewConnections",
    "NoErrors",
    "NoOutage",
    "NodeDown",
    "Note",
    "Outage",
    "OwnApp",
    "OwnPath",
    "Path",
    "PathSettings",
    "Preempt",
    "Probe",
    "Proof",
    "Restarts",
    "Result",
    "Results",
    "Rollout",
    "ScaleDown",
    "Scenario",
    "Seen",
    "Site",
    "SomeErrors",
    "Streams",
    "Taint",
    "Timing",
    "as_app",
    "own_app",
    "path_params",
    "run_path",
]

_WHERE = {
    "App": "deploy",
    "Crash": "disrupt",
    "Delete": "disrupt",
    "Drain": "disrupt",
    "Evict": "disrupt",
    "FailLiveness": "disrupt",
    "FlapReadiness": "disrupt",
    "Force": "disrupt",
    "Handover": "disrupt",
    "Hang": "disrupt",
    "Kill": "disrupt",
    "NodeDown": "disrupt",
    "Path": "disrupt",
    "Preempt": "disrupt",
    "Rollout": "disrupt",
    "ScaleDown": "disrupt",
    "Site": "disrupt",
    "Taint": "disrupt",
    "History": "history",
    "ErrorRate": "judge.expect",
    "ExitCode": "judge.expect",
    "Latency": "judge.expect",
    "NoErrors": "judge.expect",
    "NoOutage": "judge.expect",
    "Outage": "judge.expect",
    "Restarts": "judge.expect",
    "Seen": "judge.expect",
    "SomeErrors": "judge.expect",
    "Timing": "judge.expect",
    "LeaseGap": "judge.expect_lease",
    "Evidence": "judge.expectation",
    "Expectation": "judge.expectation",
    "Ask": "load",
    "EachPod": "load",
    "Httpx": "load",
    "InFlight": "load",
    "KeptAlive": "load",
    "NewConnections": "load",
    "Probe": "load",
    "Streams": "load",
    "Finder": "own.app",
    "own_app": "own.app",
    "path_params": "own.app",
    "OwnPath": "own.paths",
    "as_app": "own.run",
    "run_path": "own.run",
    "Proof": "proof",
    "Note": "results",
    "Result": "results",
    "Results": "results",
    "Scenario": "scenario",
    "OwnApp": "spec",
    "PathSettings": "spec",
}
"""The module of each, below this package."""


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
