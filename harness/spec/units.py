"""Durations, rates and shares as people write them in a spec: 500ms, 100/s, 0.1 %."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(_NUMBER + r"\s*(ms|s|m|h)")
_RATE = re.compile(_NUMBER + r"\s*/\s*(s|m)")
_SHARE = re.compile(_NUMBER + r"\s*%")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(value: Any) -> float:
    """A duration in seconds; 0 needs no unit."""
    if _plain(value) and value == 0:
        return 0.0
    if isinstance(value, str) and (found := _DURATION.fullmatch(value.strip())):
        return float(found[1]) * _SECONDS[found[2]]
    raise _wrong(value, "a duration with its unit: ms, s, m or h")


def per_second(value: Any) -> float:
    """A rate in requests a second; a bare number is one, too."""
    if _plain(value):
        return float(value)
    if isinstance(value, str) and (found := _RATE.fullmatch(value.strip())):
        return float(found[1]) / _SECONDS[found[2]]
    raise _wrong(value, "a rate: requests/s or requests/m")


def share(value: Any) -> float:
    """A share as a fraction of 1; 0 needs no per cent."""
    if _plain(value) and value == 0:
        return 0.0
    if isinstance(value, str) and (found := _SHARE.fullmatch(value.strip())) and float(found[1]) <= 100:
        return float(found[1]) / 100
    raise _wrong(value, "a share in per cent, from 0 % to 100 %")


def _plain(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong(value: Any, wanted: str) -> PydanticCustomError:
    return PydanticCustomError("unit", "{value} is not {wanted}", {"value": repr(value), "wanted": wanted})


# In the JSON schema each is what is written, not what it becomes.
Duration = Annotated[float, BeforeValidator(seconds, json_schema_input_type=str | int)]
Rate = Annotated[float, BeforeValidator(per_second, json_schema_input_type=str | float)]
Share = Annotated[float, BeforeValidator(share, json_schema_input_type=str | int)]
