"""Streams of the server: frames as RFC 6455 has them, heartbeats and ends over loopback."""

import json
import signal
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server_process import Running, drain, serving

from workloads.server import streams

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE = (
    f"GET /ws?beat=0.01 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
SSE = b"GET /sse?beat=0.01 HTTP/1.1\r\nHost: x\r\n\r\n"


def masked(opcode: int, payload: bytes, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    """A frame as a client sends it."""
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([0x80 | opcode]) + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def open_stream(running: Running, request: bytes) -> tuple[socket.socket, bytes]:
    """A stream that has begun to beat, and what came of it so far."""
    sock = running.connect()
    sock.sendall(request)
    found = b""
    while b" web-1" not in found.partition(b"\r\n\r\n")[2]:
        found += sock.recv(65_536)
    return sock, found


def numbers(data: bytes) -> list[int]:
    """The numbers of the heartbeats in an event stream."""
    return [int(line.split()[1]) for line in data.split(b"\n") if line.startswith(b"data: ")]


def test_the_accept_key_is_the_example_of_the_rfc() -> None:
    assert streams.accept_key(KEY) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@given(st.binary(max_size=1000), st.binary(min_size=4, max_size=4), st.sampled_from([0x1, 0x2]), st.binary(max_size=20))
def test_a_frame_is_taken_whole_and_unmasked(payload: bytes, mask: bytes, opcode: int, rest: bytes) -> None:
    data = masked(opcode, payload, mask)
    assert streams.take_frame(data + rest) == (opcode, payload, rest)
    assert all(streams.take_frame(data[:n]) is None for n in range(0, len(data), 7))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x00", streams.PROTOCOL_ERROR),  # unmasked
        (b"\xc1\x80\x00\x00\x00\x00", streams.PROTOCOL_ERROR),  # a reserved bit
        (b"\x08\x80\x00\x00\x00\x00", streams.PROTOCOL_ERROR),  # a control frame in fragments
        (b"\x89\xfe\x00\x80", streams.PROTOCOL_ERROR),  # a control frame that is too long
        (b"\x82\xff\x00\x00\x00\x00\x00\x02\x00\x00", streams.TOO_BIG),
    ],
)
def test_what_no_client_may_send(data: bytes, code: int) -> None:
    with pytest.raises(streams.FrameError) as caught:
        streams.take_frame(data)
    assert caught.value.code == code


@given(st.binary(max_size=1000))
def test_what_a_server_sends_has_its_length(payload: bytes) -> None:
    made = streams.frame(streams.TEXT, payload)
    at = 2 if len(payload) < 126 else 4
    length = made[1] if at == 2 else int.from_bytes(made[2:4], "big")
    assert (made[0], length, made[at:]) == (0x81, len(payload), payload)


def test_an_event_stream_beats_with_numbers() -> None:
    with serving() as running:
        sock, found = open_stream(running, SSE)
        while len(numbers(found)) < 5:
            found += sock.recv(65_536)
        assert found.startswith(b"HTTP/1.1 200 OK\r\nX-Pod: web-1\r\nContent-Type: text/event-stream\r\n")
        assert numbers(found)[:5] == [1, 2, 3, 4, 5]
        assert running.ask("/streams") == (200, "1\n")
        sock.close()
        while running.ask("/streams")[1] != "0\n":
            pass


def test_a_websocket_beats_answers_pings_and_closes() -> None:
    with serving() as running:
        sock, found = open_stream(running, HANDSHAKE)
        head, _, found = found.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert f"Sec-WebSocket-Accept: {streams.accept_key(KEY)}".encode() in head
        assert found[:1] == b"\x81"
        assert found[2:].startswith(b"1 ")
        sock.sendall(masked(streams.PING, b"hey") + masked(streams.TEXT, b"ignored"))
        while b"\x8a\x03hey" not in found:
            found += sock.recv(65_536)
        sock.sendall(masked(streams.CLOSE, (1000).to_bytes(2, "big")))
        assert drain(sock).endswith(b"\x88\x02\x03\xe8")
        assert running.ask("/streams")[1] == "0\n"


def test_an_unmasked_frame_is_a_protocol_error() -> None:
    with serving() as running:
        sock, _ = open_stream(running, HANDSHAKE)
        sock.sendall(b"\x81\x00")
        assert drain(sock).endswith(b"\x88\x02\x03\xea")


@pytest.mark.parametrize("request_", [b"GET /ws HTTP/1.1\r\n\r\n", HANDSHAKE.replace(b"websocket", b"h2c")])
def test_no_handshake_no_websocket(request_: bytes) -> None:
    with serving() as running, running.connect() as sock:
        sock.sendall(request_)
        assert drain(sock).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(("request_", "goodbye"), [(SSE, b"0\r\n\r\n"), (HANDSHAKE, b"\x88\x02\x03\xe9")])
def test_goodbye_ends_a_stream_with_a_word(request_: bytes, goodbye: bytes) -> None:
    with serving("--goodbye") as running:
        sock, _ = open_stream(running, request_)
        running.process.send_signal(signal.SIGTERM)
        assert drain(sock).endswith(goodbye)
        assert running.end() == 0


@pytest.mark.parametrize(("request_", "goodbye"), [(SSE, b"0\r\n\r\n"), (HANDSHAKE, b"\x88\x02\x03\xe9")])
def test_an_abrupt_stop_cuts_a_stream_without_a_word(request_: bytes, goodbye: bytes) -> None:
    with serving("--no-graceful", "--goodbye") as running:
        sock, _ = open_stream(running, request_)
        running.process.send_signal(signal.SIGTERM)
        assert not drain(sock).endswith(goodbye)
        assert running.end() == 0


def test_a_graceful_stop_waits_for_its_streams() -> None:
    with serving() as running:
        sock, found = open_stream(running, SSE)
        running.process.send_signal(signal.SIGTERM)
        running.until("draining")
        while len(numbers(found)) < 20:
            found += sock.recv(65_536)
        assert numbers(found)[:20] == list(range(1, 21))
        assert running.process.poll() is None
        sock.close()
        assert running.end() == 0


def test_each_step_of_work_with_a_key_is_told() -> None:
    with serving("--no-graceful") as running:
        running.ask("/?key=a")
        running.ask("/")
        running.begin("/?key=b&delay=60")
        running.begin("/?key=c&delay=60&work=0")
        while json.loads(running.ask("/ledger")[1])["keys"]["c"]["done"] == 0:
            pass
        running.process.send_signal(signal.SIGTERM)
        assert running.end() == 0
        tasks = [(one["key"], one["step"]) for one in running.events if one["kind"] == "task"]
        assert tasks == [("a", "begun"), ("a", "done"), ("b", "begun"), ("c", "begun"), ("c", "done")]
        assert next(one for one in running.events if one.get("event") == "stopped")["data"]["tasks"] == 5
