"""A small process that tells how it ends: of each signal, hook and step."""
