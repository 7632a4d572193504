"""The server that watches its own entry in its Service, with the right to do just that."""

from harness import manifests
from harness.deploy.app import App
from harness.deploy.server import server
from harness.manifests import Manifest

RULE = {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}


def aware(name: str = "server", *, replicas: int = 2, quiet_s: float, at_most_s: float) -> App:
    """The server, without a preStop hook, under a ServiceAccount that may read EndpointSlices.

    From its signal on it serves until its own entry is not ready and no request came for `quiet_s`, or for `at_most_s`.
    """
    args = ["--watch-service", name, "--quiet-s", f"{quiet_s:g}", "--drain-s", f"{at_most_s:g}"]
    app = server(name, replicas=replicas, args=args)
    pod = {"serviceAccountName": name, "automountServiceAccountToken": True}
    changed = [
        manifests.merged(one, {"spec": {"template": {"spec": pod}}}) if one["kind"] == "Deployment" else one
        for one in app.manifests
    ]
    return App(app.name, [*_rights(name), *changed], app.service, app.port, app.selector)


def _rights(name: str) -> list[Manifest]:
    rbac = "rbac.authorization.k8s.io"
    about = {"metadata": {"name": name, "labels": {"app": name}}}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", **about},
        {"apiVersion": f"{rbac}/v1", "kind": "Role", **about, "rules": [RULE]},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            **about,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name}],
        },
    ]
