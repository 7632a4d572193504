"""`python -m reports.schema` writes the published schema of results.json anew, after its models have changed."""

import json
import pathlib

from harness.results import schema

FILE = pathlib.Path(__file__).parent / "results.schema.json"


def text() -> str:
    """The file as it should be."""
    return json.dumps(schema(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
