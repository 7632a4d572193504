"""Rules of a cluster that keep pods away: each is seen once, and told with what to do about it."""

import base64
import contextlib
import json
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from harness.clusters.embedded.certificates import Authority
from harness.clusters.embedded.layout import ClusterDir
from harness.deploy import Furnishing, apply, create_namespace, delete_namespace, server, wait_ready
from harness.errors import KubeError, Refused
from harness.kube import Kube
from harness.results import Results
from harness.wait import until
from tests.cluster.conftest import NAME, ROOT


@pytest.fixture(scope="module")
def kube(spare: ClusterDir) -> Kube:
    return Kube.connect(spare.kubeconfig)


@pytest.fixture
def space(kube: Kube) -> Iterator[Callable[..., str]]:
    """Makes namespaces as a run does."""
    made: list[str] = []

    def make(**labels: str) -> str:
        made.append(create_namespace(kube, "rules", "rules", furnishing=Furnishing(labels)))
        return made[-1]

    yield make
    for name in made:
        delete_namespace(kube, name)


def test_a_quota_that_is_used_up(kube: Kube, space) -> None:
    namespace = space()
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "small"},
        "spec": {"hard": {"pods": "1"}},
    }
    kube.apply([quota], namespace)
    until(lambda: kube.get("v1", "ResourceQuota", "small", namespace).get("status", {}).get("hard"), "the quota", 20)
    app = server(replicas=3)
    apply(kube, app, namespace)
    with pytest.raises(Refused, match=r"exceeded quota: small.*the namespace's ResourceQuota is used up: raise it"):
        wait_ready(kube, app, namespace, 30)


def test_a_limit_range_that_forbids_what_is_asked_for(kube: Kube, space) -> None:
    namespace = space()
    limit = {"type": "Container", "max": {"memory": "16Mi"}}
    range_ = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "tiny"}, "spec": {"limits": [limit]}}
    kube.apply([range_], namespace)
    app = server(replicas=1, resources={"requests": {"memory": "32Mi"}, "limits": {"memory": "32Mi"}})
    apply(kube, app, namespace)
    with pytest.raises(
        Refused, match=r"maximum memory usage per Container is 16Mi.*the namespace's LimitRange forbids it"
    ):
        wait_ready(kube, app, namespace, 30)


def test_a_rule_of_the_cluster_that_refuses_an_object(kube: Kube, space) -> None:
    rule = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "owners"},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["deployments"],
                    }
                ]
            },
            "validations": [{"expression": "has(object.metadata.labels.owner)", "message": "say who owns it"}],
        },
    }
    selector = {"namespaceSelector": {"matchLabels": {"team": "strict"}}}
    binding = {
        "apiVersion": rule["apiVersion"],
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "owners"},
        "spec": {"policyName": "owners", "validationActions": ["Deny"], "matchResources": selector},
    }
    kube.apply([rule, binding], "")
    namespace = space(team="strict")
    app = server(replicas=1)
    told: list[str] = []

    def refused() -> bool:
        try:
            kube.create(app.manifests[0], namespace, dry_run=True)
        except KubeError as exc:
            told.append(str(exc))
        return bool(told)

    try:
        until(refused, "the policy to be in force", 30)
        with pytest.raises(KubeError, match=r"say who owns it; a rule of this cluster's own refuses it: do as it says"):
            apply(kube, app, namespace)
    finally:
        kube.delete(binding["apiVersion"], binding["kind"], "owners")
        kube.delete(rule["apiVersion"], rule["kind"], "owners")


class Refuses(BaseHTTPRequestHandler):
    """A webhook that lets nothing in."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = {"message": "no owner, no pod", "code": 403}
        review["response"] = {"uid": review["request"]["uid"], "allowed": False, "status": status}
        body = json.dumps(review).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def webhook(kube: Kube, folder: pathlib.Path) -> Iterator[ThreadingHTTPServer]:
    """A webhook in this process, which the API server asks of each pod in the namespaces of runs."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect((urlsplit(kube.server).hostname, 9))  # nothing is sent: it tells by which address it would be
        here = asked.getsockname()[0]
    Authority(folder).issue("hook", "hook", names=[here])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "hook.crt", folder / "hook.key")
    answering = ThreadingHTTPServer((here, 0), Refuses)
    answering.socket = tls.wrap_socket(answering.socket, server_side=True)
    authority = base64.b64encode((folder / "ca.crt").read_bytes()).decode()
    hook = {
        "name": "owners.survive.test",
        "clientConfig": {"url": f"https://{here}:{answering.server_address[1]}/", "caBundle": authority},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        "namespaceSelector": {"matchLabels": {"app.kubernetes.io/managed-by": "pytest-survive"}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "timeoutSeconds": 3,
        "admissionReviewVersions": ["v1"],
    }
    of = ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration")
    threading.Thread(target=answering.serve_forever, args=(0.05,), daemon=True).start()
    try:
        kube.apply([{"apiVersion": of[0], "kind": of[1], "metadata": {"name": "owners"}, "webhooks": [hook]}], "")
        yield answering
    finally:
        kube.delete(*of, "owners")
        answering.shutdown()
        answering.server_close()


def test_a_webhook_that_rejects_and_one_that_does_not_answer(kube: Kube, space, tmp_path: pathlib.Path) -> None:
    namespace = space()
    app = server(replicas=1)
    container = {"name": "x", "image": "x"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [container]}}
    told: list[str] = []

    def refused() -> bool:
        try:
            kube.create(pod, namespace, dry_run=True)
        except KubeError as exc:
            told.append(str(exc))
        return bool(told)

    with webhook(kube, tmp_path / "ca") as hook:
        until(refused, "the webhook to be in force", 30)
        assert 'admission webhook "owners.survive.test" denied the request: no owner, no pod' in told[0]
        argv = [sys.executable, "-m", "pytest", "suites/test_delete.py", "-k", "delete-sleep", "--cluster", "embedded"]
        argv += ["--cluster-name", NAME, "--survive-out", str(tmp_path / "out"), "-p", "no:cacheprovider"]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120)
        (result,) = Results.read(tmp_path / "out" / "latest" / "results.json").results
        assert (done.returncode, result.verdict) == (1, "error"), done.stdout
        assert "no owner, no pod; a rule of this cluster's own refuses it: do as it says" in result.why
        ours = kube.list("v1", "Namespace", labels="app.kubernetes.io/managed-by=pytest-survive")
        assert [one["metadata"]["name"] for one in ours if "deletionTimestamp" not in one["metadata"]] == []
        hook.shutdown()
        hook.server_close()
        namespace = space()
        apply(kube, app, namespace)
        with pytest.raises(Refused, match=r"failed calling webhook.*a webhook of this cluster's own does not answer"):
            wait_ready(kube, app, namespace, 30)
