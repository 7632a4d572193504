"""The JSON schema of `*.survive.yaml` for editors, made from the models; the file beside this is what they give."""

import json
import pathlib

from harness.spec.models import Spec

FILE = pathlib.Path(__file__).with_name("survive.schema.json")


def text() -> str:
    """The schema, as it is shipped."""
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Spec.model_json_schema()}
    return json.dumps(made, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
