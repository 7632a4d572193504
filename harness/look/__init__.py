"""The static look: manifests → findings, what they promise wrongly before any restart. Pure but for `source.load`."""

from harness.look.look import look, look_at
from harness.look.source import Source, load

__all__ = ["Source", "load", "look", "look_at"]
