"""The same restart on servers that people really run, as they come and hardened (rows B14).

Two of three pods are deleted, with a grace period of 10 s. As they come: no preStop hook and the server's defaults.
Hardened: a preStop sleep of 4 s, and what the server has for a graceful and bounded stop (see `deploy/framework.py`).
"""

import pytest

from harness.deploy import framework
from harness.deploy.framework import HARDENED_PRE_STOP_S, Name
from harness.disrupt import Delete
from harness.judge.expect import NoErrors, NoOutage, Outage, SomeErrors, Timing
from harness.scenario import Scenario

GRACE_S = 10

STOP_S = 3.0
"""From the deletion, or the end of the sleep, until the process has ended: up to 1 s since the runtime tells whole
seconds, the kubelet's work for two pods on a busy machine, and the server's own stop, which has little to wait for."""

RACE_S = 4.0
"""kube-proxy writes once a second at most; what is sent to a pod that is gone until then runs into its 1 s deadline."""


def delete_two_of_three(survive: Scenario, name: Name, *, hardened: bool) -> None:
    """Restart it under load."""
    app = survive.deploy(framework(name, hardened=hardened, replicas=3, grace_s=GRACE_S))
    with survive.load(app):
        survive.restart(Delete(app.selector, count=2))


def closes_at_once(survive: Scenario, name: Name) -> None:
    """What is to be seen of a server that closes its port at the signal: it soon ends, and requests are lost."""
    delete_two_of_three(survive, name, hardened=False)
    survive.expect(
        SomeErrors(reason="its port is closed before routing has followed"),
        Outage(at_most_s=RACE_S, reason="the race lasts as long as kube-proxy's pause between two writes"),
        Timing(name="ended_s", at_most=STOP_S, reason="it waits for nothing"),
    )


def loses_nothing(survive: Scenario, name: Name) -> None:
    """What is to be seen of a hardened server: nothing is lost, and it waits for little more than its drain."""
    delete_two_of_three(survive, name, hardened=True)
    survive.expect(
        NoErrors(),
        NoOutage(),
        Timing(
            name="ended_s",
            at_least=HARDENED_PRE_STOP_S,
            at_most=HARDENED_PRE_STOP_S + STOP_S,
            reason="the sleep, and a stop that has nothing left to wait for",
        ),
    )


@pytest.mark.row("B14", "server-uvicorn-default", "delete")
def test_uvicorn_as_it_comes_closes_its_port_at_the_signal(survive: Scenario) -> None:
    """It finishes what it has, which does not help those who are still sent to it."""
    closes_at_once(survive, "uvicorn")


@pytest.mark.row("B14", "server-uvicorn-hardened", "delete")
def test_uvicorn_with_a_drain_loses_nothing(survive: Scenario) -> None:
    """With the sleep, and a bound on its graceful shutdown."""
    loses_nothing(survive, "uvicorn")


@pytest.mark.row("B14", "server-gunicorn-default", "delete")
def test_gunicorn_as_it_comes_closes_its_port_at_the_signal(survive: Scenario) -> None:
    """One synchronous worker, as gunicorn starts without settings."""
    closes_at_once(survive, "gunicorn")


@pytest.mark.row("B14", "server-gunicorn-hardened", "delete")
def test_gunicorn_with_a_drain_loses_nothing(survive: Scenario) -> None:
    """With the sleep, threads, and a bound on its graceful shutdown."""
    loses_nothing(survive, "gunicorn")


@pytest.mark.row("B14", "server-nginx-default", "delete")
def test_nginx_as_it_comes_closes_its_port_at_the_signal(survive: Scenario) -> None:
    """As in nginx's own image: SIGQUIT, so what is under way is finished, and new connections are refused."""
    closes_at_once(survive, "nginx")


@pytest.mark.row("B14", "server-nginx-hardened", "delete")
def test_nginx_with_a_drain_loses_nothing(survive: Scenario) -> None:
    """With the sleep alone; the image's signal is the graceful one."""
    loses_nothing(survive, "nginx")


@pytest.mark.row("B14", "server-node-default", "delete")
def test_node_as_process_1_does_not_hear_the_signal_and_wastes_its_grace(survive: Scenario) -> None:
    """Process 1 without a handler for SIGTERM: it serves on, so nobody is refused, and is killed when time is up."""
    delete_two_of_three(survive, "node", hardened=False)
    survive.expect(
        NoErrors(reason="it serves for long after routing has followed; what it is amidst at the kill is lost"),
        NoOutage(),
        Timing(name="exit_code", at_least=137, at_most=137, reason="SIGKILL"),
        Timing(name="ended_s", at_least=GRACE_S, at_most=GRACE_S + STOP_S, reason="the whole grace period"),
    )


@pytest.mark.row("B14", "server-node-hardened", "delete")
def test_node_with_a_handler_and_a_drain_loses_nothing(survive: Scenario) -> None:
    """With the sleep, and a handler that closes the server."""
    loses_nothing(survive, "node")


@pytest.mark.row("B14", "server-go-default", "delete")
def test_go_as_it_comes_dies_of_the_signal(survive: Scenario) -> None:
    """Go's runtime ends the process by itself, with exit code 2 where it is process 1: nothing is finished."""
    closes_at_once(survive, "go")


@pytest.mark.row("B14", "server-go-hardened", "delete")
def test_go_with_a_shutdown_and_a_drain_loses_nothing(survive: Scenario) -> None:
    """With the sleep, and the http server's own Shutdown."""
    loses_nothing(survive, "go")
