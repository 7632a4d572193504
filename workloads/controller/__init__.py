"""A controller with a leader: replicas elect one by a Lease, and only the leader works."""
