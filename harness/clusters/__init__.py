"""Where a run's cluster comes from: existing or embedded."""
