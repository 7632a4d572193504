"""Tuning: the smallest preStop sleep at which nothing is lost, found by live restarts and proved by more of them."""
