"""A Job's pod is deleted while it works (rows E4): one more at once, or one after the other."""

import pytest

from harness.deploy import App, job, server
from harness.disrupt import Delete
from harness.judge.presence import MostThere, Overlap
from harness.scenario import Scenario

GRACE_S = 6


def deaf(replacement: str) -> App:
    """A Job of one pod that hears no SIGTERM: it works on until its grace ends, and fails by the SIGKILL."""
    return job(server(replicas=1, args=["--ignore-sigterm"], probes=False, grace_s=GRACE_S), replacement=replacement)


@pytest.mark.row("E4", "job-overlap", "delete")
def test_a_job_works_twice_while_its_pod_terminates(survive: Scenario) -> None:
    """The default, TerminatingOrFailed: the replacement comes at the deletionTimestamp, beside the old pod."""
    app = survive.deploy(deaf("TerminatingOrFailed"))
    survive.restart(Delete(app.selector))
    survive.expect(
        MostThere(labels=tuple(app.selector.items()), at_least=2, reason="replaced at deletionTimestamp"),
        Overlap(
            labels=tuple(app.selector.items()),
            at_least_s=GRACE_S - 4,
            at_most_s=GRACE_S + 2,
            reason="the grace period and up to 2 s until the SIGKILL, less the replacement's start",
        ),
    )


@pytest.mark.row("E4", "job-failed", "delete")
def test_a_job_waits_until_its_old_pod_has_failed(survive: Scenario) -> None:
    """podReplacementPolicy Failed: the replacement comes only once the old pod has come to its end."""
    app = survive.deploy(deaf("Failed"))
    survive.restart(Delete(app.selector))
    labels = tuple(app.selector.items())
    survive.expect(MostThere(labels=labels, at_most=1), Overlap(labels=labels, at_most_s=0))
