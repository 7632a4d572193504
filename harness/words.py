"""Figures as words, for verdicts and reports alike."""

import math


def digits(value: float) -> int:
    """How many decimals a per cent figure deserves: 19.3, 1.93, 0.052."""
    return 1 if value >= 10 else 2 if value >= 1 else 1 - math.floor(math.log10(value)) if value > 0 else 0


def at_most_percent(share: float) -> str:
    """An upper bound of a share (0 to 1) as per cent, rounded up so that it still holds: `0.29 %`."""
    value = share * 100
    places = digits(value)
    return f"{math.ceil(round(value * 10**places, 6)) / 10**places:.{places}f} %"
