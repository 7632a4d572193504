"""Does a client tell of every break? Its count of failed requests on kept connections against the server's ledger."""

import json
import os
import pathlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

from harness.calibrate.processes import PYTHON, WORKLOADS, fault_server, history, process
from harness.results import ClientSeen

REQUESTS = 600
INTERVAL_MS = 10
EVERY = 5
"""Each fifth request on a connection that has served one before is broken, by each of the faults in turn."""

LOCUST = pathlib.Path(os.environ.get("SURVIVE_LOAD_PYTHON") or pathlib.Path(sys.prefix) / "load" / "bin" / "python")
"""The Python that has Locust; the harness's own never does."""


class Client(NamedTuple):
    """A client's command, to which the same options are added, what it is to meet, and where it is to ask."""

    command: Sequence[str]
    faults: str = "fin,rst,truncated,503"
    at: Sequence[str] = ("--target", "127.0.0.1:{port}")


_KEPT = ("--mode", "keepalive", "--connections", "3", "--interval-ms", str(INTERVAL_MS))
_URL = ("--url", "http://127.0.0.1:{port}/")
CLIENTS = {
    "prober": Client((*PYTHON, "-m", "load.probe", *_KEPT)),
    "httpx": Client((sys.executable, "-m", "load.httpx_probe", *_KEPT), at=_URL),
    "httpx over HTTP/2": Client((sys.executable, "-m", "load.httpx_probe", "--http2", *_KEPT), "fin,rst,goaway", _URL),
    "Locust": Client((str(LOCUST), "-m", "load.background", "--rate", str(1000 // INTERVAL_MS), "--users", "3")),
}


def clients(folder: pathlib.Path) -> dict[str, ClientSeen]:
    """Each client's count beside the ledger of a server of its own."""
    return {
        name: _counted(client, folder / f"client-{number}")
        for number, (name, client) in enumerate(CLIENTS.items())
        if pathlib.Path(client.command[0]).exists()
    }


def left_out() -> dict[str, str]:
    """The clients that are not here, each with its reason."""
    missing = [name for name, client in CLIENTS.items() if not pathlib.Path(client.command[0]).exists()]
    return {f"the client {name}": "it is not installed here (SURVIVE_LOAD_PYTHON)" for name in missing}


def _counted(client: Client, folder: pathlib.Path) -> ClientSeen:
    with fault_server([f"--every={EVERY}", f"--faults={client.faults}", "--reused"], folder) as port:
        where = [part.format(port=port) for part in client.at]
        argv = [*client.command, *where, "--probe", "client", "--count", str(REQUESTS)]
        with process(argv, folder / "probe", WORKLOADS) as running:
            running.wait(REQUESTS * INTERVAL_MS / 1000 + 30)
    ledger = json.loads((folder / "faults").read_text().splitlines()[-1])
    seen = int(history(folder / "probe").requests("client").failed.sum())
    return ClientSeen(broken=ledger["broken"], seen=seen)
