"""The Containerfiles that a user builds, each as the documents tell to build it."""

import pathlib
import re
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).parents[2]
TOLD = re.compile(r"docker build -f (\S+) (\S+)")
"""What the Containerfile itself says, where its context is another folder than its own."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A Containerfile and the context that it is built from, relative to the repository; `takes` are its ARGs."""

    file: pathlib.Path
    context: pathlib.Path
    takes: frozenset[str]

    @property
    def name(self) -> str:
        return self.file.parent.name

    @property
    def image(self) -> str:
        return f"survive.dev/{self.name}:dev"


def read(file: pathlib.Path) -> Recipe:
    """The recipe of a Containerfile."""
    text, relative = file.read_text(), file.relative_to(ROOT)
    context = relative.parent
    if told := TOLD.search(text):
        assert told[1] == str(relative), f"{relative} tells to build {told[1]}"
        context = pathlib.Path(told[2])
    return Recipe(relative, context, frozenset(re.findall(r"^ARG (\w+)", text, re.MULTILINE)))


def recipes() -> dict[str, Recipe]:
    """All that there are, by name."""
    files = [file for folder in ("workloads", "deploy") for file in sorted((ROOT / folder).glob("*/Containerfile"))]
    return {recipe.name: recipe for recipe in map(read, files)}
