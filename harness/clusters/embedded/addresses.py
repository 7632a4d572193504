"""The address range of a cluster: a /16 that nothing on this machine uses.

10.B.0.0/24     nodes; .1 is the cluster itself (its API server and its router)
10.B.16+i.0/24  the pods of node i
10.B.128.0/20   Services
10.B.255.0/30   the link to the host: .1 the cluster, .2 the host
"""

import ipaddress
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from harness.errors import UsageError

CANDIDATES = range(200, 232)
MOST_NODES = 60


@dataclass(frozen=True, slots=True)
class Addresses:
    """All addresses of a cluster, from the second number of its range."""

    b: int

    @property
    def range(self) -> str:
        """The whole /16."""
        return f"10.{self.b}.0.0/16"

    @property
    def router(self) -> str:
        """The cluster's own address: router of the nodes, API server of all."""
        return f"10.{self.b}.0.1"

    @property
    def link(self) -> str:
        """The cluster's end of the link to the host."""
        return f"10.{self.b}.255.1"

    @property
    def host(self) -> str:
        """The host's end of the link."""
        return f"10.{self.b}.255.2"

    @property
    def services(self) -> str:
        """The Services' range."""
        return f"10.{self.b}.128.0/20"

    @property
    def api_service(self) -> str:
        """The address of Service `kubernetes`: the first of its range."""
        return f"10.{self.b}.128.1"

    @property
    def dns(self) -> str:
        """The address of the cluster's DNS Service."""
        return f"10.{self.b}.128.10"

    @property
    def pods(self) -> str:
        """A range that holds all pods' addresses and no others: kube-proxy lets other sources pass as its node."""
        return f"10.{self.b}.64.0/18"

    def node(self, index: int) -> str:
        """The address of node `index`, from 1."""
        return f"10.{self.b}.0.{10 + index}"

    def pods_of(self, index: int) -> str:
        """The pods' range of node `index`, from 1."""
        return f"10.{self.b}.{64 + index}.0/24"


def in_use() -> list[ipaddress.IPv4Network]:
    """Every IPv4 range that this machine has a route or an address for, but the default route."""
    found = []
    for what in (["route", "show", "table", "all"], ["address", "show"]):
        output = subprocess.run(["ip", "-4", "-j", *what], capture_output=True, text=True, check=True).stdout
        for item in json.loads(output or "[]"):
            texts = [item.get("dst", "")] + [f"{a['local']}/{a['prefixlen']}" for a in item.get("addr_info", [])]
            found += [ipaddress.IPv4Network(text, strict=False) for text in texts if text and text[0].isdigit()]
    return [network for network in found if network.prefixlen > 0]


def choose(wanted: str | None, used: Iterable[ipaddress.IPv4Network], others: Iterable[int]) -> Addresses:
    """The wanted range, else the first free one. Raises UsageError, before anything is changed, where it is taken."""
    used = list(used)
    taken = set(others)
    if wanted:
        candidates: Iterable[int] = [_parse(wanted)]
    else:
        candidates = CANDIDATES
    clashes = []
    for b in candidates:
        addresses = Addresses(b)
        network = ipaddress.IPv4Network(addresses.range)
        overlap = [str(other) for other in used if other.overlaps(network)]
        if b in taken:
            overlap.append("another embedded cluster")
        if not overlap:
            return addresses
        clashes.append(f"{addresses.range} (used by {overlap[0]})")
    raise UsageError(
        f"no free address range for the cluster: {', '.join(clashes[:3])}"
        f"{' and so on' if len(clashes) > 3 else ''}; choose one by --address-range 10.N.0.0/16"
    )


def _parse(text: str) -> int:
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as exc:
        raise UsageError(f"--address-range {text}: {exc}; it takes the form 10.N.0.0/16") from exc
    if network.prefixlen != 16 or network.network_address.packed[0] != 10:
        raise UsageError(f"--address-range {text}: it takes the form 10.N.0.0/16")
    return network.network_address.packed[1]
