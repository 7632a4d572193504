"""Load: probers that measure, a control that tells how quiet it was, and Locust in the background."""

from harness.load.load import Load
from harness.load.probes import EachPod, InFlight, KeptAlive, NewConnections, Probe, Streams

__all__ = ["EachPod", "InFlight", "KeptAlive", "Load", "NewConnections", "Probe", "Streams"]
