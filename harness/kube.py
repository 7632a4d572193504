"""The one door to the Kubernetes client: plain JSON objects in and out, and its errors mapped to KubeError.

Every call has a time limit. Only reads are tried again, and only after errors known to pass; an act is sent once.
"""

import datetime
import pathlib
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import quote

import urllib3
from kubernetes.utils.quantity import parse_quantity

from harness.kube_client import IN_CLUSTER, Client, Query, in_pod, seconds_text
from harness.kube_credentials import Credentials
from harness.kube_errors import by_rule, causes, explained, passes
from harness.kube_streams import LISTED, Change, LogLine, Object, Stop, Watch, lines, log_line, time_ns

__all__ = [
    "IN_CLUSTER",
    "LISTED",
    "Change",
    "Credentials",
    "Kube",
    "LogLine",
    "Object",
    "Objects",
    "Stop",
    "by_rule",
    "causes",
    "explained",
    "in_pod",
    "passes",
    "time_ns",
]

Objects = list[Object]
Patch = Literal["merge", "strategic", "json"]

_WATCH_S = 300
_WATCH_READ_S = 330.0
_LOG_QUIET_S = 60.0
_APPLY = "application/apply-patch+yaml"
_PATCHES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
}


class Kube:
    """A cluster's API. Threads may share it. Objects are dicts as in JSON; every method may raise KubeError."""

    def __init__(self, client: Client, dress: Callable[[Object], Object] = lambda manifest: manifest) -> None:
        self._client = client
        self._dress = dress

    @classmethod
    def connect(
        cls, kubeconfig: str | pathlib.Path | None = None, context: str | None = None,
        dress: Callable[[Object], Object] = lambda manifest: manifest, *, direct: bool = False,
    ) -> "Kube":  # fmt: skip
        """Read a kubeconfig (default: $KUBECONFIG or ~/.kube/config). Nothing is sent yet.

        `dress` changes every manifest that is applied or created, such as its images' names. `direct`: by no proxy,
        whatever the environment names; else by the kubeconfig's `proxy-url` or the environment's.
        """
        return cls(Client.connect(kubeconfig, context, direct=direct), dress)

    @property
    def server(self) -> str:
        """The API server's address."""
        return self._client.server

    @property
    def credentials(self) -> Credentials:
        """What it shows the API server, and until when that is good."""
        return self._client.credentials

    def close(self) -> None:
        """Close idle connections."""
        self._client.close()

    def version(self) -> str:
        """The API server's version, such as v1.37.2."""
        return str(self._client.read("/version")["gitVersion"])

    def reach(self) -> str:
        """The API server's version by a single try, so that one who waits is soon told of what is wrong."""
        return str(self._client.once("GET", "/version")["gitVersion"])

    def who(self) -> str:
        """Whom the API server takes one for."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        return str(self._client.once("POST", path, body=review)["status"]["userInfo"]["username"])

    def allowed(self, verb: str, group: str, resource: str, subresource: str = "", namespace: str = "") -> bool:
        """Whether one may do this, in any namespace or in the one named."""
        asked = {"verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": namespace}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in asked.items() if value}},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return bool(self._client.once("POST", path, body=review)["status"]["allowed"])

    def metrics(self) -> str:
        """What the API server tells of itself, in Prometheus' text format."""
        return self._client.text("GET", "/metrics")

    # Objects of any kind.

    def apply(self, manifests: Iterable[Object], namespace: str) -> Objects:
        """Server-side apply, in order, by field manager "survive" with force; returns the objects as stored."""
        query: Query = {"fieldManager": "survive", "force": True}
        stored = []
        for manifest in map(self._dress, manifests):
            path = self._client.path(manifest["apiVersion"], manifest["kind"], namespace, manifest["metadata"]["name"])
            stored.append(self._client.once("PATCH", path, query=query, body=manifest, type_=_APPLY))
        return stored

    def create(self, manifest: Object, namespace: str = "", *, dry_run: bool = False) -> Object:
        """Create one object, or only ask whether it would be (`dry_run`); 409 if there is one of its name."""
        path = self._client.path(manifest["apiVersion"], manifest["kind"], namespace)
        query: Query = {"dryRun": "All"} if dry_run else {}
        return self._client.once("POST", path, query=query, body=self._dress(manifest))

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object:
        """One object; KubeError with status 404 if there is none."""
        return self._client.read(self._client.path(api_version, kind, namespace, name))

    def list(self, api_version: str, kind: str, namespace: str = "", *, labels: str = "", fields: str = "") -> Objects:
        """All objects that match the selectors; of every namespace if none is named. Items lack kind and apiVersion."""
        found = self._client.read(self._client.path(api_version, kind, namespace), _selectors(labels, fields))
        return found.get("items") or []

    def delete(
        self, api_version: str, kind: str, name: str, namespace: str = "", *, grace_s: int | None = None, uid: str = ""
    ) -> Object:
        """Ask for one object's deletion; `uid`: only if it is still that one (else 409)."""
        path = self._client.path(api_version, kind, namespace, name)
        return self._client.once("DELETE", path, body=_delete_options(grace_s, uid))

    def delete_all(self, api_version: str, kind: str, namespace: str, *, grace_s: int | None = None) -> None:
        """Ask for the deletion of all objects of a kind in a namespace."""
        self._client.once("DELETE", self._client.path(api_version, kind, namespace), body=_delete_options(grace_s, ""))

    def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str,
        body: Any,
        how: Patch = "merge",
        *,
        subresource: str = "",
    ) -> Object:
        """Change one object, or a subresource of it (`scale`, `status`, `resize`)."""
        path = self._client.path(api_version, kind, namespace, name) + (f"/{subresource}" if subresource else "")
        return self._client.once("PATCH", path, body=body, type_=_PATCHES[how])

    def watch(
        self,
        api_version: str,
        kind: str,
        namespace: str = "",
        *,
        stop: Stop,
        on_break: Callable[[str], None],
        labels: str = "",
        fields: str = "",
    ) -> Iterator[Change]:
        """List, then watch until `stop` is set; see `Watch` for what it yields and what it does about breaks."""
        path = self._client.path(api_version, kind, namespace)
        chosen = _selectors(labels, fields)

        def fetch() -> Object:
            return self._client.once("GET", path, query=chosen)

        def follow(version: str) -> urllib3.BaseHTTPResponse:
            query = {**chosen, "watch": True, "allowWatchBookmarks": True, "timeoutSeconds": _WATCH_S}
            return self._client.open(
                "GET", path, query={**query, "resourceVersion": version}, read_s=_WATCH_READ_S, stop=stop
            )

        return iter(Watch(fetch, follow, stop, on_break, f"watch {path}"))

    # Pods and Deployments.

    def delete_pod(self, name: str, namespace: str, grace_s: int | None = None, uid: str = "") -> Object:
        """Delete a pod; without `grace_s` its own grace period holds. Returns the pod as the API then has it."""
        return self._client.once("DELETE", _pod(namespace, name), body=_delete_options(grace_s, uid))

    def evict(self, name: str, namespace: str, grace_s: int | None = None, *, dry_run: bool = False) -> Object:
        """Evict a pod, or only ask whether it would be (`dry_run`).

        If a budget forbids it: KubeError with status 429, and `causes` gives DisruptionBudget.
        """
        eviction: Object = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
        }
        if grace_s is not None:
            eviction["deleteOptions"] = {"gracePeriodSeconds": grace_s}
        if dry_run:
            eviction.setdefault("deleteOptions", {})["dryRun"] = ["All"]
        return self._client.once("POST", _pod(namespace, name) + "/eviction", body=eviction)

    def restart(self, name: str, namespace: str, kind: str = "Deployment") -> Object:
        """What `kubectl rollout restart` does: a new value of the template's restartedAt annotation."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
        template = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}
        return self.patch("apps/v1", kind, name, namespace, {"spec": {"template": template}}, "strategic")

    def scale(self, deployment: str, namespace: str, replicas: int) -> Object:
        """Set a Deployment's number of replicas."""
        body = {"spec": {"replicas": replicas}}
        return self.patch("apps/v1", "Deployment", deployment, namespace, body, subresource="scale")

    def pod_post(self, namespace: str, pod: str, port: int, path: str) -> str:
        """POST to a pod through the API server's proxy; the answer's text."""
        return self._client.text("POST", f"{_pod(namespace, f'{pod}:{port}')}/proxy/{path.lstrip('/')}")

    def pod_get(self, namespace: str, pod: str, port: int, path: str) -> str:
        """GET from a pod through the API server's proxy; the answer's text. It is sent once."""
        return self._client.text("GET", f"{_pod(namespace, f'{pod}:{port}')}/proxy/{path.lstrip('/')}")

    def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        follow: bool = True,
        since_ns: int | None = None,
        previous: bool = False,
        stop: Stop | None = None,
    ) -> Iterator[LogLine]:
        """A container's log, from `since_ns` (rounded down to a second) on; `previous`: of the instance before.

        It ends with the container, or when `stop` is set. A container that is quiet for long breaks the stream.
        """
        query: Query = {
            "container": container,
            "follow": follow,
            "timestamps": True,
            "previous": previous,
            "sinceTime": seconds_text(since_ns),
        }
        stop = stop or Stop()
        path = _pod(namespace, pod) + "/log"
        response = self._client.open("GET", path, query=query, read_s=_LOG_QUIET_S, stop=stop)
        for line in lines(response, stop, f"log of {namespace}/{pod} {container}"):
            yield log_line(line)


def _pod(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(name, safe=':')}"


def _selectors(labels: str, fields: str) -> dict[str, str | int | bool | None]:
    return {"labelSelector": labels or None, "fieldSelector": fields or None}


def _delete_options(grace_s: int | None, uid: str) -> Object:
    options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
    if grace_s is not None:
        options["gracePeriodSeconds"] = grace_s
    if uid:
        options["preconditions"] = {"uid": uid}
    return options


def quantity(text: str | float) -> Decimal:
    """A Kubernetes quantity (100m, 2Gi) as a plain number of cores or bytes."""
    return Decimal(parse_quantity(text))  # type: ignore[no-untyped-call]  # the client is typed in parts only
