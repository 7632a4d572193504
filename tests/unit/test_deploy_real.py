"""nginx before the app, and the app on servers that people really run: what is deployed."""

from typing import get_args

import pytest

from harness import manifests
from harness.deploy import App, aware, framework, proxied
from harness.deploy.framework import FRAMEWORKS, Name
from harness.manifests import Manifest


def pod_of(app: App) -> Manifest:
    return manifests.pod_spec(manifests.of_kind(app.manifests, "Deployment"))


def sleeps(container: Manifest) -> int | None:
    hook = container.get("lifecycle", {}).get("preStop")
    return hook and hook["sleep"]["seconds"]


def test_a_proxy_and_its_app_sleep_each_for_its_own_time() -> None:
    app = proxied("shop", replicas=3, app_pre_stop_s=8, nginx_pre_stop_s=4)
    assert {one["name"]: sleeps(one) for one in pod_of(app)["containers"]} == {"app": 8, "nginx": 4}
    assert (app.name, app.service, app.selector) == ("shop", "shop", {"app": "shop"})
    assert {one["metadata"]["name"] for one in app.manifests} == {"shop"}
    config = manifests.of_kind(app.manifests, "ConfigMap")["metadata"]["name"]
    assert {"name": "servers", "configMap": {"name": config}} in pod_of(app)["volumes"]
    assert {sleeps(one) for one in pod_of(proxied())["containers"]} == {None}


def test_a_proxy_as_native_sidecar_is_an_init_container_that_always_runs() -> None:
    pod = pod_of(proxied(nginx_pre_stop_s=4, sidecar=True))
    assert [one["name"] for one in pod["containers"]] == ["app"]
    (nginx,) = pod["initContainers"]
    assert (nginx["name"], nginx["restartPolicy"], sleeps(nginx)) == ("nginx", "Always", 4)


@pytest.mark.parametrize("name", get_args(Name))
def test_hardened_differs_from_default_by_its_settings_and_a_sleep(name: Name) -> None:
    default, hardened = (pod_of(framework(name, hardened=it))["containers"][0] for it in (False, True))
    assert (sleeps(default), sleeps(hardened)) == (None, 4)
    assert default["image"] == hardened["image"] == FRAMEWORKS[name].image
    assert default.get("command", []) == hardened.get("command", []) == list(FRAMEWORKS[name].command)
    assert hardened["args"] == list(FRAMEWORKS[name].hardened)
    assert {"name": "tmp", "emptyDir": {}} in pod_of(framework(name, hardened=False))["volumes"]


def test_the_aware_server_may_read_endpoint_slices_and_nothing_else() -> None:
    app = aware("shop", quiet_s=1, at_most_s=20)
    assert [one["kind"] for one in app.manifests[:3]] == ["ServiceAccount", "Role", "RoleBinding"]
    assert app.manifests[1]["rules"] == [
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}
    ]
    pod = pod_of(app)
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("shop", True)
    assert pod["containers"][0]["args"] == ["--watch-service", "shop", "--quiet-s", "1", "--drain-s", "20"]
    assert "lifecycle" not in pod["containers"][0]
