"""What the cluster shows, as records: watches of the API and the logs of the pods."""

from harness.observe.observer import Observer

__all__ = ["Observer"]
