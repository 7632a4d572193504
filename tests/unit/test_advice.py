"""Advice on what users felt: each recorded row that hurt has a piece that fits, and no other row has any."""

from dataclasses import replace
from functools import cache

import histories as made
import pytest
import recorded
import yaml
from mutated import mapped
from recorded import RECORDINGS
from test_matrix import HISTORIES, PLAYED, RESULTS

from harness import summary
from harness.deploy import controller, daemons, framework, proxied, server
from harness.history import History
from harness.judge.advice import REMEDIES, apply
from harness.judge.causes import UNEXPLAINED, UNTOLD
from harness.judge.expectation import Evidence
from harness.judge.hurt import GROUPS, group, hurt
from harness.look import look
from harness.manifests import essential, main_container, merged, of_kind, pod_spec
from harness.records import Act, Deployed, ScenarioEnded, ScenarioStarted, Work
from harness.results import Advice, Result
from harness.shape import Shape

FITS = {
    "rollout-naive": {"readiness-probe", "pre-stop-sleep"},
    "rollout-naive-each-pod": {"readiness-probe", "pre-stop-sleep"},
    "rollout-recreate": {"create-first", "pre-stop-sleep"},
    "delete-none": {"pre-stop-sleep"},
    "delete-ignores-pdb": {"pre-stop-sleep"},
    "scale-down-abrupt": {"pre-stop-sleep"},
    "endpoint-aware-sleep-short": {"pre-stop-sleep"},
    "server-uvicorn-default": {"pre-stop-sleep"},
    "server-gunicorn-default": {"pre-stop-sleep"},
    "server-nginx-default": {"pre-stop-sleep"},
    "proxy-order-app-first": {"pre-stop-sleep"},
    "proxy-order-sidecar": {"pre-stop-sleep"},
    "proxy-order-proxy-undrained": {"pre-stop-sleep"},
    "server-go-default": {"pre-stop-sleep"},
    "inflight-abrupt": {"pre-stop-sleep"},
    "inflight-resent": {"pre-stop-sleep"},
    "inflight-grace-short": {"grace-period"},
    "streams-grace-short": {"grace-period", "end-streams"},
    "keepalive-delete-silent": {"connection-close"},
    "keepalive-rollout-silent": {"connection-close"},
    "evict-before-recreate": {"pre-stop-sleep", "second-replica"},
    "preempt-one": {"pre-stop-sleep", "second-replica"},
    "preempt-newest": {"pre-stop-sleep", "second-replica"},
    "taint": {"pre-stop-sleep", "spread"},
    "drain-unguarded": {"pre-stop-sleep", "spread", "budget"},
    "drain-blocked": {"budget-lets-go", "second-replica", "pre-stop-sleep"},
    "evict-blocked": {"budget-lets-go", "second-replica", "pre-stop-sleep"},
    "evict-blocked-percent": {"budget-lets-go", "second-replica", "pre-stop-sleep"},
    "evict-unhealthy-refused": {"budget-lets-go", "second-replica", "pre-stop-sleep"},
    "daemonset-unavailable": {"surge"},
    "job-overlap": {"replace-after-end"},
    "terminating-fallback-unready": {"second-replica"},
    "readiness-flap-alone": {"second-replica"},
    "liveness-one": {"second-replica", "readiness-first"},
    "liveness-two": {"readiness-first"},
    "container-exit-only": {"second-replica", "retry"},
    "container-exit-two": {"retry"},
    "resize-restart": {"second-replica", "resize-in-place"},
    "soft-eviction": {"serve-until-killed"},
    "hard-eviction": {"serve-until-killed"},
    "ephemeral-limit": {"size-limit", "serve-until-killed"},
    "ephemeral-limit-serving": {"size-limit"},
    "node-down-crash": {"node-monitor"},
    "node-down-cut": {"node-monitor"},
    "handover-expiry": {"release-on-cancel"},
    "handover-rollout-unreleased": {"release-on-cancel"},
    "handover-crash": {"shorter-lease"},
    "split-release-first": {"stop-work-first"},
    "split-frozen": {"fence"},
    "split-cut-careless": {"fence"},
}
"""The recorded rows whose users were hurt, and what is advised."""


def deployed(name: str) -> History:
    seen = HISTORIES[name]
    began_ns = seen.records[0].t_ns
    apps = [Deployed(began_ns, app.name, essential(app.manifests)) for app in PLAYED[name].apps]
    return History(name, [*seen.records, *apps])


@cache
def judged(name: str) -> Result:
    return PLAYED[name].judge(deployed(name))


def advised(name: str, code: str) -> Advice:
    (found,) = [one for one in judged(name).advice if one.code == code]
    return found


@pytest.mark.parametrize("name", RESULTS)
def test_rows_that_hurt_have_advice_that_fits_and_others_none(name):
    assert {one.code for one in judged(name).advice} == FITS.get(name, set())


def test_the_rows_that_hurt_are_recorded():
    assert set(FITS) <= set(RESULTS)


@pytest.mark.parametrize("name", FITS)
def test_advice_in_manifests_has_lines_to_paste_and_other_says_so(name):
    for one in judged(name).advice:
        assert (one.kind == "manifest") == bool(one.patch) == bool(one.paste)
        assert one.evidence or not judged(name).traffic
        assert list(yaml.safe_load_all(one.paste)) == one.patch


@pytest.mark.parametrize("name", FITS)
def test_the_advice_applied_leaves_nothing_more_to_advise_in_the_manifests(name):
    """The same hurt, told of the mended manifests: what was advised is there, so it is not advised again."""
    seen, played, first = HISTORIES[name], PLAYED[name], judged(name).advice
    manifests = apply(first, [one for app in played.apps for one in app.manifests])
    mended = Deployed(seen.records[0].t_ns, "mended", essential(manifests))
    again = played.judge(History(name, [*seen.records, mended])).advice
    assert {one.code for one in again if one.kind == "manifest"} <= {"grace-period", "size-limit"}  # by what it was


@pytest.mark.parametrize("name", FITS)
def test_what_is_advised_brings_no_new_error_into_the_manifests(name):
    before = [one for app in PLAYED[name].apps for one in app.manifests]
    after = apply(judged(name).advice, before)
    assert {one.code for one in look(after)} <= {one.code for one in look(before)} | {"no-budget", "min-ready-zero"}


def test_the_sleep_is_the_measured_drain_with_a_margin():
    found = advised("delete-none", "pre-stop-sleep")
    (told,) = [one for one in found.evidence if "after its deletion" in one]
    drain_s = float(told.split()[-5])
    slept_s = main_container(found.patch[0])["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert drain_s + 2 <= slept_s < drain_s + 3
    assert found.what == f"add preStop.sleep {slept_s} s"


def test_what_stands_behind_a_proxy_sleeps_longer_than_the_proxy():
    made = apply(judged("proxy-order-app-first").advice, PLAYED["proxy-order-app-first"].apps[0].manifests)
    app, nginx = pod_spec(of_kind(made, "Deployment"))["containers"]
    slept = [one["lifecycle"]["preStop"]["sleep"]["seconds"] for one in (app, nginx)]
    assert slept == [5, 4]


def test_a_grace_period_that_is_too_short_for_the_sleep_is_raised():
    found = advised("server-uvicorn-default", "pre-stop-sleep")
    slept_s = main_container(found.patch[0])["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod_spec(found.patch[0])["terminationGracePeriodSeconds"] == slept_s + 10


def patched(name, kind, code):
    """The spec of an object by one piece of the advice on a recorded row."""
    return of_kind(advised(name, code).patch, kind)["spec"]


@pytest.mark.parametrize(
    ("name", "was"), [("evict-blocked", "maxUnavailable"), ("evict-blocked-percent", "minAvailable"),
                      ("drain-blocked", "minAvailable"), ("evict-unhealthy-refused", "minAvailable")]
)  # fmt: skip
def test_a_budget_that_lets_none_go_is_told_by_the_api_s_own_words(name, was):
    change = patched(name, "PodDisruptionBudget", "budget-lets-go")
    assert {was, *change} == {was, "maxUnavailable", "unhealthyPodEvictionPolicy"}
    assert (change["maxUnavailable"], change["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
    assert was == "maxUnavailable" or change[was] is None
    healthy = 0 if name == "evict-unhealthy-refused" else 1
    for code in ("budget-lets-go", "second-replica"):
        assert f"needs 1 healthy pods and has {healthy} currently" in advised(name, code).evidence[0]


def test_what_never_went_gets_a_sleep_to_begin_with_unless_it_has_one():
    assert advised("evict-blocked", "pre-stop-sleep").what == "add preStop.sleep 5 s"
    assert "no drain was measured" in advised("evict-blocked", "pre-stop-sleep").evidence[0]
    seen, sleeps = HISTORIES["evict-blocked"], server(replicas=1, budget={"maxUnavailable": 0}, pre_stop_s=2)
    told = Deployed(seen.records[0].t_ns, "server", essential(sleeps.manifests))
    advice = PLAYED["evict-blocked"].judge(History("evict-blocked", [*seen.records, told])).advice
    assert {one.code for one in advice} == {"budget-lets-go", "second-replica"}


@pytest.mark.parametrize("name", ["ephemeral-limit", "ephemeral-limit-serving"])
def test_a_volume_that_was_too_small_is_doubled(name):
    (volume,) = pod_spec(advised(name, "size-limit").patch[0])["volumes"]
    assert volume == {"name": "scratch", "emptyDir": {"sizeLimit": "32Mi"}}
    assert "exceeds its limit of 16Mi" in advised(name, "size-limit").evidence[0]


def test_a_daemon_comes_before_the_old_one_goes_where_a_node_can_have_two():
    change = patched("daemonset-unavailable", "DaemonSet", "surge")
    assert change["updateStrategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert change["minReadySeconds"] == 2
    seen, app = HISTORIES["daemonset-unavailable"], daemons(server(pre_stop_s=4))
    main_container(app.manifests[0])["ports"][0]["hostPort"] = 8080
    told = Deployed(seen.records[0].t_ns, "server", essential(app.manifests))
    assert PLAYED["daemonset-unavailable"].judge(History("daemonset-unavailable", [*seen.records, told])).advice == []


def test_a_job_of_several_at_once_is_not_taken_for_one_that_works_twice():
    assert patched("job-overlap", "Job", "replace-after-end") == {"podReplacementPolicy": "Failed"}
    seen, app = HISTORIES["job-overlap"], PLAYED["job-overlap"].apps[0]
    several = [merged(one, {"spec": {"parallelism": 2}}) if one["kind"] == "Job" else one for one in app.manifests]
    told = Deployed(seen.records[0].t_ns, "server", essential(several))
    assert PLAYED["job-overlap"].judge(History("job-overlap", [*seen.records, told])).advice == []


def test_each_kind_of_cause_is_known():
    """The words of `causes` and the groups that they fall into go together."""
    rules = {cause for name in FITS if (seen := judged(name).traffic) for cause in seen.causes}
    assert {cause for cause in rules if group(cause) == "other"} <= {UNEXPLAINED, UNTOLD}
    assert {group(cause) for cause in rules} >= {name for name, _ in GROUPS} - {
        "not-listening",
        "status",
        "dns",
        "exiting",
    }


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("handover-expiry", {"release-on-cancel"}),
        ("handover-release", set()),
        ("handover-crash", {"shorter-lease"}),
    ],
)
def test_a_leader_that_tells_nothing_of_its_work_is_judged_by_its_lease(name, codes):
    silent = mapped(deployed(name), lambda one: None if isinstance(one, Work) else one)
    assert {one.code for one in PLAYED[name].judge(silent).advice} == codes


@pytest.mark.parametrize(
    ("name", "own", "codes"),
    [("container-exit-two", "kill", {"retry"}), ("liveness-two", "hang", {"readiness-first"})],
)
def test_paths_of_users_own_apps_are_known(name, own, codes):
    called = mapped(deployed(name), lambda one: replace(one, path=own) if isinstance(one, ScenarioStarted) else one)
    assert {one.code for one in PLAYED[name].judge(called).advice} == codes


@pytest.mark.parametrize("target", ["web:80", "web.shop:80", "http://web:80/", "https://web.shop:443/x"])
def test_what_was_hurt_is_the_workload_behind_the_service_that_was_asked(target):
    deployed = Deployed(made.at(0), "shop", [*server("db").manifests, *server("web").manifests])
    seen = made.history(*made.probe(made.steady(), target=target), deployed)
    assert hurt(Evidence(seen)).workload.name == "web"


def test_without_a_deployed_app_or_hurt_nothing_is_advised():
    assert PLAYED["delete-none"].judge(HISTORIES["delete-none"]).advice == []
    assert judged("delete-sleep").advice == []
    assert REMEDIES


@pytest.mark.parametrize(
    "app", [server(budget={"minAvailable": 1}), controller(hand="signals"), framework("node", hardened=True), proxied()]
)
def test_what_is_kept_of_manifests_is_their_shape_and_no_secret(app):
    kept = essential(app.manifests)
    assert {one["kind"] for one in kept} <= {"Deployment", "Service", "PodDisruptionBudget"}
    whole, shape = Shape.of(app.manifests), Shape.of(kept)
    assert [one.name for one in shape.workloads] == [one.name for one in whole.workloads]
    assert [c.spec.get("readinessProbe") for w in shape.workloads for c in w.mains] == [
        c.spec.get("readinessProbe") for w in whole.workloads for c in w.mains
    ]
    assert "env" not in yaml.safe_dump(kept)


def test_the_terminal_says_it_in_a_line_under_a_row_that_failed():
    results = recorded.Results.read(recorded.results_file(RECORDINGS[0]))
    bad = judged("delete-none").model_copy(update={"verdict": "fail"})
    told = list(summary.lines(results.model_copy(update={"results": [bad]}), recorded.ROOT, 200, colours=False))
    assert any(line.startswith("  → add preStop.sleep 4 s (the last request") for line in told)


def broken(name: str, *, acted: bool) -> Result:
    """A recorded row as if its harness had broken, after its act or before."""
    kept = [one for one in deployed(name).records if acted or not isinstance(one, Act)]
    kept = [replace(one, error="it broke") if isinstance(one, ScenarioEnded) else one for one in kept]
    return PLAYED[name].judge(History(name, kept))


def test_nothing_is_advised_where_the_harness_broke_before_anything_was_done():
    assert broken("rollout-naive", acted=True).advice
    assert broken("rollout-naive", acted=False).advice == []
    assert broken("rollout-naive", acted=False).verdict == "error"
