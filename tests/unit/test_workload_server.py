"""The server's switches, each on a real process over loopback."""

import asyncio
import json
import pathlib
import signal
import socket

import pytest
from server_process import GET, Running, drain, serving

from workloads.server import server as app_server


def test_graceful_stop_finishes_what_is_in_flight() -> None:
    with serving() as running:
        idle = running.connect()
        idle.sendall(GET % b"/")
        assert idle.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
        slow = running.begin("/?delay=0.3")
        running.process.send_signal(signal.SIGTERM)
        assert drain(idle) == b""
        with pytest.raises(ConnectionRefusedError):
            running.connect()
        assert b"200 OK" in drain(slow)
        assert running.end() == 0
        assert running.names() == ["started", "listening", "signal", "draining", "stopped", "exit"]
        assert running.events[2]["data"] == {"signal": "SIGTERM"}
        assert running.events[-1]["data"] == {"code": 0}


def test_graceful_stop_waits_also_where_there_was_no_connection_before() -> None:
    with serving() as running:
        running.ask("/readyz")
        running.ask("/readyz")
        with running.connect() as slow:
            slow.sendall(GET % b"/?delay=0.5&key=k")
            running.until_task("begun")
            running.process.send_signal(signal.SIGTERM)
            assert b"200 OK" in drain(slow)
        assert running.end() == 0


def test_abrupt_stop_cuts_what_is_in_flight() -> None:
    with serving("--no-graceful") as running:
        slow = running.begin("/?delay=30")
        running.process.send_signal(signal.SIGTERM)
        assert drain(slow) == b""
        assert running.end() == 0


@pytest.mark.parametrize(("options", "handled"), [((), True), (("--ignore-sigterm",), False)])
def test_ignore_sigterm_installs_no_handler(options: tuple[str, ...], handled: bool) -> None:
    with serving(*options) as running:
        status = pathlib.Path(f"/proc/{running.process.pid}/status").read_text()
        caught, ignored = (int(status.split(f"{field}:")[1].split()[0], 16) for field in ("SigCgt", "SigIgn"))
        bit = 1 << (signal.SIGTERM - 1)
        assert bool(caught & bit) is handled
        assert not ignored & bit


def test_another_signal_starts_the_shutdown() -> None:
    with serving("--signal", "SIGUSR1") as running:
        running.process.send_signal(signal.SIGUSR1)
        assert running.until("signal") == {"signal": "SIGUSR1"}
        assert running.end() == 0


@pytest.mark.parametrize("told", [True, False])
def test_drain_keeps_serving_and_may_tell_so(told: bool) -> None:
    options = ["--drain-s", "30", "--unready-on-signal", "--close-on-drain" if told else "--no-close-on-drain"]
    with serving(*options) as running:
        assert running.ask("/readyz")[0] == 200
        running.process.send_signal(signal.SIGTERM)
        running.until("draining")
        assert running.ask("/readyz")[0] == 503
        with running.connect() as sock:
            sock.sendall(GET % b"/")
            assert (b"Connection: close" in sock.recv(4096)) is told


def test_signal_during_the_start_up_delay() -> None:
    running = Running("--startup-delay-s", "60")
    running.until("started")
    running.process.send_signal(signal.SIGTERM)
    assert running.end() == 0
    assert "listening" not in running.names()
    assert running.process.stdout
    running.process.stdout.close()


def test_quit_answers_and_stops() -> None:
    with serving() as running:
        assert running.ask("/quit") == (200, "stopping\n")
        assert running.end() == 0


def test_crash_exits_at_once_with_its_code() -> None:
    with serving() as running, running.connect() as sock:
        sock.sendall((GET % b"/crash?code=3").replace(b"GET", b"POST"))
        assert drain(sock) == b""
        assert running.end() == 3


def test_checks_are_set_from_outside() -> None:
    with serving() as running:
        for check in ("startz", "readyz", "livez"):
            assert running.ask(f"/{check}")[0] == 200
            assert running.ask(f"/control/{check}?ok=0", "GET")[0] == 405
            assert running.ask(f"/control/{check}?ok=0", "POST")[0] == 200
            assert running.ask(f"/{check}")[0] == 503


def test_ledger_counts_by_key() -> None:
    with serving() as running:
        assert running.ask("/?key=a") == (200, "web-1\n")
        running.ask("/?key=a")
        running.begin("/?key=b&delay=60").close()
        ledger = json.loads(running.ask("/ledger")[1])
        assert ledger == {
            "requests": 2, "begun": 3, "keys": {"a": {"begun": 2, "done": 2}, "b": {"begun": 1, "done": 0}},
        }  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x00\xff\x01\r\n\r\n", 400),
        (b"GET / HTTP/9\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET /?delay=x HTTP/1.1\r\n\r\n", 400),
        (b"GET /?delay=nan HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        (b"A" * 20_000, 431),
    ],
)
def test_garbage_is_refused_and_does_no_harm(sent: bytes, status: int) -> None:
    with serving() as running:
        with running.connect() as sock:
            sock.sendall(sent)
            assert drain(sock).startswith(b"HTTP/1.1 %d " % status)
        assert running.ask("/")[0] == 200


def test_many_requests_in_one_write_are_all_answered() -> None:
    with serving() as running, running.connect() as sock:
        sock.sendall((GET % b"/") * 500 + b"GET / HTTP/1.0\r\n\r\n")
        assert drain(sock).count(b"HTTP/1.1 200 OK") == 501


def test_close_serves_what_waits_in_the_backlog() -> None:
    async def scene() -> list[bytes]:
        app = app_server.App(app_server.parse([]))
        listener = app_server.Listener(app, 0)
        # As if the connections came in the very moment of the shutdown: the loop has not accepted them.
        asyncio.get_running_loop().remove_reader(listener.sock)
        clients = [socket.create_connection(("127.0.0.1", listener.port), timeout=5) for _ in range(20)]
        for client in clients:
            client.sendall(GET % b"/")
        await app_server.close_gracefully(app, listener)
        return [drain(client) for client in clients]

    assert all(answer.startswith(b"HTTP/1.1 200 OK") for answer in asyncio.run(scene()))


def test_fill_writes_beside_the_serving(tmp_path: pathlib.Path) -> None:
    with serving("--scratch", str(tmp_path)) as running:
        assert running.ask("/fill?mb=3", "POST")[0] == 200
        assert running.until("filled") == {"mb": 3}
        assert (tmp_path / "filled").stat().st_size == 3 << 20
        assert [running.ask(f"/fill{query}", "POST")[0] for query in ("", "?mb=0", "?mb=x", "?mb=2000")] == [400] * 4
        assert running.ask("/fill?mb=1")[0] == 405


def test_without_a_folder_nothing_is_filled() -> None:
    with serving() as running:
        assert running.ask("/fill?mb=1", "POST")[0] == 405


def test_unknown_signal_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        app_server.parse(["--signal", "SIGNOPE"])
    assert "SIGNOPE" in capsys.readouterr().err
