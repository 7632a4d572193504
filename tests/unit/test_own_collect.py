"""`*.survive.yaml` in a pytest of its own, on a made session: what is collected, skipped, refused and run."""

import json
import pathlib
import shutil

import pytest
import yaml
from own_manifests import other, service, workload
from test_plugin import CONFTEST, results, run

from harness.load import Httpx
from harness.own.run import asked
from harness.spec import Spec, find_app, load_app

ROOT = pathlib.Path(__file__).parents[2]

OWN = '''

class Own(Offline):
    """Notes what a path asks of it."""

    def add_node(self, *, small_disk=False):
        from harness.deploy import OwnNode
        note(node=self.row.name)
        return OwnNode("node-1", "shop-drain")

    def deploy(self, app, timeout_s=60, *, ready=True):
        note(deployed=[one["kind"] for one in app.manifests], app=app.name, ready_s=timeout_s)
        return app

    @contextlib.contextmanager
    def load(self, app=None, **asked):
        probes = [one.name for one in asked.get("probes", ())]
        note(rate=asked["rate"], ask=getattr(asked.get("ask"), "path", ""), probes=probes)
        yield

    def wait_held(self, lease):
        note(held=lease)

    def restart(self, path):
        note(path=type(path).__name__, count=getattr(path, "count", None), target=getattr(path, "node", None))
        super().restart(Restart(failed=FAILED))


FAILED = 0
Offline = Own
'''


@pytest.fixture
def made(pytester):
    pytester.makeconftest(CONFTEST.replace('patch.setattr(harness.plugin, "Scenario", Offline)',
                                           'patch.setattr(harness.plugin, "Scenario", Own)') + OWN)  # fmt: skip
    return pytester


def files(made, spec: str, *objects, name: str = "shop", folder: str = "k8s"):
    below = made.path / folder
    below.mkdir(exist_ok=True, parents=True)
    (below / "all.yaml").write_text(yaml.safe_dump_all(objects or (workload(), service())))
    (made.path / f"{name}.survive.yaml").write_text(f"manifests: {folder}\n{spec}")
    return made


def notes(made):
    file = made.path / "notes.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def collected(made, *arguments) -> list[str]:
    lines = run(made, "--co", "-q", *arguments).outlines
    return [line for line in lines if "::" in line]


def test_a_test_a_path_as_named(made) -> None:
    files(made, "paths: [rollout, delete]\n")
    assert collected(made) == ["shop.survive.yaml::rollout", "shop.survive.yaml::delete"]
    assert collected(made, "--paths", "delete") == ["shop.survive.yaml::delete"]
    assert collected(made, "-k", "B1") == collected(made, "-k", "shop-rollout") == ["shop.survive.yaml::rollout"]
    assert collected(made, "shop.survive.yaml::delete") == ["shop.survive.yaml::delete"]


def test_without_paths_all_that_make_sense_and_why_not_the_others(made) -> None:
    files(made, "", workload(replicas=1), service())
    said = run(made, "--collect-only", "-q", "-k", "shop")
    names = {line.partition("::")[2] for line in said.outlines if "::" in line}
    assert {"rollout", "delete", "evict", "drain", "taint", "preempt", "kill"} <= names
    skipped = run(made, "-k", "scale or handover or hang or node-down")
    skipped.assert_outcomes(skipped=4)
    skipped.stdout.fnmatch_lines_random(
        [
            "left out: shop.survive.yaml::scale: there is one replica alone",
            "*no `lease` is named*",
            "*no container has a livenessProbe*",
            "*tolerate the loss of their node for 300 s*",
        ]
    )
    assert notes(made) == []  # no session was opened


def test_a_path_runs_by_the_scenario_to_a_verdict(made) -> None:
    files(made, "requests: {path: /x, rate: 7/s, kept_alive: 3}\npaths: {delete: {count: 2}}\nready: 5s\n")
    run(made).assert_outcomes(passed=1)
    (result,) = results(made).results
    assert (result.id, result.name, result.path, result.verdict) == ("B2", "shop-delete", "delete", "pass")
    assert (result.title, result.test) == ("A pod is deleted.", "shop.survive.yaml::delete")
    assert [one.what for one in result.expected] == ["no errors", "no outage"]
    said = {key: value for note in notes(made) for key, value in note.items()}
    assert (said["deployed"], said["app"], said["ready_s"]) == (["Service", "Deployment"], "shop", 5.0)
    assert (said["rate"], said["ask"], said["probes"]) == (7.0, "/x", ["service", "kept-alive"])
    assert (said["path"], said["count"]) == ("Delete", 2)


def test_the_limits_are_judged(made) -> None:
    files(made, "limits: {errors: 1 %, p99: 1s}\npaths: {delete: , evict: {limits: {errors: 50 %}}}\n")
    with (made.path / "conftest.py").open("a") as file:
        file.write("\nFAILED = 3\n")
    run(made)
    found = {result.path: result for result in results(made).results}
    assert {path: result.verdict for path, result in found.items()} == {"delete": "fail", "evict": "pass"}
    assert [one.what for one in found["delete"].expected] == ["error rate <= 1 %", "latency p99 <= 1000 ms"]
    assert [one.what for one in found["evict"].expected] == ["error rate <= 50 %"]


def test_a_node_of_its_own_and_a_lease(made) -> None:
    files(made, "lease: boss\nlimits: {failover: 9s}\npaths: [drain, handover]\n", workload())
    run(made)
    said = notes(made)
    assert {"node": "shop-drain"} in said
    assert {"path": "Drain", "count": None, "target": "node-1"} in said
    assert said.count({"held": "boss"}) == 4
    expected = {result.path: [one.what for one in result.expected] for result in results(made).results}
    assert expected == {path: ["lease boss without a holder <= 9 s"] for path in ("drain", "handover")}


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("paths: [rolout]\n", "shop.survive.yaml:2: paths.rolout: there is no path rolout; did you mean rollout?"),
        ("paths:\n  rollout: {count: 2}\n", "shop.survive.yaml:3: paths.rollout: it has no count; delete, evict have"),
        (
            "paths:\n- evict: {count: 3}\n",
            "shop.survive.yaml:3: paths.evict: its count is 3, and the Deployment shop has 2 replicas",
        ),
        (
            "paths:\n- delete\n- handover\n",
            "shop.survive.yaml:4: paths.handover: it makes no sense here: no `lease` is named, by which a leader would"
            " be known",
        ),
        (
            "limits: 3\n",
            "shop.survive.yaml:2: limits: 3 should be fields with values; for example `limits: {outage: 0s}`",
        ),
    ],
)
def test_a_bad_file_is_an_error_of_collection(made, spec, told) -> None:
    files(made, spec)
    files(made, "paths: [delete]\n", name="other")
    said = run(made)
    said.assert_outcomes(errors=1)
    assert any(line.removeprefix("E   ").endswith(told) for line in said.outlines), said.outlines
    assert notes(made) == []  # the other file's test did not run either: no cluster was touched


def test_an_object_of_the_cluster_is_refused_before_anything_is_touched(made) -> None:
    files(made, "", workload(), service(), other("ClusterRole"))
    said = run(made)
    said.assert_outcomes(errors=1)
    said.stdout.fnmatch_lines(["*ClusterRole shop: objects of the whole cluster are not touched*"])
    assert notes(made) == []


def test_two_apps_of_one_name_are_told_apart_by_the_user(made) -> None:
    files(made, "paths: [delete]\n")
    files(made, "name: shop\npaths: [delete]\n", name="other")
    said = run(made)
    assert said.ret == pytest.ExitCode.USAGE_ERROR
    said.stderr.fnmatch_lines(
        ["*two tests are called shop-delete: other.survive*::delete and shop.survive*::delete; *"]
    )


def test_side_by_side(made) -> None:
    files(made, "paths: [rollout, delete, evict]\n")
    run(made, "-n", "2").assert_outcomes(passed=3)
    assert {result.name for result in results(made).results} == {"shop-rollout", "shop-delete", "shop-evict"}


@pytest.fixture
def hooked(made):
    """The example, whose conftest.py also has the made session."""
    example = ROOT / "examples" / "hooks"
    conftest = made.path / "conftest.py"
    conftest.write_text(conftest.read_text() + "\n\n" + (example / "conftest.py").read_text())
    shutil.copytree(ROOT / "examples" / "nginx" / "k8s", made.path / "nginx" / "k8s")
    (made.path / "hooks").mkdir()
    for name in ("site.survive.yaml", "test_site.py"):
        shutil.copy(example / name, made.path / "hooks" / name)
    return made


def test_paths_checks_and_notes_of_ones_own(hooked) -> None:
    run(hooked, "hooks/site.survive.yaml")
    found = {result.path: result for result in results(hooked).results}
    assert {path: [one.what for one in result.expected] for path, result in found.items()} == {
        "set-variable": ["no errors", "no outage", "no container was restarted"],
        "delete": ["no errors", "no outage"],
    }
    assert (found["set-variable"].id, found["set-variable"].name) == ("E1", "hooked-set-variable")
    # No pod was there: the check cannot tell, and there is nothing to note.
    assert (found["set-variable"].verdict, found["delete"].verdict) == ("inconclusive", "pass")
    assert {note["path"] for note in notes(hooked) if "path" in note} == {"SetVariable", "Delete"}


def test_the_example_in_python(hooked) -> None:
    run(hooked, "hooks/test_site.py").assert_outcomes(passed=3)
    found = {result.name: (result.id, result.path) for result in results(hooked).results}
    assert found == {
        "pages-two-deleted": ("B2", "delete"),
        "pages-rollout": ("B1", "rollout"),
        "pages-evict": ("C1", "evict"),
    }


def test_a_note_is_in_the_results_and_in_the_reports(made) -> None:
    files(made, "paths: [delete]\n")
    with (made.path / "conftest.py").open("a") as file:
        file.write(
            "\nfrom harness import Note\n"
            "def pytest_survive_notes(result, history):\n"
            "    begun = len(history.of(ScenarioStarted))\n"
            "    return [Note(title='Mine <b>', text=f'{begun} scenario of {result.name}')]\n"
        )
    run(made).assert_outcomes(passed=1)
    (result,) = results(made).results
    assert [(note.title, note.text) for note in result.notes] == [("Mine <b>", "1 scenario of shop-delete")]
    page = (made.path / "reports" / "out" / "latest" / "report.html").read_text()
    assert "<h3>Mine &lt;b&gt;</h3>" in page
    assert "1 scenario of shop-delete" in page


def test_an_app_that_runs_already_has_the_paths_that_change_nothing_else(made) -> None:
    (made.path / "web.survive.yaml").write_text("attach: shop/deployment/web\nlease: boss\nlimits: {failover: 9s}\n")
    names = ["rollout", "handover", "delete", "evict"]
    assert collected(made) == [f"web.survive.yaml::{name}" for name in names]


def test_by_https_the_measuring_prober_is_another_and_nothing_else_loads(made) -> None:
    spec = "requests: {scheme: https, port: admin, status: [200, 204], kept_alive: 3}\n"
    told = asked(load_app(files(made, spec).path / "shop.survive.yaml"))
    assert told["probes"] == [Httpx(named="service"), Httpx(connections=3)]
    assert (told["ask"].status, told["background"]) == ((200, 204), 0.0)


def test_two_paths_of_one_name_are_refused(made) -> None:
    files(made, "")
    with (made.path / "conftest.py").open("a") as file:
        file.write(
            "\nfrom harness.own.paths import BUILT_IN\ndef pytest_survive_paths(app):\n    return BUILT_IN[:1]\n"
        )
    run(made).stdout.fnmatch_lines(["*two paths are called rollout: by pytest_survive_paths*"])


def test_a_locustfile_is_beside_the_spec_and_all_that_is_asked_reaches_the_load(made) -> None:
    (made.path / "users.py").touch()
    spec = (
        "requests: {locustfile: users.py, users: 3, timeout: 2s, method: PUT, status: 204}\nsettle: 9s\nduration: 1m\n"
    )
    app = load_app(files(made, spec).path / "shop.survive.yaml")
    told = asked(app)
    assert told["locustfile"] == made.path / "users.py"
    assert (told["users"], told["deadline_s"], told["settle_s"], told["at_least_s"]) == (3, 2.0, 9.0, 60.0)
    assert (told["ask"].method, told["ask"].status, told["background"]) == ("PUT", (204,), 20.0)
    assert asked(find_app("shop", Spec(manifests=["k8s"]), made.path))["locustfile"] == ""
