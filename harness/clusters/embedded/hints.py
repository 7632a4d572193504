"""What to do about a build that failed, told from what the failing program said."""

import re
from collections.abc import Iterable

HINTS = (
    (
        r"dial tcp|no such host|i/o timeout|TLS handshake|Could not resolve|Temporary failure|Failed to establish|"
        r"Max retries exceeded|Connection (timed out|refused)|unable to connect",
        "The network is needed for the first build and could not be reached: check it, and the settings of the proxies"
        " or mirrors you use (GOPROXY, apt's sources, pip's index).",
    ),
    (r"requires go >=", "This Go is too old: `make setup` installs one, or install Go 1.26.8 or newer."),
    (r"[Nn]o space left", "The disk is full: the first build needs about 12 GB; make room, or set SURVIVE_HOME."),
    (
        r"THESE PACKAGES DO NOT MATCH THE HASHES",
        "A package is not the one that was locked: try again, then ask upstream.",
    ),
)


def explain(doing: str, said: str, hints: Iterable[tuple[str, str]] = HINTS) -> str:
    """An error's text: what failed, a hint where one is known, the end of what the program said."""
    tail = "\n".join(said.strip().splitlines()[-15:])
    found = [text for pattern, text in hints if re.search(pattern, said)]
    return "\n".join([f"{doing} failed. {found[0]}" if found else f"{doing} failed:", tail])
