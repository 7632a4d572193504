"""The process that holds a Lease stands still past the lease's expiry, then goes on as if nothing had been."""

from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.leader_spell import LeaderSpell
from harness.disrupt.site import Site


@dataclass(frozen=True, slots=True)
class FreezeLeader(LeaderSpell):
    """SIGSTOP to the leader, and SIGCONT after `for_s` seconds."""

    name: ClassVar[str] = "leader-freeze"
    rights: ClassVar[tuple[str, ...]] = ("create pods/proxy",)
    verb: ClassVar[str] = "freeze-leader"
    words: ClassVar[tuple[str, str]] = ("froze", "thawed")

    def order(self, site: Site) -> str:  # noqa: ARG002 - another spell's order needs it
        """The path of the request to the hand."""
        return f"/freeze?s={self.for_s:g}"
