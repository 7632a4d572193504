"""The kubelet evicts pods by itself (rows C9, C10, C11): past every budget, and with no drain at all.

The API server is told only when all is over: the endpoint stays ready through preStop and stop, and the replacement
is made after the pod has Failed. See docs/discoveries.md.
"""

import pytest

from harness.deploy import App, OwnNode, placed, server, with_scratch
from harness.disrupt import FillDisk, PassEphemeralLimit
from harness.judge.evictions import ready_until_failed, since_evicted_s
from harness.judge.expect import ExitCode, Expectation, Outage, Seen, SomeErrors
from harness.scenario import Scenario

MAX_POD_GRACE_S = 4
"""The small disk's kubelet: evictionMaxPodGracePeriod."""

LONG_S = 30
LIMIT_MB = 16

UNDRAINED = Seen(what="its endpoint was ready until the pod had Failed", predicate=ready_until_failed)


def stopped(what: str, at_least_s: float, at_most_s: float, words: str) -> Seen:
    """The moment of the evicted pod's `signal` or `exit`, in seconds after the kubelet said that it evicts it."""
    return Seen(
        what=f"{words} {at_least_s:g} to {at_most_s:g} s after the kubelet's word",
        predicate=lambda seen: (
            (found := since_evicted_s(seen, what)) != [] and all(at_least_s <= one <= at_most_s for one in found)
        ),
    )


def two_apart(node: OwnNode, **how: object) -> App:
    """Two replicas, one on the node, under a budget that lets none go."""
    return placed(server(replicas=2, budget={"minAvailable": 2}, grace_s=LONG_S, **how), node, apart=True)


def cut_off(app: App, pre_stop_s: float) -> list[Expectation]:
    """What users of one of two pods feel that is evicted with `pre_stop_s` of its preStop sleep, then killed in 2 s."""
    return [
        UNDRAINED,
        stopped("signal", pre_stop_s - 0.5, pre_stop_s + 2, "SIGTERM"),
        stopped("exit", pre_stop_s + 1, pre_stop_s + 5, "SIGKILL"),
        ExitCode(code=137, labels=tuple(app.selector.items())),
        SomeErrors(reason="the endpoint is in the Service, its socket closed"),
        Outage(
            at_least_s=1,
            at_most_s=8,
            reason="from the signal, at which the app stops to accept, over SIGKILL 2 s later to the status Failed,"
            " which the kubelet writes up to 3 s after that, and the routing",
        ),
    ]


@pytest.mark.node
@pytest.mark.row("C9", "soft-eviction", "disk")
def test_a_soft_eviction_cuts_the_grace_and_drains_nothing(survive: Scenario) -> None:
    """Its disk passes the soft threshold: G is 4 s instead of 30; SIGTERM after the preStop's 2 s, SIGKILL at 4 s."""
    node = survive.add_node(small_disk=True)
    app = survive.deploy(two_apart(node, pre_stop_s=2, args=["--shutdown-s", str(LONG_S)]))
    with survive.load(app):
        survive.restart(FillDisk(node.name, app.selector, "soft"))
    survive.expect(*cut_off(app, pre_stop_s=MAX_POD_GRACE_S - 2))


@pytest.mark.node
@pytest.mark.row("C10", "hard-eviction", "disk")
def test_a_hard_eviction_gives_one_second(survive: Scenario) -> None:
    """Past the hard threshold: G is 1 s, which the preStop sleep of 4 s uses up; SIGTERM at 1 s, SIGKILL 2 s later."""
    node = survive.add_node(small_disk=True)
    app = survive.deploy(two_apart(node, pre_stop_s=4, args=["--shutdown-s", str(LONG_S)]))
    with survive.load(app):
        survive.restart(FillDisk(node.name, app.selector, "hard"))
    survive.expect(*cut_off(app, pre_stop_s=1))


@pytest.mark.row("C11", "ephemeral-limit", "ephemeral-limit")
def test_a_pod_that_writes_past_its_volumes_limit_is_evicted(survive: Scenario) -> None:
    """24 MB in an emptyDir of 16 MB: evicted with G 1 s, without the condition DisruptionTarget, without a drain."""
    args = ["--shutdown-s", str(LONG_S)]
    app = server(replicas=2, budget={"minAvailable": 2}, grace_s=LONG_S, pre_stop_s=4, args=args)
    app = survive.deploy(with_scratch(app, LIMIT_MB))
    with survive.load(app):
        survive.restart(PassEphemeralLimit(app.selector, LIMIT_MB + 8))
    survive.expect(*cut_off(app, pre_stop_s=1))


@pytest.mark.row("C11", "ephemeral-limit-serving", "ephemeral-limit")
def test_an_app_that_serves_until_it_is_killed_loses_far_less(survive: Scenario) -> None:
    """The same, but the app goes on serving after SIGTERM: only from SIGKILL until the routing follows is it missed."""
    app = server(replicas=2, grace_s=LONG_S, args=["--drain-s", str(LONG_S)])
    app = survive.deploy(with_scratch(app, LIMIT_MB))
    with survive.load(app):
        survive.restart(PassEphemeralLimit(app.selector, LIMIT_MB + 8))
    survive.expect(
        UNDRAINED,
        Outage(at_most_s=4, reason="from SIGKILL to the status Failed and the routing"),
    )
