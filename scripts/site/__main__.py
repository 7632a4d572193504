"""`python -m scripts.site [FOLDER]`: builds the site, by default in build/site, and says where it is."""

import pathlib
import sys

from scripts.site.build import BrokenSite, build
from scripts.site.rows import ROOT


def main(arguments: list[str]) -> int:
    """Build it; 1 if it is broken."""
    out = pathlib.Path(arguments[0]).resolve() if arguments else ROOT / "build" / "site"
    try:
        site = build(out)
    except BrokenSite as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    sys.stdout.write(f"{site / 'index.html'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
