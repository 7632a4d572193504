"""Real Kubernetes without Docker or a registry, on one Linux machine.

Every program is built from its Go module; a node is a set of namespaces held by one init process; the cluster is one
more such set around its nodes. Killing the cluster's init takes everything away.
"""
