"""Work in flight judged against a model that knows what became of each piece."""

import histories as made
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.inflight import inflight, untold, worker
from harness.records import ClockSeen, ProbeStarted, RequestBatch, Steady, Task


def sending(key, start_s, end_s, error="", attempt=1, outcome=""):
    lasted = round((end_s - start_s) * 1e9)
    outcome = outcome or ("failed" if error else "ok")
    return [made.at(start_s), 0, None, lasted, outcome, "first_byte" if error else "", error, 200, "", key, attempt]


def prober(*rows):
    return [
        ProbeStarted(made.at(0), "in-flight", 10**8, 10**9, "web:80", "inflight"),
        RequestBatch(made.at(0), "in-flight", 0, list(rows)),
    ]


def task(t_s, key, step, pod="a"):
    return Task(made.at(t_s), pod, key, step)


def test_no_such_prober():
    assert inflight(made.history(made.probe(made.steady()))) is None


FATES = {
    # what happened to a piece of work: sendings, tasks, and (answered, lost, doubled, unanswered)
    "answered": (lambda k: [sending(k, 1, 3)], lambda k: [task(1, k, "begun"), task(3, k, "done")], (1, 0, 0, 0)),
    "cut": (lambda k: [sending(k, 1, 3, "reset")], lambda k: [task(1, k, "begun")], (0, 1, 0, 0)),
    "refused": (lambda k: [sending(k, 1, 1, "refused")], lambda k: [], (0, 0, 0, 0)),
    "unanswered": (
        lambda k: [sending(k, 1, 3, "reset")], lambda k: [task(1, k, "begun"), task(2, k, "done")], (0, 0, 0, 1),
    ),
    "resent": (
        lambda k: [sending(k, 1, 3, "reset"), sending(k, 3, 5, attempt=2)],
        lambda k: [task(1, k, "begun"), task(3, k, "begun", "b"), task(5, k, "done", "b")], (1, 0, 0, 0),
    ),
    "doubled": (
        lambda k: [sending(k, 1, 3, "reset"), sending(k, 3, 5, attempt=2)],
        lambda k: [task(1, k, "begun"), task(2, k, "done"), task(3, k, "begun", "b"), task(5, k, "done", "b")],
        (1, 0, 1, 0),
    ),
}  # fmt: skip


@given(st.lists(st.sampled_from(sorted(FATES)), min_size=1, max_size=12))
def test_what_became_of_each_piece_of_work(fates):
    rows, tasks = [], []
    for n, fate in enumerate(fates):
        rows += FATES[fate][0](f"in-flight-{n}")
        tasks += FATES[fate][1](f"in-flight-{n}")
    found = inflight(made.history(prober(*rows), tasks))
    counts = [sum(FATES[fate][2][i] for fate in fates) for i in range(4)]
    assert [found.answered, found.lost, found.doubled, found.unanswered] == counts
    assert (found.requests, found.untold) == (len(fates), 0)
    assert found.failed == sum(row[4] == "failed" for row in rows)
    assert found.resent == sum(fate in ("resent", "doubled") for fate in fates)


def test_an_answer_without_an_entry_means_that_the_ledger_is_not_whole():
    found = inflight(made.history(prober(sending("k", 1, 3)), [task(1, "k", "begun")]))
    assert (found.untold, found.lost) == (1, 1)


def test_the_last_word_of_a_server_tells_how_many_entries_there_must_be():
    tasks = [task(1, "k", "begun"), task(2, "k", "done")]
    for told, missing in ((2, 0), (5, 3), (1, 0)):
        assert untold(made.history(tasks, [made.said(9, "stopped", tasks=told)])) == missing
    restarted = [made.said(5, "stopped", tasks=2), made.said(9, "stopped", tasks=1)]
    assert untold(made.history(tasks, restarted)) == 1


def test_a_cut_is_dated_from_the_signal_to_the_pod_that_had_the_work():
    life = [made.pod(0, "a"), made.pod(0, "b"), made.said(2, "signal"), made.said(2.5, "signal", "b")]
    rows = [sending("k", 1, 4, "reset"), sending("n", 1, 4, "closed")]
    found = inflight(made.history(prober(*rows), life, [task(1.5, "k", "begun", "b")]))
    assert [(cut.pod, cut.after_signal_s) for cut in found.cuts] == [("b", 1.5), ("", None)]


def test_of_two_sendings_each_has_the_pod_that_began_it():
    rows = made.requests([sending("k", 1, 4, "reset"), sending("k", 4, 6, "reset", 2)], "in-flight")
    history = made.history([task(1, "k", "begun", "a"), task(4.5, "k", "begun", "b")])
    assert [worker(history, "in-flight", row) for row in rows] == ["a", "b"]


def test_a_pod_whose_clock_is_a_little_behind_still_had_the_work():
    (row,) = made.requests([sending("k", 1, 4, "reset")], "in-flight")
    records = [made.pod(0, "a"), task(0.999, "k", "begun")]
    assert worker(made.history(records), "in-flight", row) == ""
    assert worker(made.history(records, ClockSeen(made.at(0), "n1", 0, 2_000_000, "")), "in-flight", row) == "a"


def test_what_ended_in_the_warm_up_is_not_judged():
    tasks = [task(1, "k", "begun"), task(2, "k", "done"), task(1, "n", "begun")]
    found = inflight(made.history(prober(sending("n", 1, 2, "reset"), sending("k", 1, 4)), tasks, Steady(made.at(3))))
    assert (found.requests, found.lost) == (1, 0)
