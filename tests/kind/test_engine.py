"""The tests' own Docker engine leaves nothing, whether it is ended or killed."""

import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterable

from harness.clusters.embedded import host
from harness.wait import until
from tests.kind.engine import cgroup, engine, place, sweep

ROOT = pathlib.Path(__file__).parents[2]
FORWARD = pathlib.Path("/proc/sys/net/ipv4/ip_forward")


def test_it_answers_and_then_nothing_is_left_of_it() -> None:
    before = outside()
    with engine() as docker:
        assert docker.ask("info", "--format", "{{.DockerRootDir}}").strip() == f"{place()}/data"
        assert "docker0" in docker.run("ip", "link", "show"), "it has a bridge"
        assert "DOCKER" in docker.run("iptables-save"), "and rules"
        assert outside() == before, "none of which the machine sees"
        spaces = namespaces(docker.pid)
    assert not place().exists()
    assert not cgroups()
    until(lambda: not members(spaces), "the end of its processes", 20, last=lambda: members(spaces))
    assert outside() == before


def test_one_with_the_machines_network_changes_nothing_of_it() -> None:
    before, forward = outside(), FORWARD.read_text()
    with engine(online=True) as docker:
        assert docker.ask("info", "--format", "{{.DockerRootDir}}").strip() == f"{place()}/data"
        assert outside() == before
    assert (outside(), FORWARD.read_text()) == (before, forward)


def test_one_whose_user_is_killed_goes_too_and_the_next_starts() -> None:
    script = "from tests.kind.engine import engine\nwith engine() as docker: print(docker.pid, flush=True); input()"
    user = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert user.stdout is not None
        spaces = namespaces(int(user.stdout.readline()))
        os.kill(user.pid, signal.SIGKILL)
        until(lambda: not members(spaces), "the end of its processes", 20, last=lambda: members(spaces))
        assert place().exists(), "the folder stays until the next start"
        with engine() as docker:
            assert docker.ask("ps", "--quiet") == ""
    finally:
        user.kill()
        user.wait()
    sweep()
    assert not place().exists()
    assert not cgroups()


def outside() -> tuple[set[str], set[str]]:
    """What Docker would change on the machine: its mounts that are ours, and tables of firewall rules."""
    mounts = {line for line in pathlib.Path("/proc/self/mounts").read_text().splitlines() if str(place()) in line}
    rules = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
    links = {path.name for path in pathlib.Path("/sys/class/net").iterdir() if path.name.startswith(("docker", "br-"))}
    return mounts | links, {table for table in rules.splitlines() if table.split()[-1] in ("nat", "filter", "raw")}


def cgroups() -> list[pathlib.Path]:
    return [root / cgroup().lstrip("/") for root in host.hierarchies() if (root / cgroup().lstrip("/")).exists()]


def namespaces(pid: int) -> frozenset[str]:
    return frozenset(str(pathlib.Path(f"/proc/{pid}/ns/{space}").readlink()) for space in ("mnt", "net", "pid"))


def members(spaces: Iterable[str]) -> list[int]:
    """The processes that are in one of these namespaces."""
    wanted, found = set(spaces), []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if namespaces(int(entry.name)) & wanted:
                    found.append(int(entry.name))
            except OSError:  # it has ended
                continue
    return found
