import histories as made

from harness.judge.each_pod import each_pod
from harness.judge.kept import by_probe
from harness.records import Steady


def use(t_s, connection, number, error=""):
    found = made.row(t_s, 0.0, error)
    return [*found[:9], connection, number]


def test_kept_connections():
    rows = [use(0, "1", 1), use(1, "2", 1), use(2, "1", 2), use(3, "2", 2, "reset"), use(4, "3", 1, "refused")]
    found = by_probe(made.history(made.probe(rows, "kept-alive"), made.probe(made.steady())))
    assert list(found) == ["kept-alive"]
    kept = found["kept-alive"]
    assert (kept.connections, kept.reused, kept.broken, kept.oldest_s, kept.most_used) == (3, 2, 1, 2.0, 2)


def test_ages_count_from_the_warm_up_and_breaks_do_not():
    rows = [use(0, "1", 1), use(1, "1", 2, "reset"), use(2, "2", 1), use(6, "2", 2)]
    kept = by_probe(made.history(made.probe(rows, "kept-alive"), Steady(made.at(5))))["kept-alive"]
    assert (kept.connections, kept.reused, kept.broken, kept.oldest_s) == (1, 1, 0, 4.0)


def to(t_s, pod, error=""):
    found = made.row(t_s, 0.0, error)
    return [*found[:9], f"ip-{pod}", 1]


def test_each_pod_by_what_its_service_thought_of_it():
    rows = [to(1, "a"), to(2, "a"), to(3, "a", "refused"), to(5, "a", "refused"), to(3, "b"), to(9, "a"), to(1, "x")]
    records = [
        made.pod(0, "a"), made.pod(0, "b"), made.pod(0, "c"), made.pod(8, "a", change="DELETED"),
        made.endpoints(0, made.endpoint("a"), made.endpoint("b")),
        made.endpoints(4, made.endpoint("a", ready=False), made.endpoint("b")),
        made.endpoints(0, made.endpoint("a"), service="each-pod", slice_="s2"),
    ]  # fmt: skip
    a, b = each_pod(made.history(made.probe(rows, "each-pod", role="direct", target="each-pod:8080"), records))
    assert (a.pod, a.requests, a.failed, a.failed_while_ready) == ("a", 4, 2, 1)
    assert (a.first_ns, a.last_ns) == (made.at(1), made.at(2))
    assert (b.pod, b.requests, b.failed, b.first_ns) == ("b", 1, 0, made.at(3))


def test_nobody_was_asked():
    assert each_pod(made.history(made.probe(made.steady()))) == []
    assert by_probe(made.history(made.probe(made.steady()))) == {}
