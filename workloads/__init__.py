"""What runs in pods: a server, a controller with a leader, a load generator, a process that tells how it ends.

Each stands alone in its own image.
"""
