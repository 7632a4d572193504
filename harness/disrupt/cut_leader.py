"""The leader is cut off from the API server: it lives and works, but cannot renew its Lease."""

from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.leader_spell import LeaderSpell
from harness.disrupt.site import Site


@dataclass(frozen=True, slots=True)
class CutLeader(LeaderSpell):
    """What the leader sends to the API server's Service is dropped for `for_s` seconds.

    The hand needs to run as root with NET_ADMIN. Only IPv4 is cut.
    """

    name: ClassVar[str] = "leader-cut"
    rights: ClassVar[tuple[str, ...]] = ("create pods/proxy",)
    verb: ClassVar[str] = "cut-leader"
    words: ClassVar[tuple[str, str]] = ("cut", "mended")

    def needs(self, site: Site) -> str:
        """An IPv4 address of the API server's Service."""
        return "" if _addresses(site) else "the Service kubernetes has no IPv4 address, and only IPv4 can be cut"

    def order(self, site: Site) -> str:
        """The path of the request to the hand."""
        return "&".join([f"/cut?s={self.for_s:g}", *(f"ip={ip}" for ip in _addresses(site))])


def _addresses(site: Site) -> list[str]:
    spec = site.kube.get("v1", "Service", "kubernetes", "default")["spec"]
    return [ip for ip in spec.get("clusterIPs") or [spec["clusterIP"]] if ":" not in ip]
