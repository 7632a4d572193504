"""What runs in pods: a server, a controller with a leader, a load generator; each stands alone in its own image."""
