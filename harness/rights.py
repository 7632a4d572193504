"""The rights that runs need, from the one manifest that grants them, and whether one has them."""

import functools
import pathlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

import yaml

from harness.errors import UsageError
from harness.kube import Kube

MANIFEST = pathlib.Path(__file__).parent / "clusters" / "rbac.yaml"
ACCOUNT = "pytest-survive"

Role = Literal["pytest-survive", "pytest-survive-paths", "pytest-survive-nodes"]
EVERY_RUN: Role = "pytest-survive"
PATHS: Role = "pytest-survive-paths"
NODES: Role = "pytest-survive-nodes"
ROLES: tuple[Role, ...] = (EVERY_RUN, PATHS, NODES)

_AT_ONCE = 8
"""Questions at a time: one takes a round trip, and there are some sixty."""


class Right(NamedTuple):
    """One verb on one resource, as `kubectl auth can-i VERB RESOURCE.GROUP/SUBRESOURCE` has it."""

    verb: str
    group: str
    resource: str
    subresource: str = ""

    @classmethod
    def read(cls, text: str) -> "Right":
        """From words such as `create pods/eviction` or `patch deployments.apps/scale`."""
        verb, _, what = text.partition(" ")
        named, _, subresource = what.partition("/")
        resource, _, group = named.partition(".")
        return cls(verb, group, resource, subresource)

    def __str__(self) -> str:
        group = f".{self.group}" if self.group else ""
        below = f"/{self.subresource}" if self.subresource else ""
        return f"{self.verb} {self.resource}{group}{below}"


@functools.cache
def documents() -> tuple[dict[str, Any], ...]:
    """The manifest's objects."""
    return tuple(yaml.safe_load_all(MANIFEST.read_text()))


@functools.cache
def of_role(role: Role) -> tuple[Right, ...]:
    """The rights that one of the manifest's roles grants."""
    (found,) = [one for one in documents() if one["kind"] == "ClusterRole" and one["metadata"]["name"] == role]
    return tuple(_rights(found["rules"]))


def _rights(rules: Iterable[dict[str, Any]]) -> Iterator[Right]:
    for rule in rules:
        for group in rule["apiGroups"]:
            for name in rule["resources"]:
                resource, _, subresource = name.partition("/")
                yield from (Right(verb, group, resource, subresource) for verb in rule["verbs"])


def missing(kube: Kube, rights: Iterable[Right], namespace: str = "") -> list[Right]:
    """Those of these rights that the API server says one lacks, in any namespace or in the one named."""
    asked = list(dict.fromkeys(rights))

    def allowed(right: Right) -> bool:
        return kube.allowed(right.verb, right.group, right.resource, right.subresource, namespace)

    with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="survive-rights") as threads:
        return [right for right, yes in zip(asked, threads.map(allowed, asked), strict=True) if not yes]


def told(lacking: Iterable[Right]) -> str:
    """Which rights are missing and what to do about it."""
    names = ", ".join(map(str, lacking))
    role = NODES if all(one in of_role(NODES) for one in lacking) else ""
    how = "survive rbac --nodes" if role else "survive rbac"
    return f"the right to {names} is missing: `{how} | kubectl apply -f -` grants it to the ServiceAccount {ACCOUNT}"


def demand(kube: Kube, rights: Iterable[Right]) -> None:
    """Raise UsageError, which names them, if rights are missing; nothing is changed."""
    if lacking := missing(kube, rights):
        raise UsageError(f"{kube.who()} may not do what every run does; {told(lacking)}; `survive doctor` tells all")
