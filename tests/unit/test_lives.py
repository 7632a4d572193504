import histories as made

from harness.lives import lives
from harness.proof import Proof, condition_ns, endpoint_changes, events, has_condition, pods
from harness.records import Condition, EventSeen


def one(*records):
    return next(iter(lives(made.history(*records)).values()))


def test_life_of_a_deleted_pod():
    life = one(
        made.pod(0, change="ADDED", ready=False, ip="", node=""), made.pod(2),
        made.pod(5, deletion_s=35, grace_s=30), made.pod(6, deletion_s=7, grace_s=1, ready=False),
        made.pod(9, change="DELETED", deletion_s=7, grace_s=1),
        made.said(5.1, "signal", signal="SIGTERM"), made.said(8, "exit", code=0),
    )  # fmt: skip
    assert (life.first_seen_ns, life.ready_ns, life.gone_ns) == (made.at(0), made.at(2), made.at(9))
    assert (life.deletion_seen_ns, life.deletion_ns, life.grace_s) == (made.at(5), made.at(35), 30)
    assert (life.signal_ns, life.exit_ns) == (made.at(5.1), made.at(8))
    assert (life.node, life.ips) == ("n1", {"ip-a"})


def test_nothing_seen_is_none():
    life = one(made.pod(0, ready=False))
    assert life.ready_ns is life.deletion_seen_ns is life.deletion_ns is life.gone_ns is life.signal_ns is None
    assert life.grace_s is None
    assert life.exits() == []
    assert life.listening() == []


def test_restarts_and_exits_are_counted_once():
    before = made.container(2, last_exit_code=9)
    down = made.container(2, "terminated", exit_code=137, reason="OOMKilled", signal=9, last_exit_code=9)
    again = made.container(3, last_exit_code=137, last_reason="OOMKilled")
    life = one(*(made.pod(t, containers=[c]) for t, c in enumerate([before, before, down, down, again, again])))
    assert life.restarts() == 1
    assert life.restarts("other") == 0
    (end,) = life.exits()
    assert (end.code, end.reason, end.signal, end.seen_ns) == (137, "OOMKilled", 9, made.at(2))


def test_exit_known_only_from_the_last_state():
    life = one(
        made.pod(0, containers=[made.container(0)]), made.pod(1, containers=[made.container(1, last_exit_code=3)])
    )
    assert [end.code for end in life.exits()] == [3]


def test_listening_spans():
    life = one(
        made.pod(0), made.said(1, "listening"), made.said(3, "draining", drain_s=2.0), made.said(6, "stopped"),
        made.said(6, "exit", code=0), made.said(7, "started"), made.said(8, "listening"),
    )  # fmt: skip
    first, second = life.listening()
    assert (first.start_ns, first.end_ns) == (made.at(1), made.at(5))
    assert (second.start_ns, second.end_ns) == (made.at(8), None)
    assert first.holds(made.at(1))
    assert not first.holds(made.at(5))
    assert second.holds(made.at(100))


def test_listening_ends_with_the_pod_at_the_latest():
    life = one(made.pod(0), made.said(1, "listening"), made.pod(4, change="DELETED"))
    assert life.listening()[0].end_ns == made.at(4)


def test_a_namesake_gets_its_own_words():
    records = [made.pod(0, uid="u1"), made.pod(5, uid="u1", change="DELETED"), made.pod(6, uid="u2")]
    found = lives(made.history(*records, made.said(4, "signal"), made.said(7, "started")))
    assert [len(life.said) for life in found.values()] == [1, 1]
    assert found["u1"].signal_ns == made.at(4)


def test_conditions_ever_seen():
    target = Condition("DisruptionTarget", "True", "EvictionByEvictionAPI")
    life = one(made.pod(0), made.pod(1, conditions=[target]), made.pod(2))
    assert condition_ns(life, "DisruptionTarget", reason="EvictionByEvictionAPI") == made.at(1)
    assert condition_ns(life, "Ready", reason="NotReady") is None
    assert has_condition(life, "DisruptionTarget", reason="EvictionByEvictionAPI")
    assert has_condition(life, "DisruptionTarget")
    assert not has_condition(life, "DisruptionTarget", reason="PreemptionByScheduler")
    assert not has_condition(life, "DisruptionTarget", "False")


def test_pods_by_label_and_events_by_reason():
    event = EventSeen(made.at(1), "Killing", "Normal", "m", "Pod/a", "uid-a")
    history = made.history(made.pod(0, labels={"app": "shop"}), made.pod(1, "b"), event)
    assert [life.name for life in pods(history, app="shop")] == ["a"]
    assert [life.name for life in pods(history)] == ["a", "b"]
    assert events(history, "Killing", "uid-a") == [event]
    assert events(history, "Killing", "uid-b") == events(history, "Preempted") == []


def test_endpoint_changes():
    history = made.history(
        made.endpoints(0, made.endpoint("a")), made.endpoints(1, made.endpoint("a")),
        made.endpoints(2, made.endpoint("a", ready=False, terminating=True)), made.endpoints(3),
        made.endpoints(2.5, made.endpoint("x"), service="other"),
    )  # fmt: skip
    changes = endpoint_changes(history, "shop", "uid-a")
    assert [(c.t_ns, c.present, c.ready, c.serving, c.terminating) for c in changes] == [
        (made.at(0), True, True, True, False),
        (made.at(2), True, False, True, True),
        (made.at(3), False, False, False, False),
    ]
    assert endpoint_changes(history, "shop", "uid-x") == []


def test_pod_that_moves_between_slices_stays():
    history = made.history(
        made.endpoints(0, made.endpoint("a")), made.endpoints(1, made.endpoint("a"), slice_="s2"), made.endpoints(2)
    )
    assert len(endpoint_changes(history, "shop")) == 1


def test_proof():
    proof = Proof()
    assert not proof.complete
    assert proof.need("a new uid", True)
    assert proof.complete
    assert not proof.need("exit 0", False)
    assert not proof.complete
    assert (proof + Proof(["more"])) == Proof(["a new uid", "more"], ["exit 0"])
