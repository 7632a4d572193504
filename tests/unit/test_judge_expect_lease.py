"""How long a Lease was without a holder, by the Lease alone."""

import histories as made
import pytest

from harness.history import History
from harness.judge.expect_lease import LeaseGap
from harness.judge.expectation import Evidence
from harness.records import LeaseSeen


def lease(at_s: float, holder: str, name: str = "boss") -> LeaseSeen:
    return LeaseSeen(made.at(at_s), name, holder, 0, 15, None, made.at(at_s))


def judged(at_most_s: float, *seen: LeaseSeen):
    return LeaseGap(lease="boss", at_most_s=at_most_s)(Evidence(History("x", list(seen))))


RENEWED = [lease(0, "a"), lease(2, "a"), lease(4, "a")]
OTHER = [lease(3, "z", "another"), lease(30, "y", "another")]


@pytest.mark.parametrize(
    ("seen", "at_most_s", "holds", "text"),
    [
        ([], 5, None, "it was never held"),
        (OTHER, 5, None, "it was never held"),
        ([*RENEWED, *OTHER], 5, True, "it never passed on"),
        # It let go: from then on nobody held it.
        ([*RENEWED, lease(5, ""), lease(6.5, "b")], 1.5, True, "1.500 s"),
        ([*RENEWED, lease(5, ""), lease(6.5, "b")], 1.4, False, "1.500 s"),
        # It expired: the old one renewed at 4 s, and may have lived until it would have at 6 s.
        ([*RENEWED, lease(22, "b")], 18, True, "16.000 to 18.000 s"),
        ([*RENEWED, lease(22, "b")], 17, None, "16.000 to 18.000 s"),
        ([*RENEWED, lease(22, "b")], 15, False, "16.000 to 18.000 s"),
        # The worst of several counts, and one that nobody ended is the worst.
        ([*RENEWED, lease(4.5, ""), lease(5, "b"), lease(6, ""), lease(9, "c")], 2, False, "3.000 s"),
        ([*RENEWED, lease(5, "")], 100, False, "nobody took it over"),
    ],
)
def test_a_gap_is_judged_by_its_whole_bracket(seen, at_most_s, holds, text) -> None:
    told = judged(at_most_s, *seen)
    assert (told.holds, told.seen) == (holds, text)
    assert told.what == f"lease boss without a holder <= {at_most_s:g} s"
