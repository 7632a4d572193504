"""Others' tools beside this one, on the same restarts; see docs/comparison.md."""
