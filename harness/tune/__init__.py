"""Tuning: the least settings at which an app keeps its limits, found by live restarts and proved by more of them."""
