"""WebSocket and event streams that outlast a restart, or do not (rows B10)."""

from typing import Literal

import pytest

from harness.deploy import server
from harness.disrupt import Delete, Rainbow
from harness.judge.expect import ExitCode, NoErrors
from harness.judge.expect_probes import NoHeartbeatLost, NoStreamCut, StreamsCut, StreamsTold
from harness.load import NewConnections, Streams
from harness.scenario import Scenario

DRAIN_S = 2
"""Served on after the signal, so that routing has followed (kube-proxy waits up to 1 s between two syncs)."""

SHORT_G_S = 4
KILL_S = 2.0
"""The kubelet leaves a container at least 2 s for its signal, and its timer has whole seconds: SIGKILL at G..G+2 s."""

KINDS: tuple[Literal["sse"], Literal["websocket"]] = ("sse", "websocket")

STREAM_S = 12.0
"""Longer than SHORT_G_S, shorter than LONG_G_S."""

LONG_G_S = 30


def long_lived() -> list[NewConnections | Streams]:
    """Ten streams of each kind at any time, and new connections beside them.

    So many that hardly ever (1 in 4,000) none with more than SHORT_G_S to go is on the pod that is deleted.
    """
    kinds = [Streams(kind, count=10, lasting_s=STREAM_S) for kind in KINDS]
    return [NewConnections(), *kinds]


@pytest.mark.row("B10", "streams-grace-short", "delete")
def test_streams_longer_than_the_grace_period_are_cut_at_its_end(survive: Scenario) -> None:
    """One of two pods is deleted; it waits for its streams until SIGKILL."""
    app = survive.deploy(server(replicas=2, args=["--drain-s", f"{DRAIN_S}"], grace_s=SHORT_G_S))
    with survive.load(app, background=0, probes=long_lived()):
        survive.restart(Delete(app.selector))
    survive.expect(
        NoErrors(reason="the drain covers new connections"),
        StreamsCut(
            after_signal_s=(SHORT_G_S - 0.5, SHORT_G_S + KILL_S),
            reason="SIGKILL at G..G+2 s; the process tells of the signal a moment after it was sent",
        ),
        ExitCode(code=137, labels=tuple(app.selector.items())),
    )


@pytest.mark.row("B10", "streams-grace-long", "delete")
def test_with_a_grace_period_longer_than_the_streams_the_old_pod_drains(survive: Scenario) -> None:
    """The same pods with a grace period longer than any stream: the deleted one stays until the last has ended."""
    app = survive.deploy(server(replicas=2, args=["--drain-s", f"{DRAIN_S}"], grace_s=LONG_G_S))
    with survive.load(app, background=0, probes=long_lived()):
        survive.restart(Delete(app.selector))
    survive.expect(
        NoErrors(),
        NoStreamCut(),
        NoHeartbeatLost(),
        ExitCode(code=0, labels=tuple(app.selector.items())),
    )


@pytest.mark.row("B10", "streams-goodbye", "delete")
def test_a_server_may_tell_its_streams_to_go(survive: Scenario) -> None:
    """The server ends its streams by a word at its shutdown, so that their clients can come again at once."""
    app = survive.deploy(server(replicas=2, args=["--drain-s", f"{DRAIN_S}", "--goodbye"], grace_s=LONG_G_S))
    with survive.load(app, background=0, probes=long_lived()):
        survive.restart(Delete(app.selector))
    survive.expect(NoErrors(), StreamsTold(), NoStreamCut(told_is_fine=True), NoHeartbeatLost())


@pytest.mark.row("B10", "streams-rainbow", "rainbow")
def test_with_a_deployment_per_release_no_stream_is_cut(survive: Scenario) -> None:
    """Blue and green are both up; routing is switched, and blue goes when its last stream has ended of itself.

    The grace period is as short as where streams are cut: nothing depends on it.
    """
    args = ["--drain-s", f"{DRAIN_S}"]
    blue = survive.deploy(server("blue", replicas=2, args=args, grace_s=SHORT_G_S))
    green = survive.deploy(server("green", replicas=2, args=args, grace_s=SHORT_G_S))
    with survive.load(blue, background=0, probes=long_lived()):
        survive.restart(Rainbow("blue", blue.name, blue.selector, green.selector))
    survive.expect(NoErrors(), NoStreamCut(), NoHeartbeatLost())
