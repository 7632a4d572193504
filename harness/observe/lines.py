"""Lines of a container's log, as records: those in the harness's own words, and all others."""

import json
from collections.abc import Callable
from typing import Any

from harness.records import AppSaid, Beats, Log, Noise, ProbeEnded, ProbeStarted, Record, RequestBatch, Task, Work

_OURS: dict[str, Callable[..., Record]] = {
    cls.kind: cls for cls in (AppSaid, Work, Task, Noise, ProbeStarted, ProbeEnded, RequestBatch, Beats)
}
_LONGEST = 4_000


def record_of(t_ns: int, line: str, pod: str, container: str) -> Record:
    """A line that is a record of ours becomes it; any other line becomes a Log at `t_ns`, cut where it is very long."""
    ours = _ours(line, pod, container) if line.startswith('{"') else None
    return ours or Log(t_ns, pod, container, line[:_LONGEST])


def _ours(line: str, pod: str, container: str) -> Record | None:
    try:
        values: dict[str, Any] = json.loads(line)
        cls = _OURS[values.pop("kind")]
        if not isinstance(values["t_ns"], int):
            return None
        if cls is AppSaid:
            values |= {"pod": pod, "container": container}
        elif cls in (Work, Task, ProbeStarted):
            values |= {"pod": pod}
        return cls(**values)
    except (ValueError, TypeError, KeyError):
        # An app may log JSON of its own.
        return None


class Cursor:
    """How far a log was read, so that a stream that broke is resumed without a line lost or doubled.

    A log can be asked for from a whole second on, and several lines may bear one time stamp: so the lines up to the
    last one taken come again, and are counted off. If that one does not come again, what followed it may be lost too
    (the kubelet has moved the log away, or gives another instance's): `gaps` counts this.
    """

    def __init__(self) -> None:
        self.t_ns: int | None = None
        self.gaps = 0
        self._taken_at = 0
        self._again_at = 0
        self._replay = False

    def resume(self, same_instance: bool) -> None:
        """The log is read again from `t_ns`, rounded down to its second; of a new instance no line comes again."""
        self._replay = self.t_ns is not None
        self._again_at = self._taken_at if same_instance else 0

    def misses(self, t_ns: int) -> bool:
        """Whether this line comes without the last one taken before it."""
        return self._replay and self.t_ns is not None and t_ns > self.t_ns and self._again_at > 0

    def takes(self, t_ns: int) -> bool:
        """Whether this line is new; to be asked once for each line, in order."""
        if self._replay and self.t_ns is not None:
            if t_ns < self.t_ns:
                return False
            if t_ns == self.t_ns and self._again_at > 0:
                self._again_at -= 1
                return False
            self._replay = False
            self.gaps += self._again_at > 0
        self._taken_at = self._taken_at + 1 if t_ns == self.t_ns else 1
        self.t_ns = t_ns
        return True
