"""The results as Prometheus text, by the field's own library, which is an extra: pytest-survive[metrics]."""

import importlib.util

from harness.errors import UsageError
from harness.results import Results
from reports import text


def need() -> None:
    """Raise UsageError where the library is not installed: before a run, not after it."""
    if importlib.util.find_spec("prometheus_client") is None:
        raise UsageError("--survive-metrics needs prometheus_client: pip install 'pytest-survive[metrics]'")


def render(results: Results) -> str:
    """All rows' verdicts and figures. A figure that does not apply to a row has no sample."""
    need()
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()
    row = ("row", "name", "path")

    def gauge(name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, (*row, *labels), registry=registry)

    verdict = gauge("survive_verdict", "1 for the verdict that the row has", "verdict")
    requests = gauge("survive_requests", "Requests of the measuring probe")
    errors = gauge("survive_failed_requests", "Failed requests of the measuring probe")
    outage = gauge("survive_longest_outage_seconds", "The longest outage, 0 if there was none", "bound")
    failover = gauge("survive_failover_seconds", "From the old leader's last work to the new one's first", "bound")
    for one in results.results:
        of = (one.id, one.name, one.path)
        verdict.labels(*of, one.verdict).set(1)
        if one.traffic is not None:
            requests.labels(*of).set(one.traffic.requests)
            errors.labels(*of).set(one.traffic.errors)
            worst = text.longest(one.traffic)
            for bound in ("low", "estimate", "high"):
                outage.labels(*of, bound).set(getattr(worst, f"{bound}_s") if worst else 0)
        if one.failover is not None:
            for bound in ("low", "estimate", "high"):
                failover.labels(*of, bound).set(getattr(one.failover, f"{bound}_s"))
    Gauge("survive_run_duration_seconds", "How long the run took", registry=registry).set(results.run.duration_s)
    return generate_latest(registry).decode()
