"""The pages of the restart paths: each row with its sentence, what must be seen, and a picture of a recorded run."""

import pathlib
from collections.abc import Iterable
from html import escape

from harness.disrupt import PATHS, does
from reports import text
from reports.timeline import figure
from reports.topics import TOPICS
from scripts.site.picture import svg
from scripts.site.rows import Row, Shown

POINTS = 700
"""So many good requests are drawn at most."""

MARKS = {"core": "in `make run`", "node": "breaks a node of its own", "sole": "while no other row runs"}


def table(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    """A table of Markdown."""
    titles = list(head)
    lines = ["| " + " | ".join(titles) + " |", "|" + " --- |" * len(titles)]
    return "\n".join([*lines, *("| " + " | ".join(cell(one) for one in row) + " |" for row in body)]) + "\n"


def cell(value: str) -> str:
    """A text that stays in its cell; a bar in a code span does so by itself."""
    parts = value.replace("\n", " ").split("`")
    return "`".join(part if number % 2 else part.replace("|", "\\|") for number, part in enumerate(parts))


def plain(value: str) -> str:
    """A text from the code that Markdown shall take for nothing but text, but for its code spans."""
    parts = value.split("`")
    told = [escape(one, quote=False).replace("*", "\\*").replace("_", "\\_") for one in parts[::2]]
    odd = [f"`{one}`" for one in parts[1::2]]
    return "".join(a + b for a, b in zip(told, [*odd, ""], strict=False))


def subject(found: list[Row]) -> str:
    """What the rows of one id are called together: what their names begin with, else their path."""
    names = [row.name.split("-") for row in found]
    common = [parts[0] for parts in zip(*names, strict=False) if len(set(parts)) == 1]
    return "-".join(common) or found[0].path


def topic(letter: str, found: list[Row], known: dict[str, Shown]) -> str:
    """All rows of a topic."""
    own = [row for row in found if row.topic == letter]
    parts = [
        table(
            ("row", "variants"),
            ((_link(one), ", ".join(f"[{row.name}](#{row.name})" for row in one)) for one in ids(own)),
        )
    ]
    for one in ids(own):
        parts.append(f"## {one[0].id} {subject(one)}\n")
        parts.append(
            "\n".join(
                f"*Path* `{name}`: {plain(said)}.\n" for name, said in {row.path: row.does for row in one}.items()
            )
        )
        parts += [_row(row, known[row.name]) for row in one]
    return "\n".join(parts)


def page_of(row_id: str, folder: str = "") -> str:
    """A link to the page that a row's id is on."""
    return f"[{row_id}]({folder}{row_id[0].lower()}.md)"


def ids(found: list[Row]) -> list[list[Row]]:
    """The rows by their ids."""
    by_id: dict[str, list[Row]] = {}
    for row in found:
        by_id.setdefault(row.id, []).append(row)
    return list(by_id.values())


def _link(one: list[Row]) -> str:
    name = f"{one[0].id} {subject(one)}"
    return f"[{name}](#{name.lower().replace(' ', '-')})"


def _row(row: Row, known: Shown) -> str:
    told = [f"### {row.name}\n", f"{plain(row.title)}\n"]
    head = ("must be seen", "was seen") if known.result else ("must be seen",)
    reasons = any(one.reason for one in known.expected)
    body = [
        (plain(one.what), *((plain(one.seen),) if known.result else ()), *((plain(one.reason),) if reasons else ()))
        for one in known.expected
    ]
    told.append(table((*head, *(("where the figure comes from",) if reasons else ())), body))
    if known.history and known.result:
        told.append(f"![{escape(label(row, known))}](../pictures/{row.name}.svg){{ loading=lazy }}\n")
        told.append("Proved by: " + "; ".join(plain(one) for one in known.result.proof) + ".\n")
    else:
        told.append("*No run of this row is recorded in the repository yet, so there is no picture.*\n")
    notes = [MARKS.get(mark, f"`{mark}`") for mark in row.marks]
    again = f'Run it: `make matrix ARGS="-k {row.name}"`' + (f" ({', '.join(notes)})" if notes else "")
    told.append(f"{again}. Its test: `{row.test}`.\n")
    return "\n".join(told)


def label(row: Row, known: Shown) -> str:
    """The picture in a sentence, for those who cannot see it."""
    traffic = known.result.traffic if known.result else None
    felt = f" Longest outage: {text.longest_words(traffic)}." if traffic else ""
    return f"Timeline of {row.name}.{felt}"


def pictures(found: list[Row], known: dict[str, Shown], folder: pathlib.Path) -> None:
    """Write the picture of each row of which a run is recorded."""
    folder.mkdir(parents=True)
    for row in found:
        one = known[row.name]
        if one.history and one.result and (drawn := figure(one.history, one.result, POINTS, 0)):
            (folder / f"{row.name}.svg").write_text(svg(drawn, label(row, one)))


def paths(found: list[Row]) -> str:
    """Every restart path, what it does, and the rows that prove it."""
    by_path: dict[str, list[Row]] = {}
    for row in found:
        by_path.setdefault(row.path, []).append(row)
    body = []
    for path in sorted(PATHS, key=lambda one: one.name):
        one = by_path.get(path.name, [])
        links = [
            f"[{row.id}]({row.topic.lower()}.md#{row.name})" for row in {row.id: row for row in reversed(one)}.values()
        ]
        body.append((f"`{path.name}`", plain(does(path)), " ".join(reversed(links)) or "your own apps"))
    return table(("path", "what it does", "rows"), body)


def topics(found: list[Row], known: dict[str, Shown]) -> str:
    """The topics, and how many rows each has."""
    body = []
    for letter, name in TOPICS.items():
        own = [row for row in found if row.topic == letter]
        seen = sum(known[row.name].history is not None for row in own)
        body.append((f"[{letter}. {name}]({letter.lower()}.md)", str(len(ids(own))), str(len(own)), str(seen)))
    return table(("topic", "rows", "variants", "with a recorded run"), body)
