"""Settings of this repository's own runs."""
