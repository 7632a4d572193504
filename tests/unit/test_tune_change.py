"""What is changed of an app, and what follows from how long it takes to stop and to start."""

import histories as made
import pytest

from harness.deploy import controller, proxied, server, stateful
from harness.errors import UsageError
from harness.load import Ask
from harness.manifests import main_container, of_kind, pod_spec
from harness.records import Act
from harness.tune.change import Bench, Setting
from harness.tune.timing import SHUTDOWN_S, Timing, derived, generous, timing

BOTH = ("rollout", "delete")
LABELS = {"app": "shop"}


def deployed(app, setting, ask=None):
    return of_kind(Bench(app, ask).changed(setting).manifests, "Deployment")


def test_the_sleep_and_the_grace_period():
    deployment = deployed(server(grace_s=10), Setting(4, grace_s=14))
    assert main_container(deployment)["lifecycle"] == {"preStop": {"sleep": {"seconds": 4}}}
    assert pod_spec(deployment)["terminationGracePeriodSeconds"] == 14
    assert "preStop" not in main_container(deployed(server(pre_stop_s=9), Setting(0)))["lifecycle"]


def test_what_is_right_already_is_not_in_the_patch():
    bench = Bench(server(pre_stop_s=4, grace_s=9))
    assert bench.patches(Setting(4, grace_s=9, ready_period_s=1, startup_s=20)) == []
    (patch,) = bench.patches(Setting(4, grace_s=12))
    assert patch["spec"] == {"template": {"spec": {"terminationGracePeriodSeconds": 12}}}
    assert Bench(server()).patches(Setting(0)) == []


def test_what_stands_behind_a_proxy_sleeps_until_that_has_stopped():
    bench = Bench(proxied())
    app, nginx = pod_spec(of_kind(bench.changed(Setting(3)).manifests, "Deployment"))["containers"]
    assert nginx["lifecycle"]["preStop"]["sleep"] == {"seconds": 3}
    assert app["lifecycle"]["preStop"]["sleep"] == {"seconds": 4}
    assert bench.longest_s(Setting(3)) == 4


def test_replicas_and_a_strategy_that_creates_first():
    recreated = deployed(server(replicas=1, recreate=True), Setting(2, more_replicas=1, create_first=True))
    assert recreated["spec"]["replicas"] == 2
    assert recreated["spec"]["strategy"] == {
        "type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
    }  # fmt: skip
    wide = deployed(server(replicas=8, max_surge="50%", max_unavailable=2), Setting(2, create_first=True))
    assert wide["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "50%", "maxUnavailable": 0}


def test_a_readiness_probe_asks_what_the_load_asks():
    bare = server(probes=False)
    probe = main_container(deployed(bare, Setting(2, probed=True, ready_period_s=2), Ask("/healthz")))["readinessProbe"]
    assert probe == {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 2, "failureThreshold": 2}
    posted = main_container(deployed(bare, Setting(2, probed=True), Ask("/orders", method="POST")))["readinessProbe"]
    assert posted == {"tcpSocket": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 2}
    assert "readinessProbe" not in main_container(deployed(bare, Setting(2, ready_period_s=2)))


def test_a_readiness_probe_that_looks_more_often_gives_up_as_late_as_before():
    app = server()
    main_container(of_kind(app.manifests, "Deployment"))["readinessProbe"] = {"httpGet": {"path": "/r", "port": 8080}}
    (patch,) = Bench(app).patches(Setting(0, ready_period_s=4))
    (container,) = patch["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"] == {"periodSeconds": 4, "failureThreshold": 8}
    assert Bench(app).patches(Setting(0, ready_period_s=10)) == []


def test_a_liveness_probe_waits_for_three_times_the_longest_start():
    app = server(liveness={})
    container = main_container(of_kind(app.manifests, "Deployment"))
    assert Bench(app).patches(Setting(0, startup_s=60)) == []
    (patch,) = Bench(app).patches(Setting(0, startup_s=90))
    assert patch["spec"]["template"]["spec"]["containers"][0]["startupProbe"] == {"failureThreshold": 90}
    del container["startupProbe"]
    (patch,) = Bench(app).patches(Setting(0, startup_s=5))
    made_probe = patch["spec"]["template"]["spec"]["containers"][0]["startupProbe"]
    assert made_probe["httpGet"] == container["livenessProbe"]["httpGet"]
    assert (made_probe["periodSeconds"], made_probe["failureThreshold"]) == (1, 30)


@pytest.mark.parametrize(
    ("app", "paths", "most"),
    [
        (server(), BOTH, (2, 0, 0, 9)),
        (server(probes=False), BOTH, (2, 0, 1, 9)),
        (server(recreate=True), BOTH, (2, 1, 0, 9)),
        (server(recreate=True), ("delete",), (2, 0, 0, 9)),
        (server(replicas=4), BOTH, (2, 1, 0, 9)),
        (server(max_unavailable=0), BOTH, (2, 0, 0, 9)),
        (stateful(server()), BOTH, (2, 0, 0, 9)),
    ],
)
def test_what_can_be_changed_of_an_app(app, paths, most):
    assert Bench(app).most(9, paths) == most


def test_an_autoscalers_replicas_are_left_to_it():
    app = server()
    app.manifests.append(
        {"kind": "HorizontalPodAutoscaler", "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "server"}}}
    )
    assert Bench(app).most(9, BOTH)[0] == 0


def test_without_a_service_there_is_no_drain():
    with pytest.raises(UsageError, match="no Service"):
        Bench(controller())


def test_a_setting_in_words():
    words = Setting.at((1, 1, 1, 3)).words
    assert words == "sleep 3 s, 1 more replica, maxUnavailable 0, a readiness probe"
    assert Setting.at((2, 0, 0, 0)).words == "sleep 0 s, 2 more replicas"


def a_life(name: str, start_s: int, ready_s: float, gone_s: float, end_s: float, code: int = 0) -> list:
    """A pod's life, which is asked to go and whose container ends; whole seconds are cut off as the kubelet does."""
    up = made.container(started_ns=made.at(start_s))
    end = made.container(
        state="terminated", exit_code=code, finished_ns=made.at(int(end_s)), started_ns=made.at(start_s)
    )
    mark = {"deletion_s": gone_s + 30, "labels": LABELS}
    return [
        made.pod(start_s + 0.1, name, ready=False, containers=[up], labels=LABELS),
        made.pod(ready_s, name, containers=[up], labels=LABELS),
        made.pod(gone_s, name, containers=[up], **mark),
        made.pod(end_s + 2, name, ready=False, containers=[end], **mark),
        made.pod(end_s + 2.5, name, change="DELETED", ready=False, containers=[end], **mark),
    ]


def test_how_long_an_app_takes_to_stop_and_to_start():
    seen = timing(made.history(a_life("a", 0, 2.5, 10, 14.2), a_life("b", 0, 1.5, 10, 12.4)), LABELS, 3)
    assert seen.start_s == pytest.approx(2.5)
    assert seen.shutdown_s == pytest.approx(15 - 10 - 3)  # finishedAt says 14, which may be as late as 15
    assert seen.killed == 0
    others = timing(made.history(a_life("a", 0, 2.5, 10, 14.2)), {"app": "other"}, 3)
    assert others == Timing()


def test_what_was_killed_tells_nothing_of_how_long_it_takes():
    seen = timing(made.history(a_life("a", 0, 1, 10, 20, 137), a_life("b", 0, 1, 10, 13.1)), LABELS, 3)
    assert (seen.killed, seen.shutdown_s) == (1, pytest.approx(1.0))
    assert timing(made.history(a_life("a", 0, 1, 10, 20, 137)), LABELS, 3).shutdown_s is None


def test_how_long_rollouts_take():
    acts = [
        Act(made.at(10), "rollout", "deployment/shop", "begin"),
        *(Act(made.at(10.1), "replace", f"pod/{name}", "begin", f"uid-{name}") for name in "ab"),
        Act(made.at(40), "rollout", "deployment/shop", "begin"),
        Act(made.at(40.1), "replace", "pod/c", "begin", "uid-c"),
    ]
    seen = timing(made.history(acts, a_life("a", 0, 1, 12, 14), a_life("b", 0, 1, 15, 17)), LABELS, 0)
    assert seen.rollouts_s == (pytest.approx(9.5),)  # nobody saw how the second one ended


def test_timings_add_up_to_the_longest():
    assert Timing(1, 5, 1, (3.0,)) + Timing(2, None, 2, (4.0,)) == Timing(2, 5, 3, (3.0, 4.0))


def test_what_follows_for_the_grace_period_and_the_probes():
    bench = Bench(server())
    whole = derived(bench, Setting(3), Timing(shutdown_s=1.2, start_s=21.0))
    assert whole == Setting(3, grace_s=3 + 2 + 2, ready_period_s=5, startup_s=63)
    assert derived(bench, Setting(3), Timing(shutdown_s=0.0, start_s=0.5)).ready_period_s == 1
    assert derived(bench, Setting(3), Timing(shutdown_s=0.0, start_s=90.0)).ready_period_s == 10
    never = derived(bench, Setting(3), Timing(killed=3))
    assert never.grace_s == generous(bench, Setting(3)).grace_s == 3 + SHUTDOWN_S
    assert generous(Bench(server(grace_s=90)), Setting(3)).grace_s == 93
