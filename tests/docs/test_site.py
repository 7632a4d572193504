"""The documents: the site is built, strictly; its links lead somewhere; every row of the suites has its page."""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from reports import text
from reports.topics import TOPICS
from scripts.site import build as building
from scripts.site import links, messages
from scripts.site.build import BrokenSite
from scripts.site.picture import LOOKS
from scripts.site.rows import ROOT, rows
from tests.unit import recorded

ROW = re.compile(r'@pytest\.mark\.row\(\s*"([A-E]\d+)",\s*"([a-z0-9-]+)"')


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("docs") / "out"
    building.build(folder)
    return folder


@pytest.fixture(scope="module")
def site(out: pathlib.Path) -> pathlib.Path:
    return out / "site"


def test_every_row_of_the_suites_has_its_place_on_its_topics_page(site: pathlib.Path) -> None:
    found = [row for file in (ROOT / "suites").glob("test_*.py") for row in ROW.findall(file.read_text())]
    assert len(found) >= 144
    pages = {letter: links.read(site)[site / "paths" / f"{letter.lower()}.html"] for letter in TOPICS}
    assert [name for row, name in found if name not in pages[row[0]].anchors] == []


def test_every_recorded_row_has_a_picture_of_its_requests_or_pods(out: pathlib.Path) -> None:
    pictures = {file.stem: file.read_text() for file in (out / "docs" / "pictures").glob("*.svg")}
    known = recorded.results((*recorded.RECORDINGS, recorded.MATRIX))
    assert set(pictures) == set(known)
    assert [name for name, picture in pictures.items() if ">Pods</text>" not in picture] == []
    naive, deleted = (known[name].traffic for name in ("rollout-naive", "delete-none"))
    assert naive is not None
    assert deleted is not None
    assert f">{text.longest_words(naive)}</text>" in pictures["rollout-naive"]
    assert ">Requests · service</text>" in pictures["rollout-naive"]
    # As many crosses as requests failed.
    assert pictures["delete-none"].count("m-3 -3l6 6") == deleted.errors


def test_every_state_of_the_reports_timeline_is_drawn() -> None:
    script = (ROOT / "reports" / "assets" / "timeline.js").read_text()
    (table,) = re.findall(r"const STATES = \{(.*?)\n  \};", script, re.DOTALL)
    assert set(re.findall(r'^    "?([\w-]+)"?: \{', table, re.MULTILINE)) == set(LOOKS)


def test_the_reference_is_the_codes_own(site: pathlib.Path) -> None:
    options = (site / "reference" / "options.html").read_text()
    fields = (site / "reference" / "fields.html").read_text()
    commands = (site / "reference" / "commands.html").read_text()
    assert "--allow-node-disruption" in options
    assert "--attach-service" in options
    assert "cluster_objects" in fields
    for name in ("survive-cluster-up", "survive-doctor", "survive-history-add", "survive-init", "survive-tune"):
        assert f'id="{name}"' in commands


def test_messages_that_the_pages_quote_are_the_programs() -> None:
    quoted = re.findall(r'^\*\*"([^"]+)"', (ROOT / "docs" / "troubleshooting.md").read_text(), re.MULTILINE)
    code = "".join(file.read_text() for file in (ROOT / "harness").rglob("*.py"))
    code += " ".join(one.text for one in messages.messages())
    assert len(quoted) >= 7
    assert [told for told in quoted if told.removesuffix(".") not in code] == []


def test_what_init_says_in_the_five_minutes_is_what_it_says(tmp_path: pathlib.Path) -> None:
    page = (ROOT / "docs" / "start.md").read_text()
    shutil.copytree(ROOT / "examples" / "nginx" / "k8s", tmp_path / "k8s")
    manifest = tmp_path / "k8s" / "site.yaml"
    (without,) = re.findall(r"```console\n\$ (sed [^\n]+)\n", page)
    subprocess.run(without, shell=True, cwd=tmp_path, check=True)
    assert "preStop" not in manifest.read_text()
    code = "from harness.cli import main; raise SystemExit(main())"
    for command in re.findall(r"```console\n\$ survive (init|look) -f k8s/\n(.*?)```", page, re.DOTALL):
        argv = [sys.executable, "-c", code, command[0], "-f", "k8s/"]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.stdout == command[1], command[0]
    (shown,) = re.findall(r"```yaml title=\"site.survive.yaml\"\n(.*?)```", page, re.DOTALL)
    assert (tmp_path / "site.survive.yaml").read_text() == shown


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("[there](nowhere.html)", "page.html: nowhere.html: there is no such page"),
        ("[there](#nothing)", "page.html: #nothing: the page has no such anchor"),
        ("[there](http://example.org/)", "page.html: http://example.org/: no address that others could reach"),
        ("[there](htps://example.org/)", "page.html: htps://example.org/: a scheme that is not known: htps"),
        ("![there](nothing.svg)", "page.html: nothing.svg: there is no such page"),
    ],
)
def test_a_broken_link_is_told(tmp_path: pathlib.Path, page: str, told: str) -> None:
    link = page.split("](")[1].rstrip(")")
    html = f'<img src="{link}">' if page.startswith("!") else f'<a href="{link}">there</a>'
    (tmp_path / "page.html").write_text(
        f'<h1 id="top">A page</h1><a href="#top">up</a><a href="page.html#top">up</a>{html}'
    )
    assert links.broken(tmp_path) == [told]


def test_a_page_with_a_broken_link_is_not_built(out: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for name in ("docs", "mkdocs.yml"):
        (shutil.copytree if (out / name).is_dir() else shutil.copy)(out / name, tmp_path / name)
    building.render(tmp_path)
    with (tmp_path / "docs" / "concepts.md").open("a") as page:
        page.write("\n[there](nowhere.md)\n")
    with pytest.raises(BrokenSite, match="nowhere"):
        building.render(tmp_path)


def test_links_to_documents_of_the_root_lead_to_their_pages() -> None:
    assert building.moved("[a](../README.md#x) [b](measurement.md)", "../") == "[a](readme.md#x) [b](measurement.md)"
    assert (
        building.moved("[a](ARCHITECTURE.md) and [`examples/`](examples)", "") == "[a](architecture.md) and `examples/`"
    )


def test_a_page_that_asks_for_what_there_is_not(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.md").write_text("# A\n\n<!-- from the code: nothing -->\n")
    with pytest.raises(BrokenSite, match=r"a\.md asks for nothing; there are one"):
        building.fill(tmp_path, {"one": str})


def test_what_no_page_asks_for_is_told(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.md").write_text("# A\n\n<!-- from the code: one -->\n")
    with pytest.raises(BrokenSite, match="no page asks for two"):
        building.fill(tmp_path, {"one": str, "two": str})


def test_a_row_is_read_as_its_test_has_it() -> None:
    (naive,) = [row for row in rows() if row.name == "rollout-naive"]
    assert (naive.id, naive.path, naive.topic, naive.number) == ("B1", "rollout", "B", 1)
    assert naive.title.startswith("Without probes a new pod counts as ready before it listens")
    assert naive.test == "suites/test_rollout.py::test_a_naive_rollout_is_down_for_about_its_start_up_delay"
    assert naive.marks == ("core",)
