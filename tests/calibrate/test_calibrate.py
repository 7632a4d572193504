"""`survive calibrate --quick` as a user runs it, and what is left of it when it is killed."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

KEYS = ["spacing_ms", "outages", "bias_ms", "sd_ms", "bracket_share", "probes_without_fault", "false_failures"]
COMMAND = [sys.executable, "-c", "import sys; from harness.cli import main; sys.exit(main(sys.argv[1:]))", "calibrate"]


def environment(home: pathlib.Path) -> dict[str, str]:
    return {**os.environ, "SURVIVE_HOME": str(home)}


def test_a_quick_one_measures_every_kind_of_fault_and_every_client(tmp_path: pathlib.Path) -> None:
    out = tmp_path / "table.json"
    argv = [*COMMAND, "--quick", "--cluster", "none", "--json", str(out)]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment(tmp_path), check=False)
    if "MISSED: too noisy" in done.stdout:
        pytest.skip(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    table = json.loads(out.read_text())
    assert list(table) == [*KEYS, "by_fault", "clients"]
    kinds = {"refuse", "rst", "fin", "503", "stall", "truncated", "GOAWAY", "one of 2"}
    assert kinds <= set(table["by_fault"])
    assert ("dropped SYN" in table["by_fault"]) == (os.geteuid() == 0)
    assert table["outages"] == 4 * len(table["by_fault"])
    assert table["false_failures"] == 0
    assert all(client["broken"] == client["seen"] > 50 for client in table["clients"].values())
    assert (tmp_path / "calibration.json").exists()
    assert "Left out: the cluster: not asked for." in done.stdout


def test_a_killed_one_leaves_no_process_and_no_network_namespace(tmp_path: pathlib.Path) -> None:
    mark = {"SURVIVE_MARK": str(tmp_path)}
    before = namespaces()
    process = subprocess.Popen([*COMMAND, "--cluster", "none"], env=environment(tmp_path) | mark)
    try:
        wait(lambda: len(marked(str(tmp_path))) > 8, "probers and servers")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait(lambda: not marked(str(tmp_path)), "their end")
    wait(lambda: namespaces() <= before, "the end of the network namespace")


def marked(mark: str) -> list[int]:
    """The processes that were started with a mark in their environment."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def namespaces() -> set[str]:
    """The network namespaces that have a process."""
    found = set()
    for path in pathlib.Path("/proc").glob("[0-9]*/ns/net"):
        try:
            found.add(str(path.readlink()))
        except OSError:
            continue
    return found


def wait(condition, what: str, patience_s: float = 20.0) -> None:
    until = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.1)
