"""The restart paths: one file each, with what it needs, its act, its proof and its healing."""

from harness.disrupt.again import DeleteAgain
from harness.disrupt.crash import Crash
from harness.disrupt.crash_component import CrashComponent
from harness.disrupt.crash_leader import CrashLeader
from harness.disrupt.cut_leader import CutLeader
from harness.disrupt.daemon import RestartDaemon
from harness.disrupt.delete import Delete
from harness.disrupt.disk import FillDisk
from harness.disrupt.drain import Drain
from harness.disrupt.ephemeral import PassEphemeralLimit
from harness.disrupt.evict import Evict
from harness.disrupt.evict_blocked import EvictBlocked
from harness.disrupt.evict_unready import EvictUnready
from harness.disrupt.force import Force
from harness.disrupt.freeze_leader import FreezeLeader
from harness.disrupt.handover import Handover
from harness.disrupt.liveness import FailLiveness
from harness.disrupt.node_down import NodeDown
from harness.disrupt.oom import ExceedMemory
from harness.disrupt.past_budget import DeletePastBudget
from harness.disrupt.path import Path, barred, does
from harness.disrupt.preempt import Preempt
from harness.disrupt.rainbow import Rainbow
from harness.disrupt.readiness import FlapReadiness
from harness.disrupt.resize import Resize
from harness.disrupt.restart_all import RestartAll
from harness.disrupt.rollout import Rollout
from harness.disrupt.scale import ScaleDown
from harness.disrupt.signal_container import Hang, Kill
from harness.disrupt.site import NEEDS_NODES, Site
from harness.disrupt.startup import FailStartup
from harness.disrupt.stop import Stop
from harness.disrupt.taint import Taint

__all__ = [
    "NEEDS_NODES",
    "PATHS",
    "Crash",
    "CrashComponent",
    "CrashLeader",
    "CutLeader",
    "Delete",
    "DeleteAgain",
    "DeletePastBudget",
    "Drain",
    "Evict",
    "EvictBlocked",
    "EvictUnready",
    "ExceedMemory",
    "FailLiveness",
    "FailStartup",
    "FillDisk",
    "FlapReadiness",
    "Force",
    "FreezeLeader",
    "Handover",
    "Hang",
    "Kill",
    "NodeDown",
    "PassEphemeralLimit",
    "Path",
    "Preempt",
    "Rainbow",
    "Resize",
    "RestartAll",
    "RestartDaemon",
    "Rollout",
    "ScaleDown",
    "Site",
    "Stop",
    "Taint",
    "barred",
    "does",
]

PATHS: tuple[type[Path], ...] = (
    Crash,
    CrashComponent,
    CrashLeader,
    CutLeader,
    Delete,
    DeleteAgain,
    DeletePastBudget,
    Drain,
    Evict,
    EvictBlocked,
    EvictUnready,
    ExceedMemory,
    FailLiveness,
    FailStartup,
    FillDisk,
    FlapReadiness,
    Force,
    FreezeLeader,
    Handover,
    Hang,
    Kill,
    NodeDown,
    PassEphemeralLimit,
    Preempt,
    Rainbow,
    Resize,
    RestartAll,
    RestartDaemon,
    Rollout,
    ScaleDown,
    Stop,
    Taint,
)
"""All of them."""
