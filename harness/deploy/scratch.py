"""A folder that the sample server may write to: an emptyDir with a limit."""

from dataclasses import replace

from harness.deploy.app import App
from harness.manifests import main_container, merged

FOLDER = "/scratch"


def with_scratch(app: App, limit_mb: int) -> App:
    """A copy of a server's app with such a folder."""
    made = []
    for manifest in app.manifests:
        if manifest["kind"] != app.kind:
            made.append(manifest)
            continue
        container = main_container(manifest)
        given = {
            "args": [*container.get("args", []), "--scratch", FOLDER],
            "volumeMounts": [{"name": "scratch", "mountPath": FOLDER}],
        }
        volume = {"name": "scratch", "emptyDir": {"sizeLimit": f"{limit_mb}Mi"}}
        spec = {"containers": [merged(container, given)], "volumes": [volume]}
        made.append(merged(manifest, {"spec": {"template": {"spec": spec}}}))
    return replace(app, manifests=made)
