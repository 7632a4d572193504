"""Every link of a built site: to pages and anchors that are there; to other sites in proper form."""

import pathlib
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit


@dataclass
class Page(HTMLParser):
    """What a page has that can be linked to, and what it links to."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note its anchor and its link."""
        told = {name: value or "" for name, value in attrs}
        self.anchors |= {told[name] for name in ("id", "name") if told.get(name)}
        if tag in ("a", "link", "area") and "href" in told:
            self.links.append(told["href"])
        if tag in ("img", "script", "iframe", "source") and "src" in told:
            self.links.append(told["src"])


def read(site: pathlib.Path) -> dict[pathlib.Path, Page]:
    """All pages of a site."""
    found = {}
    for file in sorted(site.rglob("*.html")):
        found[file] = page = Page()
        page.feed(file.read_text(encoding="utf-8"))
    return found


def broken(site: pathlib.Path) -> list[str]:
    """What is wrong with the links of a site; empty if nothing is."""
    pages = read(site)
    problems = (
        f"{file.relative_to(site)}: {link}: {problem}"
        for file, page in pages.items()
        for link in dict.fromkeys(page.links)
        if (problem := _problem(site, file, link, pages))
    )
    return sorted(problems)


def _problem(site: pathlib.Path, file: pathlib.Path, link: str, pages: dict[pathlib.Path, Page]) -> str:
    parts = urlsplit(link)
    if parts.scheme in ("http", "https"):
        return "" if parts.scheme == "https" and "." in (parts.hostname or "") else "no address that others could reach"
    if parts.scheme:
        return "" if parts.scheme in ("mailto", "data", "javascript") else f"a scheme that is not known: {parts.scheme}"
    if parts.netloc:
        return "no scheme"
    path = unquote(parts.path)
    target = file if not path else (site / path.lstrip("/") if path.startswith("/") else file.parent / path).resolve()
    if target.is_dir():
        target /= "index.html"
    if not target.is_file() or not target.is_relative_to(site.resolve()):
        return "there is no such page"
    fragment = unquote(parts.fragment)
    if fragment and target in pages and fragment not in pages[target].anchors:
        return "the page has no such anchor"
    return ""
