import gzip
import os
import threading
from collections.abc import Callable

import histories as made
import pytest

from harness import history
from harness.errors import HistoryError, UsageError
from harness.records import Log
from harness.results import Cluster, Noise, Result, Results
from harness.run import RunFolder

CLUSTER = Cluster(provider="embedded", version="v1.37.2", nodes=4)


def log(n):
    return Log(made.at(n), "a", "app", f"line {n}")


def result(row, name, started=0, verdict="pass", **noise):
    felt = Noise(**noise) if noise else None
    return Result(id=row, name=name, path="delete", verdict=verdict, why="so", started_ns=started, noise=felt)


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder.named(tmp_path / "out")
    folder.open(CLUSTER)
    return folder


def test_a_name_is_of_its_moment_and_process_and_makes_nothing(tmp_path):
    folder = RunFolder.named(tmp_path / "out")
    assert folder.id.endswith(f"-{os.getpid()}")
    assert not folder.opened
    assert list(tmp_path.iterdir()) == []


def test_several_processes_may_open_it(folder):
    RunFolder(folder.root).open(CLUSTER)
    assert folder.opened


def test_a_name_is_used_once_in_a_run(folder):
    folder.recorder("rollout-naive").close()
    with pytest.raises(UsageError, match="two tests are called 'rollout-naive'"):
        RunFolder(folder.root).recorder("rollout-naive")


def test_results_are_sorted_by_row_then_time(folder):
    rows = [("B1", "z", 2), ("A10", "a", 1), ("B1", "y", 3), ("A2", "x", 9), ("A1", "w", 8)]
    for row, name, started in rows:
        folder.file(result(row, name, started))
    joined = folder.collect(1_700_000_000.0)
    assert [one.name for one in joined.results] == ["w", "x", "a", "z", "y"]
    assert Results.read(folder.results_json) == joined
    assert joined.run.cluster == CLUSTER
    assert joined.run.started == "2023-11-14T22:13:20+00:00"
    assert joined.run.duration_s > 0


def test_the_runs_noise_is_the_worst_of_its_rows(folder):
    folder.file(result("A1", "a", lag_p99_ms=1.5, cpu_pressure=0.1))
    folder.file(result("A2", "b", lag_p99_ms=4.5))
    folder.file(result("A3", "c", verdict="skip"))
    assert folder.collect(0.0).run.noise == {"lag_p99_ms": 4.5, "cpu_pressure": 0.1}


def test_one_whole_history_is_left_of_the_parts(folder):
    for name in ("b", "a"):
        recorder = folder.recorder(name)
        recorder.add(log(1))
        recorder.add(log(2))
        recorder.close()
    folder.collect(0.0)
    found = history.read(folder.history)
    assert {name: one.records for name, one in found.items()} == {"a": [log(1), log(2)], "b": [log(1), log(2)]}
    assert sorted(path.name for path in folder.root.iterdir()) == ["history.jsonl.gz", "results.json"]
    assert gzip.decompress(folder.history.read_bytes()).count(b"\n") == 4


@pytest.mark.parametrize("cut", [0, 5, 10, 40, -1, -9])
def test_a_killed_scenarios_part_hides_no_other(folder, cut):
    """A part without its end, or cut anywhere, lies between two whole ones."""
    for name in ("a", "b", "c"):
        recorder = folder.recorder(name)
        for n in range(20):
            recorder.add(log(n))
        recorder.close()
    part = next(folder.root.rglob("b.jsonl.gz"))
    part.write_bytes(part.read_bytes()[:cut])
    folder.collect(0.0)
    found = history.read(folder.history)
    assert found["a"].records == found["c"].records == [log(n) for n in range(20)]
    some = found["b"].records if "b" in found else []
    assert some == [log(n) for n in range(len(some))]
    assert len(some) == 20 or cut >= 0


def test_a_part_that_was_flushed_and_never_closed_is_kept_whole(folder):
    killed = folder.recorder("a")
    killed.add(log(1))
    killed.flush()
    last = folder.recorder("b")
    last.add(log(2))
    last.close()
    folder.collect(0.0)
    found = history.read(folder.history)
    assert (found["a"].records, found["b"].records) == ([log(1)], [log(2)])
    killed.close()


def test_joined_byte_by_byte_it_would_have_been_lost(folder, tmp_path):
    """Why `collect` reads the parts: no reader can go on behind a member that has no end."""
    killed = folder.recorder("a")
    killed.add(log(1))
    killed.flush()
    last = folder.recorder("b")
    last.add(log(2))
    last.close()
    joined = tmp_path / "joined.gz"
    joined.write_bytes(b"".join(path.read_bytes() for path in sorted(folder.root.rglob("*.jsonl.gz"))))
    with pytest.raises(HistoryError):
        history.read(joined)
    killed.close()


def test_latest_points_to_the_newest_run(folder, tmp_path):
    latest = tmp_path / "out" / "latest"
    folder.collect(0.0)
    assert latest.resolve() == folder.root
    assert not latest.readlink().is_absolute()
    newer = RunFolder(tmp_path / "out" / "newer")
    newer.open(CLUSTER)
    newer.collect(0.0)
    assert latest.resolve() == newer.root
    assert sorted(path.name for path in latest.parent.iterdir()) == sorted(["latest", "newer", folder.id])


def test_a_run_without_rows(folder):
    assert folder.collect(0.0).results == []
    assert history.read(folder.history) == {}


def test_a_turn_is_one_rows_at_a_time(folder, monkeypatch):
    monkeypatch.setattr("harness.run.TURN_S", 0)
    with folder.turn("preemption", "preempt-one"), folder.turn("disk", "soft-eviction"):
        refused = pytest.raises(UsageError, match=r"preemption is held by process \d+ \(row preempt-one")
        with refused, folder.turn("preemption", "preempt-two"):
            pass
    with folder.turn("preemption", "preempt-two"):
        pass


def test_a_row_that_runs_alone_waits_for_the_others_and_they_for_it(folder) -> None:
    order: list[str] = []
    inside, may_end = threading.Barrier(3), threading.Event()
    alone_inside, alone_may_end = threading.Event(), threading.Event()

    def shares(name: str) -> None:
        with folder.place(sole=False):
            if name != "later":
                inside.wait(5)
                assert may_end.wait(5)
            order.append(name)

    def alone() -> None:
        with folder.place(sole=True):
            alone_inside.set()
            assert alone_may_end.wait(5)
            order.append("alone")

    def begun(what: Callable[..., None], *args: str) -> threading.Thread:
        thread = threading.Thread(target=what, args=args)
        thread.start()
        return thread

    threads = [begun(shares, "a"), begun(shares, "b")]
    inside.wait(5)
    threads.append(begun(alone))
    may_end.set()
    assert alone_inside.wait(5)
    threads.append(begun(shares, "later"))
    alone_may_end.set()
    for thread in threads:
        thread.join(5)
    assert sorted(order[:2]) == ["a", "b"]
    assert order[2:] == ["alone", "later"]
