"""Load: probers that measure, a control that tells how quiet it was, Locust in the background, and canaries."""

from harness.load.canary import Canary, Errand, ReconcileDeployment, SchedulePods
from harness.load.load import Load
from harness.load.probes import EachPod, InFlight, KeptAlive, NewConnections, Probe, Streams

__all__ = [
    "Canary",
    "EachPod",
    "Errand",
    "InFlight",
    "KeptAlive",
    "Load",
    "NewConnections",
    "Probe",
    "ReconcileDeployment",
    "SchedulePods",
    "Streams",
]
