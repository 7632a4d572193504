"""Load: probers that measure, a control that tells how quiet it was, and Locust in the background."""

from harness.load.load import Load

__all__ = ["Load"]
