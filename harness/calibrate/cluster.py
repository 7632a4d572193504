"""The trial on a cluster: a pod that takes itself out and tells when, asked through its Service from the load's pod.

All is as in a run: the load, the watches and logs that bring its rows, the history, the judge.
"""

import json
import os
import pathlib
import random
from collections.abc import Sequence

from harness import manifests
from harness.calibrate.compare import Trial, Truth, trial
from harness.calibrate.plan import ON_CLUSTER, SPACING_MS, Effort, Span, spans
from harness.deploy import App, apply, create_namespace, delete_namespace, wait_ready
from harness.errors import SurviveError
from harness.history import History, Recorder
from harness.judge.noise import noise
from harness.kube import Kube
from harness.load import Load
from harness.load.probes import MEASURE
from harness.observe.observer import Observer
from harness.records import Log, Steady
from harness.wait import until

NAME = "faults"
PORT = 8080
FIRST_MS = 45_000.0
"""The pod's outages begin so long after its start: the load must be steady by then."""


def run(kube: Kube, effort: Effort, folder: pathlib.Path) -> Trial:
    """One pod, one prober, all kinds in turn."""
    # Chance, not a secret.
    chosen = spans(random.Random(), ON_CLUSTER, effort.on_cluster, effort.longest_ms, first_ms=FIRST_MS)  # noqa: S311
    recorder = Recorder(folder / "cluster.jsonl.gz", "calibrate")
    namespace = create_namespace(kube, "calibrate", f"calibrate-{os.getpid()}")
    try:
        observer = Observer(kube, recorder, namespace)
        observer.start()
        try:
            _measure(kube, recorder, namespace, chosen)
        finally:
            observer.stop()
    finally:
        delete_namespace(kube, namespace)
        recorder.close()
    return _judge(recorder.history())


def app(chosen: Sequence[Span]) -> App:
    """The fault server behind its Service, with its outages as arguments."""
    deployment, service = manifests.load(NAME)
    windows = [f"--window={one.fault}:{one.start_ms:.3f}:{one.length_ms:.3f}" for one in chosen]
    container = manifests.merged(
        manifests.main_container(deployment), {"args": ["--host=0.0.0.0", f"--port={PORT}", *windows]}
    )
    pod = {"spec": {"template": {"spec": {"containers": [container]}}}}
    return App(NAME, [manifests.merged(deployment, pod), service], service=NAME, port=80, selector={"app": NAME})


def _measure(kube: Kube, recorder: Recorder, namespace: str, chosen: Sequence[Span]) -> None:
    faults = app(chosen)
    apply(kube, faults, namespace)
    wait_ready(kube, faults, namespace)
    load = Load(kube, recorder, namespace, service=NAME, interval_ms=SPACING_MS)
    load.start()
    try:
        until(
            lambda: len(truths(recorder.history())) >= len(chosen),
            f"the end of {len(chosen)} outages",
            (chosen[-1].end_ms + FIRST_MS) / 1000,
            1.0,
            last=lambda: f"{len(truths(recorder.history()))} of them",
        )
        load.settle()
    finally:
        load.stop()


def truths(seen: History) -> list[Truth]:
    """What the pod told of its outages, in order."""
    lines = [
        log.line for log in seen.of(Log) if log.pod.startswith(f"{NAME}-") and log.line.startswith('{"kind":"window"')
    ]
    told = [json.loads(line) for line in lines]
    return [Truth(f"{one['fault']}, on the cluster", one["t_ns"], one["end_ns"]) for one in told]


def _judge(seen: History) -> Trial:
    found, steady_ns = truths(seen), max(record.t_ns for record in seen.of(Steady))
    if found[0].start_ns < steady_ns:
        raise SurviveError("the load was not steady before the first outage: the cluster is too slow")
    return trial(seen.requests(MEASURE), found, noise(seen))
