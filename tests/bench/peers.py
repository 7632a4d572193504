"""The clients that are compared: how each is called, and how its output is read."""

import csv
import json
import os
import pathlib
import re
import shutil
import sys
from collections.abc import Callable
from typing import NamedTuple

import workloads

HERE = pathlib.Path(__file__).parent
WORKLOADS = pathlib.Path(workloads.__file__).parent
LOAD_PYTHON = os.environ.get("SURVIVE_LOAD_PYTHON") or str(pathlib.Path(sys.prefix) / "load" / "bin" / "python")
CONNECTIONS = 10


class Asked(NamedTuple):
    """What a client is to do."""

    target: str
    rate: int
    requests: int

    @property
    def seconds(self) -> float:
        """For how long."""
        return self.requests / self.rate


class Seen(NamedTuple):
    """What a client says it did: requests, broken ones, and how late each was sent, in ms (empty if it has no plan)."""

    requests: int
    broken: int
    lags_ms: list[float]


class Peer(NamedTuple):
    """A client. `missing` says why it cannot run; `paced` whether it can hold a rate, `keeps` connections or not."""

    name: str
    command: Callable[[Asked], list[str]]
    read: Callable[[bytes, Asked], Seen]
    missing: str = ""
    paced: bool = True
    keeps: bool = True


def by_rows(output: bytes, _: Asked) -> Seen:
    """Our own rows."""
    rows = [row for line in output.splitlines() for row in json.loads(line).get("rows", [])]
    return Seen(len(rows), sum(row[4] != "ok" for row in rows), [row[1] / 1e6 for row in rows])


def by_json(output: bytes, _: Asked) -> Seen:
    """One line of JSON, as the scripts beside this print it."""
    said = json.loads(output.splitlines()[-1])
    return Seen(said["requests"], said["bad"], said["lags_ms"])


def by_vegeta(output: bytes, asked: Asked) -> Seen:
    """`vegeta encode --to json`: one result a line, its timestamp the moment of sending."""
    results = [json.loads(line) for line in output.splitlines()]
    sent_ms = sorted(_ms(one["timestamp"]) for one in results)
    bad = sum(one["code"] != 200 or bool(one["error"]) for one in results)
    return Seen(len(results), bad, _late(sent_ms, asked.rate))


def by_hey(output: bytes, asked: Asked) -> Seen:
    """`hey -o csv`: the last column is the offset of the start in seconds; broken requests are left out of it."""
    rows = list(csv.DictReader(output.decode().splitlines()))
    good = sum(row["status-code"] == "200" for row in rows)
    sent_ms = sorted(float(row["offset"]) * 1000 for row in rows)
    return Seen(asked.requests, asked.requests - good, _late(sent_ms, asked.rate))


def by_wrk(output: bytes, _: Asked) -> Seen:
    """Its summary. It sends as fast as it is answered."""
    text = output.decode()
    found = re.search(r"(\d+) requests in", text)
    errors = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    unwanted = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    bad = sum(map(int, errors.groups())) if errors else 0
    requests = int(found.group(1)) if found else 0
    return Seen(requests + bad, bad + (int(unwanted.group(1)) if unwanted else 0), [])


def _ms(moment: str) -> float:
    """An RFC 3339 moment with nanoseconds: ms after its minute's hour, enough for differences within one hour."""
    found = re.search(r":(\d\d):(\d\d(?:\.\d+)?)", moment)
    assert found
    return int(found.group(1)) * 60_000 + float(found.group(2)) * 1000


def _late(sent_ms: list[float], rate: int) -> list[float]:
    """How far behind an even schedule each was, taken from the first."""
    return [max(0.0, at - sent_ms[0] - n * 1000 / rate) for n, at in enumerate(sent_ms)] if sent_ms else []


def _absent(*programs: str) -> str:
    gone = [one for one in programs if not shutil.which(one)]
    return f"{', '.join(gone)} is not installed" if gone else ""


def _ours(*module: str) -> Callable[[Asked], list[str]]:
    return lambda asked: [*module, "--probe", "p", "--target", asked.target, "--count", str(asked.requests)]


def _epoll(*options: str) -> Callable[[Asked], list[str]]:
    base = _ours(sys.executable, "-E", "-S", "-m", "load.probe")
    return lambda asked: [*base(asked), "--interval-ms", f"{1000 / asked.rate:g}", "--deadline-s", "5", *options]


def _locust(asked: Asked) -> list[str]:
    base = _ours(LOAD_PYTHON, "-m", "load.background")
    return [*base(asked), "--rate", str(asked.rate), "--users", str(CONNECTIONS)]


def _script(python: str, name: str) -> Callable[[Asked], list[str]]:
    return lambda asked: [python, str(HERE / name), asked.target, str(asked.rate), str(asked.requests)]


def _vegeta(asked: Asked) -> list[str]:
    attack = f"vegeta attack -rate {asked.rate} -duration {asked.seconds:g}s -connections {CONNECTIONS} -timeout 5s"
    return ["sh", "-c", f"echo GET http://{asked.target}/ | {attack} | vegeta encode --to json"]


def _hey(asked: Asked) -> list[str]:
    # It holds a rate for each of its workers.
    paced = ["-c", str(CONNECTIONS), "-q", f"{asked.rate / CONNECTIONS:g}", "-n", str(asked.requests), "-t", "5"]
    return ["hey", *paced, "-o", "csv", f"http://{asked.target}/"]


def _wrk(asked: Asked) -> list[str]:
    return [
        "wrk",
        "-t",
        "1",
        "-c",
        str(CONNECTIONS),
        "-d",
        f"{max(1, round(asked.seconds))}s",
        f"http://{asked.target}/",
    ]


NO_LOCUST = "" if pathlib.Path(LOAD_PYTHON).exists() else f"{LOAD_PYTHON} is not there (SURVIVE_LOAD_PYTHON)"
KEPT = ("--mode", "keepalive", "--connections", str(CONNECTIONS))
PEERS = (
    Peer("our epoll prober, new connections", _epoll(), by_rows, keeps=False),
    Peer("our epoll prober, kept alive", _epoll(*KEPT), by_rows),
    Peer("our Locust open loop", _locust, by_rows, NO_LOCUST),
    Peer("FastHttpUser, open loop", _script(LOAD_PYTHON, "open_fast.py"), by_json, NO_LOCUST),
    Peer("httpx, one client", _script(sys.executable, "open_httpx.py"), by_json),
    Peer("vegeta", _vegeta, by_vegeta, _absent("vegeta")),
    Peer("hey", _hey, by_hey, _absent("hey")),
    Peer("wrk", _wrk, by_wrk, _absent("wrk"), paced=False),
)
