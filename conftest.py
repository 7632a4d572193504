"""Settings of this repository's own runs."""

pytest_plugins = ["pytester"]  # the plugin's own tests run pytest in pytest
