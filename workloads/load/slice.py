"""A short time slice, asked of the kernel's scheduler, so that the prober runs soon after it wakes.

Since Linux 6.12 a task of the ordinary class may name its slice by sched_setattr(2): the shorter, the earlier its
deadline, and the sooner it takes over from tasks with longer ones. It gets no more of the processor by that. Needs no
privilege; older kernels and other machines refuse or ignore it, and then the prober's own lag tells what it costs.
"""

import ctypes
import os
import struct

SYS_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
SLICE_NS = 100_000  # the least that the kernel takes
# struct sched_attr: size, policy (SCHED_OTHER), flags, nice, priority, runtime, deadline, period.
ATTRIBUTES = struct.pack("=IIQiIQQQ", 48, 0, 0, 0, 0, SLICE_NS, 0, 0)


def ask_for_short_slice() -> bool:
    """Ask for this process; whether the kernel took it."""
    number = SYS_SCHED_SETATTR.get(os.uname().machine)
    if number is None:
        return False
    attributes = ctypes.create_string_buffer(ATTRIBUTES, len(ATTRIBUTES))
    return int(ctypes.CDLL(None).syscall(number, 0, attributes, 0)) == 0
