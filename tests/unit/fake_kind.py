"""Stand-ins for `kind`, `docker` and `podman` on PATH, with clusters that are files, and for a cluster's API."""

import copy
import json
import os
import sys

from harness.clusters.kind import config, tool

PROGRAM = """#!{python} -IS
import json, os, pathlib, sys
root = pathlib.Path({root!r})
name, args = os.path.basename(sys.argv[0]), sys.argv[1:]
said = " ".join([name, *args])
with (root / "calls").open("a") as calls:
    calls.write(said + "\\n")
for part, code, text in json.loads((root / "broken.json").read_text()):
    if part in said:
        print(text, file=sys.stderr)
        sys.exit(code)
for part, text in json.loads((root / "answers.json").read_text()):
    if part in said:
        print(text)
        sys.exit(0)
clusters = root / "clusters"
def after(option):
    return args[args.index(option) + 1]
def state_of(node):
    return next(clusters.glob("*/" + node))
if name == "kind" and args[:2] == ["get", "clusters"]:
    print("\\n".join(sorted(one.name for one in clusters.iterdir())))
elif name == "kind" and args[:2] == ["create", "cluster"]:
    made = clusters / after("--name")
    made.mkdir()
    pathlib.Path(after("--kubeconfig")).write_text("made by kind")
    (root / "config").write_text(pathlib.Path(after("--config")).read_text())
    for node in {nodes!r}:
        (made / (made.name + node)).write_text("running")
elif name == "kind" and args[:2] == ["delete", "cluster"]:
    made = clusters / after("--name")
    for file in made.glob("*"):
        file.unlink()
    if made.is_dir():
        made.rmdir()
elif args[0] == "ps":
    wanted = after("--filter").rpartition("=")[2]
    print("\\n".join(sorted(one.name for one in clusters.glob(wanted + "/*"))))
elif args[0] == "inspect":
    print("\\n".join(state_of(node).read_text() for node in args[3:]))
elif args[0] in ("kill", "start", "pause", "unpause"):
    now = {{"kill": "exited", "pause": "paused"}}.get(args[0], "running")
    state_of(args[1]).write_text(now)
"""

DOCKER = {"MemTotal": 8_000_000_000, "DockerRootDir": "/", "CgroupVersion": "2", "SecurityOptions": []}
NODES = ["-control-plane", "-worker", "-worker2", "-worker3", "-worker4"]


class Tools:
    """The programs in a folder, what they answer (`answers`: a part of the command and a text) and how they fail
    (`broken`: a part, an exit code, words on standard error), and what they were asked."""

    def __init__(self, folder, programs=("kind", "docker")):
        self.bin, self.root = folder / "bin", folder / "engine"
        self.bin.mkdir()
        (self.root / "clusters").mkdir(parents=True)
        self.answers = [["kind version", "kind v0.33.0 go1.26.8 linux/amd64"], ["docker info", json.dumps(DOCKER)]]
        self.answers += [["df --output=size", "1M-blocks\n    580"]]
        self.broken = []
        self._write()
        for program in programs:
            self.install(program)

    def install(self, program):
        text = PROGRAM.format(python=os.path.realpath(sys.executable), root=str(self.root), nodes=NODES)
        (self.bin / program).write_text(text)
        (self.bin / program).chmod(0o755)

    def answer(self, part, text):
        self.answers.insert(0, [part, text])
        self._write()

    def fail(self, part, text, code=1):
        self.broken.insert(0, [part, code, text])
        self._write()

    def mend(self):
        self.broken = []
        self._write()

    def _write(self):
        (self.root / "answers.json").write_text(json.dumps(self.answers))
        (self.root / "broken.json").write_text(json.dumps(self.broken))

    def calls(self, *parts):
        """The commands that have all of these parts."""
        file = self.root / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if all(part in line for part in parts)]

    def states(self, cluster):
        return {one.name: one.read_text() for one in (self.root / "clusters" / cluster).glob("*")}

    def set_state(self, node, state):
        next((self.root / "clusters").glob(f"*/{node}")).write_text(state)


def node(name, ready="True", taints=()):
    return {
        "metadata": {"name": name, "labels": {}, "resourceVersion": "1"},
        "spec": {"taints": [dict(zip(("key", "effect"), one.split(":"), strict=True)) for one in taints]},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


class Api:
    """An API server that has nodes and a DNS Deployment; stands in for a Kube that is connected."""

    def __init__(self, cluster):
        names = [config.node(cluster, number) for number in range(config.WORKERS + 1)]
        self.nodes = {name: node(name) for name in names}
        self.nodes[config.spare(cluster)] = node(config.spare(cluster), taints=[f"{config.SPARE}:NoSchedule"])
        self.dns_ready = 2
        self.broken = None

    def connect(self, *_):
        return self

    def close(self):
        pass

    def reach(self):
        if self.broken:
            raise self.broken
        return "v1.37.2"

    version = reach

    def list(self, api_version, kind, namespace="", **_):
        self.reach()
        return copy.deepcopy(list(self.nodes.values())) if kind == "Node" else []

    def get(self, api_version, kind, name, namespace=""):
        self.reach()
        if kind == "Node":
            return copy.deepcopy(self.nodes[name])
        counts = dict.fromkeys(("updatedReplicas", "readyReplicas", "replicas"), self.dns_ready)
        return {
            "metadata": {"generation": 1},
            "spec": {"replicas": 2},
            "status": {"observedGeneration": 1, **counts},
        }

    def patch(self, api_version, kind, name, namespace, body):
        found = self.nodes[name]
        found["spec"].update(copy.deepcopy(body.get("spec", {})))
        for key, value in (body.get("metadata", {}).get("labels") or {}).items():
            found["metadata"]["labels"].pop(key, None)
            if value is not None:
                found["metadata"]["labels"][key] = value


def alone(folder, monkeypatch):
    """The stand-ins as the only programs on the PATH, with a home of their own."""
    monkeypatch.setenv("SURVIVE_HOME", str(folder / "home"))
    for name in (tool.PROVIDER, tool.BINARY):
        monkeypatch.delenv(name, raising=False)
    found = Tools(folder)
    monkeypatch.setenv("PATH", str(found.bin))
    return found
