"""`survive init`: the file that it writes is a spec that loads, and says what was found."""

import pathlib

import pytest
import yaml
from own_manifests import Manifest, other, service, workload

from harness.cli import main
from harness.own.collect import choose
from harness.own.paths import BUILT_IN
from harness.spec import find_app, load_app
from harness.spec.models import Spec


@pytest.fixture
def here(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(folder: pathlib.Path, *objects: Manifest, more: tuple[str, ...] = ()) -> int:
    (folder / "k8s").mkdir(exist_ok=True)
    (folder / "k8s" / "all.yaml").write_text(yaml.safe_dump_all(objects))
    return main(["init", "-f", "k8s", *more])


def probed(port: object, **spec: object) -> Manifest:
    made = workload(**spec)
    probe = {
        "readinessProbe": {"httpGet": {"path": "/ready", "port": port}},
        "ports": [{"name": "web", "containerPort": 8080}],
    }
    made["spec"]["template"]["spec"]["containers"][0] |= probe
    return made


def test_it_loads_and_has_all_paths_that_make_sense(here: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(here, workload(), service()) == 0
    assert "shop.survive.yaml: Deployment/shop on 8 restart paths; pytest shop.survive.yaml" in capsys.readouterr().out
    found = load_app(here / "shop.survive.yaml")
    default = find_app("shop", Spec(manifests=["k8s"]), here)
    assert list(found.spec.paths) == [path.name for path, why_not in choose(default, BUILT_IN) if not why_not]
    written = (here / "shop.survive.yaml").read_text()
    assert "# - hang: no container has a livenessProbe" in written
    assert "# - handover: no `lease` is named" in written


@pytest.mark.parametrize(("port", "path"), [("web", "/ready"), (8080, "/ready"), (9090, "/")])
def test_the_path_is_that_of_the_probe_on_the_services_port(here: pathlib.Path, port: object, path: str) -> None:
    init(here, probed(port), service())
    requests = load_app(here / "shop.survive.yaml").spec.requests
    assert requests is not None
    assert requests.path == path


def test_it_never_writes_over_a_file_unless_it_is_told_to(
    here: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = here / "shop.survive.yaml"
    kept.write_text("mine")
    assert init(here, workload(), service()) == 1
    assert "shop.survive.yaml is there already; --force writes over it" in capsys.readouterr().err
    assert kept.read_text() == "mine"
    assert init(here, workload(), service(), more=("--force",)) == 0
    assert kept.read_text() != "mine"


def test_another_place_from_which_the_manifests_are_named(here: pathlib.Path) -> None:
    (here / "tests").mkdir()
    assert init(here, workload(), service(), more=("-o", "tests/x.survive.yaml")) == 0
    found = load_app(here / "tests" / "x.survive.yaml")
    assert (found.name, found.spec.manifests) == ("x", ["../k8s"])
    assert init(here, workload(), service(), more=("-o", "x.yaml")) == 1


def test_several_services_the_first_with_pods_is_taken_and_the_others_named(here: pathlib.Path) -> None:
    objects = [
        service("peers", clusterIP="None"),
        service("lost", "none"),
        service("web"),
        service("admin"),
        workload(),
    ]
    assert init(here, *objects) == 0
    assert load_app(here / "shop.survive.yaml").service == "web"
    assert "# Other Services of these manifests: admin, peers." in (here / "shop.survive.yaml").read_text()


@pytest.mark.parametrize("by", ["role", "flag", "two words"])
def test_a_lease_is_found(here: pathlib.Path, by: str) -> None:
    boss = workload()
    container = boss["spec"]["template"]["spec"]["containers"][0]
    role = other("Role", version="rbac.authorization.k8s.io/v1")
    rule = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get"]}
    if by == "role":
        rule["resourceNames"] = ["boss"]
    container["args"] = {"role": [], "flag": ["--lease=boss"], "two words": ["--leader-election-id", "boss"]}[by]
    assert init(here, boss, role | {"rules": [rule]}) == 0
    found = load_app(here / "shop.survive.yaml")
    assert (found.spec.lease, found.service, found.spec.limits.failover) == ("boss", None, 25.0)
    assert "handover" in found.spec.paths


def test_what_nobody_could_judge_or_restart_is_refused(here: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(here, workload()) == 1
    assert "nobody can tell how Deployment/shop does" in capsys.readouterr().err
    assert init(here, service()) == 1
    assert "nothing to restart" in capsys.readouterr().err
    assert not list(here.glob("*.survive.yaml"))


def test_objects_of_the_cluster_are_named_and_left_out(here: pathlib.Path) -> None:
    assert init(here, workload(), service(), other("ClusterRole")) == 0
    assert load_app(here / "shop.survive.yaml").spec.cluster_objects == "leave-out"


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert '"$schema"' in capsys.readouterr().out
