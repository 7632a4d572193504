"""`survive tune`: the smallest preStop sleep at which an app loses nothing, found by live restarts."""

import argparse
import pathlib
import time
from typing import Any

from harness import calibration, options, patch
from harness.clusters.embedded import layout
from harness.errors import UsageError
from harness.own.run import as_app, asked
from harness.progress import Progress
from harness.run import RunFolder
from harness.session import session
from harness.spec import load_app
from harness.tune.change import sleep_patch
from harness.tune.search import Search, restarts_needed
from harness.tune.tune import evidence, tune


def add(commands: Any) -> None:
    """Add the command to the parser of commands."""
    parser = commands.add_parser(
        "tune", help="find the smallest preStop sleep at which an app loses nothing, by live restarts"
    )
    parser.add_argument("file", type=pathlib.Path, help="the app's *.survive.yaml")
    parser.add_argument(
        "--below", type=float, default=0.05, metavar="SHARE",
        help="repeat the winner until fewer than this share of restarts fail, at 95 %% (default: %(default)s, by 59 of"
        " them)",
    )  # fmt: skip
    parser.add_argument(
        "--highest", type=int, default=15, metavar="S", help="the longest sleep (default: %(default)s s)"
    )
    options.add_options(parser.add_argument)
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("reports/out"), help="where the run's folder is"
    )
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Search, then print the patch and its evidence; 1 if no sleep holds."""
    if not 0 < chosen.below < 1:
        raise UsageError(f"--below {chosen.below}: a share between 0 and 1, such as 0.05")
    own = load_app(chosen.file)
    app = as_app(own)
    if own.replicas < 2:
        raise UsageError(
            f"{own.kind} {own.workload} is one pod: nobody answers while it is replaced, whatever it sleeps"
        )
    sleep_patch(app, 0)
    search = Search(chosen.highest, restarts_needed(chosen.below))
    folder, began = RunFolder.named(chosen.out), time.time()
    with session(options.of_arguments(chosen), folder, Progress()) as opened:
        tune(opened, app, asked(own), search, lambda line: print(line, flush=True))
    folder.collect(began, calibration.last(layout.home()))
    if search.hopeless:
        print(f"no sleep of up to {search.highest_s} s holds: something else loses requests, see {folder.root}")
        return 1
    print("\n".join(["", *evidence(search, own.replicas), "", patch.text([sleep_patch(app, search.least_s)]).rstrip()]))
    return 0
