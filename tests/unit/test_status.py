import histories as made
import pytest

from harness import status, wait
from harness.records import ProbeStarted, RequestBatch
from harness.status import Now, Status

MS = 1_000_000


def a_batch(first: int, outcomes: str, probe: str = "service") -> RequestBatch:
    """Rows 10 ms apart from the first on: `.` is answered, `x` failed."""
    rows = [
        [made.at(0) + (first + n) * 10 * MS, 0, 1, 2, "failed" if c == "x" else "ok", "", "", 200, "", "1", 1]
        for n, c in enumerate(outcomes)
    ]
    return RequestBatch(made.at(9), probe, first, rows)


@pytest.fixture
def one(tmp_path):
    found = Status.of(tmp_path, "suites/a.py::test_a", "B1 rollout-naive", "rollout-naive")
    found.heard(ProbeStarted(made.at(0), "service", 10 * MS, 1000 * MS, "shop:80"))
    return found


def test_failures_and_the_longest_outage_are_counted(one):
    one.heard(a_batch(0, "..xx"))
    one.heard(a_batch(4, "xxx.x."))
    assert (one.now.requests, one.now.failed, one.now.outage_s) == (10, 6, pytest.approx(0.05))


def test_an_outage_that_lasts_is_told_while_it_does(one):
    one.heard(a_batch(0, "." + "x" * 101))
    assert one.now.outage_s == pytest.approx(1.0)
    assert one.now.line(0) == "101 of 102 failed, outage 1.0 s so far"


def test_other_probers_are_not_counted(one):
    one.heard(ProbeStarted(made.at(0), "control", 10 * MS, 1000 * MS, "c:80", role="control"))
    one.heard(a_batch(0, "xx", probe="control"))
    assert one.now.requests == 0


def test_a_wait_is_told_with_its_bound():
    now = Now("t", "B1 a", "2 of 3 pods Ready", 100.0, 60.0)
    assert now.line(104.2) == "2 of 3 pods Ready, 4 s of at most 60 s"


def test_each_wait_of_the_thread_is_told_and_its_end_too(one, tmp_path):
    told = []

    def tell(what, at_most_s):
        one.tell(what, at_most_s)
        told.append(next(status.read(tmp_path)).what)

    with wait.telling(tell):
        assert wait.until(lambda: True, "pods Ready", 60)
        assert wait.until(lambda: True, "a moment", 0.5)
    assert wait.until(lambda: True, "what nobody hears of", 60)
    assert told == ["pods Ready", ""]


def test_a_row_that_is_over_is_at_nothing(one, tmp_path):
    one.tell("x", 1)
    (tmp_path / "broken.now.json").write_text("{")
    assert [now.row for now in status.read(tmp_path)] == ["B1 rollout-naive"]
    one.end()
    one.end()
    assert list(status.read(tmp_path)) == []


def test_a_folder_that_is_gone_breaks_no_row(tmp_path):
    Status.of(tmp_path / "gone", "t", "r", "n").tell("x", 1)
