"""One piece of advice, with the figures of what was felt."""

from typing import Any

from harness import patch
from harness.judge.hurt import Hurt
from harness.manifests import Manifest
from harness.results import Advice
from harness.shape import object_of


def piece(felt: Hurt, code: str, what: str, why: str, evidence: list[str], *patches: Manifest, **more: Any) -> Advice:
    """An advice about the workload that was measured; `more` may have its kind and its text to paste."""
    return Advice(
        code=code,
        kind=more.get("kind", "manifest"),
        what=what,
        why=why,
        evidence=[*evidence, *_figures(felt)],
        object=object_of(felt.workload.manifest),
        patch=list(patches),
        paste=more.get("paste", patch.text(patches)),
    )


def _figures(felt: Hurt) -> list[str]:
    """What was felt, in a sentence."""
    if felt.failed:
        return [f"{felt.failed} of {felt.requests} requests failed, for {felt.longest_s:.2f} s at a stretch"]
    return [f"answers were late for {felt.longest_s:.2f} s"] if felt.longest_s else []
