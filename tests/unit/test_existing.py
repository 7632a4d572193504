"""Reaching a cluster of the user's own: what is wrong is told with what to do, before anything is touched."""

import pytest
import yaml

from harness.clusters.existing import reach
from harness.clusters.provider import BINARY, chosen_context, chosen_provider
from harness.errors import ClusterError, KubeError, UsageError
from harness.kube import Kube
from harness.options import KindOptions, Options
from tests.unit.fake_api import FakeApi

WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@pytest.fixture
def api():
    made = FakeApi()
    made.on("GET", "/version", {"gitVersion": "v1.37.2"})
    made.on("POST", WHO, {"status": {"userInfo": {"username": "jane"}}})
    yield made
    made.close()


def test_a_server_that_answers_and_knows_one(api, tmp_path):
    assert reach(api.connect(tmp_path), "fake") == "v1.37.2"
    assert {one[1] for one in api.asked} == {"/version", WHO}


@pytest.mark.parametrize(
    ("path", "answer", "error", "told"),
    [
        ("/version", (401, {"message": "Unauthorized"}), UsageError, "refuses its credentials, which may have expired"),
        (WHO, (403, {"message": "no"}), UsageError, "knows nobody by its credentials: log in"),
        (WHO, {"status": {"userInfo": {"username": "system:anonymous"}}}, UsageError, "gives no credentials: log in"),
        ("/version", (503, b"busy"), ClusterError, "answers with an error: GET /version: 503 busy"),
        ("/version", "hang up", ClusterError, "nobody answers there; see whether the cluster is up"),
    ],
)
def test_what_is_wrong_is_told_after_one_try(api, tmp_path, path, answer, error, told):
    api.on("GET" if path == "/version" else "POST", path, answer)
    kube = api.connect(tmp_path)
    with pytest.raises(error, match=told) as raised:
        reach(kube, "fake")
    assert str(raised.value).startswith(f"the context fake (http://127.0.0.1:{api.port})")
    assert len([one for one in api.asked if one[1] == path]) == 1


def kubeconfig(path, *names):
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in names],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    path.write_text(yaml.safe_dump(config))
    return str(path)


def test_a_context_that_is_not_there_is_told_with_those_that_are(tmp_path):
    files = f"{kubeconfig(tmp_path / 'a', 'one')}:{kubeconfig(tmp_path / 'b', 'two')}"
    with pytest.raises(KubeError, match="its contexts: one, two; name a good one"):
        Kube.connect(files, "three")
    assert Kube.connect(files, "two").server == "http://127.0.0.1:1"


def test_the_list_of_the_environment_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", f"{kubeconfig(tmp_path / 'a', 'one')}:{kubeconfig(tmp_path / 'b', 'two')}")
    assert Kube.connect(None, "two").server == "http://127.0.0.1:1"


def test_outside_of_a_pod_there_is_no_such_context(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(KubeError, match="the kubeconfig of the pod that this runs in"):
        Kube.connect(None, "in-cluster")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (Options(cluster="existing"), "only a context that you name is ever touched"),
        (Options(cluster="embedded", context="c"), "--kube-context is for --cluster existing"),
        (Options(cluster="kind", context="c"), "the kind cluster has a kubeconfig of its own"),
        (Options(nodes=("n",)), "--node is for --cluster existing"),
        (Options(cluster="embedded", kind=KindOptions("i")), "--kind-binary are for --cluster kind"),
        (Options(context="c", kind=KindOptions("i")), "--kind-binary are for --cluster kind"),
    ],
)
def test_a_cluster_that_was_not_named(options, told):
    with pytest.raises(UsageError, match=told):
        chosen_context(options)


@pytest.mark.parametrize(
    ("options", "root", "kind", "provider"),
    [
        (Options(), True, True, "embedded"),
        (Options(), False, True, "kind"),
        (Options(), False, False, "embedded"),
        (Options(context="c"), False, True, "existing"),
        (Options(kind=KindOptions("i")), True, True, "kind"),
        (Options(cluster="kind"), True, False, "kind"),
        (Options(cluster="embedded"), False, True, "embedded"),
    ],
)
def test_without_a_choice_it_is_what_can_be_had(options, root, kind, provider, monkeypatch, tmp_path):
    monkeypatch.setattr("os.geteuid", lambda: 0 if root else 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(BINARY, raising=False)
    if kind:
        (tmp_path / "kind").touch(0o755)
    assert chosen_provider(options) == provider


def test_the_one_that_was_named():
    assert chosen_context(Options(context="c")) == "c"
    assert chosen_context(Options()) == ""
