import histories as made
import pytest

from harness.judge.expect import NoErrors, Outage, Restarts
from harness.judge.verdict import judge, needs_control
from harness.proof import Proof

PROVED = Proof(["the pod got a new uid"])
RESTARTS = Restarts(count=0)


@pytest.mark.parametrize(
    ("expect", "loaded", "needed"),
    [
        ((RESTARTS,), False, False),
        ((RESTARTS,), True, True),
        ((RESTARTS, NoErrors()), False, True),
        ((RESTARTS & RESTARTS,), False, False),
        ((RESTARTS & NoErrors(),), False, True),
        ((NoErrors() | RESTARTS,), False, True),
        ((RESTARTS | (RESTARTS & Outage(at_most_s=1)),), False, True),
    ],
)
def test_a_control_is_needed_for_load_and_for_what_is_said_of_traffic(expect, loaded, needed):
    assert needs_control(expect, loaded=loaded) is needed


def test_without_load_what_is_said_of_traffic_stays_inconclusive():
    pods = made.pod(0, containers=[made.container()])
    for expect, verdict in (((RESTARTS,), "pass"), ((RESTARTS, NoErrors()), "inconclusive")):
        judged = judge(made.history(pods), PROVED, expect, needs_control=needs_control(expect, loaded=False))
        assert judged.verdict == verdict
