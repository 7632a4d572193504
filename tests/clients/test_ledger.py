"""No client hides a break: each client's count of broken requests is the fault server's own, request for request."""

import json
import os
import pathlib
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

import workloads
from harness.clusters.embedded.certificates import Authority
from workloads.faults.__main__ import tls
from workloads.faults.schedule import Schedule
from workloads.faults.server import FaultServer, serving

WORKLOADS = pathlib.Path(workloads.__file__).parent
LOCUSTFILE = pathlib.Path(__file__).with_name("locustfile.py")
REQUESTS = 150
HTTP1 = ("fin", "rst", "truncated", "503")
HTTP2 = ("goaway", *HTTP1)
ERROR_OF = {"fin": "closed", "rst": "reset", "truncated": "truncated", "503": "status", "goaway": "closed"}
LOAD_PYTHON = os.environ.get("SURVIVE_LOAD_PYTHON") or str(pathlib.Path(sys.prefix) / "load" / "bin" / "python")
KEPT = ("--mode", "keepalive", "--connections", "3", "--interval-ms", "5")
SLOWLY = (*KEPT[:-1], "40", "--count", str(REQUESTS // 2))  # a handshake of TLS takes its time
USERS = ("-f", str(LOCUSTFILE), "--headless", "-u", "3", "-r", "3", "--stop-timeout", "5")


class Client(NamedTuple):
    """A client's command, what may befall it, and whether only reused connections are to be broken."""

    command: Sequence[str]
    faults: Sequence[str] = HTTP1
    reused: bool = True
    scheme: str = ""


def epoll(*options: str) -> list[str]:
    return [sys.executable, "-m", "load.probe", "--probe", "p", "--count", str(REQUESTS), "--target", "{at}", *options]


def by_httpx(*options: str) -> list[str]:
    own = ["--probe", "p", "--count", str(REQUESTS), "--deadline-s", "5", "--url", "{scheme}://{at}/", *options]
    return [sys.executable, "-m", "load.httpx_probe", *own]


def locust(user: str) -> list[str]:
    return [LOAD_PYTHON, "-m", "load.users", "--probe", "p", "--", *USERS, "--host", "http://{at}", user]


OPEN_LOOP = [LOAD_PYTHON, "-m", "load.background", "--rate", "200", "--count", str(REQUESTS), "--users", "3"]
CLIENTS = {
    "epoll-new": Client(epoll("--interval-ms", "5"), reused=False),
    "epoll-kept": Client(epoll(*KEPT)),
    "locust-open-loop": Client([*OPEN_LOOP, "--target", "{at}"]),
    "locust-HttpUser": Client(locust("Plain")),
    "locust-FastHttpUser": Client(locust("Fast")),
    "httpx-new": Client(by_httpx("--interval-ms", "10"), reused=False, scheme="http"),
    "httpx-kept": Client(by_httpx(*KEPT), scheme="http"),
    "httpx-http2": Client(by_httpx("--http2", *KEPT), HTTP2, scheme="http"),
    "httpx-https": Client(by_httpx("--ca", "{ca}", *SLOWLY), scheme="https"),
    "httpx-https-http2": Client(by_httpx("--ca", "{ca}", "--http2", *SLOWLY), HTTP2, scheme="https"),
    "httpx-https-insecure": Client(by_httpx("--insecure", *SLOWLY), scheme="https"),
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with ca.crt and server.pem, for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("authority")
    Authority(folder).issue("server", "server", names=["127.0.0.1"])
    (folder / "server.pem").write_text((folder / "server.crt").read_text() + (folder / "server.key").read_text())
    return folder


def broken(client: Client, authority: pathlib.Path) -> FaultServer:
    """A server that breaks every fifth request of this client."""
    certificate = str(authority / "server.pem") if client.scheme == "https" else ""
    schedule = Schedule(every=5, faults=client.faults, reused=client.reused)
    return FaultServer(schedule, tls=tls(certificate))


def run(command: Sequence[str], server: FaultServer, authority: pathlib.Path, scheme: str) -> list[dict[str, Any]]:
    """What a client wrote, line by line."""
    at = f"127.0.0.1:{server.port}"
    made = [part.format(at=at, scheme=scheme, ca=authority / "ca.crt") for part in command]
    done = subprocess.run(made, cwd=WORKLOADS, capture_output=True, timeout=60)
    assert done.stdout, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", CLIENTS)
def test_a_clients_count_is_the_servers(name: str, authority: pathlib.Path) -> None:
    client = CLIENTS[name]
    with serving(broken(client, authority)) as server:
        lines = run(client.command, server, authority, client.scheme)
    ledger = server.ledger
    rows = [row for line in lines for row in line.get("rows", [])]
    failed = [row for row in rows if row[4] == "failed"]
    assert len(rows) == ledger.requests == lines[-1]["scheduled"]
    assert len(failed) == ledger.broken
    assert set(ledger.by_fault) == set(client.faults)
    told = Counter(row[6] for row in failed)
    expected: Counter[str] = Counter()
    for fault, count in ledger.by_fault.items():
        expected[ERROR_OF[fault]] += count
    if name == "locust-FastHttpUser":  # its client tells no reset from an end
        expected["closed"] += expected.pop("reset")
    assert told == expected
    assert {row[4] for row in rows} == {"ok", "failed"}


def test_a_user_decides_what_is_good(authority: pathlib.Path) -> None:
    client = Client(locust("Picky"), ("503", "fin"))
    with serving(broken(client, authority)) as server:
        lines = run(client.command, server, authority, "http")
    told = Counter((row[4], row[6], row[7]) for line in lines for row in line.get("rows", []))
    hits = server.ledger.by_fault
    assert told["ok", "", 503] == hits["503"]
    assert told["failed", "closed", 0] == hits["fin"]
    assert told["failed", "other", 200] == server.ledger.requests - hits["503"] - hits["fin"]


def test_a_locustfiles_rows_are_of_a_closed_loop(authority: pathlib.Path) -> None:
    client = Client(locust("Fast"), ("503",))
    with serving(broken(client, authority)) as server:
        lines = run(client.command, server, authority, "http")
    first, last = lines[0], lines[-1]
    assert (first["kind"], first["role"], first["loop"], first["interval_ns"]) == ("probe", "load", "closed", 0)
    assert (last["kind"], last["batches"]) == ("probe-end", len(lines) - 2)
    rows = [row for line in lines for row in line.get("rows", [])]
    # In the history's own clock: each request lies between the first line and the last.
    assert all(first["t_ns"] <= row[0] and row[0] + row[3] <= last["t_ns"] for row in rows)
    assert {row[8] for row in rows} == {"faults"}


# The same clients as they come, to show that the server finds out who hides: without this the tests above prove little.

AS_IT_COMES = "import sys, load.users as users; users.forbid_retries = lambda: None; sys.exit(users.main(sys.argv[1:]))"
POOLED = """
import asyncio, httpx, sys
async def main():
    bad = 0
    async with httpx.AsyncClient(http1=False, http2=True) as client:
        for _ in range(100):
            try: await client.get(sys.argv[1])
            except httpx.HTTPError: bad += 1
    print(bad)
asyncio.run(main())
"""


def test_fast_http_user_as_it_comes_hides_breaks(authority: pathlib.Path) -> None:
    client = Client([LOAD_PYTHON, "-c", AS_IT_COMES, *locust("Fast")[3:]], ("fin",))
    with serving(broken(client, authority)) as server:
        lines = run(client.command, server, authority, "http")
    rows = [row for line in lines for row in line.get("rows", [])]
    assert server.ledger.broken >= REQUESTS // 10
    assert [row for row in rows if row[4] != "ok"] == []


def test_httpx_as_it_comes_hides_goaway() -> None:
    with serving(FaultServer(Schedule(every=5, faults=("goaway",), reused=True))) as server:
        url = f"http://127.0.0.1:{server.port}/"
        done = subprocess.run([sys.executable, "-c", POOLED, url], capture_output=True, text=True, timeout=60)
    assert server.ledger.broken >= 100 // 5 - 5
    assert done.stdout == "0\n"
