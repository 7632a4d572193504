"""Pods are deleted through the API one after the other, each once the last one was replaced."""

from dataclasses import dataclass

from harness.disrupt.delete import WHOLE_AGAIN_S, Delete
from harness.disrupt.site import Site, grace_s


@dataclass(frozen=True, slots=True)
class DeleteInTurn(Delete):
    """Delete `count` pods, each the oldest, and wait each time until the workload is whole again."""

    def act(self, site: Site) -> None:
        """One restart after the other."""
        for _ in range(self.count):
            pods = site.pods(self.selector)
            pod = pods[0]
            name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
            site.say("delete", f"pod/{name}", "begin", uid)
            site.kube.delete_pod(name, site.namespace, self.grace_s, uid)
            site.say("delete", f"pod/{name}", "done", uid)
            site.wait_gone({uid}, grace_s(pod) + WHOLE_AGAIN_S)
            site.wait_whole(self.selector, len(pods), {uid}, WHOLE_AGAIN_S)
