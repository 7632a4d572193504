"""The report as a browser shows it: quiet, offline, safe with foreign text, usable with pointer and keyboard."""

import pathlib
import shutil
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright import sync_api

CHROMIUM = shutil.which("chromium")
"""The distribution's; None where it has none (Ubuntu): then the one that Playwright installed."""

# The made run belongs to the unit tests; pytest puts only this file's own folder on the path.
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "unit"))

import made_run  # noqa: E402  (its folder is put on the path just above)
import recorded  # noqa: E402  (as above)
from made_scenario import Made  # noqa: E402  (as above)

from harness.history import Recorder  # noqa: E402  (as above)
from harness.results import Result, Results  # noqa: E402  (as above)
from reports import trendpage, write_all  # noqa: E402  (as above)
from reports.nights import Nights  # noqa: E402  (as above)

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
HOSTILE = "<b>a</b><a href='#x'>b</a><img src=x onerror=alert(1)></script><script>alert(2)</script>&lt;i&gt;"
RANGE = "el => el._fullLayout.xaxis.range"


class Opened:
    """A page with what it said and asked for."""

    def __init__(self, page: Any, file: pathlib.Path) -> None:
        self.page, self.url = page, file.as_uri()
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: self.said.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: self.asked.append(request.url))

    def go(self, fragment: str = "") -> Any:
        self.page.goto(self.url + fragment)
        return self.page

    def figure(self, row: str) -> Any:
        """The drawn plot of a row."""
        plot = self.page.locator(f"[id='{row}'] .plot")
        plot.scroll_into_view_if_needed()
        self.page.locator(f"[id='{row}'] .plot[aria-busy=false]").wait_for()
        return plot


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    made = tmp_path_factory.mktemp("run")
    made_run.write(made)
    write_all(made)
    return made


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    made = recorded.whole(tmp_path_factory.mktemp("matrix"))
    write_all(made)
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any, folder: pathlib.Path) -> Iterator[Opened]:
    context = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme="light")
    yield Opened(context.new_page(), folder / "report.html")
    context.close()


@pytest.mark.parametrize(("theme", "width"), [("light", 1400), ("dark", 375)])
def test_every_figure_is_drawn_quietly_and_offline(browser: Any, folder: pathlib.Path, theme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    opened = Opened(context.new_page(), folder / "report.html")
    page = opened.go()
    rows = page.locator("details.row:has(figure)").evaluate_all("rows => rows.map(row => row.id)")
    assert len(rows) == 6
    for row in rows:
        opened.figure(row)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.said == []
    assert opened.asked == [opened.url]
    context.close()


def test_figures_are_drawn_only_as_they_come_near(opened: Opened) -> None:
    page = opened.go()
    opened.figure("rollout-naive")
    assert page.locator("#handover-release .main-svg").count() == 0
    opened.figure("handover-release")


def test_the_page_can_reach_nothing(opened: Opened) -> None:
    page = opened.go()
    assert page.evaluate("fetch('data:text/plain,x').then(() => 'reached', () => 'refused')") == "refused"
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
    )
    assert page.evaluate("window.ran") is None


def test_all_failures_are_drawn_and_told(opened: Opened) -> None:
    opened.go()
    plot = opened.figure("rollout-naive")
    bad = plot.evaluate("el => el.data.find(trace => trace.name === 'bad')")
    assert len(bad["x"]) == 193
    assert plot.locator(".scatterlayer .trace").count() > 0
    assert "refused at connect" in bad["hovertext"][1]


def test_filter_by_verdict_and_by_word(opened: Opened) -> None:
    page = opened.go()
    shown = page.locator(".verdicts tbody tr:visible")
    assert shown.count() == 8
    page.get_by_role("button", name="inconclusive 1").click()
    assert shown.count() == 1
    assert page.locator("details.row:visible").count() == 1
    page.get_by_role("button", name="All 8").click()
    page.get_by_placeholder("Filter").fill("LEADER release")
    assert [row.get_attribute("data-row") for row in shown.all()] == ["handover-release"]
    page.get_by_placeholder("Filter").fill("nothing like this")
    assert page.get_by_text("No row fits this filter").is_visible()


def test_filter_by_topic_and_path(opened: Opened) -> None:
    page = opened.go()
    shown = page.locator(".verdicts tbody tr:visible")
    page.locator("#topic").select_option("D")
    assert {row.get_attribute("data-topic") for row in shown.all()} == {"D"}
    page.locator("#topic").select_option("")
    page.locator("#path").select_option("rollout")
    assert {row.get_attribute("data-path") for row in shown.all()} == {"rollout"}
    page.locator("#path").select_option("")
    page.locator("button[data-topic=B]").click()
    assert {row.get_attribute("data-topic") for row in shown.all()} == {"B"}


def test_keys_filter_step_open_and_go_back(opened: Opened) -> None:
    page = opened.go()
    focused = "document.activeElement.textContent"
    page.keyboard.press("/")
    page.keyboard.type("handover")
    names = page.locator(".verdicts tbody tr:visible th a").all_text_contents()
    assert len(names) > 1
    page.keyboard.press("Escape")
    assert page.locator(".verdicts tbody tr:visible").count() == 8
    rows = page.locator(".verdicts tbody th a").all_text_contents()
    for key, at in (("j", 0), ("j", 1), ("ArrowDown", 2), ("k", 1)):
        page.keyboard.press(key)
        assert page.evaluate(focused) == rows[at]
    page.keyboard.press("Enter")
    page.locator(f"[id='{rows[1]}'][open]").wait_for()
    page.wait_for_function("document.activeElement.matches('details.row summary')")
    page.keyboard.press("Escape")
    assert page.evaluate(focused) == rows[1]


def test_a_link_by_a_row_s_name_leads_to_it(opened: Opened) -> None:
    page = opened.go("#row=handover-release")
    opened.figure("handover-release")
    assert page.evaluate("document.getElementById('handover-release').getBoundingClientRect().top") < 200


@pytest.mark.parametrize(("theme", "width"), [("light", 375), ("dark", 1400)])
def test_the_whole_matrix_fits_a_phone_and_a_desk(browser: Any, matrix: pathlib.Path, theme: str, width: int) -> None:
    assert (matrix / "report.html").stat().st_size < 5_000_000
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    opened = Opened(context.new_page(), matrix / "report.html")
    page = opened.go("#row=rollout-naive")
    opened.figure("rollout-naive")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (opened.said, opened.asked) == ([], [opened.url])
    context.close()


@pytest.mark.parametrize(("theme", "width"), [("light", 375), ("dark", 1400)])
def test_the_nights_open_quietly_in_both_themes(
    browser: Any, matrix: pathlib.Path, tmp_path: pathlib.Path, theme: str, width: int
) -> None:
    nights = Nights(tmp_path / "nights.sqlite")
    found = Results.read(matrix / "results.json")
    for n in range(3):
        run = found.run.model_copy(update={"id": f"run-{n}", "started": f"2026-01-0{n + 1}T02:00:00"})
        nights.add(found.model_copy(update={"run": run}))
    file = tmp_path / "trend.html"
    file.write_text(trendpage.render(nights))
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    opened = Opened(context.new_page(), file)
    page = opened.go()
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#rollout-naive-outage_s svg circle").count() == 3
    page.locator("#theme").click()
    assert page.evaluate("document.documentElement.dataset.theme") != theme
    assert (opened.said, opened.asked) == ([], [opened.url])
    context.close()


def test_sort(opened: Opened) -> None:
    page = opened.go()
    first = page.locator(".verdicts tbody tr").first
    page.get_by_role("button", name="Longest outage").first.click()
    assert first.get_attribute("data-row") == "liveness-kill-one"
    page.locator("th button", has_text="Verdict").click()
    assert first.get_attribute("data-verdict") == "fail"
    page.locator("th button", has_text="Row").click()
    assert first.get_attribute("data-row") == "rollout-naive"
    assert page.locator("th[aria-sort=ascending]").count() == 1


def test_a_deep_link_opens_its_row(opened: Opened) -> None:
    page = opened.go("#handover-expiry")
    opened.figure("handover-expiry")
    assert page.evaluate("document.getElementById('handover-expiry').getBoundingClientRect().top") < 200
    page.evaluate("document.getElementById('delete-drain-sleep').open = false")
    page.get_by_role("button", name="fail 1").click()
    page.evaluate("location.hash = 'delete-drain-sleep'")
    opened.figure("delete-drain-sleep")
    assert page.locator("#delete-drain-sleep[open]").is_visible()


def test_hover_tells_what_lies_under_the_pointer(opened: Opened) -> None:
    page = opened.go()
    plot = opened.figure("rollout-naive")
    bar = plot.locator(".barlayer .point path").first
    box = bar.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] / 2 + 2, box["y"] + box["height"] / 2)
    text = plot.locator(".hoverlayer .hovertext")
    text.wait_for()
    assert "1.931 s [1.923, 1.939]" in text.text_content()


def test_zoom_by_buttons_pointer_and_keys_moves_the_one_axis_of_all_lanes(opened: Opened) -> None:
    page = opened.go()
    plot = opened.figure("rollout-naive")
    whole = plot.evaluate(RANGE)
    assert plot.evaluate("el => Object.keys(el._fullLayout).filter(key => /^xaxis/.test(key))") == ["xaxis"]
    page.locator("#rollout-naive [data-zoom=focus]").click()
    page.wait_for_function("el => el._fullLayout.xaxis.range[0] > 0", arg=plot.element_handle())
    low, high = plot.evaluate(RANGE)
    assert low < 1.278 < 3.209 < high < 5
    plot.press("ArrowRight")
    page.wait_for_function(f"el => el._fullLayout.xaxis.range[0] > {low}", arg=plot.element_handle())
    plot.press("0")
    page.wait_for_function(f"el => el._fullLayout.xaxis.range[0] < {whole[0]}", arg=plot.element_handle())
    box = plot.locator(".nsewdrag").nth(2).bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 40, steps=5)
    page.mouse.up()
    page.wait_for_function(f"el => el._fullLayout.xaxis.range[0] > {whole[0]}", arg=plot.element_handle())
    low, high = plot.evaluate(RANGE)
    assert 0 < high - low < (whole[1] - whole[0]) / 2
    assert opened.said == []


def test_the_theme_is_switched_and_remembered(opened: Opened) -> None:
    page = opened.go()
    plot = opened.figure("rollout-naive")
    light = plot.evaluate("el => el._fullLayout.plot_bgcolor")
    page.locator("#theme").click()
    page.wait_for_function(f"el => el._fullLayout.plot_bgcolor !== '{light}'", arg=plot.element_handle())
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_story_is_told_in_order(opened: Opened) -> None:
    page = opened.go()
    page.locator("#rollout-naive [data-lines=story] summary").click()
    page.locator("#rollout-naive [data-lines=story] tbody tr").first.wait_for()
    moments = page.locator("#rollout-naive [data-lines=story] tbody td:first-child").all_text_contents()
    assert moments == sorted(moments, key=float)
    assert "begin rollout-restart deployment/shop" in page.locator("#rollout-naive [data-lines=story]").text_content()


def test_foreign_text_stays_text(browser: Any, tmp_path: pathlib.Path) -> None:
    made = Made("B1", "hostile", "p", HOSTILE, 0)
    made.pod(HOSTILE, [(0, "pending"), (1, "running"), (2, "ready"), (3, "terminating"), (4, "exit")])
    made.act(1, HOSTILE, HOSTILE)
    made.probe(0, 1, [(0, HOSTILE)], name=HOSTILE)
    recorder = Recorder(tmp_path / "history.jsonl.gz", "hostile")
    for record in made.end(5):
        recorder.add(record)
    recorder.close()
    result = Result(id="B1", name="hostile", path=HOSTILE, verdict="fail", why=HOSTILE, proof=[HOSTILE])
    made_run.a_run([result]).write(tmp_path / "results.json")
    write_all(tmp_path)
    opened = Opened(browser.new_page(), tmp_path / "report.html")
    page = opened.go()
    plot = opened.figure("hostile")
    assert plot.locator("text", has_text=HOSTILE).count() > 0
    page.locator("[data-lines=story] summary").click()
    page.locator(".story tbody tr").first.wait_for()
    assert HOSTILE in page.locator(".story").text_content()
    assert page.locator("img").count() == 0
    assert plot.locator("a").count() == 0
    assert opened.said == []
    assert opened.asked == [opened.url]
    page.close()


def test_a_browser_that_cannot_unpack_says_so(browser: Any, folder: pathlib.Path) -> None:
    page = browser.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto((folder / "report.html").as_uri())
    page.locator("#rollout-naive .plot").scroll_into_view_if_needed()
    page.get_by_text("This browser cannot unpack the drawing library").first.wait_for()
    page.close()


def test_printed_pages_have_every_figure(opened: Opened) -> None:
    page = opened.go()
    opened.figure("rollout-naive")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.locator("#handover-release .main-svg").first.wait_for()
    assert page.locator("#handover-release .plot").evaluate("el => el._fullLayout.width") == 690
