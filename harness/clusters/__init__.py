"""Where a run's cluster comes from: existing, kind or embedded."""
