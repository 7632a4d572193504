import time

import histories as made
import pytest

from harness.judge.causes import UNEXPLAINED, UNTOLD, causes
from harness.judge.traffic import by_probe, traffic
from harness.judge.world import World
from harness.records import Act, ClockSeen, EndpointsSeen, ProbeStarted


def explain(rows, *records, target="http://shop.ns.svc:80/"):
    history = made.history(made.probe(rows, target=target), *records)
    return dict(causes(history.requests("service"), World(history, "service")))


READY = [made.pod(0, "a", ready=True), made.said(0, "started"), made.said(0.1, "listening")]


def test_no_ready_endpoint():
    assert explain([made.row(5, error="refused")], made.endpoints(1)) == {"refused: no ready endpoint": 1}
    gone = [*READY, made.endpoints(0, made.endpoint("a")), made.endpoints(1, made.endpoint("a", ready=False))]
    gone[-1].endpoints[0] = made.endpoint("a", ready=False, serving=False)
    assert explain([made.row(5, error="timeout")], *gone) == {"timeout: no ready endpoint": 1}


def test_a_timeout_is_joined_to_its_send():
    records = [made.pod(0), made.endpoints(0, made.endpoint("a")), made.said(0, "started"), made.said(2, "listening")]
    (cause,) = explain([made.row(1.9, 1000, "timeout")], *records)
    assert "not yet listening" in cause


def test_race_of_stop_and_endpoint_removal():
    records = [
        *READY, made.pod(0, "b"), made.said(0, "listening", "b"),
        made.endpoints(0, made.endpoint("a"), made.endpoint("b")),
        made.said(2, "signal"), made.said(2.01, "draining", drain_s=0.0), made.said(2.02, "exit", code=0),
        made.endpoints(2.3, made.endpoint("a", ready=False, terminating=True), made.endpoint("b")),
    ]  # fmt: skip
    rows = [made.row(2.1, error="refused"), made.row(2.4, error="refused"), made.row(9, error="refused")]
    assert explain(rows, *records) == {
        "refused: pod a had closed its socket 290 ms before its endpoint left the Service (10 ms after its stop"
        " signal)": 2,
        UNEXPLAINED: 1,
    }
    stays = [one for one in records if not (isinstance(one, EndpointsSeen) and one.t_ns == made.at(2.3))]
    (cause,) = explain(rows[:1], *stays)
    assert cause.endswith("10 ms after its stop signal, and its endpoint stayed in the Service")


def test_routing_that_follows_late_is_told_as_likely_and_only_of_a_pod_that_has_ended():
    records = [
        *READY, made.pod(0, "b"), made.said(0, "listening", "b"),
        made.endpoints(0, made.endpoint("a"), made.endpoint("b")),
        made.said(2, "signal"), made.endpoints(2, made.endpoint("b")),
    ]  # fmt: skip
    ended = made.said(2.04, "exit", code=0)
    rows = [made.row(at_s, error="refused") for at_s in (3.4, 3.6, 6.9, 7.1)]
    likely = "refused: routing most likely still led to pod a, which had left the Service 1500 ms to 5000 ms before"
    closed = (
        "refused: pod a had closed its socket 40 ms after its endpoint left the Service, but routing had not followed"
    )
    assert explain(rows, *records, ended) == {closed: 1, likely: 2, UNEXPLAINED: 1}
    assert explain(rows, *records) == {UNEXPLAINED: 4}, "it listens yet"


def test_an_end_that_was_told_without_a_time():
    """An evicted pod's container ends as ContainerStatusUnknown, which has no finishedAt."""
    unknown = made.container(state="terminated", exit_code=137, reason="ContainerStatusUnknown")
    records = [
        *READY, made.endpoints(0, made.endpoint("a")), made.pod(0.2, containers=[made.container()]),
        made.said(2, "signal"), made.said(2, "draining", drain_s=30.0),
    ]  # fmt: skip
    rows = [made.row(1.9, error="refused"), made.row(4.1, error="refused")]
    cause = (
        "refused: pod a had been told to stop and was in the Service, and its end, seen after that, was told without a"
        " time"
    )
    assert explain(rows, *records, made.pod(4.8, containers=[unknown])) == {cause: 1, UNEXPLAINED: 1}
    timed = made.container(state="terminated", exit_code=137, finished_ns=made.at(4.5))
    assert explain(rows, *records, made.pod(4.8, containers=[timed])) == {UNEXPLAINED: 2}


def test_endpoint_left_shortly_before_the_pod_closed():
    records = [
        *READY, made.pod(0, "b"), made.said(0, "listening", "b"),
        made.endpoints(0, made.endpoint("a"), made.endpoint("b")),
        made.said(2, "signal"), made.endpoints(2, made.endpoint("b")), made.said(2.04, "exit", code=0),
    ]  # fmt: skip
    (cause,) = explain([made.row(2.1, error="refused")], *records)
    assert cause.endswith("40 ms after its endpoint left the Service, but routing had not followed")


def test_connection_cut_by_exit():
    records = [*READY, made.endpoints(0, made.endpoint("a")), made.said(2, "signal"), made.said(2.5, "exit", code=0)]
    rows = [made.row(2.5, error="reset"), made.row(1, error="reset"), made.row(8, error="reset")]
    found = explain(rows, *records)
    assert found["reset: pod a was exiting"] == 1
    assert found[UNEXPLAINED] == 1


def test_ready_before_it_listens():
    records = [made.pod(0), made.endpoints(0, made.endpoint("a")), made.said(0, "started"), made.said(2, "listening")]
    (cause,) = explain([made.row(1, error="refused")], *records)
    assert "ready, without a readiness probe that holds, but not yet listening" in cause
    assert explain([made.row(3, error="refused")], *records) == {UNEXPLAINED: 1}


def test_container_restarts_while_its_endpoint_stays():
    records = [
        *READY, made.endpoints(0, made.endpoint("a")), made.said(2, "signal"), made.said(2.1, "exit", code=0),
        made.said(3, "started"), made.said(5, "listening"),
    ]  # fmt: skip
    assert explain([made.row(4, error="refused")], *records) == {"refused: the container of pod a was down": 1}


def test_killed_container_says_nothing():
    dead = made.container(1, last_exit_code=137, last_finished_ns=made.at(2))
    records = [*READY, made.endpoints(0, made.endpoint("a")), made.pod(0.2, containers=[made.container()])]
    found = explain([made.row(2.5, error="refused")], *records, made.pod(2.6, containers=[dead]))
    assert found == {"refused: the container of pod a was down": 1}


def test_a_pod_that_is_deleted_and_tells_nothing():
    silent = [made.container(name="nginx")]
    records = [
        made.pod(0, "a", containers=silent), made.pod(0, "b"),
        made.endpoints(0, made.endpoint("a"), made.endpoint("b")),
        Act(made.at(1.95), "delete", "pod/a", "begin", "uid-a"), made.pod(2, "a", deletion_s=12, containers=silent),
        made.endpoints(2.1, made.endpoint("a", ready=False, terminating=True), made.endpoint("b")),
    ]  # fmt: skip
    head = "refused: pod a, whose nginx told nothing, was being deleted"
    rows = [made.row(at_s, error="refused") for at_s in (1.9, 1.96, 2.5, 5)]
    assert explain(rows, *records) == {
        f"{head} and was still in the Service": 1,
        f"{head}; its endpoint was seen to leave the Service 150 ms after that": 1,
        UNEXPLAINED: 2,
    }


def test_routing_follows_a_little_later():
    flap = [made.endpoints(t, made.endpoint("a", ready=ready, serving=ready)) for t, ready in ((0, True), (2, False))]
    records = [*READY, *flap, made.endpoints(5, made.endpoint("a"))]
    rows = [made.row(5.2, 1000, "timeout"), made.row(7, 1000, "timeout")]
    just = "timeout: pod a had just become ready, and routing had not followed yet"
    assert explain(rows, *records) == {just: 1, UNEXPLAINED: 1}
    both = made.endpoints(0, made.endpoint("b"), slice_="s2")
    assert explain(rows, *records, made.pod(0, "b"), both) == {UNEXPLAINED: 2}


def test_status():
    bad = made.row(1, error="status")
    bad[7:9] = [503, "a"]
    assert explain([bad], *READY, made.endpoints(0, made.endpoint("a"))) == {"status 503 by pod a": 1}
    bad[8] = ""
    anonymous = "status 503, by the app or a proxy before it: no pod's name is on it"
    assert explain([bad], *READY) == {anonymous: 1}
    assert explain([made.row(0.5), bad], *READY) == {"status 503 by a proxy, not by the app": 1}
    bad[7] = 404
    assert list(explain([made.row(0.5), bad], *READY)) == [anonymous.replace("503", "404")]


def test_a_proxy_answers_for_an_app_that_has_closed():
    bad = made.row(2.5, error="status")
    bad[7] = 502
    records = [*READY, made.endpoints(0, made.endpoint("a")), made.said(2, "signal"), made.said(2.1, "exit", code=0)]
    (cause,) = explain([made.row(0.5), bad], *records)
    assert cause == "status 502 by a proxy, not by the app: the app behind it, of pod a, had closed its socket"


def test_a_name_that_is_not_resolved():
    bad = made.row(1, error="other")
    bad[5] = "dns"
    assert explain([bad], *READY) == {"other: the name of the target was not resolved": 1}


def test_a_reused_connection_is_known_by_its_earlier_answers():
    records = [
        *READY, made.pod(0, "b"), made.said(0, "listening", "b"), made.said(2, "signal"), made.said(2, "signal", "b"),
        made.endpoints(0, made.endpoint("a"), made.endpoint("b")),
    ]  # fmt: skip
    first, cut = made.row(1, pod="b"), made.row(2.2, error="reset")
    cut[10] = 2
    assert explain([first, cut], *records) == {"reset on a reused connection: pod b was exiting": 1}
    cut[9] = "another"
    assert explain([first, cut], *records) == {"reset on a reused connection: pod a or b was exiting": 1}


def test_routing_follows_a_new_pod_late():
    records = [
        made.endpoints(0), made.pod(0, "b"), made.said(0, "listening", "b"), made.endpoints(3, made.endpoint("b")),
    ]  # fmt: skip
    rows = [made.row(2, error="refused"), made.row(3.5, 1000, "timeout"), made.row(4.6, 1000, "timeout")]
    assert explain(rows, *records) == {
        "refused: no ready endpoint": 1, UNEXPLAINED: 1,
        "timeout: pod b had just become ready, and routing had not followed yet": 1,
    }  # fmt: skip


def test_a_broken_node_takes_its_pods_with_it():
    records = [
        *READY, made.endpoints(0, made.endpoint("a")), Act(made.at(2), "crash", "node/n1", "begin"),
        Act(made.at(2), "crash", "node/n2", "begin"), Act(made.at(1), "cordon", "node/n1", "done"),
    ]  # fmt: skip
    rows = [made.row(1.5, 100, "timeout"), made.row(2.5, 1000, "timeout")]
    hit = "timeout: crash had hit node n1 of pod a, which was in the Service"
    assert explain(rows, *records) == {UNEXPLAINED: 1, hit: 1}
    assert explain(rows, *records, Act(made.at(2.2), "mend", "node/n1", "done")) == {UNEXPLAINED: 2}


def test_ports_that_are_used_again_are_led_to_a_pod_that_was_lost():
    records = [
        *READY, made.pod(0, "b", node="n2"), made.said(0, "listening", "b"), Act(made.at(2), "cut", "node/n1", "begin"),
        made.endpoints(0, made.endpoint("a"), made.endpoint("b")), made.endpoints(50, made.endpoint("b")),
    ]  # fmt: skip
    rows = [made.row(t, 1000, "timeout") for t in (55, 160, 180)]
    for row in rows:
        row[5] = "connect"
    tracked = "timeout: connection tracking still led to pod a, which had left the Service with its node"
    assert explain(rows, *records) == {tracked: 2, UNEXPLAINED: 1}
    assert explain([made.row(55, 1000, "timeout")], *records) == {UNEXPLAINED: 1}, "connected, and then no answer"


def test_a_drain_ends_with_its_container():
    killed = made.container(0, "terminated", exit_code=137, finished_ns=made.at(4))
    records = [
        *READY, made.pod(0.2, containers=[made.container()]), made.endpoints(0, made.endpoint("a")),
        made.said(2, "signal"), made.said(2, "draining", drain_s=30.0), made.pod(4.6, containers=[killed]),
        made.endpoints(4.7),
    ]  # fmt: skip
    (cause,) = explain([made.row(4.4, error="refused")], *records)
    assert cause.endswith(
        "had closed its socket 700 ms before its endpoint left the Service (2000 ms after its stop signal)"
    )


def clock(node, error_ms):
    return ClockSeen(made.at(0), node, 0, round(error_ms * made.MS), "round trips")


def test_no_cause_is_named_where_the_clocks_do_not_tell_what_came_first():
    records = [
        *READY, made.endpoints(0, made.endpoint("a")), made.said(2, "signal"), made.said(2.1, "exit", code=0),
        made.endpoints(2.15, made.endpoint("a", ready=False, terminating=True)),
    ]  # fmt: skip
    before, after, late = (made.row(t, error="refused") for t in (2.07, 2.13, 2.4))
    exact = explain([before, after, late], *records)
    assert exact[UNEXPLAINED] == 1
    assert [count for cause, count in exact.items() if "50 ms before its endpoint left" in cause] == [2]
    unsure = explain([before, after, late], *records, clock("n1", 60))
    assert unsure[UNTOLD] == 2
    assert [cause for cause in unsure if cause != UNTOLD] == [
        "refused: pod a had closed its socket 100 ms after its stop signal, within 60 ms of its endpoint's leaving the"
        " Service"
    ]
    told = explain([late], *records, clock("n1", 10))
    assert list(told) == [
        "refused: pod a had closed its socket 50 ms (± 10 ms) before its endpoint left the Service (100 ms after its"
        " stop signal)"
    ]


def test_pod_as_target_and_unknown_target():
    restarted = [*READY, made.said(2, "signal"), made.said(2.1, "exit", code=0)]
    row = made.row(2.2, error="refused")
    assert explain([row], *restarted, target="http://ip-a:8080/") == {"refused: the container of pod a was down": 1}
    assert explain([row], *restarted, made.endpoints(0, made.endpoint("a")), target="http://other/") == {UNEXPLAINED: 1}


def test_cluster_ip_is_the_only_service():
    assert explain([made.row(5, error="refused")], made.endpoints(1), target="10.0.0.7:80") == {
        "refused: no ready endpoint": 1
    }


def test_good_and_unknown_requests_have_no_cause():
    assert explain([made.row(1), made.row(2, error="unknown")], made.endpoints(1)) == {}


def test_traffic_counts_bounds_and_causes():
    rows = [*made.steady(3, bad=(1, 2)), made.row(3, error="unknown")]
    history = made.history(made.probe(rows), made.endpoints(0, made.endpoint("a")), made.endpoints(0.9))
    found = by_probe(history)["service"]
    assert (found.requests, found.errors, found.unknown) == (301, 100, 1)
    assert found.error_rate == pytest.approx(1 / 3)
    assert found.error_rate < found.error_rate_below < 0.4
    assert found.outages[0].cause == "refused: no ready endpoint"
    assert found.causes == {"refused: no ready endpoint": 100}
    assert found.without_cause == 0
    assert traffic(history.requests("service")).without_cause == 100
    assert found.latency_ms is not None


def test_traffic_of_nothing():
    found = traffic(made.requests([]))
    assert (found.requests, found.error_rate, found.error_rate_below) == (0, 0.0, 1.0)


def test_only_measuring_probes_are_traffic():
    history = made.history(
        made.probe([made.row(1)]),
        made.probe([made.row(1)], "control", role="control"),
        made.probe([], "bg", role="load"),
    )
    assert list(by_probe(history)) == ["service"]
    assert len(history.of(ProbeStarted)) == 3


def test_many_failures_are_joined_quickly():
    rows = [made.row(n * 0.001, error="refused") for n in range(50_000)]
    many = [made.pod(n * 0.1, f"p{n % 5}") for n in range(300)]
    ends = [made.endpoints(n * 0.1, *(made.endpoint(f"p{m}", ready=n % 2 == 0) for m in range(5))) for n in range(300)]
    begin = time.process_time()
    found = explain(rows, many, ends)
    assert time.process_time() - begin < 3
    assert sum(found.values()) == 50_000


def test_a_killed_or_hanging_container_of_an_app_that_tells_nothing():
    records = [
        made.pod(0, "a", ready=True), made.endpoints(0, made.endpoint("a"), made.endpoint("b")), made.pod(0, "b"),
        made.endpoints(4, made.endpoint("a", ready=False), made.endpoint("b")),
        made.endpoints(6, made.endpoint("a"), made.endpoint("b")),
    ]  # fmt: skip
    uid = records[0].uid
    rows = [made.row(1, error="reset"), made.row(2.1, error="refused"), made.row(5.9, error="refused"),
            made.row(6.1, error="refused")]  # fmt: skip
    for verb, what in (("kill", "was killed"), ("hang", "hung")):
        act = Act(made.at(2), verb, "pod/a", "begin", uid, {"container": "web"})
        told = f"refused: web in pod a {what} while the pod was in the Service"
        assert explain(rows, act, *records) == {told: 1, UNEXPLAINED: 3}
