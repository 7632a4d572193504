"""`*.survive.yaml`: a user's own app, where requests go, what must hold, and which restart paths are tried."""

from harness.spec.app import OwnApp, find_app, load_app
from harness.spec.document import SpecError, checked, load_spec
from harness.spec.models import ENDINGS, Helm, Limits, PathSettings, Requests, Spec

__all__ = [
    "ENDINGS",
    "Helm",
    "Limits",
    "OwnApp",
    "PathSettings",
    "Requests",
    "Spec",
    "SpecError",
    "checked",
    "find_app",
    "load_app",
    "load_spec",
]
