"""The judge: a history in, a verdict out. All of it is pure: no file, no cluster, no clock."""
