"""Tuning apps whose true answer is known."""

from dataclasses import replace

import pytest

from harness.deploy import server
from harness.results import Cluster
from harness.run import RunFolder
from harness.tune.search import Search
from harness.tune.tune import tune

RESTARTS = 9
"""Enough to see the search through; with none failed fewer than 28 % do at 95 %."""

HIGHEST_S = 5
"""kube-proxy writes within a second of its last write; the rest is the endpoint's way, on a busy machine."""


@pytest.mark.parametrize(
    ("args", "highest", "least", "most"),
    [
        pytest.param([], HIGHEST_S, 1, HIGHEST_S, id="stops-at-once"),
        pytest.param(["--drain-s", "4"], 2, 0, 0, id="drains-itself"),
    ],
)
def test_the_smallest_sleep_is_what_the_app_lacks(survive_session, tmp_path, args, highest, least, most):
    """An app that serves on by itself needs none; one that closes its port at the signal sleeps through the drain."""
    search = Search(highest, RESTARTS)
    # Trials that lose requests are no failing rows of this run, so they have a run's folder of their own.
    folder = RunFolder.named(tmp_path)
    folder.open(Cluster(provider="embedded", version="", nodes=4))
    tune(replace(survive_session, folder=folder), server(replicas=3, args=args), {}, search, print)
    assert search.found
    assert least <= search.least_s <= most
    drains = [one.drain_s for one in search.trials if one.drain_s is not None]
    # What is sent to a pod in its sleep is answered, so what a shorter sleep lost came within the smallest one that
    # holds; a second is the way from the act to the hook's begin.
    assert max(drains, default=0.0) <= search.least_s + 1
    assert bool(drains) == (search.least_s > 0)
