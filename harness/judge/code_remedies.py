"""Remedies in the app's code, in its clients or in the cluster, where no manifest helps; None where they do not fit."""

from typing import Final

from harness.judge.hurt import Hurt
from harness.judge.piece import piece
from harness.results import Advice


def retry(felt: Hurt) -> Advice | None:
    """What is left where a process dies by itself."""
    return piece(
        felt, "retry", "let clients, or the proxy before it, send refused requests again",
        "Nothing marks the endpoint before the kubelet sees the container's end, so a process that dies by itself"
        " costs some requests, whatever its manifest. A refused connection did no work and may be tried again.",
        [], kind="code",
    )  # fmt: skip


SERVED_S: Final = 1.0
"""An app that closed its socket so long after its signal went on serving."""


def ephemeral(felt: Hurt) -> Advice | None:
    """What helps against evictions by the kubelet, unless the app does so already."""
    if (felt.closed_after_s or 0) >= SERVED_S:
        return None
    return piece(
        felt, "serve-until-killed", "go on serving after the stop signal; give ephemeral-storage requests that hold",
        "What a kubelet evicts is not drained: its endpoint stays until all its containers have ended, so every request"
        " refused before that is lost. Better not to be evicted: pods that ask for what they use go last.",
        [], kind="code",
    )  # fmt: skip


def watch_nodes(felt: Hurt) -> Advice | None:
    """What helps against the loss of a node."""
    return piece(
        felt, "node-monitor", "give clients a short connect timeout and a retry on another connection",
        "A dead node's pods stay in the Service until the node is given up (node-monitor-grace-period, 50 s)."
        " More replicas make the share smaller; only clients, or a proxy with health checks, can be quicker.",
        [], kind="cluster",
    )  # fmt: skip


def connection_close(felt: Hurt) -> Advice | None:
    """A word on the last answers of kept connections."""
    if not felt.reused:
        return None
    return piece(
        felt, "connection-close", "say `Connection: close` on each answer after the stop signal (HTTP/2: GOAWAY)",
        "A preStop sleep drains new connections only; a kept one is used until it is closed, and a request may cross"
        " the close. After a word its client opens another.",
        [f"{felt.reused} requests on reused connections broke"], kind="code",
    )  # fmt: skip


def end_streams(felt: Hurt) -> Advice | None:
    """A word at the end of streams."""
    cut = sum(one.cut for one in felt.streams)
    if not cut:
        return None
    return piece(
        felt, "end-streams", "end streams by a word after the stop signal (SSE: the last chunk; WebSocket: close 1001)",
        "A stream that outlives the grace period is cut; a client that was told opens another and loses nothing.",
        [f"{cut} streams were cut"], kind="code",
    )  # fmt: skip


def release(felt: Hurt) -> Advice | None:
    """A Lease that is given up."""
    if felt.expired_s is None:
        return None
    return piece(
        felt, "release-on-cancel", "release the Lease on shutdown (client-go: ReleaseOnCancel, cancel on SIGTERM)",
        "A lease that is not given up has to expire first; one that is released is taken at the next look, within 4.4 s"
        " by client-go's defaults. Stop the work before the release.",
        [f"nobody led for {felt.expired_s:.2f} s: the Lease had to expire"], kind="code",
    )  # fmt: skip


def shorter_lease(felt: Hurt) -> Advice | None:
    """A shorter Lease, the only thing that helps after a crash."""
    if felt.expired_s is None:
        return None
    return piece(
        felt, "shorter-lease", "shorten the Lease (LeaseDuration, RenewDeadline, RetryPeriod: such as 6, 4, 1 s)",
        "A leader that dies releases nothing: the Lease has to expire, and two looks of the standby come on top."
        " Shorter ones cost requests to the API server, and are lost sooner when it is slow.",
        [f"nobody led for {felt.expired_s:.2f} s"], kind="code",
    )  # fmt: skip


def stop_work_first(felt: Hurt) -> Advice | None:
    """Work that ends before the release."""
    if felt.overlap_s <= 0:
        return None
    return piece(
        felt, "stop-work-first", "end the work before the Lease is released (wait for it, then cancel the election)",
        "client-go releases before it calls OnStoppedLeading: what still works then works beside the next leader.",
        [f"two were at work at once for {felt.overlap_s:.2f} s"], kind="code",
    )  # fmt: skip


def fence(felt: Hurt) -> Advice | None:
    """Work that is refused once the Lease is over."""
    if felt.overlap_s <= 0:
        return None
    return piece(
        felt, "fence", "fence the work: each piece checks the renew deadline, or bears the Lease's term and is refused",
        "A leader that stood still, or was cut off, does not know that another has taken over.",
        [f"two were at work at once for {felt.overlap_s:.2f} s"], kind="code",
    )  # fmt: skip
