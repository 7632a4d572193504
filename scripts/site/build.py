"""Lays the sources together, fills in what is made from the code, and has the site built, strictly."""

import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable

from reports.topics import TOPICS
from scripts.site import links, matrix, messages, reference
from scripts.site.rows import ROOT, rows, shown

MARKER = re.compile(r"^<!-- from the code: ([\w ]+) -->$", re.MULTILINE)
"""A line of a page that stands for something that is made from the code."""

PROJECT = {name: name.lower() for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")}
"""Documents of the repository's root, and where they are in the site."""


class BrokenSite(Exception):  # noqa: N818 - named for what happened
    """The site could not be built, or has broken links."""


def build(out: pathlib.Path) -> pathlib.Path:
    """Build the site in a folder, which is emptied first, and return the folder of its pages. Raises BrokenSite."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    assemble(out / "docs")
    shutil.copy(ROOT / "mkdocs.yml", out)
    return render(out)


def render(out: pathlib.Path) -> pathlib.Path:
    """Have the pages made of the sources, and return their folder. Raises BrokenSite, for a broken link too."""
    argv = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", "mkdocs.yml"]
    done = subprocess.run(argv, cwd=out, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BrokenSite(f"{' '.join(argv[1:])} failed:\n{done.stdout}{done.stderr}")
    site = out / "site"
    pages = [page.relative_to(out / "docs").with_suffix(".html") for page in (out / "docs").rglob("*.md")]
    if unwritten := [str(page) for page in pages if not (site / page).exists()]:
        raise BrokenSite(f"pages were not written: {', '.join(unwritten)}")
    if found := links.broken(site):
        raise BrokenSite("broken links:\n" + "\n".join(found))
    return site


def assemble(docs: pathlib.Path) -> None:
    """Write the sources of all pages: copies of what is written, with what the code gives, and the pictures."""
    shutil.copytree(ROOT / "docs", docs)
    for page in docs.glob("*.md"):
        page.write_text(moved(page.read_text(), "../"))
    for name, target in PROJECT.items():
        (docs / target).write_text(moved((ROOT / name).read_text().replace("](docs/", "]("), ""))
    fill(docs, blocks(docs))


def moved(page: str, root: str) -> str:
    """A page with its links to documents of the root, which are beside it in the site; `root` is the way there now.

    The examples are no part of the site: a link to them becomes its text.
    """
    for name, target in PROJECT.items():
        page = page.replace(f"]({root}{name}", f"]({target}")
    return re.sub(rf"\[([^\]]+)\]\({re.escape(root)}examples[^)]*\)", r"\1", page)


def blocks(docs: pathlib.Path) -> dict[str, Callable[[], str]]:
    """What can be asked for from the code, by its name. The pictures are written on the way."""
    found = rows()
    known = shown(found)
    matrix.pictures(found, known, docs / "pictures")
    made: dict[str, Callable[[], str]] = {
        "topics": lambda: matrix.topics(found, known),
        "paths": lambda: matrix.paths(found),
        "options": reference.options,
        "markers": reference.markers,
        "fixtures": reference.fixtures,
        "commands": reference.commands,
        "fields": reference.fields,
        "api": reference.api,
        "hooks": reference.hooks,
        "own paths": reference.own_paths,
        "findings": reference.findings,
        "exit codes": reference.verdicts,
        "messages": messages.all_messages,
        "rules": messages.rules,
        "builds": messages.builds,
    }
    for letter in TOPICS:
        made[f"rows {letter}"] = lambda letter=letter: matrix.topic(letter, found, known)  # type: ignore[misc]
    return made


def fill(docs: pathlib.Path, made: dict[str, Callable[[], str]]) -> None:
    """Put in what pages ask for. Raises BrokenSite where a page asks for what there is not, or nobody asks for one."""
    asked = set()
    for page in sorted(docs.rglob("*.md")):
        text = page.read_text()
        names = MARKER.findall(text)
        if unknown := [name for name in names if name not in made]:
            raise BrokenSite(f"{page.name} asks for {unknown[0]}; there are {', '.join(made)}")
        asked |= set(names)
        if names:
            page.write_text(MARKER.sub(lambda match: made[match[1]](), text))
    if unasked := made.keys() - asked:
        raise BrokenSite(f"no page asks for {', '.join(sorted(unasked))}")
