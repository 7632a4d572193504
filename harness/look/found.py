"""How a check tells what it found."""

from dataclasses import dataclass

from harness import patch
from harness.look.catalogue import CATALOGUE
from harness.look.source import Source
from harness.manifests import Manifest
from harness.results import Finding
from harness.shape import Shape, Workload, object_of


@dataclass(frozen=True, slots=True)
class Scene:
    """What the checks look at: the shape, and the sources that it was read from, in the same order."""

    shape: Shape
    sources: list[Source]

    def found(
        self, code: str, number: int, path: tuple[str | int, ...], what: str, *patches: Manifest, paste: str = ""
    ) -> Finding:
        """A finding about a place in the manifest of this number. What to paste are lines, or patches as YAML."""
        entry, source = CATALOGUE[code], self.sources[number]
        return Finding(
            code=code,
            severity=entry.severity,
            what=what,
            why=entry.why,
            object=object_of(source.manifest),
            path=words(path),
            file=source.file,
            line=source.line(path),
            row=entry.row,
            shown_by=entry.shown_by,
            paste=paste or patch.text(patches),
        )

    def served(self) -> list[Workload]:
        """The workloads behind a Service."""
        return [one for one in self.shape.workloads if self.shape.services(one)]


def words(path: tuple[str | int, ...]) -> str:
    """A path in words: spec.template.spec.containers[0].lifecycle."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
