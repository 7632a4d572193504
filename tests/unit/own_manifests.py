"""Manifests such as a user has, small."""

from typing import Any

Manifest = dict[str, Any]


def workload(name: str = "shop", kind: str = "Deployment", app: str = "shop", **spec: Any) -> Manifest:
    labels = {"app": app}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": f"{app}:1"}]}}
    whole = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": whole}


def service(name: str = "shop", app: str = "shop", **spec: Any) -> Manifest:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "admin", "port": 9000}]
    whole = {"selector": {"app": app}, "ports": ports, **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": whole}


def other(kind: str, name: str = "shop", version: str = "v1", **meta: Any) -> Manifest:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **meta}}
