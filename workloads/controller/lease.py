"""A Lease of coordination.k8s.io/v1 behind the Kubernetes API, by the pod's ServiceAccount."""

import datetime
import http.client
import json
import os
import pathlib
import ssl
from collections.abc import Callable
from typing import Any

from .election import ConflictError, LeaseRecord, StoreError

ACCOUNT = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def in_cluster(timeout_s: float) -> http.client.HTTPConnection:
    """A connection to the API server as a pod finds it; opened by its first request."""
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"])
    return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)


def token() -> str:
    """The ServiceAccount's token, read anew each time since the kubelet rotates it."""
    return (ACCOUNT / "token").read_text().strip()


class KubeLease:
    """One Lease; remembers the object as last read or written, whose resourceVersion guards the next write."""

    def __init__(
        self,
        namespace: str,
        name: str,
        connect: Callable[[float], http.client.HTTPConnection] = in_cluster,
        token: Callable[[], str] = token,
    ) -> None:
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._name = name
        self._namespace = namespace
        self._connect = connect
        self._token = token
        self._connection: http.client.HTTPConnection | None = None
        self._object: dict[str, Any] | None = None

    def get(self, timeout_s: float) -> LeaseRecord | None:
        """The lease; None if there is none. Raises StoreError."""
        status, found = self._ask("GET", f"{self._path}/{self._name}", None, timeout_s)
        if status == 404:
            return None
        self._object = self._checked(status, found)
        return from_spec(self._object["spec"])

    def create(self, record: LeaseRecord, timeout_s: float) -> None:
        """Make the lease. Raises StoreError, ConflictError if there is one."""
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": to_spec(record),
        }
        self._object = self._checked(*self._ask("POST", self._path, body, timeout_s))

    def update(self, record: LeaseRecord, timeout_s: float) -> None:
        """Write the lease. Raises StoreError, ConflictError if it changed since it was last read."""
        if self._object is None:
            raise StoreError("the lease was never read")
        body = {**self._object, "spec": {**self._object["spec"], **to_spec(record)}}
        self._object = self._checked(*self._ask("PUT", f"{self._path}/{self._name}", body, timeout_s))

    @staticmethod
    def _checked(status: int, body: bytes) -> dict[str, Any]:
        if status == 409:
            raise ConflictError("409: the lease changed meanwhile")
        if status not in (200, 201):
            raise StoreError(f"{status}: {body[:200].decode(errors='replace')}")
        try:
            found: dict[str, Any] = json.loads(body)
            found.setdefault("spec", {})
        except (ValueError, AttributeError) as exc:
            raise StoreError(f"no Lease came: {body[:200]!r}") from exc
        return found

    def _ask(self, method: str, path: str, body: object, timeout_s: float) -> tuple[int, bytes]:
        """One request on the kept connection; after any failure the next one opens another. Never tries twice."""
        try:
            if self._connection is None:
                self._connection = self._connect(timeout_s)
            connection = self._connection
            connection.timeout = timeout_s
            if connection.sock is not None:
                connection.sock.settimeout(timeout_s)
            headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
            content = None if body is None else json.dumps(body)
            connection.request(method, path, body=content, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as exc:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            raise StoreError(f"{method} {path}: {exc!r}") from exc


def to_spec(record: LeaseRecord) -> dict[str, object]:
    """A record as a LeaseSpec; its times are MicroTime, whole microseconds."""
    return {
        "holderIdentity": record.holder,
        "leaseDurationSeconds": record.duration_s,
        "leaseTransitions": record.transitions,
        "acquireTime": to_micro_time(record.acquire_ns),
        "renewTime": to_micro_time(record.renew_ns),
    }


def from_spec(spec: dict[str, Any]) -> LeaseRecord:
    """A LeaseSpec as a record; what is absent is empty or 0."""
    return LeaseRecord(
        holder=spec.get("holderIdentity") or "",
        duration_s=spec.get("leaseDurationSeconds") or 0,
        transitions=spec.get("leaseTransitions") or 0,
        acquire_ns=from_micro_time(spec.get("acquireTime")),
        renew_ns=from_micro_time(spec.get("renewTime")),
    )


def to_micro_time(t_ns: int) -> str:
    """Nanoseconds since the epoch as Kubernetes writes a MicroTime."""
    return (EPOCH + datetime.timedelta(microseconds=t_ns // 1000)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_micro_time(text: str | None) -> int:
    """A MicroTime as nanoseconds since the epoch; 0 if there is none."""
    if not text:
        return 0
    since = datetime.datetime.fromisoformat(text) - EPOCH
    return (since // datetime.timedelta(microseconds=1)) * 1000
