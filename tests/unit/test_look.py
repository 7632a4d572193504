"""The static look: for each finding one manifest that has it, and the one it was made of, which has not."""

import copy
import itertools
import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import patch
from harness.cli import main
from harness.deploy import controller, framework, proxied, server
from harness.errors import UsageError
from harness.look import load, look, look_at
from harness.look.budgets import allowed
from harness.look.catalogue import CATALOGUE
from harness.look.source import parse
from harness.look.stops import last_command

GOOD = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  replicas: 3
  minReadySeconds: 5
  selector: {matchLabels: {app: shop}}
  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  template:
    metadata: {labels: {app: shop, tier: web}}
    spec:
      terminationGracePeriodSeconds: 40
      topologySpreadConstraints:
        - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway}
      containers:
        - name: shop
          image: example.com/shop:1
          ports: [{name: http, containerPort: 8080}]
          startupProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 1, failureThreshold: 60}
          readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 1}
          livenessProbe: {httpGet: {path: /live, port: http}, failureThreshold: 6}
          lifecycle: {preStop: {sleep: {seconds: 5}}}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  selector: {app: shop}
  ports: [{port: 80, targetPort: http}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: shop}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector: {matchLabels: {app: shop}}
"""

POD = "0.spec.template.spec"
MAIN = f"{POD}.containers.0"
READY = {"httpGet": {"path": "/ready", "port": "http"}}
AGENT = {"name": "agent", "image": "example.com/agent:1"}

CASES = [
    ("no-readiness-probe", {f"{MAIN}.readinessProbe": None}),
    ("liveness-is-readiness", {f"{MAIN}.livenessProbe": READY, f"{MAIN}.readinessProbe": READY}),
    ("liveness-too-fast", {f"{MAIN}.livenessProbe.periodSeconds": 1}),
    ("liveness-without-startup", {f"{MAIN}.startupProbe": None, f"{MAIN}.livenessProbe.initialDelaySeconds": 30}),
    ("prestop-eats-grace", {f"{POD}.terminationGracePeriodSeconds": 5}),
    ("prestop-eats-grace", {f"{MAIN}.lifecycle.preStop": {"sleep": {"seconds": 40}}}),
    ("no-drain", {f"{MAIN}.lifecycle": None}),
    ("prestop-needs-program", {f"{MAIN}.lifecycle.preStop": {"exec": {"command": ["/bin/sh", "-c", "sleep 5"]}}}),
    ("shell-is-process-1", {f"{MAIN}.command": ["/bin/sh", "-c", "migrate && java -jar shop.jar"]}),
    ("shell-is-process-1", {f"{MAIN}.command": ["sh", "-ec"], f"{MAIN}.args": ["gunicorn shop"]}),
    ("one-replica", {"0.spec.replicas": 1}),
    ("recreate", {"0.spec.strategy": {"type": "Recreate"}}),
    ("unavailable-all", {"0.spec.strategy.rollingUpdate.maxUnavailable": "100%"}),
    ("no-spread", {f"{POD}.topologySpreadConstraints": None}),
    ("min-ready-zero", {"0.spec.minReadySeconds": None}),
    ("field-ignored", {f"{POD}.strategy": {"type": "Recreate"}}),
    ("field-ignored", {f"{POD}.minReadySeconds": 5}),
    ("field-ignored", {f"{MAIN}.terminationGracePeriodSeconds": 60}),
    ("field-ignored", {"0.spec.updateStrategy": {}}),
    ("field-ignored", {f"{MAIN}.lifecycle.preStop.http": {}}),
    ("budget-blocks", {"2.spec.maxUnavailable": 0}),
    ("budget-blocks", {"2.spec.maxUnavailable": None, "2.spec.minAvailable": "90%"}),
    ("budget-blocks", {"2.spec.maxUnavailable": None}),
    ("budget-guards-broken", {"2.spec.unhealthyPodEvictionPolicy": None}),
    ("service-selects-nothing", {"1.spec.selector": {"app": "shop", "tier": "db"}}),
    ("service-port-unknown", {"1.spec.ports.0.targetPort": "web"}),
    ("service-port-unknown", {"1.spec.ports.0.targetPort": 80}),
    ("sidecar-stops-first", {f"{POD}.containers.1": AGENT}),
]  # fmt: skip


def good() -> list[dict]:
    return list(yaml.safe_load_all(GOOD))


def changed(changes: dict[str, object]) -> list[dict]:
    made = good()
    for where, value in changes.items():
        *above, last = [int(step) if step.isdigit() else step for step in where.split(".")]
        here = made
        for step in above:
            here = here[step]
        if isinstance(last, int) and last == len(here):
            here.append(value)
        elif value is None:
            here.pop(last, None)
        else:
            here[last] = value
    return made


def codes(manifests: list[dict]) -> set[str]:
    return {one.code for one in look(manifests)}


def test_a_good_app_has_no_finding():
    assert look(good()) == []


@pytest.mark.parametrize(("code", "changes"), CASES)
def test_each_change_is_found_and_nothing_else(code, changes):
    assert codes(changed(changes)) == {code}


def test_budgets_that_are_missing_double_or_miss():
    without = good()[:2]
    assert codes(without) == {"no-budget"}
    assert codes([*good(), {**good()[2], "metadata": {"name": "second"}}]) == {"budgets-overlap"}
    other = copy.deepcopy(good()[2])
    other["spec"]["selector"]["matchLabels"] = {"app": "shopp"}
    assert codes([*without, other]) == {"no-budget", "budget-matches-nothing"}


def test_every_code_of_the_catalogue_is_tested():
    assert {code for code, _ in CASES} | {"no-budget", "budgets-overlap", "budget-matches-nothing"} == set(CATALOGUE)


BY_HAND = ("shell-is-process-1", "field-ignored", "service-port-unknown")
"""Their lines to paste say where they go, and are no patch."""


@pytest.mark.parametrize(("code", "changes"), [case for case in CASES if case[0] not in BY_HAND])
def test_what_is_to_be_pasted_mends_it(code, changes):
    made = changed(changes)
    (found,) = look(made)
    assert codes(patch.patched(made, yaml.safe_load_all(found.paste))) - {code} <= {"no-spread", "min-ready-zero"}
    assert code not in codes(patch.patched(made, yaml.safe_load_all(found.paste)))


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("readynessProbe", "readinessProbe is meant?"),
        ("strategy", "it belongs in spec"),
        ("topologySpreadConstraints", "it belongs in spec.template.spec"),
        ("frobnicate", "has no field frobnicate"),
    ],
)
def test_a_field_out_of_place_is_told_where_it_belongs(field, told):
    (found,) = look(changed({f"{MAIN}.{field}": {"type": "Recreate"}}))
    assert (found.code, told in found.what) == ("field-ignored", True)


@pytest.mark.parametrize(
    ("script", "last"),
    [("a; exec b -c 'x'", "exec b -c 'x'"), ("a && \\\n b", "b"), ("set -e\na\nexec b\n", "exec b"), ("", "")],
)
def test_the_last_command_of_a_script(script, last):
    assert last_command(script) == last


@pytest.mark.parametrize(
    "command",
    [["sh", "-c", "migrate && exec java -jar shop.jar"], ["bash", "-c", "migrate; java"], ["java", "-c", "x"], ["sh"]],
)
def test_a_shell_that_gives_way_is_fine(command):
    assert codes(changed({f"{MAIN}.command": command})) == set()


@given(st.integers(1, 9), st.sampled_from(["minAvailable", "maxUnavailable"]), st.integers(0, 100), st.booleans())
def test_a_budget_blocks_if_and_only_if_it_allows_none_of_its_healthy_pods(replicas, field, amount, percent):
    value = f"{amount}%" if percent else amount // 10
    exact = -(-amount * replicas // 100) if percent else amount // 10
    none = exact == 0 if field == "maxUnavailable" else exact >= replicas
    assert (allowed({field: value}, replicas) == 0) is none


def test_an_autoscalers_least_number_counts_as_replicas():
    scaler = {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "shop"},
              "spec": {"minReplicas": 1, "scaleTargetRef": {"kind": "Deployment", "name": "shop"}}}  # fmt: skip
    assert codes([*good(), scaler]) == {"one-replica"}


def test_findings_name_file_and_line(tmp_path):
    file = tmp_path / "shop.yaml"
    file.write_text(GOOD.replace("maxUnavailable: 0", "maxUnavailable: 3"))
    (found,) = look_at(load(tmp_path))
    assert (found.file, found.line, found.path) == (str(file), 9, "spec.strategy.rollingUpdate.maxUnavailable")
    assert (found.object, found.row, found.shown_by) == ("Deployment/shop", "B4", "rollout")


def test_a_list_and_json_are_read_too(tmp_path):
    (tmp_path / "all.json").write_text(json.dumps({"kind": "List", "items": good()}))
    (tmp_path / "shop.survive.yaml").write_text("paths: [delete]\n")
    assert [one.manifest["kind"] for one in load(tmp_path)] == ["Deployment", "Service", "PodDisruptionBudget"]


def test_what_cannot_be_read_is_said(tmp_path):
    (tmp_path / "chart.yaml").write_text("a: {{ .Values.a }}\n")
    with pytest.raises(UsageError, match="helm template"):
        load(tmp_path / "chart.yaml")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(UsageError, match="no manifest is in it"):
        load(tmp_path / "nothing")
    assert parse("") == []


FIELDS = ["spec", "template", "containers", "name", "lifecycle", "preStop", "exec", "command", "replicas", "ports",
          "selector", "metadata", "labels", "strategy", "readinessProbe", "livenessProbe", "periodSeconds",
          "initialDelaySeconds", "namespace", "targetPort"]  # fmt: skip
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), below, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(ODD, st.sampled_from(["Deployment", "Service", "PodDisruptionBudget", "Pod", "CronJob"]))
def test_no_manifest_however_odd_breaks_the_look(value, kind):
    base = good()
    for n, key in itertools.product(range(3), ("spec", "metadata")):
        made = [*base[:n], {"kind": kind, key: value}, *base[n + 1 :]]
        look(made)


@pytest.mark.parametrize(
    ("app", "told"),
    [
        (server(replicas=1, probes=False), {"no-readiness-probe", "no-drain", "one-replica"}),
        (server(replicas=3, pre_stop_s=4, budget={"maxUnavailable": 1}), {"min-ready-zero", "budget-guards-broken"}),
        (proxied(nginx_pre_stop_s=4), {"sidecar-stops-first", "no-budget", "min-ready-zero"}),
        (framework("go", hardened=False), {"no-drain", "no-budget", "min-ready-zero"}),
        (controller(), set()),
    ],
)
def test_our_own_apps(app, told):
    assert codes(app.manifests) == told


def test_the_command_prints_them_and_exits_by_the_worst(tmp_path, capsys):
    file = tmp_path / "shop.yaml"
    file.write_text(GOOD)
    assert main(["look", "-f", str(file)]) == 0
    assert capsys.readouterr().out == "nothing found; restarts tell the rest\n"
    file.write_text(
        GOOD.replace("minReadySeconds: 5\n", "minReadySeconds: 0\n").replace("maxUnavailable: 0", "maxUnavailable: 3")
    )
    assert main(["look", "-f", str(file)]) == 1
    out = capsys.readouterr().out
    assert f"{file}:9: error: Deployment/shop: maxUnavailable lets 3 of 3 pods go at once [unavailable-all]" in out
    assert "shown by the path rollout (row B4)" in out
    assert "          maxSurge: 1\n" in out
    assert out.endswith("1 error, 1 info; restarts tell the rest\n")
    assert main(["look", "-f", str(file), "--json"]) == 1
    assert [one["code"] for one in json.loads(capsys.readouterr().out)] == ["unavailable-all", "min-ready-zero"]
    assert main(["look", "-f", str(tmp_path / "none")]) == 1
    assert "survive: " in capsys.readouterr().err
