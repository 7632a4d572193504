"""The rule of layers: which module may import which, told once, and kept by reading every module's imports."""

import ast
import pathlib
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).parents[2]

STAGES = {"clusters", "deploy", "load", "disrupt", "observe", "judge"}
"""No stage knows another."""

KNOW_STAGES = {
    "harness": {"deploy", "load", "disrupt", "judge"},  # the public API, which names what is in them
    "harness.scenario": {"deploy", "load", "disrupt", "observe", "judge"},  # their order
    "harness.session": {"clusters", "deploy"},
    "harness.plugin": {"clusters"},
    "harness.cli": {"clusters"},
    # A user's own app is a scenario like any other; its spec knows where the embedded cluster's kubectl is.
    "harness.own.paths": {"deploy", "disrupt"},
    "harness.own.collect": {"judge"},
    "harness.hookspecs": {"judge"},
    "harness.own.run": {"deploy", "load", "disrupt", "judge"},
    "harness.spec.sources": {"clusters"},
    "harness.commands.cluster": {"clusters"},
    "harness.commands.doctor": {"clusters", "deploy"},
    "harness.pulls": {"deploy"},
    "harness.doctor_apps": {"deploy"},
    "harness.commands.kind": {"clusters"},
    "harness.doctor": {"disrupt"},
    "harness.rehearsal": {"clusters", "deploy", "load", "disrupt", "judge"},
    # Calibration measures and judges as a run does, with processes or a pod that tell the truth in place of an app.
    "harness.commands.tune": {"clusters"},
    "harness.tune.change": {"deploy", "load"},
    "harness.tune.hunt": {"judge"},
    "harness.tune.measure": {"deploy", "disrupt", "judge", "load"},
    "harness.tune.removal": {"judge"},
    "harness.tune.subject": {"disrupt", "judge"},
    "harness.tune.trial": {"disrupt", "judge"},
    "harness.compare": {"judge"},  # its exact bounds
    "harness.calibrate.compare": {"judge"},
    "harness.calibrate.processes": {"observe"},
    "harness.calibrate.local": {"judge"},
    "harness.calibrate.cluster": {"deploy", "load", "observe", "judge"},
}
"""The modules outside of the stages that know any; what is not here knows none."""

REPORTS_KNOW = {"clock", "errors", "history", "lives", "proof", "records", "reigns", "requests", "results", "words"}
"""What reports know of the harness."""

KNOW_REPORTS = {"harness.plugin", "harness.cli", "harness.commands.history"}

ONLY_IN = {
    "kubernetes": ("harness.kube", "harness.kube_client", "harness.kube_errors", "harness.kube_streams"),
    "urllib3": ("harness.kube", "harness.kube_client", "harness.kube_errors", "harness.kube_streams"),
    "locust": (),
}
"""Packages of others, and the only modules of harness and reports that may import them."""


def modules(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Every module of harness, reports and workloads below a root, by its dotted name."""
    found = {}
    for package in ("harness", "reports", "workloads"):
        for path in (root / package).rglob("*.py"):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: pathlib.Path, known: set[str]) -> Iterator[str]:
    """The dotted names that a module imports anywhere in it, also inside functions."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, node.module] if node.module else above)
            for alias in node.names:
                yield whole if (whole := f"{base}.{alias.name}") in known else base


def stage(name: str) -> str:
    """The stage that a module belongs to; empty if to none."""
    parts = name.split(".")
    return parts[1] if parts[0] == "harness" and len(parts) > 1 and parts[1] in STAGES else ""


def forbidden(importer: str, imported: str) -> bool:
    """Whether the rule of layers forbids this import."""
    top, _, rest = imported.partition(".")
    ours, area = importer.split(".")[0], rest.split(".")[0]
    if ours == "workloads":
        return top in ("harness", "reports")
    if top in ONLY_IN:
        return importer not in ONLY_IN[top]
    if top == "workloads":
        return True
    if ours == "reports":
        return top == "harness" and area not in REPORTS_KNOW
    if imported == "harness":  # the public API is for tests, it knows everything
        return True
    if top == "reports":
        return importer not in KNOW_REPORTS
    if wanted := stage(imported):
        return wanted not in KNOW_STAGES.get(importer, {stage(importer)})
    return stage(importer) != "" and any(f"harness.{area}" in (name, name.rpartition(".")[0]) for name in KNOW_STAGES)


def violations(root: pathlib.Path) -> list[str]:
    found = modules(root)
    pairs = [(name, one) for name, path in found.items() for one in imports(name, path, set(found))]
    return sorted(f"{name} imports {one}" for name, one in set(pairs) if forbidden(name, one))


def test_every_module_keeps_the_rule():
    assert violations(ROOT) == []


def test_the_table_names_what_is_there():
    found = modules(ROOT)
    assert {stage(name) for name in found} == {"", *STAGES}
    named = {*KNOW_STAGES, *KNOW_REPORTS, *(f"harness.{name}" for name in REPORTS_KNOW), *sum(ONLY_IN.values(), ())}
    assert named <= set(found)
    edges = {(name, stage(one)) for name, path in found.items() for one in imports(name, path, set(found))}
    assert all((name, known) in edges for name, stages in KNOW_STAGES.items() for known in stages)


@pytest.mark.parametrize(
    ("module", "text", "told"),
    [
        ("harness/judge/a.py", "from harness.disrupt import Delete", "harness.judge.a imports harness.disrupt"),
        ("harness/judge/a.py", "from ..disrupt import path", "harness.judge.a imports harness.disrupt"),
        ("harness/load/__init__.py", "from .. import observe", "harness.load imports harness.observe"),
        ("harness/deploy/a.py", "def f():\n    import harness.load.pod", "harness.deploy.a imports harness.load.pod"),
        ("harness/clusters/x/a.py", "from harness import scenario", "harness.clusters.x.a imports harness.scenario"),
        (
            "harness/judge/a.py",
            "from harness.calibrate.plan import Span",
            "harness.judge.a imports harness.calibrate.plan",
        ),
        ("harness/records.py", "from harness.judge import verdict", "harness.records imports harness.judge"),
        ("harness/session.py", "import harness.judge", "harness.session imports harness.judge"),
        ("harness/plugin.py", "from harness.deploy import server", "harness.plugin imports harness.deploy"),
        ("harness/scenario.py", "import reports.write", "harness.scenario imports reports.write"),
        ("reports/a.py", "from harness.judge import verdict", "reports.a imports harness.judge"),
        ("reports/a.py", "from harness import kube", "reports.a imports harness.kube"),
        ("reports/a.py", "import harness", "reports.a imports harness"),
        ("harness/judge/a.py", "from harness import Delete", "harness.judge.a imports harness"),
        ("harness/kube.py", "import harness", "harness.kube imports harness"),
        ("workloads/a.py", "from harness.records import Log", "workloads.a imports harness.records"),
        ("workloads/b/a.py", "import reports", "workloads.b.a imports reports"),
        ("harness/run.py", "import workloads.server", "harness.run imports workloads.server"),
        ("harness/load/a.py", "from locust import HttpUser", "harness.load.a imports locust"),
        ("reports/a.py", "import urllib3.util", "reports.a imports urllib3.util"),
        ("harness/observe/a.py", "import kubernetes.client as k", "harness.observe.a imports kubernetes.client"),
    ],
)
def test_a_tree_that_breaks_it_is_told(tmp_path, module, text, told):
    for name in ("observe", "disrupt"):
        (tmp_path / "harness" / name).mkdir(parents=True)
        (tmp_path / "harness" / name / "__init__.py").touch()
    for name in ("scenario", "kube"):
        (tmp_path / "harness" / f"{name}.py").touch()
    (tmp_path / module).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / module).write_text(f"import json\n{text}\n")
    assert violations(tmp_path) == [told]


def test_the_same_tree_without_it_is_not(tmp_path):
    for module, text in (
        ("harness/scenario.py", "from harness.judge import verdict"),
        ("harness/results.py", ""),
        ("harness/judge/a.py", "from harness.judge.b import c\nfrom . import d\nfrom harness import results"),
        ("harness/kube_client.py", "import urllib3"),
        ("harness/cli.py", "import reports"),
        ("workloads/load/a.py", "import locust\nimport urllib3"),
    ):
        (tmp_path / module).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / module).write_text(text)
    assert violations(tmp_path) == []
