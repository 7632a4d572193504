"""The users of the open loop, as Locust counts them: a locustfile, so that a plain Locust master can command workers.

They send nothing themselves: a worker's open loop (`background`) does, from the master's start to its end.
"""

from typing import Any, ClassVar

from locust import User, constant


def shop(_: object) -> None:
    """The open loop sends, beside this."""


class Shopper(User):
    """One worker's share of the schedule."""

    wait_time = constant(1)
    tasks: ClassVar[list[Any]] = [shop]
