import histories as made
import pytest

from harness import results
from harness.judge.expect_probes import (
    DeafWhileReady,
    DoubledWork,
    InFlightCut,
    LostWork,
    NoDeafPod,
    NoDoubledWork,
    NoHeartbeatLost,
    NoInFlightFailed,
    NoLostWork,
    NoReusedBroken,
    NoStreamCut,
    ReusedBroken,
    StreamsCut,
    StreamsTold,
)
from harness.judge.expectation import Evidence


def cut(after=4.0, pod="a"):
    return results.Cut(pod=pod, error="reset", at_ns=1, age_s=5, after_signal_s=after)


def streams(opened=10, cuts=(), **more):
    return Evidence(made.history(), streams={"sse": results.Streams(opened=opened, cut=len(cuts), cuts=cuts, **more)})


def work(requests=10, **more):
    answered = more.pop("answered", requests)
    return Evidence(made.history(), in_flight=results.InFlight(requests=requests, answered=answered, **more))


def kept(reused, broken):
    one = results.Kept(connections=4, reused=reused, broken=broken, oldest_s=1, most_used=9)
    return Evidence(made.history(), kept={"kept-alive": one})


def pods(*deaf):
    found = [results.PodAnswers(pod="a", requests=9, failed=n, failed_while_ready=n) for n in deaf]
    return Evidence(made.history(), each_pod=found)


@pytest.mark.parametrize(
    ("expect", "seen", "holds"),
    [
        (NoStreamCut(), streams(), True),
        (NoStreamCut(), streams(cuts=[cut()]), False),
        (NoStreamCut(), streams(silent=1), False),
        (NoStreamCut(), streams(other=1), False),
        (NoStreamCut(), streams(unopened=1), False),
        (NoStreamCut(), streams(told=1), False),
        (NoStreamCut(told_is_fine=True), streams(told=1), True),
        (NoStreamCut(told_is_fine=True), streams(told=1, cuts=[cut()]), False),
        (NoStreamCut(), streams(unknown=1), None),
        (NoStreamCut(), streams(untold=1), None),
        (NoStreamCut(), streams(opened=0), None),
        (NoStreamCut(probe="websocket"), streams(), None),
        (StreamsCut(), streams(cuts=[cut()]), True),
        (StreamsCut(), streams(), False),
        (StreamsCut(at_least=2), streams(cuts=[cut()]), False),
        (StreamsCut(after_signal_s=(3.5, 6)), streams(cuts=[cut(3.6), cut(5.9)]), True),
        (StreamsCut(after_signal_s=(3.5, 6)), streams(cuts=[cut(3.6), cut(3.4)]), False),
        (StreamsCut(after_signal_s=(3.5, 6)), streams(cuts=[cut(None)]), False),
        (StreamsTold(), streams(told=1), True),
        (StreamsTold(), streams(cuts=[cut()]), False),
        (NoHeartbeatLost(), streams(heartbeats=99), True),
        (NoHeartbeatLost(), streams(heartbeats=99, lost=1), False),
        (NoHeartbeatLost(), streams(heartbeats=99, doubled=1), False),
        (NoHeartbeatLost(), streams(untold=1), None),
        (LostWork(), work(lost=1), True),
        (LostWork(at_least=2), work(lost=1), False),
        (NoLostWork(), work(), True),
        (NoLostWork(), work(lost=1), False),
        (NoLostWork(), work(lost=1, untold=1), None),
        (NoLostWork(), work(requests=0), None),
        (NoLostWork(), Evidence(made.history()), None),
        (DoubledWork(), work(doubled=1), True),
        (DoubledWork(), work(), False),
        (NoDoubledWork(), work(), True),
        (NoDoubledWork(), work(doubled=1), False),
        (NoDoubledWork(), work(unknown=1), None),
        (InFlightCut(), work(cuts=[cut()]), True),
        (InFlightCut(), work(cuts=[cut(pod="")]), False),
        (InFlightCut(after_signal_s=(0, 1)), work(cuts=[cut(0.5), cut(None, "")]), True),
        (InFlightCut(after_signal_s=(0, 1)), work(cuts=[cut(0.5), cut(1.5)]), False),
        (InFlightCut(), work(cuts=[cut()], untold=1), None),
        (InFlightCut(), work(requests=0), None),
        (NoInFlightFailed(), work(), True),
        (NoInFlightFailed(), work(failed=1), False),
        (NoInFlightFailed(), work(unknown=1), None),
        (NoInFlightFailed(), work(failed=1, unknown=1), False),
        (NoInFlightFailed(), work(requests=0), None),
        (ReusedBroken(), kept(9, 1), True),
        (ReusedBroken(at_least=2), kept(9, 1), False),
        (ReusedBroken(), kept(0, 0), None),
        (NoReusedBroken(), kept(9, 0), True),
        (NoReusedBroken(), kept(9, 1), False),
        (NoReusedBroken(probe="other"), kept(9, 0), None),
        (DeafWhileReady(), pods(0, 1), True),
        (DeafWhileReady(at_least=2), pods(0, 1), False),
        (NoDeafPod(), pods(0, 0), True),
        (NoDeafPod(), pods(1, 0), False),
        (NoDeafPod(), pods(), None),
    ],
)
def test_what_holds(expect, seen, holds):
    assert expect(seen).holds is holds


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            StreamsCut(at_least=2, after_signal_s=(4, 6), reason="why")(streams(cuts=[cut(4.125), cut(5)], told=1)),
            ("at least 2 streams cut 4 to 6 s after the signal",
             "2 cut, 1 told to go of 10 streams, 4.12 to 5.00 s after the signal", "why"),
        ),
        (
            StreamsCut()(streams(cuts=[cut(3.999), cut(4.0)])),
            ("at least 1 stream cut", "2 cut of 10 streams, 4.00 s after the signal", ""),
        ),
        (NoStreamCut()(streams()), ("no stream ended before its time", "none ended early of 10 streams", "")),
        (
            DoubledWork()(work(answered=9, doubled=1, unanswered=1)),
            ("at least 1 piece of work doubled",
             "9 of 10 answered, 0 lost, 1 doubled, 1 done without an answer", ""),
        ),
        (
            NoReusedBroken()(kept(1200, 0)),
            ("none broken on used connections", "0 of 1,200 requests on used connections broke, 4 connections", ""),
        ),
        (NoDeafPod()(pods(0, 2)), ("every ready pod answered", "2 of 18 requests to 2 pods", "")),
    ],
)  # fmt: skip
def test_the_words(told, words):
    assert (told.what, told.seen, told.reason) == words
