"""A user's app, found in its manifests; what cannot be told is an error that says what would be right."""

import pathlib

import pytest
import yaml
from own_manifests import Manifest, other, service, workload

from harness.spec import OwnApp, SpecError, load_app


def app_of(folder: pathlib.Path, *objects: Manifest, spec: str = "") -> OwnApp:
    (folder / "k8s").mkdir(exist_ok=True)
    (folder / "k8s" / "all.yaml").write_text(yaml.safe_dump_all(objects))
    path = folder / "my-shop.survive.yaml"
    path.write_text(f"manifests: k8s/\n{spec}")
    return load_app(path)


def refused(folder: pathlib.Path, *objects: Manifest, spec: str = "") -> str:
    with pytest.raises(SpecError) as told:
        app_of(folder, *objects, spec=spec)
    return str(told.value).removeprefix(f"{folder / 'my-shop.survive.yaml'}:")


def test_the_workload_behind_the_only_service(tmp_path: pathlib.Path) -> None:
    database = workload("db", "StatefulSet", "db")
    found = app_of(tmp_path, workload(), database, service())
    assert (found.name, found.kind, found.workload, found.service, found.port) == (
        "my-shop", "Deployment", "shop", "shop", 80,
    )  # fmt: skip
    assert (found.selector, found.replicas, found.containers[0]["image"]) == ({"app": "shop"}, 2, "shop:1")


def test_what_is_named_is_taken(tmp_path: pathlib.Path) -> None:
    objects = [workload(), workload("db", "StatefulSet", "db"), service(), service("db", "db")]
    spec = "name: base\nrequests: {service: db, port: admin}\nworkload: StatefulSet/db\n"
    found = app_of(tmp_path, *objects, spec=spec)
    assert (found.name, found.kind, found.workload, found.service, found.port) == (
        "base", "StatefulSet", "db", "db", 9000,
    )  # fmt: skip


def test_the_headless_twin_of_a_service_is_passed_over(tmp_path: pathlib.Path) -> None:
    found = app_of(tmp_path, workload(kind="StatefulSet"), service("peers", clusterIP="None"), service())
    assert found.service == "shop"


def test_without_a_service_the_lease_is_judged(tmp_path: pathlib.Path) -> None:
    found = app_of(tmp_path, workload(), spec="lease: shop\nlimits: {failover: 25s}\n")
    assert (found.service, found.port) == (None, 0)


@pytest.mark.parametrize(
    ("objects", "spec", "told"),
    [
        (
            [service()],
            "",
            "1: manifests: the manifests have none of Deployment, StatefulSet, DaemonSet: nothing to restart",
        ),
        (
            [workload(), service(), service("admin")],
            "",
            "1: manifests: there are several Services, shop, admin: name one by `requests: {service: …}`",
        ),
        (
            [workload(), service()],
            "requests: {service: shpo}\n",
            "2: requests.service: there is no Service shpo; did you mean shop?",
        ),
        (
            [workload()],
            "requests: {path: /x}\n",
            "2: requests: the manifests have no Service to send requests to; leave `requests` out",
        ),
        (
            [workload(), service(selector={})],
            "",
            "1: manifests: the Service shop has no selector, so that no pods of these manifests serve it",
        ),
        (
            [workload(app="web"), service()],
            "requests:\n  service: shop\n",
            "3: requests.service: no workload is behind the Service shop: the pods of none have the labels app=shop;"
            " there are Deployment/shop",
        ),
        (
            [workload("a"), workload("b"), service()],
            "",
            "1: workload: several workloads are behind the Service shop: Deployment/a, Deployment/b; name one by"
            " `workload: Deployment/a`",
        ),
        (
            [workload("a"), workload("b")],
            "lease: x\nlimits: {failover: 9s}\n",
            "1: workload: several workloads are there: Deployment/a, Deployment/b; name one by"
            " `workload: Deployment/a`",
        ),
        (
            [workload(), service()],
            "workload: DaemonSet/shop\n",
            "2: workload: there is no DaemonSet/shop; did you mean Deployment/shop?",
        ),
        (
            [workload(selector={}), service()],
            "",
            "1: manifests: Deployment shop has no spec.selector.matchLabels: its pods cannot be told",
        ),
        (
            [workload(selector={"matchLabels": {"app": "x"}}), service()],
            "",
            "1: manifests: Deployment shop: its selector does not match the labels of its own template",
        ),
        (
            [workload(), service()],
            "requests: {port: 81}\n",
            "2: requests.port: the Service shop has no port 81; it has 80 (http), 9000 (admin)",
        ),
        ([workload()], "", "1: manifests: they have no Service and no `lease` is named: nothing can be judged"),
        (
            [workload()],
            "lease: x\nlimits: {outage: 1s}\n",
            "3: limits.outage: the manifests have no Service that requests could go to",
        ),
        (
            [workload(), service()],
            "limits: {failover: 1s}\n",
            "2: limits.failover: it needs `lease: NAME`, the Lease that the leader holds",
        ),
        (
            [workload(), service()],
            "lease: x\n",
            "2: lease: it needs a limit: how long nobody may hold it; for example `limits: {failover: 25s}`",
        ),
        (
            [workload(), service(), other("ClusterRole"), other("PersistentVolume", "disk")],
            "",
            "1: manifests: ClusterRole shop, PersistentVolume disk: objects of the whole cluster are not touched, for a"
            " test owns its namespace alone; where they are there already, say `cluster_objects: leave-out`",
        ),
        (
            [workload(), service(), other("ConfigMap", namespace="a"), other("ConfigMap", namespace="b")],
            "",
            "1: manifests: ConfigMap shop is there twice, in the namespaces a and b; all go into one namespace",
        ),
        (
            [workload(), service()],
            "requests:\n  locustfile: users.py\n",
            "3: requests.locustfile: there is no file users.py in FOLDER",
        ),
        (
            [workload(), service()],
            "images:\n  web: web:2\n",
            "2: images: no container has the image web; there are shop:1",
        ),
    ],
)
def test_what_cannot_be_told_is_an_error(tmp_path: pathlib.Path, objects: list[Manifest], spec: str, told: str) -> None:
    assert refused(tmp_path, *objects, spec=spec) == told.replace("FOLDER", str(tmp_path))


def test_objects_of_the_cluster_may_be_left_out(tmp_path: pathlib.Path) -> None:
    found = app_of(tmp_path, workload(), service(), other("ClusterRole"), spec="cluster_objects: leave-out\n")
    assert [one["kind"] for one in found.manifests] == ["Service", "Deployment"]


def test_namespaces_are_the_scenarios_and_what_pods_need_comes_first(tmp_path: pathlib.Path) -> None:
    binding = {
        **other("RoleBinding", version="rbac.authorization.k8s.io/v1", namespace="shop"),
        "subjects": [
            {"kind": "ServiceAccount", "name": "shop", "namespace": "shop"},
            {"kind": "ServiceAccount", "name": "watcher", "namespace": "monitoring"},
        ],
    }
    own = workload()
    own["metadata"]["namespace"] = "shop"
    kinds = ("Secret", "ConfigMap", "ServiceAccount", "PersistentVolumeClaim", "Namespace")
    found = app_of(tmp_path, own, service(), binding, *map(other, kinds), other("Route", version="example.com/v1"))
    assert [one["kind"] for one in found.manifests] == [
        "ServiceAccount", "Secret", "ConfigMap", "PersistentVolumeClaim", "RoleBinding", "Service", "Route",
        "Deployment",
    ]  # fmt: skip
    assert not any("namespace" in one["metadata"] for one in found.manifests)
    bound = next(one for one in found.manifests if one["kind"] == "RoleBinding")
    assert bound["subjects"] == [
        {"kind": "ServiceAccount", "name": "shop"},
        {"kind": "ServiceAccount", "name": "watcher", "namespace": "monitoring"},
    ]


def test_images_may_be_others(tmp_path: pathlib.Path) -> None:
    changed = workload()
    spec = changed["spec"]["template"]["spec"]
    spec["containers"] = [{"name": "a", "image": "host:5000/team/shop:1@sha256:00"}, {"name": "b", "image": "log"}]
    spec["initContainers"] = [{"name": "c", "image": "migrate:3"}]
    images = "images: {'host:5000/team/shop': 'shop:dev', 'migrate:3': 'migrate:dev'}\n"
    made = app_of(tmp_path, changed, service(), spec=images).object["spec"]["template"]["spec"]
    assert [one["image"] for one in made["containers"]] == ["shop:dev", "log"]
    assert made["initContainers"][0]["image"] == "migrate:dev"
