import base64
import gzip
import hashlib
import json
import pathlib
import re
from html.parser import HTMLParser
from typing import Any

import made_run
import plotly.offline
import pytest
from made_scenario import Made

from harness.history import HistoryError, Recorder
from harness.results import Advice, Expected, Finding, Result, Results
from reports import html, topics, write_all

HOSTILE = "</script><script>alert(1)</script><!--<b>\u202e"


class Page(HTMLParser):
    """What a browser would make of the page: elements by tag, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] == "script" and self.lasttag == "script" and not self.scripts[-1][1]:
            self.scripts[-1] = (self.scripts[-1][0], data)

    def figures(self) -> list[dict[str, Any]]:
        """What the figures hold, unpacked."""
        packed = [
            text
            for attrs, text in self.scripts
            if attrs.get("type") == "application/octet-stream" and "id" not in attrs
        ]
        return [json.loads(gzip.decompress(base64.b64decode(text))) for text in packed]

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.found if name == tag]


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    made_run.write(tmp_path)
    return tmp_path


def page_of(folder: pathlib.Path) -> Page:
    return Page((folder / "report.html").read_text())


def test_all_reports_are_written_and_can_be_written_again(folder: pathlib.Path) -> None:
    paths = write_all(folder)
    assert [path.name for path in paths] == ["report.html", "junit.xml", "summary.md"]
    first = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in write_all(folder)] == first


def test_the_page_is_one_file_of_bounded_size(folder: pathlib.Path) -> None:
    write_all(folder)
    page = page_of(folder)
    assert (folder / "report.html").stat().st_size < 5_000_000
    assert not page.all("link")
    assert not page.all("img")
    assert all("src" not in attrs for attrs in page.all("script"))
    assert all((attrs["href"] or "").startswith("#") for attrs in page.all("a"))


def test_the_policy_allows_just_the_page_s_own_scripts(folder: pathlib.Path) -> None:
    write_all(folder)
    page = page_of(folder)
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    scripts = [text for attrs, text in page.scripts if "type" not in attrs] + [plotly.offline.get_plotlyjs()]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    assert re.findall(r"sha256-([^']+)", policy) == [hashes[-1], *hashes[:-1]]


def test_the_library_is_stored_once_and_whole(folder: pathlib.Path) -> None:
    write_all(folder)
    (packed,) = (text for attrs, text in page_of(folder).scripts if attrs.get("id") == "library")
    assert gzip.decompress(base64.b64decode(packed)).decode() == plotly.offline.get_plotlyjs()


def test_every_row_has_a_section_and_those_with_a_history_a_figure(folder: pathlib.Path) -> None:
    write_all(folder)
    page = page_of(folder)
    ids = [a["id"] for a in page.all("details") if a.get("class") == "row"]
    assert ids == [result.name for result in Results.read(folder / "results.json").results]
    assert len(page.figures()) == len(page.all("figure")) == 6
    assert all(a["aria-label"] for a in page.all("div") if a.get("class") == "plot")


def test_without_a_history_the_verdicts_are_told_all_the_same(folder: pathlib.Path) -> None:
    (folder / "history.jsonl.gz").unlink()
    write_all(folder)
    assert not page_of(folder).all("figure")
    assert "The history of this row is not in the run's folder" in (folder / "report.html").read_text()


def test_a_history_that_cannot_be_read_is_an_error(folder: pathlib.Path) -> None:
    (folder / "history.jsonl.gz").write_bytes(b"no gzip at all")
    with pytest.raises(HistoryError):
        write_all(folder)


def test_foreign_text_stays_text(tmp_path: pathlib.Path) -> None:
    made = Made("B1", HOSTILE, "rollout", HOSTILE, 0)
    made.pod(HOSTILE, [(0, "pending"), (1, "running"), (2, "ready")])
    made.act(1, HOSTILE, HOSTILE)
    recorder = Recorder(tmp_path / "history.jsonl.gz", HOSTILE)
    for record in made.end(3):
        recorder.add(record)
    recorder.close()
    result = Result(id="B1", name=HOSTILE, path=HOSTILE, verdict="fail", why=HOSTILE, proof=[HOSTILE])
    made_run.a_run([result]).write(tmp_path / "results.json")
    write_all(tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert "<script>alert" not in text
    assert "\u202e" not in text
    page = Page(text)
    assert len([attrs for attrs, _ in page.scripts if "type" not in attrs]) == 4
    (data,) = page.figures()
    assert "<script>alert(1)</script>" in data["lanes"][0]["rows"][0]["label"]


def test_addresses_in_the_page_are_unique() -> None:
    rows = [Result(id="B1", name=name, path="p", verdict="pass", why="w") for name in ("a b", "a-b", "a/b", "§")]
    assert html.anchors(rows) == ["a-b", "a-b-2", "a-b-3", "row"]


def test_a_hundred_thousand_requests_fit_in_the_page(tmp_path: pathlib.Path) -> None:
    made = Made("B1", "long", "p", "t", 0)
    made.probe(0, 1000, [(0, "a")], down=(500, 530), error="mixed")
    recorder = Recorder(tmp_path / "history.jsonl.gz", "long")
    for record in made.end(1000):
        recorder.add(record)
    recorder.close()
    made_run.a_run([Result(id="B1", name="long", path="p", verdict="pass", why="w")]).write(tmp_path / "results.json")
    write_all(tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 3_000_000
    page = page_of(tmp_path)
    (data,) = page.figures()
    requests = data["lanes"][0]
    assert (requests["good_total"], len(requests["bad"]["at_s"])) == (97_000, 3_000)
    assert len(requests["good"]["at_s"]) <= html.MOST_POINTS_A_ROW
    assert sum(requests["latency"]["count"]) == 97_000


def test_what_others_tell_stands_beside_what_kubernetes_does(tmp_path: pathlib.Path) -> None:
    item = Expected(what="handover 15 to 24.3 s", seen="18.1 s", holds=True, reason="15 s + two looks; talk: 17 s")
    result = Result(id="D1", name="expiry", path="p", verdict="pass", why="w", expected=[item])
    made_run.a_run([result]).write(tmp_path / "results.json")
    write_all(tmp_path)
    told = (tmp_path / "report.html").read_text().partition("Figures told elsewhere")[2].partition("</details>")[0]
    assert [told.index(part) for part in ("17 s", "handover 15 to 24.3 s", "18.1 s")] == sorted(
        told.index(part) for part in ("17 s", "handover 15 to 24.3 s", "18.1 s")
    )


def test_advice_and_findings_are_told_as_text(tmp_path: pathlib.Path) -> None:
    advice = Advice(code="c", kind="manifest", what="add a preStop sleep", why=HOSTILE, paste="lifecycle:\n  preStop:")
    finding = Finding(code="f", severity="warning", what="no readiness probe", why="w", object="Deployment shop")
    result = Result(id="B2", name="n", path="p", verdict="fail", why="w", advice=[advice], findings=[finding])
    made_run.a_run([result]).write(tmp_path / "results.json")
    told = {path.name: path.read_text().count("add a preStop sleep") for path in write_all(tmp_path)}
    # On top of the page and in the row; in the failure and in the output of its test.
    assert told == {"report.html": 2, "junit.xml": 2, "summary.md": 1}
    text = (tmp_path / "report.html").read_text()
    assert (text.count("What to change"), text.count("What the manifests promise wrongly")) == (1, 1)
    assert "<script>alert" not in text
    assert "<b>Change:</b> add a preStop sleep" in text
    assert "lifecycle:\n  preStop:" in text
    assert "no readiness probe" in text


def test_the_top_sums_up_by_topic(tmp_path: pathlib.Path) -> None:
    rows = [Result(id=id_, name=id_, path="p", verdict="pass", why="w") for id_ in ("A1", "A2", "D1", "shop")]
    rows[1] = rows[1].model_copy(update={"verdict": "fail"})
    summed = topics.summed(rows)
    assert [(t.key, t.counts) for t in summed] == [
        ("A", {"fail": 1, "pass": 1}), ("D", {"pass": 1}), ("own", {"pass": 1}),
    ]  # fmt: skip
