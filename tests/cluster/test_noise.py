"""A machine that is made noisy on purpose: whatever was expected, the verdict is INCONCLUSIVE there and not before."""

import pathlib
import subprocess
import sys

from harness.clusters.embedded.layout import ClusterDir
from harness.results import Results
from tests.cluster.conftest import NAME

ROWS = r'''
import contextlib
import os
import subprocess
import sys

import pytest

from harness.deploy import server
from harness.disrupt import Delete
from harness.judge.expect import NoErrors, SomeErrors

BURN = """
import os, sys, time
os.sched_setaffinity(0, [int(sys.argv[1])])
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
end = time.monotonic() + 40
while (now := time.monotonic()) < end:
    if now % 0.06 >= 0.03:
        time.sleep(0.06 - now % 0.06)
"""
# One a CPU, before all ordinary processes, for the same 30 of each 60 ms. It ends by itself, should nobody end it.


@contextlib.contextmanager
def noise():
    cpus = sorted(os.sched_getaffinity(0))
    burners = [subprocess.Popen([sys.executable, "-S", "-c", BURN, str(cpu)]) for cpu in cpus]
    try:
        yield
        assert all(burner.poll() is None for burner in burners), "it was noisy to the end"
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def run(survive, noisy, *expected):
    app = survive.deploy(server(replicas=2, pre_stop_s=4))
    with survive.load(app):
        with noise() if noisy else contextlib.nullcontext():
            survive.restart(Delete(app.selector))
    survive.expect(*expected)


@pytest.mark.row("B2", "quiet-good", "delete")
def test_quiet_good(survive):
    run(survive, False, NoErrors())


@pytest.mark.row("B2", "quiet-bad", "delete")
def test_quiet_bad(survive):
    run(survive, False, SomeErrors())


@pytest.mark.row("B2", "noisy-good", "delete")
def test_noisy_good(survive):
    run(survive, True, NoErrors())


@pytest.mark.row("B2", "noisy-bad", "delete")
def test_noisy_bad(survive):
    run(survive, True, SomeErrors())
'''
"""The same restart, quiet and noisy, with an expectation that it meets and with one that it does not."""


def test_on_a_noisy_machine_nothing_passes_or_fails(spare: ClusterDir, tmp_path: pathlib.Path) -> None:
    (tmp_path / "test_rows.py").write_text(ROWS)
    argv = [sys.executable, "-m", "pytest", str(tmp_path), "--rootdir", str(tmp_path), "-p", "no:cacheprovider"]
    argv += ["--cluster", "embedded", "--cluster-name", NAME, "--survive-out", "out"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    results = {one.name: one for one in Results.read(tmp_path / "out" / "latest" / "results.json").results}
    assert {name: one.verdict for name, one in results.items()} == {
        "quiet-good": "pass",
        "quiet-bad": "fail",
        "noisy-good": "inconclusive",
        "noisy-bad": "inconclusive",
    }, done.stdout
    for name in ("noisy-good", "noisy-bad"):
        assert results[name].why.startswith("The measurement cannot be trusted: ")
