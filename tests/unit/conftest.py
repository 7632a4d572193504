"""Settings of all unit tests."""

from hypothesis import settings

# A machine that does other things as well makes any one example slow; that says nothing of the code.
settings.register_profile("unit", deadline=None)
settings.load_profile("unit")
