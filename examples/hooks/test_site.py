"""The same in Python: a test of five lines, and one for each of several paths."""

from typing import Any

import pytest

from harness import Delete, Finder, NoErrors, NoOutage, OwnPath, Scenario, as_app, path_params, run_path

ASKED: dict[str, Any] = {"requests": {"path": "/index.html", "rate": "50/s"}, "limits": {"outage": "0s"}}


@pytest.mark.row("B2", "pages-two-deleted", "delete")
def test_two_of_three_pods_may_go_at_once(survive: Scenario, survive_app: Finder) -> None:
    """Two of three pods are deleted together."""
    app = survive.deploy(as_app(survive_app("../nginx/k8s")))
    with survive.load(app, rate=50):
        survive.restart(Delete(app.selector, count=2))
    survive.expect(NoErrors(), NoOutage())


@pytest.mark.parametrize("path", path_params("pages", "rollout", "evict"))
def test_nobody_notices(survive: Scenario, survive_app: Finder, path: OwnPath) -> None:
    """The site is restarted, and no page is lost."""
    run_path(survive, survive_app("../nginx/k8s", **ASKED), path, NoErrors())
