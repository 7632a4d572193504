"""The ServiceAccount of the rights' manifest on the spare cluster: its tokens, and kubeconfigs for it."""

import base64
import copy
import json
import pathlib
import time
from typing import Any

import yaml
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from harness import rights
from harness.clusters.embedded.layout import ClusterDir
from harness.kube import Kube

CONTEXT = "tester"
ISSUER = "https://kubernetes.default.svc.cluster.local"


def token(admin: Kube, account: str = rights.ACCOUNT) -> str:
    """One that the API server made, good for an hour."""
    path = f"/api/v1/namespaces/{rights.ACCOUNT}/serviceaccounts/{account}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    return str(admin._client.once("POST", path, body=body)["status"]["token"])


def minted(admin: Kube, spare: ClusterDir, ends_in_s: int) -> str:
    """One that was good until a moment of one's choice, signed by the cluster's own key (JWT, ES256)."""
    account = admin.get("v1", "ServiceAccount", rights.ACCOUNT, rights.ACCOUNT)
    now = int(time.time())
    claims = {
        "iss": ISSUER, "aud": [ISSUER], "iat": now - 7200, "nbf": now - 7200, "exp": now + ends_in_s,
        "sub": f"system:serviceaccount:{rights.ACCOUNT}:{rights.ACCOUNT}",
        "kubernetes.io": {
            "namespace": rights.ACCOUNT,
            "serviceaccount": {"name": rights.ACCOUNT, "uid": account["metadata"]["uid"]},
        },
    }  # fmt: skip
    key = serialization.load_pem_private_key((spare.pki / "service-account.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signed = f"{_part(json.dumps({'alg': 'ES256'}).encode())}.{_part(json.dumps(claims).encode())}"
    pair = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{_part(b''.join(number.to_bytes(32, 'big') for number in pair))}"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def config_of(spare: ClusterDir, credentials: str) -> dict[str, Any]:
    """A kubeconfig's content whose one context is CONTEXT."""
    config: dict[str, Any] = yaml.safe_load(spare.kubeconfig.read_text())
    cluster = copy.deepcopy(config["clusters"][0])
    return config | {
        "current-context": "",
        "clusters": [cluster],
        "contexts": [{"name": CONTEXT, "context": {"cluster": cluster["name"], "user": CONTEXT}}],
        "users": [{"name": CONTEXT, "user": {"token": credentials}}],
    }


def write_kubeconfig(spare: ClusterDir, credentials: str, path: pathlib.Path) -> pathlib.Path:
    path.write_text(yaml.safe_dump(config_of(spare, credentials)))
    return path


def joined(*files: pathlib.Path, into: pathlib.Path) -> pathlib.Path:
    """One kubeconfig with all that is in several."""
    found = [yaml.safe_load(file.read_text()) for file in files]
    lists = {name: [one for config in found for one in config[name]] for name in ("clusters", "contexts", "users")}
    into.write_text(yaml.safe_dump(found[0] | lists | {"current-context": ""}))
    return into
