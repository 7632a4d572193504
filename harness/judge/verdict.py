"""The verdict on one row: PASS, FAIL or INCONCLUSIVE from a history, its proof and what was expected.

The order is the point. A broken harness is an error; then what could not be proved, what was too noisy and what could
not be told is INCONCLUSIVE; only then does a broken expectation FAIL, and only what is left passes.
"""

from collections.abc import Sequence

from harness import results
from harness.clock import seconds
from harness.history import History
from harness.judge import kept, streams
from harness.judge.advice import advise
from harness.judge.each_pod import each_pod
from harness.judge.expectation import Evidence, Expectation
from harness.judge.inflight import inflight
from harness.judge.leadership import failover
from harness.judge.noise import noise
from harness.judge.timings import timings as measured_timings
from harness.judge.traffic import STALL_S, by_probe
from harness.proof import Proof
from harness.records import Act, ScenarioEnded, ScenarioStarted


def evidence(
    history: History, *, needs_control: bool = True, lease: str = "", stall_s: float = STALL_S,
    timings: dict[str, float] | None = None, restarts: int = 0,
) -> Evidence:  # fmt: skip
    """All that a history tells; `timings` adds to, or replaces, those measured here. `restarts`: see `traffic`."""
    return Evidence(
        history=history,
        traffic=by_probe(history, stall_s, restarts),
        failover=failover(history, lease),
        noise=noise(history, needs_control),
        timings=measured_timings(history) | (timings or {}),
        kept=kept.by_probe(history),
        streams=streams.by_probe(history),
        in_flight=inflight(history),
        each_pod=each_pod(history),
    )


def judge(
    history: History, proof: Proof, expectations: Sequence[Expectation], *, needs_control: bool = True,
    lease: str = "", stall_s: float = STALL_S, timings: dict[str, float] | None = None, probe: str = "",
    restarts: int = 0,
) -> results.Result:  # fmt: skip
    """The whole result of one scenario, of so many restarts.

    `probe` names the measuring prober whose traffic stands for the users'; the first one if it is empty. The history
    must have its ScenarioStarted; its ScenarioEnded tells of harness errors.
    """
    started = history.of(ScenarioStarted)[0]
    ended = history.of(ScenarioEnded)
    seen = evidence(
        history, needs_control=needs_control, lease=lease, stall_s=stall_s, timings=timings, restarts=restarts
    )
    expected = [expectation(seen) for expectation in expectations]
    error = ended[-1].error if ended else "the scenario never came to its end"
    verdict, why = decide(error, proof, seen.noise, expected)
    first = probe or next(iter(seen.traffic), "")
    return results.Result(
        id=started.row,
        name=started.name,
        path=started.path,
        title=started.title,
        test=started.test,
        verdict=verdict,
        why=why,
        proof=proof.found,
        expected=expected,
        traffic=seen.traffic.get(first),
        other_traffic={name: one for name, one in seen.traffic.items() if name != first} or None,
        kept=seen.kept or None,
        streams=seen.streams or None,
        in_flight=seen.in_flight,
        each_pod=seen.each_pod or None,
        failover=seen.failover,
        noise=seen.noise,
        # Where the harness broke before anything was done, nothing that was felt is about a restart.
        advice=advise(seen) if not error or history.of(Act) else [],
        timings=seen.timings,
        started_ns=started.t_ns,
        duration_s=seconds(ended[-1].t_ns - started.t_ns) if ended else 0.0,
    )


def needs_control(expectations: Sequence[Expectation], *, loaded: bool) -> bool:
    """Whether a control probe is needed: where load ran, or where what is expected is about traffic."""
    return loaded or any(one.of_traffic for one in expectations)


def decide(
    error: str, proof: Proof, quiet: results.Noise, expected: Sequence[results.Expected]
) -> tuple[results.Verdict, str]:
    """The verdict and one sentence on why, for the person who runs the app."""
    if error:
        return "error", f"The harness broke, which says nothing of the app: {error}."
    if not proof.complete:
        return "inconclusive", f"The restart was not proved: {'; '.join(proof.missing) or 'nothing shows it'}."
    if not quiet.quiet:
        return "inconclusive", f"The measurement cannot be trusted: {quiet.why or 'its noise is not known'}."
    if not expected:
        return "inconclusive", "Nothing was expected, so nothing was shown."
    if untold := [one for one in expected if one.holds is None]:
        return "inconclusive", f"It cannot be told whether {_phrases(untold)}."
    if broken := [one for one in expected if not one.holds]:
        return "fail", f"Expected {_phrases(broken)}."
    return "pass", f"As expected: {_phrases(expected)}."


def _phrases(expected: Sequence[results.Expected]) -> str:
    """What was expected and what was seen, in words."""
    return "; ".join(f"{one.what} (seen: {one.seen})" for one in expected)
