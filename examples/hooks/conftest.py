"""A path, a check and a paragraph in the report of one's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from harness import Evidence, Expectation, History, Note, OwnPath, Path, Proof, Rollout, Seen, Site
from harness.lives import lives


@dataclass(frozen=True)
class SetVariable(Path):
    """What `kubectl set env` does: a container's environment changes, so that all pods are replaced."""

    name: ClassVar[str] = "set-variable"
    deployment: str
    selector: Mapping[str, str]
    container: str

    def act(self, site: Site) -> None:
        """Change it, tell the history so, and wait until all pods are new."""
        old = site.pods(self.selector)
        target = f"deployment/{self.deployment}"
        container = {"name": self.container, "env": [{"name": "GREETING", "value": "hello"}]}
        body = {"spec": {"template": {"spec": {"containers": [container]}}}}
        for pod in old:
            site.say("replace", f"pod/{pod['metadata']['name']}", "begin", pod["metadata"]["uid"])
        site.say("rollout", target, "begin", replicas=len(old))
        site.kube.patch("apps/v1", "Deployment", self.deployment, site.namespace, body, "strategic")
        site.say("rollout", target, "done")
        site.wait_complete("Deployment", self.deployment, 120)
        site.wait_gone({pod["metadata"]["uid"] for pod in old}, 120)

    def proof(self, history: History) -> Proof:
        """Old pods were told to stop, ended and left, and as many new ones came: as in a rollout."""
        return Rollout(self.deployment, self.selector).proof(history)


def pytest_survive_paths() -> Sequence[OwnPath]:
    """One path more for Deployments; E1 is the matrix's row for rollouts."""
    return [
        OwnPath(
            "set-variable",
            "E1",
            "A variable of the container's environment changes.",
            lambda app, _settings, _node: SetVariable(app.workload, app.selector, app.containers[0]["name"]),
            unfit=lambda app: "" if app.kind == "Deployment" else "only a Deployment's variables are changed here",
        )
    ]


def pytest_survive_expectations(path: OwnPath) -> Sequence[Expectation]:
    """On our own path, no container may crash on the way."""
    return [Seen(what="no container was restarted", predicate=never_restarted)] if path.name == "set-variable" else []


def never_restarted(seen: Evidence) -> bool | None:
    """Whether the pods that were seen never restarted a container; None, it cannot be told, if none was."""
    found = [life.restarts() for life in lives(seen.history).values()]
    return not any(found) if found else None


def pytest_survive_notes(history: History) -> Sequence[Note]:
    """Which pods there were, in the report."""
    names = sorted({life.name for life in lives(history).values()})
    return [Note(title="Pods", text=", ".join(names))] if names else []
