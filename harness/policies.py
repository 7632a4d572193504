"""Whether NetworkPolicies keep probers from an app, as Kubernetes reads them; whether a network enforces any is not
asked. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from harness import manifests
from harness.manifests import Manifest
from harness.shape import at, dicts, labels_of, name_of, selects

CONTROL_LABELS: Final = {"app": "control", "survive.dev/role": "control"}
"""Labels of the server that probers ask besides the app, in the namespace of the run (see `harness.load.pod`)."""

REMEDY: Final = (
    "let in pods labelled survive.dev/role=load from namespaces labelled app.kubernetes.io/managed-by=pytest-survive,"
    " and let them out, as in docs/clusters.md"
)


class End(NamedTuple):
    """One end of a connection: a pod's labels, its namespace, and that one's labels."""

    labels: Mapping[str, str]
    namespace: str
    about: Mapping[str, str]


def prober(namespace: str, about: Mapping[str, str]) -> End:
    """A pod that probes, in a namespace with these labels."""
    return End(labels_of(manifests.load("load")[0]["metadata"]["labels"]), namespace, about)


def shut_out(policies: Iterable[Manifest], prober: End, asked: Mapping[str, End]) -> str:
    """From which of what it asks (names, and what they are) a prober is kept, and by which policies; empty if from
    none."""
    found = list(policies)
    by = {name: barring(found, prober, end) for name, end in asked.items()}
    whom = " and to ".join(name for name, names in by.items() if names)
    names = dict.fromkeys(name for names in by.values() for name in names)
    return f"no prober gets through to {whom} by NetworkPolicy {', '.join(names)}" if names else ""


def barring(policies: Iterable[Manifest], prober: End, app: End) -> list[str]:
    """The policies by which no prober gets through to an app, as NAMESPACE/NAME; none if one gets through.

    Those of the app's namespace are about what comes in, those of the prober's about what goes out. A rule for
    addresses or ports is taken to let it through, for neither is known before.
    """
    found = list(policies)
    return [*_shut(found, "Ingress", app, prober), *_shut(found, "Egress", prober, app)]


def _shut(policies: Iterable[Manifest], way: str, here: End, there: End) -> Iterator[str]:
    """The policies about a pod, if none of them lets the other end through; without any all is let through."""
    field, side = ("ingress", "from") if way == "Ingress" else ("egress", "to")
    about = [one for one in policies if _is_about(one, way, here)]
    rules = [rule for one in about for rule in dicts(at(one, "spec", field))]
    if not any(_lets(rule.get(side), here, there) for rule in rules):
        yield from (f"{here.namespace}/{name_of(one)}" for one in about)


def _is_about(policy: Manifest, way: str, pod: End) -> bool:
    spec: Any = policy.get("spec") or {}
    ways = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    namespace = at(policy, "metadata", "namespace") or pod.namespace
    return way in ways and namespace == pod.namespace and selects(spec.get("podSelector") or {}, dict(pod.labels))


def _lets(peers: Any, here: End, there: End) -> bool:
    return not peers or any(_is_peer(one, here, there) for one in dicts(peers))


def _is_peer(peer: Manifest, here: End, there: End) -> bool:
    if "ipBlock" in peer:
        return True
    spaces = peer.get("namespaceSelector")
    near = there.namespace == here.namespace if spaces is None else selects(spaces, dict(there.about))
    return near and selects(peer.get("podSelector") or {}, dict(there.labels))
