"""The machine in one line, for what stands beside a measured figure."""

import os
import platform
import re


def machine() -> str:
    """Such as `2 cores, 24 GiB, Linux 6.18, Debian 12`."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kernel = ".".join(platform.release().split(".")[:2])
    return f"{cores} {'core' if cores == 1 else 'cores'}, {memory:.0f} GiB, Linux {kernel}, {_distribution()}"


def _distribution() -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return platform.machine()
    version = release.get("VERSION_ID", "")
    name = re.sub(r" (GNU/Linux|Linux)$", "", release.get("NAME", "Linux"))
    return f"{name} {version}".strip()
