"""`--attach NAMESPACE/KIND/NAME`: what a `*.survive.yaml` says by `attach:`, said by options."""

import pathlib
from typing import Any

from harness.errors import UsageError
from harness.spec import OwnApp, SpecError, checked, find_app
from harness.spec.first import FAILOVER

NAME = "attach"
"""What the tests are collected under, in place of a file."""


def attached_app(text: str, service: str | None = None, lease: str | None = None) -> OwnApp:
    """The app of these options, with the limits that hold without a file: nothing is lost. Raises UsageError.

    `service` is NAME or NAME:PORT; without one nothing is asked, and a pod must be Ready all the time.
    """
    name, _, port = (service or "").partition(":")
    if service and not name:
        raise UsageError(f"--attach-service {service}: write NAME or NAME:PORT")
    asked: dict[str, Any] = {"attach": text, "limits": {"outage": "0s"}}
    if name:
        asked["limits"] |= {"errors": "0 %"}
        asked["requests"] = {"service": name, "port": int(port) if port.isdigit() else port}
    if lease:
        asked["limits"] |= {"failover": FAILOVER}
        asked["lease"] = lease
    try:
        spec = checked(asked)
    except SpecError as exc:
        raise UsageError("\n".join(f"--{line}" for line in str(exc).splitlines())) from exc
    assert spec.attach is not None
    return find_app(spec.attach.name, spec, pathlib.Path())
