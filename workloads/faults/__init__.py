"""A server that breaks on purpose and keeps the truth of it, for clients and measurements to be held against.

Faults hit a request (`fin`, `rst`, `truncated`, `503`, `stall`, over HTTP/2 `goaway` too) or the listener (`refuse`),
on a given schedule: every n-th request, or windows of time. It writes what it did: each fault with its moment, each
window with its true ends, and at its end a ledger. HTTP/1.1 and HTTP/2 (by prior knowledge, or by ALPN over TLS) on
one port. Run it as `python -m workloads.faults --help`, or hold a `server.FaultServer` in a thread.
"""
