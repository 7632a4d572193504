"""Locust in pods of its own: a user's locustfile, and as many workers under a master as are asked for."""

import pathlib
from dataclasses import dataclass

from harness import manifests
from harness.errors import UsageError
from harness.load.probes import Target
from harness.manifests import Manifest

MASTER = "load-master"
WORKER = "load-worker"
FILE = "load-locustfile"
_FOLDER = "/locust"
_MASTER_PORT = 5557
_STOP_TIMEOUT_S = 5
"""How long users may finish what they are at; requests end at their own deadlines before."""
_LIMIT = 900_000
"""Bytes: an object of Kubernetes has at most 1 MiB."""


@dataclass(frozen=True, slots=True)
class Swarm:
    """What Locust sends. With a `locustfile` (its text): that file's users, `users` of them, in a closed loop.

    Without one: `rate` requests a second in an open loop. Several `workers` share either, each in a pod of its own.
    """

    workers: int = 1
    rate: float = 0.0
    users: int = 10
    locustfile: str = ""

    def __post_init__(self) -> None:
        if self.workers < 1 or self.users < 1 or not (self.locustfile or self.rate > 0):
            raise UsageError("Locust needs a worker and a user at least, and a rate above 0 or a locustfile")
        if len(self.locustfile.encode()) > _LIMIT:
            raise UsageError(f"the locustfile is over {_LIMIT:,} bytes: it would not fit into a ConfigMap")

    @property
    def names(self) -> list[str]:
        """What the workers' rows are called in the history."""
        name = "users" if self.locustfile else "background"
        return [name] if self.workers == 1 else [f"{name}-{n}" for n in range(self.workers)]

    def before(self) -> list[Manifest]:
        """What the pods need: the locustfile, the master's name."""
        needed: list[Manifest] = []
        if self.locustfile:
            needed.append(
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": FILE},
                    "data": {"locustfile.py": self.locustfile},
                }
            )
        if self.workers > 1:
            port = {"name": "locust", "port": _MASTER_PORT}
            spec = {"clusterIP": "None", "selector": {"app": MASTER}, "ports": [port], "publishNotReadyAddresses": True}
            needed.append({"apiVersion": "v1", "kind": "Service", "metadata": {"name": MASTER}, "spec": spec})
        return needed

    def pods(self, target: Target, image: str) -> list[Manifest]:
        """A pod for each worker, and the master's if there are several."""
        workers = [
            self._pod(WORKER if self.workers == 1 else f"{WORKER}-{n}", self._worker(name, target), "200m", image)
            for n, name in enumerate(self.names)
        ]
        if self.workers == 1:
            return workers
        master = self._pod(MASTER, self._master(target), "100m", image)
        return [manifests.merged(master, {"metadata": {"labels": {"app": MASTER}}}), *workers]

    def _worker(self, name: str, target: Target) -> list[str]:
        if self.locustfile:
            ours = ["python3", "-m", "load.users", "--probe", name, "--target", f"{target.host}:{target.port}", "--"]
            several = ["--worker", "--master-host", MASTER] if self.workers > 1 else [*self._headless(), *_at(target)]
            return [*ours, "-f", f"{_FOLDER}/locustfile.py", *several]
        several = ["--master", f"{MASTER}:{_MASTER_PORT}", "--workers", f"{self.workers}"] if self.workers > 1 else []
        return ["python3", "-m", "load.background", "--probe", name, "--rate", f"{self.rate:g}", *several, *target.at()]

    def _master(self, target: Target) -> list[str]:
        file = f"{_FOLDER}/locustfile.py" if self.locustfile else "/opt/app/load/shopper.py"
        waits = ["--master", "--expect-workers", f"{self.workers}"]
        return ["python3", "-m", "locust", "-f", file, *waits, *self._headless(), *_at(target)]

    def _headless(self) -> list[str]:
        # The open loop has one user a worker, who stands for its share.
        users = self.users if self.locustfile else self.workers
        quiet = ["--headless", "--only-summary", "--stop-timeout", f"{_STOP_TIMEOUT_S}"]
        return [*quiet, "-u", f"{users}", "-r", f"{users}"]

    def _pod(self, name: str, command: list[str], cpu: str, image: str) -> Manifest:
        (pod,) = manifests.load("load")
        asked = {"requests": {"cpu": cpu, "memory": "96Mi"}}
        container = {"name": "locust", "command": command, "image": image, "resources": asked}
        # A user's file may write somewhere; the image's root cannot be written.
        mounts = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - the container's own
        volumes: list[Manifest] = [{"name": "tmp", "emptyDir": {}}]
        if self.locustfile:
            mounts.append({"name": "file", "mountPath": _FOLDER})
            volumes.append({"name": "file", "configMap": {"name": FILE}})
        whole = manifests.merged(manifests.main_container(pod), {**container, "volumeMounts": mounts})
        return manifests.merged(pod, {"metadata": {"name": name}, "spec": {"containers": [whole], "volumes": volumes}})


def read_locustfile(path: str | pathlib.Path) -> str:
    """A locustfile's text; the file must stand alone, since nothing beside it goes to the pods. Raises UsageError."""
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"cannot read the locustfile {path}: {exc}") from exc


def _at(target: Target) -> list[str]:
    return ["--host", f"http://{target.host}:{target.port}"]
