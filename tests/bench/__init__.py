"""What measuring costs: run by hand, `python -m tests.bench`, or by `make bench`."""
