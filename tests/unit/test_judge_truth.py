"""The judge's outages against a made server that knows the truth (see `made_server`)."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_server import PROMPT_S, Server, Span

from harness.judge.traffic import traffic
from harness.judge.unseen import certain_s

SPACING = 0.01
STALL_S = 0.1
SEEDS = st.integers(0, 2**32)
APART_S = 2.0
"""Good time between two troubles: more than the judge needs (1 s) to tell them apart."""


def judged(requests):
    """All outages, by errors and stalls, oldest first."""
    return traffic(requests, stall_s=STALL_S).outages


@st.composite
def troubles(draw, kinds, most=3, least_s=0.03, most_s=1.5):
    """Some troubles, well apart."""
    spans, at_s = [], 1.0
    for _ in range(draw(st.integers(1, most))):
        start_s = at_s + draw(st.floats(0, 0.5))
        length_s = draw(st.floats(least_s, most_s))
        spans.append(Span(draw(st.sampled_from(kinds)), start_s, start_s + length_s))
        at_s = spans[-1].end_s + APART_S
    return spans, at_s + 0.5


@settings(max_examples=60, deadline=None)
@given(case=troubles(["refuse", "cut", "hang", "freeze"]), work_s=st.floats(0.0002, 0.03), seed=SEEDS)
def test_each_full_outage_is_found_once_and_its_bracket_holds(case, work_s, seed):
    spans, total_s = case
    found = judged(Server(spans, work_s=work_s).asked(seed, total_s))
    assert len(found) == len(spans)
    for outage, span in zip(found, spans, strict=True):
        assert outage.low_s <= span.length_s + 1e-6
        assert span.length_s - 1e-6 <= outage.high_s
        assert outage.ended
        assert not outage.partial
        assert outage.low_s <= outage.estimate_s <= outage.high_s
        assert abs(outage.estimate_s - span.length_s) < SPACING + 3 * (PROMPT_S + work_s)


@settings(max_examples=60, deadline=None)
@given(case=troubles(["stall"], least_s=STALL_S + 0.02, most_s=0.9), work_s=st.floats(0.0002, 0.02), seed=SEEDS)
def test_a_stall_in_any_order_of_answers_ends_at_its_first_completion(case, work_s, seed):
    spans, total_s = case
    requests = Server(spans, work_s=work_s).asked(seed, total_s)
    found = judged(requests)
    assert [outage.kind for outage in found] == ["stall"] * len(spans)
    for outage, span in zip(found, spans, strict=True):
        assert not outage.partial
        assert outage.low_s <= span.length_s + 2 * work_s + 0.01  # the first completion comes up to so much after it
        assert span.length_s - 1e-6 <= outage.high_s
        usual_s = float(np.median((requests.end_ns - requests.scheduled_ns) / 1e9))
        assert span.length_s - SPACING - usual_s <= outage.excess_s <= span.length_s + 2.5 * work_s + 0.01


@settings(max_examples=40, deadline=None)
@given(case=troubles(["refuse", "hang", "stall", "partial"], most=4, least_s=0.25, most_s=0.8), seed=SEEDS)
def test_troubles_of_all_kinds_in_one_run_are_told_apart(case, seed):
    spans, total_s = case
    found = judged(Server(spans, backends=2).asked(seed, total_s))
    assert len(found) == len(spans)
    for outage, span in zip(found, spans, strict=True):
        assert (outage.kind == "stall") == (span.kind == "stall")
        assert outage.partial == (span.kind == "partial")
        assert outage.low_s <= span.length_s + 0.02
        if span.kind != "partial":  # its bound may fail, once in a hundred
            assert span.length_s - 1e-6 <= outage.high_s


@settings(max_examples=40, deadline=None)
@given(length_s=st.floats(1.2, 3), seed=SEEDS)
def test_a_stall_beyond_the_deadline_is_one_outage_to_its_first_completion(length_s, seed):
    span = Span("stall", 1.0, 1.0 + length_s)
    found = judged(Server([span]).asked(seed, 7.0))
    assert [(outage.kind, outage.partial) for outage in found] == [("errors", False)]
    assert found[0].low_s <= length_s <= found[0].high_s
    assert abs(found[0].estimate_s - length_s) < 0.02


@settings(max_examples=60, deadline=None)
@given(backends=st.integers(2, 4), length_s=st.floats(0.05, 2), seed=SEEDS)
def test_what_is_certain_of_a_partial_outage_holds_always(backends, length_s, seed):
    span = Span("partial", 2.0, 2.0 + length_s, backends)
    for outage in judged(Server([span], backends).asked(seed, 6.0)):
        assert outage.low_s <= length_s + 1e-6
        assert span.start_s - 0.2 * backends < (outage.start_ns - 1_700_000_000_000_000_000) / 1e9
        assert outage.kind == "errors"


@pytest.mark.parametrize(("backends", "least_s"), [(2, 0.1), (3, 0.2), (4, 0.3)])
def test_the_bracket_of_a_partial_outage_holds_99_times_of_100(backends, least_s):
    """Long enough to be seen at all but with a chance of about 0.1 %."""
    rng = np.random.default_rng(backends)
    held, count, errors = 0, 400, []
    for seed in range(count):
        length_s = least_s * math.exp(rng.uniform(0, math.log(2 / least_s)))
        span = Span("partial", 1.2, 1.2 + length_s, backends)
        found = judged(Server([span], backends).asked(seed, 2.4 + length_s))
        # Failures of one backend of four may lie 50 good ones apart: then two outages are told of one trouble.
        held += len(found) == 1 and found[0].low_s <= length_s <= found[0].high_s
        if found and length_s > 10 * backends * SPACING:
            errors.append(found[0].estimate_s - length_s)
    assert held / count >= 0.985  # 99 % less two standard deviations of 400 draws
    assert abs(np.mean(errors)) < 4 * np.std(errors) / math.sqrt(len(errors)) + 0.001


@pytest.mark.parametrize("probers", [1, 2, 5])
def test_an_outage_shorter_than_the_spacing_is_seen_with_its_share_of_it(probers):
    rng = np.random.default_rng(probers)
    length_s, count, seen = 0.0015, 500, 0
    for seed in range(count):
        start_s = 0.1 + rng.uniform(0, SPACING)
        requests = Server([Span("refuse", start_s, start_s + length_s)], way_s=0.0001).asked(seed, 0.3, probers=probers)
        seen += bool(judged(requests))
    share = length_s / (SPACING / probers)
    assert abs(seen / count - share) < 4 * math.sqrt(share * (1 - share) / count)


@settings(max_examples=100, deadline=None)
@given(length_s=st.floats(0.001, 0.05), start_s=st.floats(1, 1.02), work_s=st.floats(0.0002, 0.01), seed=SEEDS)
def test_an_outage_longer_than_what_is_certain_was_seen(length_s, start_s, work_s, seed):
    requests = Server([Span("refuse", start_s, start_s + length_s)], work_s=work_s).asked(seed, 2.0)
    certain = certain_s(requests)
    assert certain is not None
    assert certain >= SPACING
    if not requests.failed.any():
        assert length_s <= certain


def test_what_was_seen_widens_nothing():
    quiet = Server([]).asked(1, 3.0)
    broken = Server([Span("refuse", 1.0, 2.0)]).asked(1, 3.0)
    most_s = SPACING + 2 * PROMPT_S + 0.001 + 0.002  # the ways, the work, the prober's lag
    assert SPACING < certain_s(quiet) < most_s
    assert SPACING < certain_s(broken) < most_s


def test_a_short_full_outage_of_several_pods_may_have_been_a_partial_one():
    span = Span("refuse", 1.0, 1.04)
    one = judged(Server([span]).asked(3, 3.0))[0]
    several = judged(Server([span], backends=2).asked(3, 3.0))[0]
    assert one.high_s < 0.07
    assert several.high_s > 0.15
    assert several.low_s == pytest.approx(one.low_s, abs=0.005)
    long = judged(Server([Span("refuse", 1.0, 1.5)], backends=2).asked(3, 3.0))[0]
    assert long.high_s < 0.53
