"""A pod is deleted although its budget lets none go: budgets guard against evictions alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.disrupt.delete import Delete
from harness.disrupt.evict import ask
from harness.disrupt.path import Path, acts
from harness.disrupt.site import Site
from harness.history import History
from harness.proof import Proof, refusals


@dataclass(frozen=True, slots=True)
class DeletePastBudget(Path):
    """Delete `count` pods with these labels, each of whose evictions a budget would refuse at that moment."""

    name: ClassVar[str] = "delete-past-budget"
    selector: Mapping[str, str]
    count: int = 1

    def act(self, site: Site) -> None:
        """Ask, without evicting, whether the pods may be evicted; then delete them all the same."""
        for pod in site.pods(self.selector)[: self.count]:
            ask(site, pod, dry_run=True)
        self._delete().act(site)

    def proof(self, history: History) -> Proof:
        """The budget refused the very pods that were then deleted."""
        proof = self._delete().proof(history)
        refused = {act.uid for act in refusals(history, "ask-eviction")}
        deleted = {act.uid for act in acts(history, "delete", "done")}
        what = f"a budget would have refused to let the {self.count} pods be evicted (429, DisruptionBudget)"
        proof.need(what, bool(refused) and deleted == refused)
        return proof

    def _delete(self) -> Delete:
        return Delete(self.selector, self.count)
