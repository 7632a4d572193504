import pytest

from harness.errors import SurviveError
from harness.failures import Failed, Inconclusive, NotPassed, TooNoisy, raise_unless_passed
from harness.results import Expected, Noise, Result


def result(verdict, **more):
    return Result(id="B1", name="rollout-naive", path="rollout", verdict=verdict, why="so it was", **more)


def test_a_pass_raises_nothing():
    raise_unless_passed(result("pass"))


@pytest.mark.parametrize(
    ("verdict", "kind"), [("fail", Failed), ("error", Failed), ("skip", Failed), ("inconclusive", Inconclusive)]
)
def test_what_is_not_a_pass_is_raised_with_its_result(verdict, kind):
    with pytest.raises(kind) as told:
        raise_unless_passed(result(verdict))
    assert type(told.value) is kind
    assert told.value.result == result(verdict)


def test_noise_alone_is_told_apart():
    noise = Noise(control_requests=9, control_errors=0, quiet=False, why="it was late")
    with pytest.raises(TooNoisy):
        raise_unless_passed(result("inconclusive", noise=noise).model_copy(update={"why": "No trust: it was late."}))
    with pytest.raises(Inconclusive) as told:
        raise_unless_passed(result("inconclusive", noise=noise))  # another reason came first
    assert type(told.value) is Inconclusive


def test_it_is_about_the_app_and_never_an_error_of_the_harness():
    assert issubclass(NotPassed, AssertionError)
    assert not issubclass(NotPassed, SurviveError)


def test_its_text_has_all_that_was_expected_and_proved():
    expected = [
        Expected(what="no errors", seen="0 of 9", holds=True),
        Expected(what="no outage", seen="1.2 s", holds=False),
        Expected(what="handover", seen="nothing", holds=None),
    ]
    assert str(Failed(result("fail", expected=expected, proof=["the pod went", "it came back"]))).splitlines() == [
        "FAIL B1 rollout-naive: so it was",
        "           holds: no errors (seen: 0 of 9)",
        "          broken: no outage (seen: 1.2 s)",
        "  cannot be told: handover (seen: nothing)",
        "           proof: the pod went",
        "           proof: it came back",
    ]
