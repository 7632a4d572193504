"""The phases of one handover, each a moment with bounds, on the harness's clock.

act → last work → released, or expired → acquired → first work. What a watch brings is an upper bound; what the holder
wrote into its Lease is its own clock, before the write. A lease expires, by its own figures, its duration after the
last renewal; whoever waits for it counts from its own sight of that renewal, and so is later, but not later than it
acquired it.
"""

from collections.abc import Sequence

from harness.clock import NS_PER_S
from harness.clocks import Clocks
from harness.records import Act, LeaseSeen
from harness.reigns import Reign, Stretch
from harness.results import Phase


def phases(
    old: Reign, last: Stretch, new: Reign, leases: Sequence[LeaseSeen], acts: Sequence[Act], clocks: Clocks,
    width_s: float,
) -> list[Phase]:  # fmt: skip
    """Those of which something was seen."""
    width_ns = round(width_s * NS_PER_S)
    old_ns, new_ns = clocks.of_pod(old.pod).error_ns, clocks.of_pod(new.pod).error_ns
    taken = _taken(leases, new)
    found = [
        _act(acts, old, new),
        Phase(what="last work", low_ns=last.last_ns - old_ns, high_ns=last.last_ns + width_ns + old_ns),
        _free(leases, old, taken, old_ns, new_ns),
    ]
    if taken is not None and taken.acquire_ns is not None:
        high_ns = max(taken.t_ns, taken.acquire_ns)
        found.append(Phase(what="acquired", low_ns=taken.acquire_ns - new_ns, high_ns=high_ns))
    found.append(Phase(what="first work", low_ns=new.first_ns - width_ns - new_ns, high_ns=new.first_ns + new_ns))
    return [one for one in found if one is not None]


def _act(acts: Sequence[Act], old: Reign, new: Reign) -> Phase | None:
    """The act that was aimed at this leader, from its begin until it was done."""
    aimed = [act for act in acts if act.detail.get("holder") == old.identity and act.t_ns <= new.first_ns]
    begun = [act.t_ns for act in aimed if act.status == "begin"]
    done = [act.t_ns for act in aimed if act.status == "done"]
    return Phase(what="act", low_ns=begun[-1], high_ns=done[-1]) if begun and done else None


def _taken(leases: Sequence[LeaseSeen], new: Reign) -> LeaseSeen | None:
    """The first sight of the new leader as the holder in its term."""
    return next((one for one in leases if (one.holder, one.transitions) == (new.identity, new.term)), None)


def _free(
    leases: Sequence[LeaseSeen], old: Reign, taken: LeaseSeen | None, old_ns: int, new_ns: int
) -> Phase | None:  # fmt: skip
    """When the Lease was free to be taken: its release by the old leader, else its expiry."""
    before = [one for one in leases if taken is None or one.t_ns < taken.t_ns]
    mine = [n for n, one in enumerate(before) if one.holder == old.identity and one.renew_ns is not None]
    if not mine:
        return None
    released = next((one for one in before[mine[-1] :] if not one.holder and one.renew_ns is not None), None)
    if released is not None and released.renew_ns is not None:
        return Phase(what="released", low_ns=released.renew_ns - old_ns, high_ns=max(released.t_ns, released.renew_ns))
    last = before[mine[-1]]
    expiry_ns = (last.renew_ns or 0) + last.duration_s * NS_PER_S
    if taken is None or taken.acquire_ns is None or taken.acquire_ns + new_ns < expiry_ns - old_ns:
        return None
    return Phase(what="expired", low_ns=expiry_ns - old_ns, high_ns=taken.acquire_ns + new_ns)
