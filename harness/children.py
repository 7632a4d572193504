"""Processes that end with the thread that started them, however that ends: the kernel is asked to see to it."""

from typing import Final

DIES_WITH_US: Final = ("setpriv", "--pdeathsig", "KILL")
"""What a command begins with; Linux's util-linux has it."""
