"""How a verdict other than PASS ends a test. These are about the app or the proof, never about the harness."""

from harness.results import Result


class NotPassed(AssertionError):
    """A scenario whose verdict is not PASS."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.why)
        self.result = result

    def __str__(self) -> str:
        rows = [f"{self.result.verdict.upper()} {self.result.id} {self.result.name}: {self.result.why}"]
        marks = {True: "holds", False: "broken", None: "cannot be told"}
        rows += [f"  {marks[one.holds]:>14}: {one.what} (seen: {one.seen})" for one in self.result.expected]
        rows += [f"           proof: {fact}" for fact in self.result.proof]
        rows += [f"               → {one.what}" for one in self.result.advice]
        return "\n".join(rows)


class Failed(NotPassed):
    """The app did not do what its row expects."""


class Inconclusive(NotPassed):
    """It was not proved, or not measured well enough, to say either way."""


class TooNoisy(Inconclusive):
    """All that stands in the way of a verdict is the machine's noise: it may be measured again."""


def raise_unless_passed(result: Result) -> None:
    """Raise Failed, Inconclusive or TooNoisy for a result that is not a pass."""
    noise = result.noise
    if result.verdict == "inconclusive" and noise and noise.quiet is False and noise.why in result.why:
        raise TooNoisy(result)
    if result.verdict == "inconclusive":
        raise Inconclusive(result)
    if result.verdict != "pass":
        raise Failed(result)
