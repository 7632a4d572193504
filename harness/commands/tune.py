"""`survive tune`: the least settings at which an app keeps its limits, found by live restarts."""

import argparse
import math
import pathlib
import time
from typing import Any

from harness import calibration, options
from harness.clusters.embedded import layout
from harness.errors import SurviveError, UsageError
from harness.progress import Progress
from harness.run import RunFolder
from harness.session import Session, session
from harness.spec import OwnApp, load_app
from harness.tune.hunt import AT_FIRST, Hunt
from harness.tune.measure import measure
from harness.tune.outcome import Tuned, minutes, outcome
from harness.tune.removal import Spread
from harness.tune.search import Search
from harness.tune.subject import PATHS, Subject, limits_in_words, subject_of
from harness.tune.trial import Trials

BEGIN_S = 3
"""Where the search begins if nothing was measured."""


def add(commands: Any) -> None:
    """Add the command to the parser of commands."""
    parser = commands.add_parser(
        "tune",
        help="find the least preStop sleep, grace period, probe periods, surge and replicas at which an app keeps the"
        " limits of its *.survive.yaml, by live restarts (exit code 0: found and proved)",
    )
    add_argument = parser.add_argument
    add_argument("file", type=pathlib.Path, help="the app's *.survive.yaml")
    add_argument(
        "--below", type=float, default=0.05, metavar="SHARE",
        help="repeat the winner until fewer than this share of restarts break a limit (default: %(default)s)",
    )  # fmt: skip
    add_argument("--confidence", type=float, default=0.95, metavar="SHARE", help="how sure of that (default: 0.95)")
    add_argument("--highest", type=int, default=15, metavar="S", help="the longest sleep tried (default: %(default)s)")
    add_argument(
        "--restart", dest="restarts", action="append", choices=PATHS,
        help="how it is restarted, may be repeated (default: both in turn, or which of them the file names)",
    )  # fmt: skip
    add_argument(
        "--removals", type=int, default=20, metavar="N",
        help="measure first how long routing takes to follow, by so many deletions; 0: do not (default: %(default)s)",
    )  # fmt: skip
    add_argument("--begin", type=int, metavar="S", help="the first sleep tried (default: as long as that took)")
    add_argument(
        "--at-first", type=int, default=AT_FIRST, metavar="N",
        help="restarts of a setting that is only looked at (default: %(default)s)",
    )  # fmt: skip
    add_argument(
        "--time-limit",
        type=float,
        default=30.0,
        metavar="MIN",
        help="the best so far is told then (default: %(default)g)",
    )
    add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the outcome there too")
    options.add_options(add_argument)
    add_argument("--out", type=pathlib.Path, default=pathlib.Path("reports/out"), help="where the run's folder is made")
    parser.set_defaults(run=run)
    routing = commands.add_parser(
        "routing", help="measure how long this cluster takes until no new connection reaches a deleted pod"
    )
    routing.add_argument("--removals", type=int, default=20, metavar="N", help="deletions (default: %(default)s)")
    options.add_options(routing.add_argument)
    routing.add_argument("--out", type=pathlib.Path, default=pathlib.Path("reports/out"), help="as of the others")
    routing.set_defaults(run=run_routing)


def run_routing(chosen: argparse.Namespace) -> int:
    """Measure the removal of endpoints, and print its distribution."""
    if chosen.removals < 1:
        raise UsageError(f"--removals {chosen.removals}: at least 1")
    folder, began = RunFolder.named(chosen.out), time.time()
    with session(options.of_arguments(chosen), folder, Progress()) as opened:
        found = measure(opened, chosen.removals)
    folder.collect(began, calibration.last(layout.home()))
    print("\n".join(one.words for one in found))
    return 0


def run(chosen: argparse.Namespace) -> int:
    """Search, then print the patch, its evidence and its cost; 1 if nothing holds, or if the proof was not ended."""
    _check(chosen)
    own = load_app(chosen.file)
    if own.namespace:
        raise UsageError(f"{chosen.file}: the app is deployed with each change: give its `manifests`, not `attach`")
    if own.spec.requests and own.spec.requests.scheme == "https":
        raise UsageError(f"{chosen.file}: an app that speaks https is not tuned yet")
    subject = subject_of(own, chosen.restarts or ())
    folder, began = RunFolder.named(chosen.out), time.time()
    with session(options.of_arguments(chosen), folder, Progress()) as opened:
        made = _tune(chosen, own, subject, opened)
    folder.collect(began, calibration.last(layout.home()))
    made.write(folder.root)
    if chosen.json is not None:
        chosen.json.write_text(made.model_dump_json(indent=1) + "\n")
    print("\n".join(["", *made.lines(), "", f"kept in {folder.root}"]))
    return 0 if made.found else 1


def _check(chosen: argparse.Namespace) -> None:
    for name in ("below", "confidence"):
        if not 0 < getattr(chosen, name) < 1:
            raise UsageError(f"--{name} {getattr(chosen, name)}: a share between 0 and 1, such as 0.05")
    for name, least in (("highest", 0), ("removals", 0), ("at_first", 1)):
        if getattr(chosen, name) < least:
            raise UsageError(f"--{name.replace('_', '-')} {getattr(chosen, name)}: at least {least}")
    if chosen.begin is not None and not 0 <= chosen.begin <= chosen.highest:
        raise UsageError(f"--begin {chosen.begin}: from 0 to --highest, {chosen.highest}")
    if chosen.time_limit <= 0:
        raise UsageError(f"--time-limit {chosen.time_limit:g}: minutes, more than 0")


def _say(line: str) -> None:
    print(line, flush=True)


def _tune(chosen: argparse.Namespace, own: OwnApp, subject: Subject, opened: Session) -> Tuned:
    """Measure, then hunt; what is known is kept however that ends."""
    began_s = time.monotonic()
    removal = _removal(chosen, opened)
    begin_s = BEGIN_S if chosen.begin is None else chosen.begin
    if chosen.begin is None and removal:
        begin_s = math.ceil(removal[0].most_s)
    most = subject.bench.most(chosen.highest, [path.name for path in subject.paths])
    search = Search((0, 0, 0, 0), most, (0, 0, 0, min(begin_s, chosen.highest)))
    deadline_s = began_s + 60 * chosen.time_limit
    limit = f"the time limit of {chosen.time_limit:g} min is over"
    trials = Trials(opened, subject, lambda: limit if time.monotonic() >= deadline_s else "", _say)
    hunt = Hunt(
        subject.bench, search, trials.attempt, trials.over, _say, chosen.below, chosen.confidence,
        at_first=chosen.at_first,
    )  # fmt: skip
    _say(
        f"the search begins at a sleep of {search.start[-1]} s; {hunt.needed} restarts without a failure then prove"
        f" that fewer than {chosen.below:.1%} break a limit, at {100 * chosen.confidence:g} %; in all up to about"
        f" {minutes(hunt)} min"
    )
    try:
        hunt.run()
    except KeyboardInterrupt:
        hunt.ended = "interrupted"
    return outcome(hunt, limits_in_words(own, subject), removal, time.monotonic() - began_s)


def _removal(chosen: argparse.Namespace, opened: Session) -> list[Spread]:
    """How long routing takes to follow, if that is asked for and can be told."""
    if not chosen.removals:
        return []
    try:
        found = measure(opened, chosen.removals)
    except SurviveError as exc:
        _say(f"{exc}; the search begins at {BEGIN_S if chosen.begin is None else chosen.begin} s")
        return []
    _say("\n".join(one.words for one in found))
    return found
