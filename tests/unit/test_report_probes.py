"""What further probers saw, in the figure and in words."""

import histories as made

from harness.records import ProbeStarted, RequestBatch
from harness.results import Cut, InFlight, Kept, PodAnswers, Result, Streams, Traffic
from reports.facts import probe_facts
from reports.figure import Rows, Shots
from reports.streams import streams
from reports.timeline import figure


def result(**more):
    return Result(id="B9", name="row", path="delete", verdict="pass", why="", **more)


def stream(number, start_s, end_s, error=""):
    lasted = round((end_s - start_s) * 1e9)
    outcome = "failed" if error else "ok"
    return [made.at(start_s), 0, 1, lasted, outcome, "", error, 200, "a", f"{number}", 9]


def prober(rows, name="sse", role="stream"):
    return [ProbeStarted(made.at(0), name, 10**9, 10**9, "w:1", role), RequestBatch(made.at(0), name, 0, rows)]


ROWS = [stream(1, 0, 2), stream(2, 0, 3, "reset"), stream(3, 2.5, 4, "ended"), stream(4, 3.5, 5)]


def test_streams_share_rows_as_they_follow_one_another():
    lane = streams(made.history(prober(ROWS)), lambda t_ns: (t_ns - made.BASE_NS) / 1e9)
    assert [row.label for row in lane.rows] == ["sse 1", "sse 2"]
    assert [[bar.state for bar in row.bars] for row in lane.rows] == [
        ["stream", "stream-told"],
        ["stream-cut", "stream"],
    ]
    assert [[(mark.at_s, mark.shape) for mark in row.marks] for row in lane.rows] == [
        [(4.0, "exit")],
        [(3.0, "killed")],
    ]
    assert lane.rows[1].bars[0].detail == "stream 2 · 9 heartbeats in 3.00 s · reset"
    for row in lane.rows:
        assert all(a.end_s <= b.start_s for a, b in zip(row.bars, row.bars[1:], strict=False))


def test_no_streams_no_lane():
    assert streams(made.history(made.probe(made.steady())), float) is None


def test_the_figure_has_a_lane_for_each_kind():
    work = [[*made.row(1, 2000)[:9], "in-flight-1", 1]]
    records = [
        made.probe(made.steady()), prober(ROWS), prober(work, "in-flight", "inflight"),
        prober([made.row(1)], "each-pod", "direct"), made.probe(made.steady(), "control", role="control"),
    ]  # fmt: skip
    found = figure(made.history(*records), result(), 100, 100)
    shots = {lane.title: lane.about for lane in found.lanes if isinstance(lane, Shots)}
    assert list(shots) == ["Requests · service", "Requests · in-flight", "Requests · each-pod"]
    assert shots["Requests · in-flight"].startswith("each takes a while")
    assert next(lane.title for lane in found.lanes if isinstance(lane, Rows)) == "Streams"


def test_the_headless_service_of_a_prober_has_no_rows_among_the_endpoints():
    seen = [made.endpoints(0, made.endpoint("a")), made.endpoints(0, made.endpoint("a"), service="each-pod")]
    records = [made.pod(0, "a"), *seen, *prober([made.row(1)], "each-pod", "direct")]
    found = figure(made.history(records), result(), 100, 100)
    (lane,) = (lane for lane in found.lanes if isinstance(lane, Rows) and lane.title == "Endpoints")
    assert [row.about for row in lane.rows] == ["Service shop"]


def test_nothing_to_say():
    assert list(probe_facts(result())) == []


def test_the_words():
    cut = Cut(pod="a", error="reset", at_ns=1, age_s=2, after_signal_s=4.25)
    traffic = Traffic(requests=100, errors=0, error_rate=0, error_rate_below=0.03)
    seen = result(
        streams={"sse": Streams(opened=9, cut=1, heartbeats=300, longest_gap_s=0.4, cuts=[cut])},
        in_flight=InFlight(requests=20, answered=18, lost=2, failed=2),
        kept={"kept-alive": Kept(connections=4, reused=900, broken=3, oldest_s=9, most_used=40)},
        other_traffic={"kept-alive": traffic},
        each_pod=[PodAnswers(pod="web-1", requests=50, failed=5, failed_while_ready=2)],
    )
    assert list(probe_facts(seen)) == [
        (
            "Event streams",
            [
                ("Opened", "9"), ("Cut", "1"), ("Cut after the signal", "4.250 s"), ("Heartbeats", "300"),
                ("Longest silence", "0.400 s"),
            ],
        ),
        (
            "Work in flight",
            [("Answered", "18 of 20"), ("Lost work", "2"), ("Doubled work", "0"), ("Failed sendings", "2")],
        ),
        (
            "Kept connections",
            [
                ("Connections", "4, the oldest 9.000 s"), ("Broken when used again", "3 of 900"), ("Requests", "100"),
                ("Failed", "0 (< 3.00 %)"), ("Longest outage", "none"),
            ],
        ),
        ("Each pod at its own address", [("web-1", "5 of 50 failed, 2 while its endpoint was ready")]),
    ]  # fmt: skip


def test_streams_that_all_lasted():
    ((_, facts),) = probe_facts(result(streams={"websocket": Streams(opened=9, heartbeats=300)}))
    assert facts == [("Opened", "9"), ("Ended early", "none"), ("Heartbeats", "300")]
