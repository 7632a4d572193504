"""What the documents recommend, read from them."""

import pathlib
from typing import Any

import yaml

CLUSTERS = pathlib.Path(__file__).parents[1] / "docs" / "clusters.md"


def policies() -> list[dict[str, Any]]:
    """The NetworkPolicies that let our probers in."""
    (block,) = [one for one in CLUSTERS.read_text().split("```yaml\n")[1:] if "kind: NetworkPolicy" in one]
    return list(yaml.safe_load_all(block.partition("```")[0]))
