"""What Services promise wrongly."""

from collections.abc import Iterator

from harness.look.found import Scene
from harness.manifests import Manifest
from harness.patch import patch_of
from harness.results import Finding
from harness.shape import Workload, at, has_port, object_of, ports_of, sends_to, target_of


def selecting(scene: Scene) -> Iterator[Finding]:
    """Services that select no pods, or send to a port that no container has."""
    for number, service in scene.shape.of_kind("Service"):
        if not at(service, "spec", "selector") or at(service, "spec", "type") == "ExternalName":
            continue
        those = [one for one in scene.shape.workloads if sends_to(service, one)]
        if those:
            yield from _ports(scene, number, service, those)
        elif scene.shape.workloads:
            change = patch_of(service, ("spec",), {"selector": scene.shape.workloads[0].labels})
            what = f"{object_of(service)}: its selector matches no pod template among these manifests"
            yield scene.found("service-selects-nothing", number, ("spec", "selector"), what, change)


def _ports(scene: Scene, number: int, service: Manifest, those: list[Workload]) -> Iterator[Finding]:
    """A name that no container has leads nowhere; a number may, as containers need not declare theirs."""
    containers = [one for workload in those for one in (*workload.mains, *workload.sidecars)]
    declared = [port for one in containers for port in one.ports]
    for place, port in enumerate(ports_of(service)):
        target = target_of(port)
        known = any(has_port(one, target) for one in containers)
        if known or (isinstance(target, int) and not declared):
            continue
        right = next((one.get("containerPort") for one in declared), None)
        lines = f"# in {object_of(service)}, spec.ports[{place}]\ntargetPort: {right or '<the containers port>'}\n"
        names = ", ".join(str(one.get("name") or one.get("containerPort")) for one in declared) or "none"
        what = f"{object_of(service)} sends to port {target!r}, which no container declares (they declare {names})"
        yield scene.found("service-port-unknown", number, ("spec", "ports", place), what, paste=lines)
