"""Leases, as a watch of coordination.k8s.io/v1 gives them, as records."""

from harness.kube import Object, time_ns
from harness.records import LeaseSeen


def lease_seen(t_ns: int, change: str, lease: Object) -> LeaseSeen:
    """A lease's record. A released lease has an empty holder, and so has one that was deleted."""
    meta, spec = lease["metadata"], lease.get("spec", {})
    return LeaseSeen(
        t_ns=t_ns,
        name=meta["name"],
        holder="" if change == "DELETED" else spec.get("holderIdentity") or "",
        transitions=int(spec.get("leaseTransitions") or 0),
        duration_s=int(spec.get("leaseDurationSeconds") or 0),
        acquire_ns=time_ns(spec.get("acquireTime")),
        renew_ns=time_ns(spec.get("renewTime")),
        resource_version=meta.get("resourceVersion", ""),
    )
