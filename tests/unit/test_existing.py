"""Reaching a cluster of the user's own: what is wrong is told with what to do, before anything is touched."""

import pytest
import yaml

from harness.clusters.existing import reach
from harness.clusters.provider import BINARY, Connection, chosen_context, chosen_provider, connect
from harness.errors import ClusterError, KubeError, UsageError
from harness.kube import IN_CLUSTER, Kube
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


@pytest.fixture
def no_proxy(monkeypatch):
    """Only the proxy that a test names is in the environment; it does not lead anywhere."""
    for name in ("no_proxy", "NO_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")


def test_a_proxy_that_does_not_lead_there_is_told(no_proxy, tmp_path):
    path = tmp_path / "a"
    kubeconfig(path, "one")
    path.write_text(path.read_text().replace("http://127.0.0.1:1", "https://127.0.0.1:2"))
    with pytest.raises(ClusterError, match=r"the proxy does not lead there: correct HTTPS_PROXY or the kubeconfig's"):
        reach(Kube.connect(path, "one"), "one")


def test_no_proxy_leads_to_an_embedded_cluster(no_proxy, api, tmp_path):
    api.connect(tmp_path)
    of = (str(tmp_path / "kubeconfig"), "fake", "", 0)
    with pytest.raises(ClusterError):
        reach(Connection("existing", *of).kube(), "fake")
    assert reach(Connection("embedded", *of).kube(), "fake") == "v1.37.2"


@pytest.fixture
def pod(monkeypatch, tmp_path):
    """This process runs in a pod with a ServiceAccount's token."""
    (tmp_path / "token").write_text("secret")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr("harness.kube_client.SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    return tmp_path


def test_in_a_pod_the_existing_cluster_is_the_pods(pod):
    assert chosen_context(Options(cluster="existing")) == IN_CLUSTER
    assert chosen_context(Options(cluster="existing", context="other")) == "other"
    assert chosen_context(Options()) == ""


def test_in_a_pod_without_a_token_or_with_a_kubeconfig_it_must_be_named(pod, monkeypatch):
    with pytest.raises(UsageError, match="only a context that you name"):
        chosen_context(Options(cluster="existing", kubeconfig="some"))
    monkeypatch.setenv("KUBECONFIG", "some")
    with pytest.raises(UsageError, match="only a context that you name"):
        chosen_context(Options(cluster="existing"))
    monkeypatch.delenv("KUBECONFIG")
    (pod / "token").unlink()
    with pytest.raises(UsageError, match="only a context that you name"):
        chosen_context(Options(cluster="existing"))


def test_the_node_that_a_run_is_on_is_not_touched(pod, monkeypatch):
    monkeypatch.setenv("SURVIVE_NODE", "n1")
    assert chosen_context(Options(cluster="existing", nodes=("n2",))) == IN_CLUSTER
    with pytest.raises(UsageError, match="--node n1 is the node that this runs on"):
        chosen_context(Options(cluster="existing", nodes=("n2", "n1")))


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
        (Options(context="c", kubernetes="v1.34.2"), "a cluster of yours has its own"),
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
        (Options(kubernetes="v1.34.2"), True, True, "embedded"),
        (Options(kubernetes="v1.34.2"), False, True, "kind"),
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


def test_the_version_that_was_asked_for_reaches_the_cluster(tmp_path, monkeypatch):
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path))
    asked = []

    def up(name, options, progress, load):
        asked.append((options, load))
        raise UsageError("no more")

    monkeypatch.setattr("harness.clusters.kind.cluster.up", up)
    with pytest.raises(UsageError, match="built of"):
        enter(Options(cluster="embedded", kubernetes="v1.34.2"))
    with pytest.raises(UsageError, match="no more"):
        enter(Options(cluster="kind", kubernetes="v1.34.2", kind=KindOptions("", "/k")))
    assert asked == [(KindOptions("kindest/node:v1.34.2", "/k"), True)]


def enter(options):
    with connect(options, "r", None):
        pass
