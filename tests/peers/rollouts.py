"""The same rollout, begun by Chaos Toolkit, and measured by both. Run by `make compare-peers`; the rows are to fail.

What is judged is what the users of an app would want: that no request fails.
"""

import os
import pathlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pytest

from harness import Path, Proof, Rollout, Site
from harness.deploy import server
from harness.deploy.app import App
from harness.history import History
from harness.judge.expect import NoErrors, NoOutage
from harness.manifests import merged
from harness.scenario import Scenario
from tests.peers import chaos

TIMES = 5
NODE = "load"
"""The node by whose port Chaos Toolkit asks: none of the app's pods is on it."""

SETTLED_S = 120


@dataclass(frozen=True)
class RolloutByChaosToolkit(Path):
    """Chaos Toolkit begins a rollout and waits for its end, while it looks at its hypothesis each second."""

    name: ClassVar[str] = "rollout"
    workload: str
    selector: Mapping[str, str]

    def act(self, site: Site) -> None:
        """Let it run its experiment, and note what it says."""
        old = site.pods(self.selector)
        target = f"deployment/{self.workload}"
        (service,) = [
            one for one in site.kube.list("v1", "Service", site.namespace) if one["spec"]["type"] == "NodePort"
        ]
        node = site.kube.get("v1", "Node", NODE)
        (address,) = [one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP"]
        url = f"http://{address}:{service['spec']['ports'][0]['nodePort']}/"
        kubectl = [os.environ["SURVIVE_KUBECTL"], f"--kubeconfig={os.environ['SURVIVE_KUBECONFIG']}", "rollout"]
        wanted = chaos.experiment(
            url,
            [*kubectl, "restart", target, f"--namespace={site.namespace}"],
            [*kubectl, "status", target, f"--namespace={site.namespace}", f"--timeout={SETTLED_S}s"],
        )
        site.say("rollout", target, "begin", replicas=len(old))
        for pod in old:
            site.say("replace", f"pod/{pod['metadata']['name']}", "begin", pod["metadata"]["uid"])
        with tempfile.TemporaryDirectory() as folder:
            said = chaos.run(pathlib.Path(os.environ["SURVIVE_CHAOS"]), pathlib.Path(folder), wanted)
        site.say("rollout", target, "done")
        site.say("chaos-toolkit", target, "done", said=said._asdict())
        site.wait_complete("Deployment", self.workload, SETTLED_S)
        site.wait_gone({pod["metadata"]["uid"] for pod in old}, SETTLED_S)

    def proof(self, history: History) -> Proof:
        """As of any rollout."""
        return Rollout(self.workload, self.selector).proof(history)


def on_a_port_of_nodes(app: App) -> App:
    """The app with a Service that can be reached from outside of the cluster too."""
    made = [merged(one, {"spec": {"type": "NodePort"}}) if one["kind"] == "Service" else one for one in app.manifests]
    return App(app.name, made, app.service, app.port, app.selector, app.kind)


def beside(survive: Scenario, app: App) -> None:
    """Roll it out by Chaos Toolkit, under our own load, and judge."""
    app = survive.deploy(on_a_port_of_nodes(app))
    with survive.load(app):
        survive.restart(RolloutByChaosToolkit(app.name, app.selector))
    survive.expect(NoErrors(), NoOutage())


@pytest.mark.parametrize(
    "_number",
    [
        pytest.param(n, marks=pytest.mark.row("B1", f"undrained-{n}", "rollout", takes_s=40))
        for n in range(1, TIMES + 1)
    ],
)
def test_an_undrained_rollout(survive: Scenario, _number: int) -> None:
    """Four replicas with probes whose sockets close at the signal: short races, some requests are lost."""
    beside(survive, server(replicas=4, args=["--startup-delay-s", "1"]))


@pytest.mark.parametrize(
    "_number",
    [pytest.param(n, marks=pytest.mark.row("B1", f"down-{n}", "rollout", takes_s=40)) for n in range(1, 3)],
)
def test_a_rollout_that_is_down_for_seconds(survive: Scenario, _number: int) -> None:
    """One replica without probes that starts for 4 s: an outage of about that length."""
    beside(survive, server(replicas=1, args=["--startup-delay-s", "4"], probes=False))
