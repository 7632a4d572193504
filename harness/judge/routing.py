"""Routing: what became of the traffic to pods that a restart hit, and whether users were ever without answers."""

from dataclasses import dataclass

import numpy as np

from harness import results
from harness.clock import seconds
from harness.history import History
from harness.judge.expectation import Evidence, Expectation
from harness.lives import PodLife, lives
from harness.proof import EndpointChange, endpoint_changes
from harness.records import Act
from harness.requests import Requests

PROBE = "service"
RETURN = "pass-readiness"
"""The act after which a pod's endpoint may be ready again (see `FlapReadiness`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointWhile(Expectation):
    """Each pod that was deleted was seen in its Service terminating, not ready, and `serving` as given."""

    service: str
    serving: bool = True

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        word = "serving" if self.serving else "not serving"
        what = f"the deleted pod's endpoint: not ready, {word}, terminating"
        hit = targets(evidence.history)
        if not hit:
            return self.told(what, "no pod was hit", None)
        seen = [endpoint_changes(evidence.history, self.service, life.uid) for life in hit]
        stopping = [[change for change in changes if change.terminating] for changes in seen]
        holds = all(
            any(one.serving == self.serving for one in changes) and not any(one.ready for one in changes)
            for changes in stopping
        )
        return self.told(what, "; ".join(_states(changes) for changes in stopping), holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastAnswer(Expectation):
    """How long after a pod's endpoint had ceased to be ready it last answered a request that was sent after that.

    Of the pods that were hit the one that answered longest; 0 if none answered. None sets no limit.
    """

    service: str
    at_least_s: float | None = None
    at_most_s: float | None = None

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        limits = [f"at least {self.at_least_s:g} s"] if self.at_least_s is not None else []
        limits += [f"at most {self.at_most_s:g} s"] if self.at_most_s is not None else []
        what = f"new requests reached the pod {' and '.join(limits)} after its endpoint had ceased to be ready"
        requests = evidence.history.requests(PROBE)
        if not len(requests):
            return self.told(what, "no requests were measured", None)
        spans = [_answered_on(evidence.history, self.service, life, requests) for life in targets(evidence.history)]
        known = [span for span in spans if span is not None]
        if not known:
            return self.told(what, "no endpoint was seen to cease to be ready", None)
        longest = max(known)
        holds = (self.at_least_s is None or longest >= self.at_least_s) and (
            self.at_most_s is None or longest <= self.at_most_s
        )
        return self.told(what, f"{longest:.3f} s", holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence(Expectation):
    """The longest time in which no request was answered well is at most `at_most_s`: others carried on."""

    at_most_s: float

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        what = f"never more than {self.at_most_s:g} s without a good answer"
        requests = evidence.history.requests(PROBE)
        if not len(requests):
            return self.told(what, "no requests were measured", None)
        good = np.sort(requests.end_ns[requests.ok])
        edges = np.concatenate(([requests.sent_ns.min()], good, [requests.end_ns.max()]))
        longest = seconds(int(np.diff(edges).max()))
        return self.told(what, f"{longest:.3f} s", longest <= self.at_most_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers(Expectation):
    """How many requests were answered with this status: from `at_least` to `at_most`. None sets no limit."""

    status: int
    at_least: int = 0
    at_most: int | None = None

    def __call__(self, evidence: Evidence) -> results.Expected:
        """Judge it."""
        if self.at_most == 0:
            what = f"no answer {self.status}"
        else:
            top = "" if self.at_most is None else f" and at most {self.at_most}"
            what = f"at least {self.at_least}{top} answers {self.status}"
        requests = evidence.history.requests(PROBE)
        if not len(requests):
            return self.told(what, "no requests were measured", None)
        count = int((requests.status == self.status).sum())
        return self.told(what, f"{count}", self.at_least <= count and (self.at_most is None or count <= self.at_most))


def targets(history: History) -> list[PodLife]:
    """The lives of the pods that the acts hit, each once, in the order of the acts."""
    known = lives(history)
    return [known[uid] for uid in dict.fromkeys(act.uid for act in history.of(Act)) if uid in known]


def _answered_on(history: History, service: str, life: PodLife, requests: Requests) -> float | None:
    """Seconds from when a pod's endpoint ceased to be ready until its last answer to what was sent later.

    What was sent after the pod may have been ready again does not count: from the act that made it so, since the watch
    tells of it later than kube-proxy may know.
    """
    acted_ns = min(act.t_ns for act in history.of(Act) if act.uid == life.uid)
    changes = endpoint_changes(history, service, life.uid)
    left_ns = next((change.t_ns for change in changes if change.t_ns >= acted_ns and not change.ready), None)
    if left_ns is None:
        return None
    backs = [change.t_ns for change in changes if change.t_ns > left_ns and change.ready]
    backs += [act.t_ns for act in history.of(Act) if (act.uid, act.verb) == (life.uid, RETURN) and act.t_ns > left_ns]
    back_ns = min(backs, default=np.iinfo(np.int64).max)
    own = np.array([pod == life.name for pod in requests.pod], dtype=bool)
    late = requests.end_ns[own & requests.ok & (requests.sent_ns > left_ns) & (requests.sent_ns < back_ns)]
    return seconds(int(late.max()) - left_ns) if len(late) else 0.0


def _states(changes: list[EndpointChange]) -> str:
    """How an endpoint was while it terminated, in words."""
    words = [f"ready={one.ready} serving={one.serving}".lower() for one in changes]
    return ", then ".join(dict.fromkeys(words)) or "never seen terminating"
