"""The ledger: what was begun and done."""

import json

from .say import tell


class Ledger:
    """What was begun and done: requests for `/` in all, and by idempotency key, each step of which is also told."""

    def __init__(self) -> None:
        self.begun = 0
        self.done = 0
        self.keys: dict[str, dict[str, int]] = {}

    def count(self, step: str, key: str) -> None:
        """`step` is begun or done."""
        setattr(self, step, getattr(self, step) + 1)
        if key:
            self.keys.setdefault(key, {"begun": 0, "done": 0})[step] += 1
            tell("task", key=key, step=step)

    def keyed(self, step: str) -> int:
        """How many steps with a key were told."""
        return sum(counts[step] for counts in self.keys.values())

    def text(self) -> str:
        """The ledger as JSON: `requests` are those done, `begun` those begun, `keys` both by key."""
        return json.dumps({"requests": self.done, "begun": self.begun, "keys": self.keys}) + "\n"
