"""Locust in pods of its own: several workers under a master, and a user's own locustfile, each over a restart."""

import itertools
import json
import subprocess
import sys

import pytest

from harness import history
from harness.clusters.embedded.layout import ClusterDir
from harness.history import History
from harness.records import ProbeStarted
from tests.cluster.conftest import NAME, ROOT

ROWS = '''
import pytest
from harness.deploy import server
from harness.disrupt import Delete
from harness.judge.expect import NoErrors
from harness.load import Httpx, NewConnections

LOCUSTFILE = """
from locust import FastHttpUser, HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.1)

    @task
    def home(self):
        self.client.get("/", name="home")

class Machine(FastHttpUser):
    wait_time = constant(0.1)

    @task
    def home(self):
        self.client.get("/")
"""

@pytest.mark.row("B2", "locust-workers", "delete")
def test_workers(survive):
    app = survive.deploy(server(replicas=2, pre_stop_s=4))
    with survive.load(app, background=300, workers=2, probes=[NewConnections(), Httpx("http", connections=4)]):
        survive.restart(Delete(app.selector))
    survive.expect(NoErrors())

@pytest.mark.row("B2", "locust-file", "delete")
def test_locustfile(survive, tmp_path):
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    app = survive.deploy(server(replicas=2, pre_stop_s=4))
    with survive.load(app, locustfile=tmp_path / "locustfile.py", users=4):
        survive.restart(Delete(app.selector))
    survive.expect(NoErrors())

@pytest.mark.row("B2", "locust-file-workers", "delete")
def test_locustfile_on_workers(survive, tmp_path):
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    app = survive.deploy(server(replicas=2, pre_stop_s=4))
    with survive.load(app, locustfile=tmp_path / "locustfile.py", users=4, workers=2):
        survive.restart(Delete(app.selector))
    survive.expect(NoErrors())
'''


@pytest.fixture(scope="module")
def histories(spare: ClusterDir, tmp_path_factory: pytest.TempPathFactory) -> dict[str, History]:
    """The histories of the three rows, by name."""
    folder = tmp_path_factory.mktemp("locust")
    (folder / "test_rows.py").write_text(ROWS)
    argv = [sys.executable, "-m", "pytest", str(folder), "--cluster", "embedded", "--cluster-name", NAME]
    argv += ["--survive-out", str(folder / "out"), "-p", "no:cacheprovider", "-v"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=400)
    latest = folder / "out" / "latest"
    verdicts = {one["name"]: one["verdict"] for one in json.loads((latest / "results.json").read_text())["results"]}
    # A machine too noisy to measure on is told of as such, and loads as well.
    assert set(verdicts.values()) <= {"pass", "inconclusive"}, done.stdout + done.stderr
    return history.read(latest / "history.jsonl.gz")


def test_workers_share_one_schedule(histories: dict[str, History]) -> None:
    seen = histories["locust-workers"]
    workers = [seen.requests(f"background-{n}", warm_up=True) for n in (0, 1)]
    due = sorted(int(moment) for rows in workers for moment in rows.scheduled_ns)
    began_ns = max(int(rows.scheduled_ns[0]) for rows in workers)
    ended_ns = min(int(rows.scheduled_ns[-1]) for rows in workers)
    together = [moment for moment in due if began_ns <= moment <= ended_ns]
    # While both are there: a request each 3.33 ms; the anchors of time of the two differ by microseconds.
    gaps = [after - before for before, after in itertools.pairwise(together)]
    assert len(together) > 3 * 300
    assert all(abs(gap - 1e9 / 300) < 0.2e6 for gap in gaps)
    assert all(len(set(rows.connection)) >= 10 and max(rows.use) > 10 for rows in workers)


@pytest.mark.parametrize(
    ("row", "names"), [("locust-file", ["users"]), ("locust-file-workers", ["users-0", "users-1"])]
)
def test_a_users_file_loads(histories: dict[str, History], row: str, names: list[str]) -> None:
    seen = histories[row]
    begun = {record.probe: record for record in seen.of(ProbeStarted)}
    assert {"service", "control", *names} == set(begun)
    for name in names:
        rows = seen.requests(name)
        assert (begun[name].role, begun[name].loop) == ("load", "closed")
        # Two or four users, each about 10 times a second, over the five seconds and more of a drained delete.
        assert len(rows) > 50
        assert rows.ok.all()
        assert all(pod.startswith("server-") for pod in rows.pod)
