"""Errors at the door to Kubernetes: what the API server or the network said, as KubeError."""

import json
from typing import Any

import urllib3

from harness.errors import KubeError

_HINTS = {
    401: "the kubeconfig's credentials were refused: log in again, or name another context",
    403: "grant the missing right to the kubeconfig's user (`kubectl auth can-i` tells which it has)",
    404: "it may be gone already, or the cluster does not serve this kind",
    409: "somebody else changed or made it: look at it and try again",
    422: "correct the manifest",
}
_RULES = {
    "exceeded quota": "the namespace's ResourceQuota is used up: raise it, or ask for less",
    "violates PodSecurity": "the namespace enforces Pod Security: give the pod what the message asks for, or set"
    " another level by --namespace-label pod-security.kubernetes.io/enforce=LEVEL",
    "failed calling webhook": "a webhook of this cluster's own does not answer as it should: see whether it is up, or"
    " ask whoever made it",
    "admission webhook": "a rule of this cluster's own refuses it: do as it says, or ask whoever made it",
    "ValidatingAdmissionPolicy": "a rule of this cluster's own refuses it: do as it says, or ask whoever made it",
    "is forbidden: maximum ": "the namespace's LimitRange forbids it: ask for less, or raise it",
    "is forbidden: minimum ": "the namespace's LimitRange forbids it: ask for more, or lower it",
}
"""What a message of admission says, and what to do about it."""

_PASSING = frozenset({429, 500, 502, 503, 504})


def refused(doing: str, status: int, body: str) -> KubeError:
    """The API server's refusal; `body` is a JSON Status, or plain text where a proxy or a filter answered."""
    said = parsed(body)
    message = str(said.get("message") or body[:300].strip() or "no message")
    hint = by_rule(message) or _HINTS.get(status, "")
    return KubeError(
        f"{doing}: {status} {message}{f'; {hint}' if hint else ''}", status, str(said.get("reason") or ""), body
    )


def by_rule(message: str) -> str:
    """What to do where a rule of admission refused an object, by its message; empty if none did."""
    return next((todo for words, todo in _RULES.items() if words in message), "")


def unanswered(doing: str, exc: Exception) -> KubeError:
    """No answer, or half of one: the request may or may not have been carried out."""
    what = " ".join(str(exc).split())
    hint = "see whether the API server is up and can be reached from here"
    return KubeError(f"{doing}: no answer ({type(exc).__name__}: {what}); {hint}", 0, type(exc).__name__)


def parsed(body: str) -> dict[str, Any]:
    """The JSON Status in a refusal's body, empty where there is none."""
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def causes(error: KubeError) -> list[str]:
    """The reasons in a refusal's details; an eviction that a budget forbids has `DisruptionBudget`."""
    details = parsed(error.body).get("details") or {}
    return [str(cause.get("reason", "")) for cause in details.get("causes") or []]


def explained(error: KubeError) -> str:
    """A refusal's message with those of its causes, which say what the message leaves out (a budget and its counts)."""
    said = parsed(error.body)
    found = (said.get("details") or {}).get("causes") or []
    return " ".join(text for text in (said.get("message"), *(one.get("message") for one in found)) if text) or str(
        error
    )


def retry_after_s(error: KubeError) -> float | None:
    """How long the API server asks to wait, in seconds; None if it did not ask."""
    details = parsed(error.body).get("details") or {}
    asked = details.get("retryAfterSeconds")
    if asked:
        return float(asked)
    # A server too busy to answer at all (priority and fairness) says "Retry-After: 1" with a body of plain text.
    return 1.0 if error.status == 429 and not error.reason else None


def passes(error: BaseException) -> bool:
    """Whether a read that failed so is known to pass by itself: the server restarts, is busy, or lost its store."""
    if not isinstance(error, KubeError):
        return False
    lost = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ProtocolError)
    return error.status in _PASSING or (error.status == 0 and isinstance(error.__cause__, lost))
