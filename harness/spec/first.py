"""A first `*.survive.yaml`, with comments, from what is found in manifests. Pure: objects in, text out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import UsageError
from harness.manifests import Manifest
from harness.spec.app import OwnApp
from harness.spec.models import KINDS
from harness.spec.objects import CLUSTER_KINDS, template_of

FAILOVER = "25s"
"""client-go's defaults: the lease of 15 s, two looks of up to 4.4 s, and latency."""


@dataclass(frozen=True, slots=True)
class First:
    """What a first spec is about. `service` and `lease` are empty if there are none, `others` further Services."""

    workload: Manifest
    service: Manifest | None
    others: tuple[str, ...]
    lease: str
    whole_cluster: tuple[str, ...]

    @property
    def name(self) -> str:
        """The workload's."""
        return str(self.workload["metadata"]["name"])


def found(objects: Sequence[Manifest]) -> First:
    """The workload that most likely is the app, the first behind a Service. Raises UsageError if there is none."""
    workloads = [one for one in objects if one["kind"] in KINDS]
    if not workloads:
        raise UsageError(f"the manifests have none of {', '.join(KINDS)}: nothing to restart")
    services = [one for one in objects if one["kind"] == "Service" and one["spec"].get("selector")]
    services.sort(key=lambda one: one["spec"].get("clusterIP") == "None")  # headless ones are for peers
    pairs = [(one, workload) for one in services if (workload := _behind(one, workloads)) is not None]
    whole = tuple(f"{one['kind']} {one['metadata']['name']}" for one in objects if one["kind"] in CLUSTER_KINDS)
    lease = _lease(objects)
    if pairs:
        service, workload = pairs[0]
        others = tuple(one["metadata"]["name"] for one, _ in pairs[1:])
        return First(workload, service, others, lease, whole)
    if not lease:
        names = ", ".join(f"{one['kind']}/{one['metadata']['name']}" for one in workloads)
        raise UsageError(
            f"nobody can tell how {names} does: no Service leads to its pods, and no Role lets it hold a named Lease;"
            " write the file by hand, with `lease: NAME` and `limits: {failover: 25s}`"
        )
    return First(workloads[0], None, (), lease, whole)


def _behind(service: Manifest, workloads: Sequence[Manifest]) -> Manifest | None:
    selector = service["spec"]["selector"].items()
    for one in workloads:
        if selector <= ((template_of(one).get("metadata") or {}).get("labels") or {}).items():
            return one
    return None


def _lease(objects: Sequence[Manifest]) -> str:
    """The name of the one Lease that a Role names, or that a container is told by a flag; empty if none is known."""
    for one in objects:
        for rule in one.get("rules") or [] if one["kind"] in ("Role", "ClusterRole") else []:
            if "leases" in (rule.get("resources") or []) and len(rule.get("resourceNames") or []) == 1:
                return str(rule["resourceNames"][0])
    for one in (one for one in objects if one["kind"] in KINDS):
        for container in (template_of(one).get("spec") or {}).get("containers") or []:
            words = [*(container.get("command") or []), *(container.get("args") or [])]
            for word, after in zip(words, [*words[1:], ""], strict=False):
                for flag in ("--leader-elect-resource-name", "--leader-election-id", "--lease"):
                    if word == flag:
                        return str(after)
                    if str(word).startswith(f"{flag}="):
                        return str(word).partition("=")[2]
    return ""


def text(
    first: First, manifests: Sequence[str], paths: Sequence[tuple[str, str, str]], file: str
) -> str:  # fmt: skip
    """The file's text. `paths` are (name, title, why it is left out; empty if it is not)."""
    kind, name = first.workload["kind"], first.name
    lines = [
        *_head(name, file),
        "manifests:",
        *(f"  - {json.dumps(one)}" for one in manifests),
        "",
        "# What is restarted.",
        f"workload: {kind}/{name}",
        *_cluster_objects(first),
        *_requests(first),
        *_limits(first),
        *_paths(paths),
        "",
        "# How long after a restart users may still be hurt, and how long the app may take to be ready.",
        "settle: 30s",
        "ready: 90s",
    ]
    return "\n".join(lines) + "\n"


def attached(app: OwnApp, paths: Sequence[tuple[str, str, str]], file: str) -> str:
    """The text of a file about an app that runs already; `paths` as in `text`."""
    requests, limits = app.spec.requests, app.spec.limits
    service, port = (requests.service, requests.port) if requests else ("NAME", "")
    asked = [
        "requests:",
        f"  service: {service}",
        *([f"  port: {port}"] if port else []),
        "  path: /  # a page of your users",
        "  rate: 20/s",
    ]
    lines = [
        *_head(app.workload, file),
        "# It runs already; nothing of it is changed but by the restart itself.",
        f"attach: {app.namespace}/{app.kind}/{app.workload}",
        "",
        "# Where requests go, each on a connection of its own. Without them pods are watched: one must be Ready.",
        *(asked if requests else [f"# {line}" for line in asked]),
        "",
        *([f"lease: {app.spec.lease}", ""] if app.spec.lease else []),
        "# What must hold on every path.",
        "limits:",
        "  outage: 0s",
        *(["  errors: 0 %", "  # p99: 250ms"] if requests else []),
        *([f"  failover: {limits.failover:g}s  # 5s where the leader gives its lease up"] if app.spec.lease else []),
        "",
        *_paths(paths),
    ]
    return "\n".join(lines) + "\n"


def _head(name: str, file: str) -> list[str]:
    return [
        f"# Which restarts must the users of {name} not notice? Run it: pytest {file}",
        "# All fields: `survive schema` prints their JSON schema, for editors.",
    ]


def _paths(paths: Sequence[tuple[str, str, str]]) -> list[str]:
    width = max(len(one) for one, _, _ in paths)
    return [
        "# Each is a test. Settings of one path alone: `- delete: {count: 2, limits: {outage: 1s}}`.",
        "paths:",
        *(f"  # - {path}: {why}" if why else f"  - {path:{width}} # {title}" for path, title, why in paths),
    ]


def _cluster_objects(first: First) -> list[str]:
    if not first.whole_cluster:
        return []
    return [
        "",
        f"# Of the whole cluster, so never touched; they must be there already: {', '.join(first.whole_cluster)}.",
        "cluster_objects: leave-out",
    ]


def _requests(first: First) -> list[str]:
    if first.service is None:
        return [
            "",
            "# Nobody sends it requests: what counts is that one of its pods holds the Lease.",
            f"lease: {first.lease}",
        ]
    ports = first.service["spec"].get("ports") or [{"port": 80}]
    path, of_probe = _path(first, ports[0])
    about = "of the readiness probe: a page that your users ask for tells more" if of_probe else "a page of your users"
    lines = ["", "# Where requests go, each on a connection of its own."]
    if first.others:
        lines.append(f"# Other Services of these manifests: {', '.join(first.others)}.")
    lines += [
        "requests:",
        f"  service: {first.service['metadata']['name']}",
        f"  port: {ports[0]['port']}",
        "  # scheme: https",
        f"  path: {path}  # {about}",
        "  # method: POST",
        "  # headers: {Content-Type: application/json}",
        "  # body: '{}'",
        "  status: 200",
        "  rate: 100/s",
        "  timeout: 1s",
        "  # kept_alive: 10  # connections that are kept, besides",
    ]
    return [*lines, "", "# The Lease that its leader holds.", f"lease: {first.lease}"] if first.lease else lines


def _limits(first: First) -> list[str]:
    lines = ["", "# What must hold on every path.", "limits:"]
    if first.service is not None:
        lines += ["  outage: 0s", "  errors: 0 %", "  # p99: 250ms"]
    if first.lease:
        lines.append(f"  failover: {FAILOVER}  # by client-go's defaults; 5s where the leader gives its lease up")
    return [*lines, ""]


def _path(first: First, port: Manifest) -> tuple[str, bool]:
    """The path of an HTTP readiness probe on the port that the Service leads to, and whether there is one."""
    wanted = port.get("targetPort", port["port"])
    for container in (template_of(first.workload).get("spec") or {}).get("containers") or []:
        named = {one.get("name"): one.get("containerPort") for one in container.get("ports") or []}
        get = (container.get("readinessProbe") or {}).get("httpGet") or {}
        if get and named.get(get.get("port"), get.get("port")) == named.get(wanted, wanted):
            return str(get.get("path", "/")), True
    return "/", False
