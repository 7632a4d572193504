"""The restart paths: one file each, with what it needs, its act, its proof and its healing."""

from harness.disrupt.crash_leader import CrashLeader
from harness.disrupt.cut_leader import CutLeader
from harness.disrupt.delete import Delete
from harness.disrupt.evict import Evict
from harness.disrupt.freeze_leader import FreezeLeader
from harness.disrupt.handover import Handover
from harness.disrupt.liveness import FailLiveness
from harness.disrupt.path import Path
from harness.disrupt.preempt import Preempt
from harness.disrupt.readiness import FlapReadiness
from harness.disrupt.rollout import Rollout
from harness.disrupt.site import Site
from harness.disrupt.startup import FailStartup

__all__ = [
    "CrashLeader",
    "CutLeader",
    "Delete",
    "Evict",
    "FailLiveness",
    "FailStartup",
    "FlapReadiness",
    "FreezeLeader",
    "Handover",
    "Path",
    "Preempt",
    "Rollout",
    "Site",
]
