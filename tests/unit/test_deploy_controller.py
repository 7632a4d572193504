"""The controller's manifests, as asked for."""

from harness import manifests
from harness.deploy import controller


def deployment(app, name="controller"):
    found = [one for one in app.manifests if one["kind"] == "Deployment" and one["metadata"]["name"] == name]
    (one,) = found
    return one


def test_without_more_it_is_alone_in_its_pod():
    pod = manifests.pod_spec(deployment(controller()))
    assert [one["name"] for one in pod["containers"]] == ["controller"]
    assert "shareProcessNamespace" not in pod


def test_a_hand_sees_the_controllers_process_and_is_no_root():
    pod = manifests.pod_spec(deployment(controller(hand="signals")))
    main, hand = pod["containers"]
    assert pod["shareProcessNamespace"] is True
    assert hand["command"][-1] == "controller.hand"
    assert "args" not in hand
    assert "readinessProbe" not in hand
    assert hand["securityContext"] == main["securityContext"]


def test_to_change_routes_it_has_to_be_root_with_two_capabilities():
    _, hand = manifests.pod_spec(deployment(controller(hand="routes")))["containers"]
    assert hand["securityContext"]["runAsUser"] == 0
    assert hand["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_ADMIN", "KILL"]}
    assert hand["securityContext"]["allowPrivilegeEscalation"] is False


def test_a_receiver_has_a_service_that_the_controller_knows():
    app = controller("shop", receiver=True)
    assert manifests.main_container(deployment(app, "shop"))["args"][-2:] == ["--receiver", "shop-receiver:8080"]
    receiver = deployment(app, "shop-receiver")
    assert manifests.main_container(receiver)["command"][-1] == "controller.receiver"
    assert receiver["spec"]["template"]["metadata"]["labels"]["survive.dev/speaks"] == "true"
    (service,) = [one for one in app.manifests if one["kind"] == "Service"]
    assert service["spec"]["selector"] == receiver["spec"]["selector"]["matchLabels"] == {"app": "shop-receiver"}


def test_environment_and_nodes():
    app = controller(env={"SURVIVE_CLOCK_SHIFT_MS": "5"}, node_selector={"kubernetes.io/hostname": "n1"})
    assert {"name": "SURVIVE_CLOCK_SHIFT_MS", "value": "5"} in manifests.main_container(deployment(app))["env"]
    assert manifests.pod_spec(deployment(app))["nodeSelector"] == {"kubernetes.io/hostname": "n1"}
