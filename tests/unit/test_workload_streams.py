"""The prober of streams: against the sample server, and against servers that end streams in each way there is."""

import json
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server_process import serving

from workloads.load.answer import ProtocolError
from workloads.load.decode import Events, Frames, accept_key, close_frame, read_head
from workloads.load.streams import build, parse
from workloads.server import streams as server_streams

PATHS = {"sse": "/sse?beat=0.01", "websocket": "/ws?beat=0.01"}


def probe(port: int, kind: str, *options: str, count: int = 4) -> tuple[list[Any], list[Any], list[dict[str, Any]]]:
    """Run a prober to its end; returns the streams' rows, the heartbeats and the raw lines."""
    lines: list[dict[str, Any]] = []
    common = ["--probe", "p", "--target", f"127.0.0.1:{port}", "--kind", kind, "--path", PATHS[kind]]
    chosen = parse([*common, "--count", str(count), *options])
    build(chosen, lambda line: lines.append(json.loads(line))).run(target=chosen.target, role="stream")
    rows, beats = (
        [row for line in lines if line["kind"] == kind for row in line["rows"]] for kind in ("requests", "beats")
    )
    return rows, beats, lines


def serve_one(behave: Callable[[socket.socket, str], None]) -> int:
    """A server for one connection; `behave` gets the socket and the request's text. Returns the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection = listener.accept()[0]
        with connection, listener:
            behave(connection, connection.recv(65_536).decode())

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


@pytest.mark.parametrize("kind", ["sse", "websocket"])
def test_streams_are_opened_on_schedule_and_left_after_their_time(kind: str) -> None:
    with serving() as running:
        rows, beats, lines = probe(running.port, kind, "--streams", "2", "--lasting-s", "0.2", count=4)
    begun, ended = lines[0], lines[-1]
    assert (begun["kind"], begun["interval_ns"], ended["scheduled"]) == ("probe", 100_000_000, 4)
    start = begun["t_ns"]
    assert sorted(row[0] - start for row in rows) == [0, 10_000_000, 100_000_000, 200_000_000]
    assert {(row[4], row[6], row[8]) for row in rows} == {("ok", "", "web-1")}
    assert {row[7] for row in rows} == {200 if kind == "sse" else 101}
    for row in rows:
        own = [beat for beat in beats if beat[1] == row[9]]
        assert [beat[2] for beat in own] == list(range(1, row[10] + 1))
        assert all(0 <= beat[0] - beat[3] < 1_000_000_000 for beat in own)


def answer(fields: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nX-Pod: web-1\r\n{fields}\r\n".encode()


CHUNKED = answer("Transfer-Encoding: chunked\r\n")


def sends(data: bytes) -> Callable[[socket.socket, str], None]:
    return lambda connection, _: connection.sendall(data)


def sends_and_waits(data: bytes) -> Callable[[socket.socket, str], None]:
    def behave(connection: socket.socket, _: str) -> None:
        connection.sendall(data)
        connection.recv(1)

    return behave


BEAT = server_streams.event("1 5 web-1", 1)


@pytest.mark.parametrize(
    ("behave", "expected"),
    [
        (sends(CHUNKED + BEAT), ("failed", "body", "truncated", 1)),
        (sends(CHUNKED + BEAT + b"0\r\n\r\n"), ("failed", "body", "ended", 1)),
        (sends_and_waits(CHUNKED + BEAT), ("failed", "body", "timeout", 1)),
        (sends_and_waits(b""), ("failed", "first_byte", "timeout", 0)),
        (sends(b""), ("failed", "first_byte", "closed", 0)),
        (sends(b"HTTP/1.1 503 No\r\n\r\n"), ("failed", "first_byte", "status", 0)),
        (sends(CHUNKED + b"zz\r\n"), ("failed", "first_byte", "protocol", 0)),
        (sends(b"SSH-2.0\r\n\r\n"), ("failed", "first_byte", "protocol", 0)),
        (sends(answer("") + b"data: 7 5 x\n\n: comment\n\n"), ("failed", "body", "truncated", 1)),
    ],
)
def test_each_end_of_an_event_stream(behave: Any, expected: tuple[str, str, str, int]) -> None:
    ((*_, outcome, phase, error, _, _, _, beats),), _, _ = probe(
        serve_one(behave), "sse", "--deadline-s", "0.5", "--lasting-s", "60", count=1
    )
    assert (outcome, phase, error, beats) == expected


def test_a_wrong_accept_key_is_no_websocket() -> None:
    port = serve_one(sends(b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: no\r\n\r\n"))
    rows, _, _ = probe(port, "websocket", count=1)
    assert rows[0][6] == "protocol"


@pytest.mark.parametrize(("goodbye", "error"), [(True, "ended"), (False, "truncated")])
@pytest.mark.parametrize("kind", ["sse", "websocket"])
def test_a_goodbye_and_a_cut_differ(kind: str, goodbye: bool, error: str) -> None:
    with serving("--goodbye" if goodbye else "--no-graceful") as running:
        threading.Timer(1.0, running.process.send_signal, [signal.SIGTERM]).start()
        rows, _, _ = probe(running.port, kind, "--streams", "3", "--lasting-s", "60", count=3)
    assert [row[6] for row in rows] in ([error] * 3, ["reset"] * 3)
    assert goodbye is (rows[0][6] == "ended")


def test_stopped_it_leaves_every_stream() -> None:
    lines: list[dict[str, Any]] = []
    with serving() as running:
        options = parse(["--probe", "p", "--target", f"127.0.0.1:{running.port}", "--kind", "sse", "--path", "/sse"])
        prober = build(options, lambda line: lines.append(json.loads(line)))
        threading.Timer(1.0, prober.stop).start()
        prober.run(target=options.target, role="stream")
    rows = [row for line in lines if line["kind"] == "requests" for row in line["rows"]]
    assert [row[4] for row in rows] == ["ok"] * 6
    assert (lines[-1]["scheduled"], lines[-1]["batches"]) == (6, 1)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    rows, beats, _ = probe(port, "sse", count=2)
    assert [(row[4], row[5], row[6]) for row in rows] == [("failed", "connect", "refused")] * 2
    assert beats == []


@given(st.lists(st.text("abc 1", min_size=1), max_size=5), st.integers(1, 7), st.booleans())
def test_events_come_whole_however_they_are_cut(texts: list[str], size: int, chunked: bool) -> None:
    data = b"".join(
        server_streams.event(text, n) if chunked else f"id: {n}\ndata: {text}\n\n".encode()
        for n, text in enumerate(texts)
    )
    data += server_streams.LAST_CHUNK if chunked else b""
    decoder = Events(chunked)
    assert [text for i in range(0, len(data), size) for text in decoder.feed(data[i : i + size])] == texts
    assert decoder.ended is chunked


@given(st.lists(st.text(max_size=300), max_size=5), st.integers(1, 50))
def test_messages_come_whole_however_they_are_cut(texts: list[str], size: int) -> None:
    data = b"".join(server_streams.frame(server_streams.TEXT, text.encode()) for text in texts)
    data += server_streams.frame(server_streams.PING, b"x") + server_streams.close_frame(1001)
    decoder = Frames()
    assert [text for i in range(0, len(data), size) for text in decoder.feed(data[i : i + size])] == texts
    assert decoder.ended


def test_a_message_in_fragments_is_one() -> None:
    assert list(Frames().feed(b"\x01\x02he\x89\x00\x80\x03llo")) == ["hello"]


@pytest.mark.parametrize("data", [b"\x81\x80....", b"\xc1\x00", b"\x82\x7f" + b"\xff" * 8])
def test_what_no_server_may_send(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(Frames().feed(data))


def test_client_and_server_agree_on_the_handshake_and_the_end() -> None:
    assert server_streams.take_frame(close_frame() + b"x") == (server_streams.CLOSE, b"\x03\xe8", b"x")
    assert accept_key("k") == server_streams.accept_key("k")


def test_a_head_in_parts() -> None:
    assert read_head(b"HTT") is None
    assert read_head(b"HTTP/1.1 200 OK\r\nX-Pod: a\r\n") is None
    assert read_head(b"HTTP/1.1 200 OK\r\nX-Pod: a\r\n\r\nrest") == (200, {"x-pod": "a"}, b"rest")
