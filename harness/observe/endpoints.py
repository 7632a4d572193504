"""EndpointSlices, as a watch of discovery.k8s.io/v1 gives them, as records."""

from harness.kube import Object
from harness.records import EndpointSeen, EndpointsSeen


def endpoints_seen(t_ns: int, change: str, slice_: Object) -> EndpointsSeen:
    """A slice's record: one EndpointSeen an address; none after the slice was deleted."""
    meta = slice_["metadata"]
    return EndpointsSeen(
        t_ns=t_ns,
        service=(meta.get("labels") or {}).get("kubernetes.io/service-name", ""),
        slice=meta["name"],
        endpoints=[] if change == "DELETED" else _addresses(slice_),
    )


def _addresses(slice_: Object) -> list[EndpointSeen]:
    found = []
    for endpoint in slice_.get("endpoints") or []:
        conditions = endpoint.get("conditions") or {}
        target = endpoint.get("targetRef") or {}
        # The API's defaults: an unset `ready` counts as true, an unset `serving` as `ready`, `terminating` as false.
        ready = conditions.get("ready") is not False
        serving = conditions.get("serving")
        for ip in endpoint.get("addresses") or []:
            seen = EndpointSeen(
                pod=target.get("name", ""),
                uid=target.get("uid", ""),
                ip=ip,
                node=endpoint.get("nodeName", ""),
                ready=ready,
                serving=ready if serving is None else bool(serving),
                terminating=bool(conditions.get("terminating")),
            )
            found.append(seen)
    return found
