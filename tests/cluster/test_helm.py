"""A Helm chart as its users have it: rendered by the real helm, and its app restarted."""

import pathlib
import shutil
import subprocess
import sys

import pytest

from harness.results import Results
from harness.spec import SpecError, load_app
from tests.cluster.conftest import ROOT

pytestmark = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not on the PATH")

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
    "values.yaml": "replicas: 1\ndrain: 0\nimage: {repository: survive.dev/server, tag: dev}\nbudget: false\n",
    "templates/NOTES.txt": "{{ .Release.Name }} is there.\n",
    "templates/_helpers.tpl": """\
{{- define "shop.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
""",
    "templates/deployment.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-shop
  labels: {{- include "shop.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {{- include "shop.labels" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "shop.labels" . | nindent 8 }}
    spec:
      containers:
        - name: shop
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          ports: [{name: http, containerPort: 8080}]
          readinessProbe:
            httpGet: {path: /readyz, port: http}
            periodSeconds: 1
          {{- if .Values.drain }}
          lifecycle:
            preStop:
              sleep: {seconds: {{ .Values.drain }}}
          {{- end }}
""",
    "templates/service.yaml": """\
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}-shop
spec:
  selector: {{- include "shop.labels" . | nindent 4 }}
  ports: [{name: http, port: 80, targetPort: http}]
""",
    "templates/budget.yaml": """\
{{- if .Values.budget }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .Release.Name }}-shop
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "shop.labels" . | nindent 6 }}
{{- end }}
""",
    "templates/migrate.yaml": """\
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {helm.sh/hook: pre-upgrade}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: migrate, image: "nowhere:1"}]
""",
    "templates/tests/answers.yaml": """\
apiVersion: v1
kind: Pod
metadata:
  name: answers
  annotations: {helm.sh/hook: test}
spec:
  containers: [{name: answers, image: "nowhere:1"}]
""",
}
SPEC = """\
manifests:
  helm: chart
  release: eu
  values: [prod.yaml]
requests: {rate: 50/s}
limits: {errors: 0 %, outage: 0s}
paths: [delete]
"""


@pytest.fixture
def spec(tmp_path: pathlib.Path) -> pathlib.Path:
    for name, text in CHART.items():
        file = tmp_path / "chart" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "prod.yaml").write_text("replicas: 2\ndrain: 4\nbudget: true\n")
    made = tmp_path / "shop.survive.yaml"
    made.write_text(SPEC)
    return made


def test_a_chart_is_rendered_with_its_values_and_its_app_survives(spec: pathlib.Path, tmp_path: pathlib.Path) -> None:
    app = load_app(spec)
    # Without hooks, tests and notes.
    assert [one["kind"] for one in app.manifests] == ["PodDisruptionBudget", "Service", "Deployment"]
    assert (app.workload, app.service, app.replicas) == ("eu-shop", "eu-shop", 2)
    assert app.containers[0]["lifecycle"]["preStop"]["sleep"]["seconds"] == 4
    argv = [sys.executable, "-m", "pytest", str(spec), "--cluster", "embedded", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*argv, "--survive-out", str(tmp_path / "out")], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    (result,) = Results.read(tmp_path / "out" / "latest" / "results.json").results
    assert (result.name, result.verdict) == ("shop-delete", "pass"), done.stdout


def test_a_chart_that_does_not_render_is_told_in_helms_words(spec: pathlib.Path) -> None:
    service = spec.parent / "chart" / "templates" / "service.yaml"
    service.write_text(service.read_text().replace("shop.labels", "shop.lables"))
    with pytest.raises(SpecError, match=r"shop.survive.yaml:1: manifests\[0\]: the chart chart: .*shop.lables"):
        load_app(spec)
