"""The server's sight of its own entry in its Service, against a small API server."""

import asyncio
import contextlib
import http.client
import json
import pathlib
import queue
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from workloads.server import endpoint
from workloads.server.endpoint import Slices, holds, until_nobody_comes, wait_left

END: dict[str, Any] = {}


def slice_(*entries: tuple[str, bool | None], name: str = "s1") -> dict[str, Any]:
    endpoints = [{"targetRef": {"name": pod}, "conditions": {"ready": ready}} for pod, ready in entries]
    return {"metadata": {"name": name}, "endpoints": endpoints}


class Api:
    """Answers a list with `items`, then each watch with what is put into `changes`, until END."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.changes: queue.Queue[dict[str, Any]] = queue.Queue()
        self.paths: list[str] = []
        self.tokens: set[str | None] = set()
        self.refuse = 0

    def change(self, one: dict[str, Any], type_: str = "MODIFIED") -> None:
        self.changes.put({"type": type_, "object": one})


@contextlib.contextmanager
def serving(api: Api) -> Iterator[Callable[[], http.client.HTTPConnection]]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            api.paths.append(self.path)
            api.tokens.add(self.headers["Authorization"])
            if api.refuse:
                api.refuse -= 1
                self.send_error(403, "not yours")
                return
            self.send_response(200)
            if "watch=1" not in self.path:
                body = json.dumps({"metadata": {"resourceVersion": "7"}, "items": api.items}).encode()
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while change := api.changes.get():
                line = json.dumps(change).encode() + b"\n"
                self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield lambda: http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
    finally:
        api.changes.put(END)
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def account(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "token").write_text("secret\n")
    (tmp_path / "namespace").write_text("shop")
    return tmp_path


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "RETRY_S", 0.0)


def test_a_condition_that_is_not_given_counts_as_ready() -> None:
    assert holds(slice_(("a", None)), "a")
    assert holds({"endpoints": [{"targetRef": {"name": "a"}}]}, "a")
    assert not holds(slice_(("a", False), ("b", True)), "a")
    assert not holds({"endpoints": [{"addresses": ["10.0.0.1"]}]}, "a")
    assert not holds({"endpoints": None}, "a")


def test_it_is_told_the_state_of_now_and_each_change_over_all_slices(account: pathlib.Path) -> None:
    api = Api()
    api.items = [slice_(("a", True)), slice_(("b", True), name="s2")]
    api.change(slice_(("a", False)))
    api.change(slice_(("a", True), name="s2"))
    api.change(slice_(("a", True), name="s2"), "DELETED")
    api.changes.put(END)
    with serving(api) as connect:
        assert list(Slices("web", connect, account).ready("a")) == [True, False, True, False]
    assert api.tokens == {"Bearer secret"}
    assert api.paths[0].endswith("namespaces/shop/endpointslices?labelSelector=kubernetes.io/service-name%3Dweb")
    assert api.paths[1].endswith("&watch=1&resourceVersion=7")


def test_a_watch_that_ends_or_is_refused_is_begun_again(account: pathlib.Path) -> None:
    api = Api()
    api.refuse = 1
    api.items = [slice_(("a", True))]
    api.changes.put(END)
    api.changes.put({"type": "ERROR", "object": {"code": 410}})
    api.changes.put(END)
    api.change(slice_(("a", False)))
    with serving(api) as connect:
        wait_left(Slices("web", connect, account), "a")
    assert len(api.paths) == 1 + 3 * 2


def test_it_waits_until_nobody_came_for_a_while(account: pathlib.Path) -> None:
    api = Api()
    api.items = [slice_(("a", False))]
    counts = iter([*range(20), *[20] * 10**6])

    async def quiet() -> float:
        begin = asyncio.get_running_loop().time()
        slices = Slices("web", connect, account)
        await until_nobody_comes(slices, "a", quiet_s=0.1, at_most_s=30, requests=lambda: next(counts))
        return asyncio.get_running_loop().time() - begin

    with serving(api) as connect:
        took_s = asyncio.run(quiet())
    assert took_s >= 10 * endpoint.LOOK_S + 0.1


def test_it_does_not_wait_for_ever(account: pathlib.Path, capfd: pytest.CaptureFixture[str]) -> None:
    api = Api()
    api.items = [slice_(("a", False))]
    counts = iter(range(10**6))

    async def never_quiet() -> None:
        slices = Slices("web", connect, account)
        await until_nobody_comes(slices, "a", quiet_s=5, at_most_s=0.3, requests=lambda: next(counts))

    with serving(api) as connect:
        asyncio.run(never_quiet())
    assert "gave-up-waiting" in capfd.readouterr().out
