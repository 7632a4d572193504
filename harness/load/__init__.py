"""Load: probers that measure, a control that tells how quiet it was, Locust in the background, and canaries."""

from harness.load.canary import Canary, Errand, ReconcileDeployment, SchedulePods
from harness.load.load import Load, objects
from harness.load.probes import (
    HOME,
    MEASURE,
    Ask,
    EachPod,
    Httpx,
    InFlight,
    KeptAlive,
    NewConnections,
    Probe,
    Streams,
    Target,
)
from harness.load.swarm import Swarm, read_locustfile

__all__ = [
    "HOME",
    "MEASURE",
    "Ask",
    "Canary",
    "EachPod",
    "Errand",
    "Httpx",
    "InFlight",
    "KeptAlive",
    "Load",
    "NewConnections",
    "Probe",
    "ReconcileDeployment",
    "SchedulePods",
    "Streams",
    "Swarm",
    "Target",
    "objects",
    "read_locustfile",
]
