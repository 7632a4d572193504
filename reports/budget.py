"""What a restart costs: its failed requests at a user's own rate, as a share of what an availability target allows.

Arithmetic only. Failures are taken to grow with the rate: at twice the requests twice as many fail in the same outage.
The share of the budget does not depend on the rate, since both sides grow with it.
"""

from dataclasses import dataclass

from harness.results import Traffic, Use
from reports.text import percent

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What one row's restart costs a user.

    `failed` requests a restart and `failed_a_day` at the user's rate; `share` of a day's error budget, 1.0 being all of
    it. With `bound` no request failed, and each figure is the most that so few requests leave possible at 95 %.
    """

    use: Use
    rate_per_s: float
    failed: float
    failed_a_day: float
    share: float
    bound: bool


def cost(traffic: Traffic | None, use: Use | None) -> Cost | None:
    """The cost of one restart; None without traffic, or where its rate or the use's is not known to be above 0."""
    if traffic is None or not traffic.rate_per_s:
        return None
    use = use or Use()
    rate = traffic.rate_per_s if use.rate_per_s is None else use.rate_per_s
    bound = traffic.errors == 0
    failed = (traffic.error_rate_below * traffic.requests if bound else traffic.errors) / max(traffic.restarts, 1)
    scaled = failed * rate / traffic.rate_per_s
    a_day = scaled * use.deploys_a_day
    allowed = rate * DAY_S * (1 - use.slo_percent / 100)
    return Cost(use, rate, scaled, a_day, a_day / allowed, bound)


def words(found: Cost) -> str:
    """In one sentence: `193 failed a restart at 100/s; with 1 deploy a day 193, 2.23 % of the error budget of …`."""
    most, deploys = "at most " if found.bound else "", found.use.deploys_a_day
    return (
        f"{most}{_count(found.failed)} failed a restart at {found.rate_per_s:g}/s; with {deploys:g}"
        f" deploy{'' if deploys == 1 else 's'} a day {most}{_count(found.failed_a_day)},"
        f" {most}{percent(found.share)} of the error budget of {found.use.slo_percent:g} %"
    )


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:.1f}"
