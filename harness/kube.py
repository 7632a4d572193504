"""The one door to the Kubernetes client: plain JSON objects in and out, and its errors mapped to KubeError.

Every call has a time limit. Only reads are tried again, and only after errors known to pass; an act is sent once.
"""

import datetime
import json
import pathlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal
from urllib.parse import quote

import tenacity
import urllib3
import yaml
from kubernetes import client, config

from harness.errors import KubeError
from harness.kube_errors import causes, passes, refused, retry_after_s, unanswered
from harness.kube_streams import LISTED, Change, LogLine, Object, Stop, Watch, lines, log_line, time_ns

__all__ = ["LISTED", "Change", "Kube", "LogLine", "Object", "Objects", "Stop", "causes", "passes", "time_ns"]

Objects = list[Object]
Query = Mapping[str, str | int | bool | None]
Patch = Literal["merge", "strategic", "json"]

_FIELD_MANAGER = "survive"
_CONNECT_S = 5.0
_READ_S = 30.0
_RIDE_OUT_S = 30.0
_WATCH_S = 300
_LOG_QUIET_S = 60.0
_CONNECTIONS = 64
_TYPES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}


class Kube:
    """A cluster's API. Threads may share it. Objects are dicts as in JSON; every method may raise KubeError."""

    def __init__(self, api: client.ApiClient, sleep: Callable[[float], None] = time.sleep) -> None:
        self._api = api
        self._kinds: dict[tuple[str, str], tuple[str, bool]] = {}
        self._again = tenacity.Retrying(
            retry=tenacity.retry_if_exception(passes),
            wait=_pause_s,
            stop=tenacity.stop_after_delay(_RIDE_OUT_S) | tenacity.stop_after_attempt(30),
            sleep=sleep,
            reraise=True,
        )

    @classmethod
    def connect(cls, kubeconfig: pathlib.Path | None = None, context: str | None = None) -> "Kube":
        """Read a kubeconfig (default: $KUBECONFIG or ~/.kube/config). Nothing is sent yet."""
        configuration = client.Configuration()
        try:
            config.load_kube_config(
                config_file=str(kubeconfig) if kubeconfig else None,
                context=context,
                client_configuration=configuration,
                persist_config=False,
            )
        except (config.ConfigException, OSError, yaml.YAMLError) as exc:
            where = kubeconfig or "(the default one)"
            raise KubeError(f"cannot use the kubeconfig {where}: {exc}; name a good one and its context") from exc
        # urllib3 would send a DELETE again by itself if the connection broke: then one act would be two.
        configuration.retries = False
        configuration.keep_alive = True
        configuration.connection_pool_maxsize = _CONNECTIONS
        return cls(client.ApiClient(configuration))

    def close(self) -> None:
        """Close idle connections."""
        self._api.close()

    def version(self) -> str:
        """The API server's version, such as v1.37.2."""
        return str(self._read("/version")["gitVersion"])

    # Objects of any kind.

    def apply(self, manifests: Iterable[Object], namespace: str) -> Objects:
        """Server-side apply, in order, by field manager "survive" with force; returns the objects as stored."""
        query = {"fieldManager": _FIELD_MANAGER, "force": True}
        return [
            self._act("PATCH", self._path(m["apiVersion"], m["kind"], namespace, m["metadata"]["name"]), m, "apply", query)
            for m in manifests
        ]  # fmt: skip

    def create(self, manifest: Object, namespace: str = "") -> Object:
        """Create one object; 409 if there is one of its name."""
        return self._act("POST", self._path(manifest["apiVersion"], manifest["kind"], namespace), manifest)

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object:
        """One object; KubeError with status 404 if there is none."""
        return self._read(self._path(api_version, kind, namespace, name))

    def list(self, api_version: str, kind: str, namespace: str = "", *, labels: str = "", fields: str = "") -> Objects:
        """All objects that match the selectors; of every namespace if none is named. Items lack kind and apiVersion."""
        found = self._read(self._path(api_version, kind, namespace), _selectors(labels, fields))
        return found.get("items") or []

    def delete(
        self, api_version: str, kind: str, name: str, namespace: str = "", *, grace_s: int | None = None, uid: str = ""
    ) -> Object:
        """Ask for one object's deletion; `uid`: only if it is still that one (else 409)."""
        return self._act("DELETE", self._path(api_version, kind, namespace, name), _delete_options(grace_s, uid))

    def delete_all(self, api_version: str, kind: str, namespace: str, *, grace_s: int | None = None) -> None:
        """Ask for the deletion of all objects of a kind in a namespace."""
        self._act("DELETE", self._path(api_version, kind, namespace), _delete_options(grace_s, ""))

    def patch(
        self, api_version: str, kind: str, name: str, namespace: str, body: Any, how: Patch = "merge", subresource: str = ""
    ) -> Object:  # fmt: skip
        """Change one object, or a subresource of it (`scale`, `status`, `resize`)."""
        tail = f"/{subresource}" if subresource else ""
        return self._act("PATCH", self._path(api_version, kind, namespace, name) + tail, body, how)

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
        path = self._path(api_version, kind, namespace)
        chosen = _selectors(labels, fields)

        def fetch() -> Object:
            return self._json("GET", path, query=chosen)

        def follow(version: str) -> urllib3.BaseHTTPResponse:
            query = {**chosen, "watch": True, "allowWatchBookmarks": True, "timeoutSeconds": _WATCH_S}
            return self._open("GET", path, query={**query, "resourceVersion": version}, read_s=_WATCH_S + _READ_S)

        return iter(Watch(fetch, follow, stop, on_break, f"watch {path}"))

    # Pods and Deployments.

    def delete_pod(self, name: str, namespace: str, grace_s: int | None = None, uid: str = "") -> Object:
        """Delete a pod; without `grace_s` its own grace period holds. Returns the pod as the API then has it."""
        return self._act("DELETE", _pod(namespace, name), _delete_options(grace_s, uid))

    def evict(self, name: str, namespace: str, grace_s: int | None = None) -> Object:
        """Evict a pod. If a budget forbids it: KubeError with status 429, and `causes` gives DisruptionBudget."""
        eviction: Object = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
        }
        if grace_s is not None:
            eviction["deleteOptions"] = {"gracePeriodSeconds": grace_s}
        return self._act("POST", _pod(namespace, name) + "/eviction", eviction)

    def restart(self, deployment: str, namespace: str) -> Object:
        """What `kubectl rollout restart` does: a new value of the template's restartedAt annotation."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
        template = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}
        return self.patch("apps/v1", "Deployment", deployment, namespace, {"spec": {"template": template}}, "strategic")

    def scale(self, deployment: str, namespace: str, replicas: int) -> Object:
        """Set a Deployment's number of replicas."""
        return self.patch(
            "apps/v1", "Deployment", deployment, namespace, {"spec": {"replicas": replicas}}, subresource="scale"
        )

    def pod_post(self, namespace: str, pod: str, port: int, path: str) -> str:
        """POST to a pod through the API server's proxy; the answer's text."""
        return self._text("POST", f"{_pod(namespace, f'{pod}:{port}')}/proxy/{path.lstrip('/')}")

    def pod_get(self, namespace: str, pod: str, port: int, path: str) -> str:
        """GET from a pod through the API server's proxy; the answer's text. It is sent once."""
        return self._text("GET", f"{_pod(namespace, f'{pod}:{port}')}/proxy/{path.lstrip('/')}")

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
        stop = stop or Stop()
        path = _pod(namespace, pod) + "/log"
        query: dict[str, str | int | bool | None] = {"container": container, "follow": follow, "timestamps": True}
        query |= {"previous": previous, "sinceTime": _seconds_text(since_ns)}
        response = self._open("GET", path, query=query, read_s=_LOG_QUIET_S)
        for line in lines(response, stop, f"log {path} {container}"):
            yield log_line(line)

    # The way to the client.

    def _path(self, api_version: str, kind: str, namespace: str = "", name: str = "") -> str:
        plural, namespaced = self._kind(api_version, kind)
        parts = [_group(api_version)]
        if namespaced and namespace:
            parts.append(f"namespaces/{quote(namespace, safe='')}")
        parts.append(plural)
        if name:
            parts.append(quote(name, safe=""))
        return "/".join(parts)

    def _kind(self, api_version: str, kind: str) -> tuple[str, bool]:
        if (api_version, kind) not in self._kinds:
            for resource in self._read(_group(api_version))["resources"]:
                if "/" not in resource["name"]:
                    self._kinds[api_version, resource["kind"]] = (resource["name"], bool(resource["namespaced"]))
        try:
            return self._kinds[api_version, kind]
        except KeyError:
            raise KubeError(f"the cluster serves no {kind} in {api_version}; install what defines it", 404) from None

    def _read(self, path: str, query: Query | None = None) -> Object:
        return self._again.copy()(self._json, "GET", path, query=query)

    def _act(
        self, method: str, path: str, body: Any = None, type_: str = "", query: Query | None = None
    ) -> Object:  # fmt: skip
        return self._json(method, path, query=query, body=body, type_=_TYPES.get(type_, "application/json"))

    def _json(self, method: str, path: str, **how: Any) -> Object:
        text = self._text(method, path, **how)
        found = json.loads(text)
        assert isinstance(found, dict), f"{method} {path} gave no object"
        return found

    def _text(self, method: str, path: str, **how: Any) -> str:
        response = self._open(method, path, **how)
        try:
            return bytes(response.data).decode()
        except urllib3.exceptions.HTTPError as exc:
            raise unanswered(f"{method} {path}", exc) from exc

    def _open(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        type_: str = "application/json",
        read_s: float = _READ_S,
    ) -> urllib3.BaseHTTPResponse:
        """Send, once, and return the answer with its body unread; anything but 2xx is raised."""
        doing = f"{method} {path}"
        asked = [
            (name, str(v).lower() if v is True else v) for name, v in (query or {}).items() if v not in (None, False)
        ]
        try:
            request = self._api.param_serialize(
                method,
                path,
                query_params=asked,
                header_params={"Accept": "application/json, */*", "Content-Type": type_},
                body=body,
                auth_settings=["BearerToken"],
            )
            answer = self._api.call_api(*request, _request_timeout=(_CONNECT_S, read_s))
            response: urllib3.BaseHTTPResponse = answer.response
            said = "" if response.status < 300 else bytes(response.data).decode(errors="replace")
        except (urllib3.exceptions.HTTPError, client.ApiException) as exc:
            raise unanswered(doing, exc) from exc
        if response.status >= 300:
            raise refused(doing, response.status, said)
        return response


def _pause_s(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = retry_after_s(error) if isinstance(error, KubeError) else None
    return asked if asked is not None else min(0.1 * 2 ** (state.attempt_number - 1), 2.0)


def _group(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


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


def _seconds_text(since_ns: int | None) -> str | None:
    if since_ns is None:
        return None
    moment = datetime.datetime.fromtimestamp(since_ns // 1_000_000_000, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
