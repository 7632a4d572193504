"""What further probers saw, as titles with facts: streams, work in flight, kept connections, each pod."""

from collections.abc import Iterable, Iterator

from harness.results import Cut, InFlight, Kept, PodAnswers, Result, Streams, Traffic
from reports import text

Facts = list[tuple[str, str]]

TITLES = {"sse": "Event streams", "websocket": "WebSockets", "kept-alive": "Kept connections"}


def probe_facts(result: Result) -> Iterator[tuple[str, Facts]]:
    """A title and its facts for each; none where only single requests through the Service were sent."""
    for name, streams in (result.streams or {}).items():
        yield TITLES.get(name, name), _streams(streams)
    if result.in_flight is not None:
        yield "Work in flight", _in_flight(result.in_flight)
    kept, others = result.kept or {}, result.other_traffic or {}
    for name in dict.fromkeys([*kept, *others]):
        facts = _kept(kept[name]) if name in kept else []
        yield TITLES.get(name, f"Requests · {name}"), facts + (_traffic(others[name]) if name in others else [])
    if result.each_pod:
        yield "Each pod at its own address", [(pod.pod, _pod(pod)) for pod in result.each_pod]


def _some(pairs: Iterable[tuple[str, int]]) -> Facts:
    """Those that are not zero."""
    return [(name, f"{count:,}") for name, count in pairs if count]


def _streams(found: Streams) -> Facts:
    early = _some(
        [
            ("Cut", found.cut), ("Told to go", found.told), ("Silent", found.silent), ("Ended otherwise", found.other),
            ("Not opened", found.unopened), ("Unknown", found.unknown),
        ]
    )  # fmt: skip
    beats = _some([("Heartbeats", found.heartbeats), ("Lost", found.lost), ("Doubled", found.doubled)])
    gap = [] if found.longest_gap_s is None else [("Longest silence", text.seconds(found.longest_gap_s))]
    return [("Opened", f"{found.opened:,}"), *(early or [("Ended early", "none")]), *_cuts(found.cuts), *beats, *gap]


def _in_flight(found: InFlight) -> Facts:
    pairs = [
        ("Sent again", found.resent), ("Failed sendings", found.failed), ("Done, not answered", found.unanswered),
        ("Unknown", found.unknown), ("Entries not seen", found.untold),
    ]  # fmt: skip
    work = [("Lost work", f"{found.lost:,}"), ("Doubled work", f"{found.doubled:,}")]
    return [("Answered", f"{found.answered:,} of {found.requests:,}"), *work, *_some(pairs), *_cuts(found.cuts)]


def _cuts(cuts: Iterable[Cut]) -> Facts:
    spans = [cut.after_signal_s for cut in cuts if cut.after_signal_s is not None]
    if not spans:
        return []
    first, last = text.seconds(min(spans)), text.seconds(max(spans))
    return [("Cut after the signal", first if first == last else f"{first} to {last}")]


def _kept(found: Kept) -> Facts:
    return [
        ("Connections", f"{found.connections:,}, the oldest {text.seconds(found.oldest_s)}"),
        ("Broken when used again", f"{found.broken:,} of {found.reused:,}"),
    ]


def _traffic(found: Traffic) -> Facts:
    longest = text.longest_words(found)
    return [("Requests", f"{found.requests:,}"), ("Failed", text.error_rate(found)), ("Longest outage", longest)]


def _pod(found: PodAnswers) -> str:
    seen = f"{found.failed:,} of {found.requests:,} failed"
    return f"{seen}, {found.failed_while_ready:,} while its endpoint was ready" if found.failed else seen
