"""Can your Pod survive a restart? A pytest plugin that finds out, on a real cluster, under load, with proof."""
