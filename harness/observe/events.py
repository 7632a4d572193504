"""Events, as a watch of v1 Event gives them, as records."""

from harness.kube import Object
from harness.records import EventSeen


def event_seen(t_ns: int, change: str, event: Object) -> EventSeen | None:
    """An event's record; `object` is Kind/name. None for one that the API server threw away as old."""
    if change == "DELETED":
        return None
    about = event.get("involvedObject") or {}
    series = event.get("series") or {}
    source = event.get("source") or {}
    return EventSeen(
        t_ns=t_ns,
        reason=event.get("reason") or "",
        type=event.get("type") or "",
        message=event.get("message") or "",
        object=f"{about.get('kind', '')}/{about.get('name', '')}",
        uid=about.get("uid") or "",
        source=event.get("reportingComponent") or source.get("component") or "",
        count=int(series.get("count") or event.get("count") or 1),
    )
