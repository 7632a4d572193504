"""Many restarts in one namespace: by paths in turn, or of pods whose ends overlap."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from harness.clock import NS_PER_S
from harness.disrupt.delete import WHOLE_AGAIN_S, Delete
from harness.disrupt.path import Path, acts
from harness.disrupt.site import Site, grace_s
from harness.history import History
from harness.proof import Proof
from harness.records import Act, ClockSeen
from harness.wait import until

LATE_S = 30.0

WATCH_NS = 5 * NS_PER_S
"""By how much a watch may tell of an end later than the wait for it saw it."""

_FOR_EVER_NS = 2**62


def never() -> bool:
    """For restarts that nothing ends before all were made."""
    return False


@dataclass(frozen=True, slots=True)
class InTurn(Path):
    """Restart `count` times, by the paths in turn, each time once the last one has come to its end.

    Between two restarts `enough` is asked; each lasts `every_s` at least.
    """

    name: ClassVar[str] = "in-turn"
    paths: Sequence[Path]
    count: int
    enough: Callable[[], bool] = never
    every_s: float = 0.0

    def act(self, site: Site) -> None:
        """One restart after the other."""
        for number in range(self.count):
            if number and self.enough():
                return
            self._restart(site, number)

    def _restart(self, site: Site, number: int) -> None:
        path = self.paths[number % len(self.paths)]
        end_s = time.monotonic() + self.every_s
        site.say("restart", f"restart/{number + 1}", "begin", path=path.name)
        path.act(site)
        what = f"{self.every_s:g} s since the restart"
        until(lambda: time.monotonic() >= end_s, what, self.every_s + LATE_S, every_s=0.25)
        site.say("restart", f"restart/{number + 1}", "done", path=path.name)

    def restarted(self, history: History) -> int:
        """As many as were begun."""
        return len(acts(history, "restart", "begin"))

    def proof(self, history: History) -> Proof:
        """Each restart has the proof of its path, in what was seen until the next one began."""
        proof = Proof()
        known = {path.name: path for path in self.paths}
        told = [(act.target, known[act.detail["path"]].proof(seen)) for act, seen in _parts(history)]
        proof.need(f"{len(told)} restarts were made", bool(told))
        for target, one in told:
            if one.complete:
                proof.found.append(f"{target}: {one.found[0]}")
            else:
                proof.missing += [f"{target}: {what}" for what in one.missing or ["nothing shows it"]]
        return proof


def _parts(history: History) -> Iterator[tuple[Act, History]]:
    """Each restart's first act, and the history until the next one's, in which its own acts alone are.

    A watch tells late, so what was seen shortly after the end is in it too. Moments are right already.
    """
    begun = acts(history, "restart", "begin")
    for act, following in itertools.zip_longest(begun, begun[1:]):
        end_ns = following.t_ns if following else _FOR_EVER_NS
        seen = [one for one in history.records if one.t_ns < end_ns + WATCH_NS and not isinstance(one, Act | ClockSeen)]
        own = [one for one in history.of(Act) if act.t_ns <= one.t_ns < end_ns and one.verb != "restart"]
        yield act, History(history.scenario, [*seen, *own])


@dataclass(frozen=True, slots=True)
class DeleteOverlapping(Delete):
    """Delete `count` pods, each the oldest, once the last one was replaced, though it may not have gone yet."""

    def restarted(self, history: History) -> int:
        """Each deletion is one."""
        return len(acts(history, "delete", "done"))

    def act(self, site: Site) -> None:
        """One deletion after the other; then wait until all are gone."""
        uids: set[str] = set()
        longest_s = 0
        for _ in range(self.count):
            pods = site.pods(self.selector)
            pod = pods[0]
            name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
            uids.add(uid)
            longest_s = max(longest_s, grace_s(pod))
            site.say("delete", f"pod/{name}", "begin", uid)
            site.kube.delete_pod(name, site.namespace, self.grace_s, uid)
            site.say("delete", f"pod/{name}", "done", uid)
            site.wait_whole(self.selector, len(pods), uids, WHOLE_AGAIN_S)
        site.wait_gone(uids, longest_s + WHOLE_AGAIN_S)
