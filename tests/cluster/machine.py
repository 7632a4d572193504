"""What a machine has at a moment that a cluster could leave behind."""

import json
import pathlib
import subprocess
from dataclasses import dataclass, fields

from harness.clusters.embedded import host, layout

SPACES = ("mnt", "pid", "net", "uts", "ipc")


@dataclass(frozen=True)
class Machine:
    """Everything in text, as sets; other embedded clusters and this test's own children left out."""

    processes: frozenset[str]
    mounts: frozenset[str]
    namespaces: frozenset[str]
    links: frozenset[str]
    routes: frozenset[str]
    cgroups: frozenset[str]
    controllers: frozenset[str]
    loops: frozenset[str]
    rules: frozenset[str]
    sysctls: frozenset[str]

    @classmethod
    def now(cls) -> "Machine":
        alive = _foreign_processes()
        return cls(
            processes=frozenset(f"{pid} {name}" for pid, name in alive.items()),
            mounts=frozenset(pathlib.Path("/proc/self/mounts").read_text().splitlines()),
            namespaces=frozenset(space for pid in alive for space in _spaces(pid)),
            links=frozenset(link["ifname"] for link in _ip("link")),
            routes=frozenset(json.dumps(route, sort_keys=True) for route in _ip("route")),
            cgroups=frozenset(str(p) for root in host.hierarchies() for p in root.iterdir() if p.is_dir()),
            controllers=frozenset(_controllers()),
            loops=frozenset(_output("losetup", "--all", "--noheadings", "--output", "NAME,BACK-FILE").splitlines()),
            rules=frozenset(_output("nft", "list", "ruleset").splitlines()),
            sysctls=frozenset(f"{path}={value}" for path, value in _sysctls().items()),
        )

    def left_since(self, before: "Machine") -> dict[str, set[str]]:
        """What is here now and was not before, by kind."""
        found = {field.name: getattr(self, field.name) - getattr(before, field.name) for field in fields(self)}
        return {name: set(new) for name, new in found.items() if new}


def _foreign_processes() -> dict[int, str]:
    """The processes that a cluster could have left: those in other namespaces than ours, or that name its folder.

    Whatever a cluster starts is one or the other; the machine may start and end others of its own at any time. Those
    inside other embedded clusters, and this test's own children, are left out.
    """
    parents: dict[int, int] = {}
    names: dict[int, str] = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
            if line:
                names[int(entry.name)] = line
    others = set(host.find_inits(layout.home() / "clusters").values()) - set(inits_of_test_clusters())
    ours = set(_spaces(_self()))
    clusters = str(layout.home() / "clusters")
    suspects = {pid: name for pid, name in names.items() if clusters in name or not set(_spaces(pid)) <= ours}
    return {pid: name for pid, name in suspects.items() if not _descends(pid, parents, others | {_self()})}


def inits_of_test_clusters() -> list[int]:
    """The init processes of the clusters that tests make."""
    found = host.find_inits(layout.home() / "clusters")
    return [pid for spec, pid in found.items() if "survive-test" in str(spec)]


def _self() -> int:
    return int(pathlib.Path("/proc/self").readlink().name)


def _descends(pid: int, parents: dict[int, int], roots: set[int]) -> bool:
    while pid in parents:
        if pid in roots:
            return True
        pid = parents[pid]
    return False


def _spaces(pid: int) -> list[str]:
    try:
        return [str(pathlib.Path("/proc", str(pid), "ns", space).readlink()) for space in SPACES]
    except OSError:
        return []


def _controllers() -> list[str]:
    """On cgroup v2: what the machine's root gives to the cgroups below it."""
    file = host.CGROUPS / "cgroup.subtree_control"
    return file.read_text().split() if file.exists() else []


def _sysctls() -> dict[str, str]:
    """The settings of the whole machine that a kubelet is known to change, and those of the host's network."""
    paths = ["vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"]
    paths += ["kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes", "net/ipv4/ip_forward"]
    return {path: (pathlib.Path("/proc/sys") / path).read_text().strip() for path in paths}


def _ip(what: str) -> list[dict[str, str]]:
    return list(json.loads(_output("ip", "-4", "-j", what, "show") or "[]"))


def _output(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
