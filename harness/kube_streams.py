"""Streams from the API server: watches and logs, which end when another thread tells them to."""

import contextlib
import datetime
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import urllib3

from harness.clock import NS_PER_S
from harness.errors import KubeError
from harness.kube_errors import refused, unanswered

Object = dict[str, Any]
Change = tuple[str, Object]

LISTED = "LISTED"
_GONE = 410
_BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)


class Stop:
    """Tells streams to end: `set` also shuts the sockets that they are blocked on. Threads share it."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._held: list[Callable[[], None]] = []

    def set(self) -> None:
        """End all streams, now and from now on; may be called twice."""
        with self._lock:
            self._event.set()
            for shut in self._held:
                _shut(shut)

    def is_set(self) -> bool:
        """Whether the streams were told to end."""
        return self._event.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Sleep, but wake up when told to end; True if told."""
        return self._event.wait(timeout_s)

    @contextlib.contextmanager
    def holding(self, shut: Callable[[], None]) -> Iterator[None]:
        """While it lasts, `set` calls `shut`, from its own thread; at once if it was set before."""
        with self._lock:
            self._held.append(shut)
            if self._event.is_set():
                _shut(shut)
        try:
            yield
        finally:
            with self._lock:
                self._held.remove(shut)


def _shut(shut: Callable[[], None]) -> None:
    # What has just come to its end by itself has no socket any more, and says so.
    with contextlib.suppress(RuntimeError, ValueError, OSError):
        shut()


class LogLine(NamedTuple):
    """A line of a log. `t_ns` is the container runtime's time, None if the kubelet itself speaks; `whole`: it ended."""

    t_ns: int | None
    text: str
    whole: bool


def time_ns(text: str | None) -> int | None:
    """A Kubernetes time stamp (RFC 3339, with up to nine decimals) as nanoseconds since the epoch."""
    if not text:
        return None
    head, dot, tail = text.partition(".")
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
    zone = tail[len(digits) :] if dot else ""
    moment = datetime.datetime.fromisoformat(head + zone)
    if moment.tzinfo is None:
        raise ValueError(f"no time zone in {text!r}")
    return int(moment.timestamp()) * NS_PER_S + int(digits.ljust(9, "0")[:9] or "0")


def log_line(raw: bytes) -> LogLine:
    """Take a line of a log with time stamps apart."""
    text = raw.decode(errors="replace")
    stamp, _, rest = text.rstrip("\n").partition(" ")
    try:
        t_ns = time_ns(stamp)
    except ValueError:
        t_ns, rest = None, text.rstrip("\n")
    return LogLine(t_ns, rest, raw.endswith(b"\n"))


def lines(response: urllib3.BaseHTTPResponse, stop: Stop, doing: str) -> Iterator[bytes]:
    """A response's lines as they come, each with its newline; the last one has none if it was cut.

    Ends when the response ends or `stop` is set. Raises KubeError if the stream breaks.
    """
    pending = b""
    with contextlib.closing(response), stop.holding(response.shutdown):
        try:
            for chunk in response.stream(1 << 16):
                if stop.is_set():
                    # Shutting a TLS socket takes its cipher away first: what a reader gets after that is ciphertext.
                    return
                *whole, pending = (pending + chunk).split(b"\n")
                for line in whole:
                    yield line + b"\n"
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as exc:
            # The last two come from a socket that `stop` shut under the reader; otherwise they are faults of ours.
            if stop.is_set():
                return
            if isinstance(exc, ValueError | AttributeError):
                raise
            raise unanswered(doing, exc) from exc
    if pending and not stop.is_set():
        yield pending


class Watch:
    """Lists, then watches from there: yields (type, object) with ADDED, MODIFIED, DELETED, and LISTED after each list.

    A watch that broke goes on from the last version seen; one that is too old lists again and yields the difference.
    `on_break` is told once for each time of blindness. The first list's error is raised, later ones are ridden out.
    """

    def __init__(
        self,
        fetch: Callable[[], Object],
        follow: Callable[[str], urllib3.BaseHTTPResponse],
        stop: Stop,
        on_break: Callable[[str], None],
        doing: str,
    ) -> None:
        self._fetch = fetch
        self._follow = follow
        self._stop = stop
        self._on_break = on_break
        self._doing = doing
        self._known: dict[str, Object] = {}
        self._version = ""
        self._failures = 0

    def __iter__(self) -> Iterator[Change]:
        yield from self._relist()
        while not self._stop.is_set():
            try:
                if not self._version:
                    yield from self._relist()
                yield from self._changes()
            except KubeError as exc:
                if not self._stop.is_set():
                    self._broke(exc)

    def _relist(self) -> Iterator[Change]:
        listed = self._fetch()
        now = {item["metadata"]["uid"]: item for item in listed.get("items") or []}
        for uid in [uid for uid in self._known if uid not in now]:
            yield "DELETED", self._known.pop(uid)
        for uid, item in now.items():
            before = self._known.get(uid)
            self._known[uid] = item
            if before is None:
                yield "ADDED", item
            elif before["metadata"]["resourceVersion"] != item["metadata"]["resourceVersion"]:
                yield "MODIFIED", item
        self._version = listed["metadata"]["resourceVersion"]
        yield LISTED, {}

    def _changes(self) -> Iterator[Change]:
        response = self._follow(self._version)
        for line in lines(response, self._stop, self._doing):
            if not line.endswith(b"\n"):
                continue
            change = json.loads(line)
            type_, item = change["type"], change["object"]
            if type_ == "ERROR":
                raise refused(self._doing, int(item.get("code", 0)), json.dumps(item))
            self._failures = 0
            self._version = item["metadata"]["resourceVersion"]
            if type_ == "BOOKMARK":
                continue
            self._remember(type_, item)
            yield type_, item

    def _remember(self, type_: str, item: Object) -> None:
        uid = item["metadata"]["uid"]
        if type_ == "DELETED":
            self._known.pop(uid, None)
        else:
            self._known[uid] = item

    def _broke(self, error: KubeError) -> None:
        if error.status == _GONE:
            self._version = ""
        if self._failures == 0:
            self._on_break(str(error))
        self._stop.wait(_BACK_OFF_S[min(self._failures, len(_BACK_OFF_S) - 1)])
        self._failures += 1
