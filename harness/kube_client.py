"""The way to the Kubernetes client: one place that sends, with a time limit, and maps what goes wrong to KubeError."""

import contextlib
import contextvars
import datetime
import json
import os
import pathlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import tenacity
import urllib3
import urllib3.connection
import yaml
from kubernetes import client, config
from kubernetes.config.incluster_config import SERVICE_HOST_ENV_NAME, SERVICE_TOKEN_FILENAME

from harness.clock import NS_PER_S
from harness.errors import KubeError
from harness.kube_credentials import Credentials, read
from harness.kube_errors import passes, refused, retry_after_s, unanswered
from harness.kube_streams import Object, Stop

Query = Mapping[str, str | int | bool | None]

JSON = "application/json"
IN_CLUSTER = "in-cluster"
"""Stands for a context: the ServiceAccount of the pod that one runs in."""

_CONNECT_S = 5.0
_READ_S = 30.0
_RIDE_OUT_S = 30.0
_CONNECTIONS = 64

_stop: contextvars.ContextVar[Stop | None] = contextvars.ContextVar("stop", default=None)


@contextlib.contextmanager
def _stoppable(sock: socket.socket | None) -> Iterator[None]:
    """While it lasts, the request's `Stop` shuts this socket.

    The kubelet sends no head before a log's first line, so that wait can be as long as a container is silent.
    """
    stop = _stop.get()
    with contextlib.ExitStack() as stack:
        if stop is not None and sock is not None:
            stack.enter_context(stop.holding(lambda: sock.shutdown(socket.SHUT_RDWR)))
        yield


class _HTTPConnection(urllib3.connection.HTTPConnection):
    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3 itself does
        with _stoppable(self.sock):
            return super().getresponse()


class _HTTPSConnection(urllib3.connection.HTTPSConnection):
    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3 itself does
        with _stoppable(self.sock):
            return super().getresponse()


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class Client:
    """Sends requests to one API server. Threads may share it. Every method may raise KubeError."""

    def __init__(self, api: client.ApiClient, sleep: Callable[[float], None] = time.sleep) -> None:
        self._api = api
        api.rest_client.pool_manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
        self._kinds: dict[tuple[str, str], tuple[str, bool]] = {}
        self._again = tenacity.Retrying(
            retry=tenacity.retry_if_exception(passes),
            wait=_pause_s,
            stop=tenacity.stop_after_delay(_RIDE_OUT_S) | tenacity.stop_after_attempt(30),
            sleep=sleep,
            reraise=True,
        )

    @classmethod
    def connect(
        cls, kubeconfig: str | pathlib.Path | None, context: str | None, *, direct: bool = False
    ) -> "Client":  # fmt: skip
        """Read a kubeconfig (default: $KUBECONFIG, a list too, or ~/.kube/config). Nothing is sent yet.

        The context IN_CLUSTER is that of the pod that one runs in. `direct`: by no proxy of the environment.
        """
        configuration = client.Configuration()
        file = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG")
        try:
            if context == IN_CLUSTER:
                config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # as below
            else:
                config.load_kube_config(  # type: ignore[no-untyped-call]  # the client is typed in parts only
                    config_file=file, context=context, client_configuration=configuration, persist_config=False
                )
        except (config.ConfigException, OSError, yaml.YAMLError) as exc:
            where = "of the pod that this runs in" if context == IN_CLUSTER else file or "~/.kube/config"
            known = f"; its contexts: {', '.join(contexts(file)) or 'none'}" if context != IN_CLUSTER else ""
            raise KubeError(
                f"cannot use the kubeconfig {where}: {exc}{known}; name a good one and its context"
            ) from exc
        # urllib3 would send a DELETE again by itself if the connection broke: then one act would be two.
        configuration.retries = False
        configuration.keep_alive = True
        if direct:
            configuration.proxy = None
        configuration.connection_pool_maxsize = _CONNECTIONS
        return cls(client.ApiClient(configuration))

    @property
    def server(self) -> str:
        """The API server's address."""
        return str(self._api.configuration.host)

    @property
    def credentials(self) -> Credentials:
        """What it shows the API server, and until when that is good."""
        configuration = self._api.configuration
        return read(configuration.api_key.get("BearerToken", ""), configuration.cert_file)

    def close(self) -> None:
        """Close idle connections."""
        self._api.close()  # type: ignore[no-untyped-call]  # the client is typed in parts only

    def path(self, api_version: str, kind: str, namespace: str = "", name: str = "") -> str:
        """The path of an object or, without a name, of all of its kind; asks the API server what it calls the kind."""
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
            for resource in self.read(_group(api_version))["resources"]:
                if "/" not in resource["name"]:
                    self._kinds[api_version, resource["kind"]] = (resource["name"], bool(resource["namespaced"]))
        try:
            return self._kinds[api_version, kind]
        except KeyError:
            raise KubeError(f"the cluster serves no {kind} in {api_version}; install what defines it", 404) from None

    def read(self, path: str, query: Query | None = None) -> Object:
        """GET an object; tried again for a while after errors known to pass."""
        return self._again.copy()(self.once, "GET", path, query=query)

    def once(
        self, method: str, path: str, *, query: Query | None = None, body: Any = None, type_: str = JSON
    ) -> Object:  # fmt: skip
        """Send one request, never again; the object in its answer."""
        text = self.text(method, path, query=query, body=body, type_=type_)
        try:
            found = json.loads(text)
        except ValueError as exc:
            raise unanswered(f"{method} {path}", exc) from exc
        assert isinstance(found, dict), f"{method} {path} gave no object"
        return found

    def text(
        self, method: str, path: str, *, query: Query | None = None, body: Any = None, type_: str = JSON
    ) -> str:  # fmt: skip
        """Send one request, never again; its answer's text."""
        response = self.open(method, path, query=query, body=body, type_=type_)
        try:
            return bytes(response.data).decode(errors="replace")
        except urllib3.exceptions.HTTPError as exc:
            raise unanswered(f"{method} {path}", exc) from exc

    def open(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        type_: str = JSON,
        read_s: float = _READ_S,
        stop: Stop | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Send one request, never again; its answer with the body unread. Anything but 2xx is raised.

        `stop` ends the wait for the answer, with a KubeError.
        """
        doing = f"{method} {path}"
        if stop is not None and stop.is_set():
            raise KubeError(f"{doing}: not sent, as it was told to stop")
        told = _stop.set(stop)
        try:
            request = self._api.param_serialize(
                method,
                path,
                query_params=_pairs(query or {}),
                header_params={"Accept": "application/json, */*", "Content-Type": type_},
                body=body,
                auth_settings=["BearerToken"],
            )
            answer = self._api.call_api(*request, _request_timeout=(_CONNECT_S, read_s))
            response: urllib3.BaseHTTPResponse = answer.response
            said = "" if response.status < 300 else bytes(response.data).decode(errors="replace")
        except (urllib3.exceptions.HTTPError, client.ApiException) as exc:
            raise unanswered(doing, exc) from exc
        finally:
            _stop.reset(told)
        if response.status >= 300:
            raise refused(doing, response.status, said)
        return response


def in_pod() -> bool:
    """Whether this runs in a pod that has a ServiceAccount's token."""
    return SERVICE_HOST_ENV_NAME in os.environ and pathlib.Path(SERVICE_TOKEN_FILENAME).is_file()


def contexts(files: str | None) -> list[str]:
    """The contexts of a kubeconfig, or of a list of such; what cannot be read has none."""
    found = []
    for file in (files or str(pathlib.Path.home() / ".kube" / "config")).split(os.pathsep):
        with contextlib.suppress(OSError, yaml.YAMLError, AttributeError, TypeError, KeyError):
            text = pathlib.Path(file).expanduser().read_text()
            found += [str(one["name"]) for one in yaml.safe_load(text).get("contexts") or []]
    return sorted(found)


def seconds_text(since_ns: int | None) -> str | None:
    """A moment as RFC 3339, rounded down to a second."""
    if since_ns is None:
        return None
    return datetime.datetime.fromtimestamp(since_ns // NS_PER_S, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _pairs(query: Query) -> list[tuple[str, str]]:
    told = {name: value for name, value in query.items() if value is not None and value is not False}
    return [(name, "true" if value is True else str(value)) for name, value in told.items()]


def _pause_s(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = retry_after_s(error) if isinstance(error, KubeError) else None
    return asked if asked is not None else min(0.1 * 2 ** (state.attempt_number - 1), 2.0)


def _group(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
