import dataclasses

import histories as made
import pytest

from harness.judge.noise import noise
from harness.records import Lost, Noise, ProbeEnded, RequestBatch

GOOD = made.probe(made.steady(1))
CONTROL = made.probe(made.steady(1), "control", role="control")


def test_quiet():
    found = noise(made.history(GOOD, CONTROL, Noise(made.at(1), 0.2, 1.0), Noise(made.at(2), None, 1.0)))
    assert found.quiet is True
    assert found.control_requests == 100
    assert found.limit_ms == 5
    assert found.cpu_pressure == 0.2


@pytest.mark.parametrize(("count", "quiet"), [(1, True), (2, False)])
def test_an_untouched_server_that_answers_late(count, quiet):
    slow = [made.row(n * 0.01, 101 if n < count else 1) for n in range(100)]
    found = noise(made.history(GOOD, made.probe(slow, "control", role="control")))
    assert found.quiet is quiet
    assert quiet or "an untouched server answered 101 ms late" in found.why


@pytest.mark.parametrize(("pressures", "quiet"), [((0.2, 0.999, 0.94), True), ((0.2, 0.999, 0.999), False)])
def test_pressure_of_the_cpu(pressures, quiet):
    found = noise(made.history(GOOD, CONTROL, [Noise(made.at(n), one, 1.0) for n, one in enumerate(pressures)]))
    assert found.quiet is quiet
    assert quiet or "some task waited for a CPU 99.9 % of the time, over 99 %" in found.why
    assert found.cpu_pressure == 0.999


@pytest.mark.parametrize("error", ["refused", "unknown"])
def test_a_failed_control_request(error):
    control = made.probe([*made.steady(1), made.row(1, error=error)], "control", role="control")
    found = noise(made.history(GOOD, control))
    assert found.quiet is False
    assert "1 of 101 control requests failed" in found.why


def late(count, ms=6.0):
    return [made.row(n * 0.01, lag_ms=ms if n < count else 0) for n in range(100)]


@pytest.mark.parametrize(("count", "ms", "quiet"), [(3, 6, False), (100, 4.9, True), (0, 0, True)])
def test_lag_against_half_the_spacing(count, ms, quiet):
    found = noise(made.history(made.probe(late(count, ms)), CONTROL))
    assert found.quiet is quiet
    assert quiet or "the prober service was 6.0 ms late" in found.why


def test_load_is_not_held_to_the_lag():
    assert noise(made.history(made.probe(late(100), "bg", role="load"), CONTROL)).quiet is True


def test_no_control():
    assert noise(made.history(GOOD)).quiet is None
    assert noise(made.history(GOOD), needs_control=False).quiet is True
    assert noise(made.history(), needs_control=False).quiet is True
    assert noise(made.history(made.probe([], "control", role="control"))).quiet is None


@pytest.mark.parametrize("needs_control", [True, False])
def test_lost_sight(needs_control):
    found = noise(made.history(GOOD, CONTROL, Lost(made.at(1), "pods", "the watch broke")), needs_control)
    assert found.quiet is False
    assert "pods was lost: the watch broke" in found.why


def test_prober_without_an_end():
    assert "never came to its end" in noise(made.history(made.probe(made.steady(1), ended=False), CONTROL)).why


def test_missing_batch():
    started, batch, _ = GOOD
    told = noise(made.history([started, batch, ProbeEnded(made.at(9), "service", 200, 2)], CONTROL))
    assert told.quiet is False
    assert "1 of 2 batches" in told.why
    assert isinstance(batch, RequestBatch)
    later = dataclasses.replace(batch, seq=1, rows=made.steady(0.5))
    both = noise(made.history([started, batch, later, ProbeEnded(made.at(9), "service", 150, 2)], CONTROL))
    assert both.quiet is True


def test_missing_rows_and_missing_start():
    started, batch, _ = GOOD
    assert "due 300 requests and told of 100" in noise(
        made.history([started, batch, ProbeEnded(made.at(9), "service", 300, 1)], CONTROL)
    ).why  # fmt: skip
    assert "never said how it began" in noise(made.history(GOOD[1:], CONTROL)).why
