import pytest
import recorded

from harness.cli import main
from harness.clusters.embedded import cluster, state
from harness.clusters.embedded.layout import ClusterDir
from harness.clusters.kind import cluster as kind
from harness.clusters.kind.state import KindDir
from harness.errors import ClusterError
from harness.options import KindOptions
from harness.results import Results


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("SURVIVE_HOME", str(tmp_path / "home"))


def test_the_status_of_a_cluster_that_is_not_there(capsys):
    assert main(["cluster", "status", "--name", "none"]) == 1
    assert capsys.readouterr() == ("cluster none: absent\n", "")


def test_the_status_of_what_cannot_be_read(capsys):
    folder = ClusterDir.named("odd")
    folder.root.mkdir(parents=True)
    folder.state.write_text("{")
    assert main(["cluster", "status", "--name", "odd"]) == 1
    assert capsys.readouterr().out == "cluster odd: broken; its state cannot be read\n"


def test_the_status_of_a_cluster_whose_init_is_gone(capsys):
    state.State("one", 201, "r", "p", "i", "ready").write(ClusterDir.named("one"))
    assert main(["cluster", "status", "--name", "one"]) == 1
    assert capsys.readouterr().out == "cluster one: broken; its init process is gone; 10.201.0.0/16\n"


def test_the_status_of_one_that_is_ready(capsys, monkeypatch):
    monkeypatch.setattr(cluster, "status", lambda name: cluster.Status(name, "ready", "", "10.201.0.0/16", ("a", "b")))
    assert main(["cluster", "status", "--name", "one"]) == 0
    assert capsys.readouterr().out == "cluster one: ready; 10.201.0.0/16; a b\n"


def test_the_kubeconfig_of_a_cluster(capsys):
    assert main(["cluster", "kubeconfig", "--name", "one"]) == 1
    assert capsys.readouterr() == ("", "survive: cluster one is not there: survive cluster up\n")
    folder = ClusterDir.named("one")
    folder.root.mkdir(parents=True)
    folder.kubeconfig.touch()
    assert main(["cluster", "kubeconfig", "--name", "one"]) == 0
    assert capsys.readouterr().out == f"{folder.kubeconfig}\n"


def test_up_passes_on_what_was_asked(capsys, monkeypatch):
    asked = []

    def up(name, progress, address_range, kubernetes):
        asked.append((name, address_range, kubernetes))
        return ClusterDir.named(name)

    monkeypatch.setattr(cluster, "up", up)
    assert main(["cluster", "up", "--name", "one", "--address-range", "10.9.0.0/16"]) == 0
    assert main(["cluster", "up", "--name", "two", "--kubernetes-version", "1.31.14"]) == 0
    assert asked == [("one", "10.9.0.0/16", ""), ("two", None, "v1.31.14")]
    assert f"export KUBECONFIG={ClusterDir.named('one').kubeconfig}" in capsys.readouterr().out


def test_a_kind_cluster_is_asked_for_by_its_options(capsys, monkeypatch):
    asked = []

    def up(name, options, progress):
        asked.append((name, options))
        return KindDir.named(name)

    monkeypatch.setattr(kind, "up", up)
    arguments = ["cluster", "up", "--cluster", "kind", "--name", "one", "--kubernetes-version", "1.34.2"]
    assert main([*arguments, "--kind-binary", "/k"]) == 0
    assert asked == [("one", KindOptions("kindest/node:v1.34.2", "/k"))]
    said = f"cluster survive-one is ready: export KUBECONFIG={KindDir.named('one').kubeconfig}\n"
    assert capsys.readouterr().out == said


def test_a_kind_cluster_down_and_its_status_and_kubeconfig(capsys, monkeypatch):
    monkeypatch.setattr(kind, "down", lambda name, binary: binary == "/k")
    found = kind.Status("survive-one", "broken", "it ended", ("a", "b"))
    monkeypatch.setattr(kind, "status", lambda name, binary: found)
    here = ["--cluster", "kind", "--name", "one"]
    assert main(["cluster", "down", *here, "--kind-binary", "/k"]) == 0
    assert main(["cluster", "down", *here]) == 0
    assert main(["cluster", "status", *here]) == 1
    assert main(["cluster", "kubeconfig", *here]) == 1
    folder = KindDir.named("one")
    folder.root.mkdir(parents=True)
    folder.kubeconfig.touch()
    assert main(["cluster", "kubeconfig", *here]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "cluster survive-one is down",
        "cluster survive-one was not there",
        "cluster survive-one: broken; it ended; a b",
        str(folder.kubeconfig),
    ]
    assert said.err == "survive: cluster survive-one is not there: survive cluster up --cluster kind\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--kind-image", "i"], "--kind-image and --kind-binary are for --cluster kind"),
        (["--kubernetes-version", "1.31"], "write it in full, such as 1.34.2"),
        (["--kubernetes-version", "1.34.2"], "the embedded cluster is built of v1.31.14 or v1.37.2 only"),
        (["--cluster", "kind", "--address-range", "10.9.0.0/16"], "--address-range is for the embedded cluster"),
    ],
)
def test_options_of_the_other_kind_of_cluster_are_told(capsys, arguments, told):
    assert main(["cluster", "up", *arguments]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(("existed", "said"), [(True, "is down"), (False, "was not there")])
def test_down_says_whether_there_was_one(capsys, monkeypatch, existed, said):
    monkeypatch.setattr(cluster, "down", lambda name: existed)
    assert main(["cluster", "down", "--name", "one"]) == 0
    assert capsys.readouterr().out == f"cluster one {said}\n"


def test_an_error_is_a_line_on_standard_error(capsys, monkeypatch):
    def broken(name):
        raise ClusterError("node w did not start: no room")

    monkeypatch.setattr(cluster, "down", broken)
    assert main(["cluster", "down"]) == 1
    assert capsys.readouterr() == ("", "survive: node w did not start: no room\n")


def test_an_interrupt_says_how_to_clean_up(capsys, monkeypatch):
    def interrupted(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(cluster, "down", interrupted)
    assert main(["cluster", "down"]) == 130
    assert "survive cluster down" in capsys.readouterr().err


def test_a_report_on_a_runs_folder(capsys, tmp_path):
    folder = recorded.folder(tmp_path / "run")
    assert main(["report", str(folder)]) == 0
    written = [folder / name for name in ("report.html", "junit.xml", "summary.md")]
    assert capsys.readouterr().out.splitlines() == [str(path) for path in written]
    assert all(path.stat().st_size for path in written)


@pytest.mark.parametrize("text", [None, "{}", "no json"])
def test_a_report_on_what_is_no_run(capsys, tmp_path, text):
    if text is not None:
        (tmp_path / "results.json").write_text(text)
    assert main(["report", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert said.err.startswith(f"survive: {tmp_path} cannot be reported, is it a run's folder? ")
    assert said.out == ""


def test_a_report_on_a_history_that_is_none(capsys, tmp_path):
    folder = recorded.folder(tmp_path / "run")
    (folder / "history.jsonl.gz").write_text("plain")
    assert main(["report", str(folder)]) == 1
    assert "survive: cannot read the history" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["cluster"], ["cluster", "explode"], ["report"]])
def test_what_it_does_not_know(capsys, arguments):
    with pytest.raises(SystemExit) as told:
        main(arguments)
    assert told.value.code == 2
    assert "usage: survive" in capsys.readouterr().err


def test_a_report_with_a_user_s_rate_says_what_a_restart_costs(capsys, tmp_path):
    folder = recorded.folder(tmp_path / "run")
    (folder / "history.jsonl.gz").unlink()
    found = Results.read(folder / "results.json")
    rated = [
        one.model_copy(update={"traffic": one.traffic and one.traffic.model_copy(update={"rate_per_s": 100.0})})
        for one in found.results
    ]
    found.model_copy(update={"results": rated}).write(folder / "results.json")
    assert main(["report", str(folder), "--rate", "500", "--deploys", "5", "--slo", "99.95"]) == 0
    for name in ("report.html", "junit.xml"):
        assert "965 failed a restart at 500/s; with 5 deploys a day 4,825" in (folder / name).read_text()
    assert main(["report", str(folder), "--slo", "100"]) == 1
    assert "slo_percent 100.0: Input should be less than 100" in capsys.readouterr().err
