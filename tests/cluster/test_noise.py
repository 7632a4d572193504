"""A machine that is made noisy on purpose: whatever was expected, the verdict is INCONCLUSIVE there and not before."""

import os
import pathlib
import subprocess
import sys

from harness.clusters.embedded.layout import ClusterDir
from harness.results import Results
from tests.cluster.conftest import NAME

ROWS = '''
import contextlib
import os
import subprocess
import sys

import pytest

from harness.deploy import server
from harness.disrupt import Delete
from harness.judge.expect import NoErrors, SomeErrors

BURN = "import time; end = time.monotonic() + 25\\nwhile time.monotonic() < end: pass"
"""A burner ends by itself, should nobody end it."""


@contextlib.contextmanager
def noise():
    burners = [subprocess.Popen([sys.executable, "-S", "-c", BURN]) for _ in range(8 * os.cpu_count())]
    try:
        yield
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
    # The harness and its burners come before all others on this machine, so that only what is measured goes short.
    done = subprocess.run(
        argv, cwd=tmp_path, capture_output=True, text=True, timeout=300, preexec_fn=lambda: os.nice(-20)
    )
    results = {one.name: one for one in Results.read(tmp_path / "out" / "latest" / "results.json").results}
    assert {name: one.verdict for name, one in results.items()} == {
        "quiet-good": "pass",
        "quiet-bad": "fail",
        "noisy-good": "inconclusive",
        "noisy-bad": "inconclusive",
    }, done.stdout
    for name in ("noisy-good", "noisy-bad"):
        assert results[name].why.startswith("The measurement cannot be trusted: ")
