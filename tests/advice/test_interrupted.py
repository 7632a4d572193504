"""`survive tune` interrupted: what is known by then is told, and nothing is left behind.

It is a run of its own on the cluster, so no test of its process may have the cluster.
"""

import json
import pathlib
import signal
import subprocess
import sys
from typing import Any

import yaml

from harness.clusters.embedded import cluster, layout
from harness.deploy import server
from harness.kube import Kube
from harness.progress import Progress
from harness.wait import until

ROOT = pathlib.Path(__file__).parents[2]
MAIN = """import signal, sys
from harness.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main())
"""
"""With an interrupt as a terminal has it: a shell that starts things in the background has it ignored."""


OURS = "app.kubernetes.io/managed-by=pytest-survive"


def active(kube: Kube) -> list[Any]:
    return [one for one in kube.list("v1", "Namespace", labels=OURS) if one["status"]["phase"] == "Active"]


def test_an_interrupt_leaves_the_best_so_far_and_nothing_behind(tmp_path: pathlib.Path) -> None:
    kube = Kube.connect(cluster.up(layout.default_name(), Progress()).kubeconfig)
    (tmp_path / "k8s.yaml").write_text(yaml.safe_dump_all(server(replicas=2).manifests))
    spec, out = tmp_path / "shop.survive.yaml", tmp_path / "out"
    spec.write_text("manifests: k8s.yaml\nrequests: {rate: 50/s}\nlimits: {errors: 0 %}\npaths: [delete]\n")
    options = ["--cluster", "embedded", "--removals", "0", "--begin", "3", "--below", "0.001", "--out", str(out)]
    argv = [sys.executable, "-u", "-c", MAIN, "tune", str(spec), *options]
    said = ""
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as command:
        assert command.stdout is not None
        try:
            for line in command.stdout:
                said += line
                if "restarts more" in line:  # thousands of restarts, of which it is not to make the most
                    until(lambda: active(kube), "the first trial of the proof", 60)
                    command.send_signal(signal.SIGINT)
                    break
            rest, _ = command.communicate(timeout=200)
        finally:
            command.kill()
    said += rest
    assert command.returncode == 1, said
    assert "interrupted: what runs comes to its end" in said
    found = json.loads((out / "latest" / "tune.json").read_text())
    assert (found["found"], found["ended"]) == (False, "interrupted")
    assert 1 <= found["setting"]["preStop.sleep.seconds"] <= 3
    assert found["patch"]
    assert "not found, interrupted; the best so far: 0 of" in said
    assert kube.list("v1", "Namespace", labels=OURS) == []
