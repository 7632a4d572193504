"""The restart paths: one file each, with what it needs, its act, its proof and its healing."""

from harness.disrupt.delete import Delete
from harness.disrupt.evict import Evict
from harness.disrupt.handover import Handover
from harness.disrupt.liveness import FailLiveness
from harness.disrupt.path import Path
from harness.disrupt.preempt import Preempt
from harness.disrupt.readiness import FlapReadiness
from harness.disrupt.rollout import Rollout
from harness.disrupt.site import Site
from harness.disrupt.startup import FailStartup

__all__ = [
    "Delete",
    "Evict",
    "FailLiveness",
    "FailStartup",
    "FlapReadiness",
    "Handover",
    "Path",
    "Preempt",
    "Rollout",
    "Site",
]
