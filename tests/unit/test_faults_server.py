"""The fault server on loopback: what a client feels is what the ledger says."""

import contextlib
import json
import pathlib
import signal
import socket
import subprocess
import sys
import time

import h2.connection
import h2.errors
import h2.events
import pytest

from workloads.faults.schedule import NS_PER_MS, Schedule, Window
from workloads.faults.server import FaultServer, serving

ROOT = pathlib.Path(__file__).parents[2]
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def client(server):
    return socket.create_connection((server.host, server.port), timeout=5)


def felt(sock, request=GET):
    """What became of one request: status or how it broke."""
    try:
        sock.sendall(request)
        data = b""
        while True:
            got = sock.recv(65_536)
            data += got
            if not got:
                return "truncated" if data else "fin"
            if data.endswith(b"\r\n\r\nok\n") and b"Content-Length: 3\r\n" in data:
                return data[9:12].decode()
    except ConnectionResetError:
        return "rst"


def test_faults_by_count():
    faults = ("fin", "rst", "truncated", "503")
    with serving(FaultServer(Schedule(every=3, faults=faults, reused=True))) as server:
        seen, sock = [], client(server)
        while len(seen) < 40:
            seen.append(felt(sock))
            if seen[-1] in faults[:3]:
                sock.close()
                sock = client(server)
        sock.close()
    assert [one for one in seen if one != "200"] == [hit.fault for hit in server.ledger.hits]
    assert server.ledger.by_fault == {"fin": 3, "rst": 3, "truncated": 2, "503": 2}
    assert server.ledger.requests == 40
    assert server.ledger.broken == 10
    assert server.ledger.connections == 9
    assert server.ledger.reused == 31


def test_a_whole_request_is_one_with_its_body():
    with serving(FaultServer(Schedule())) as server, client(server) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbo")
        assert felt(sock, b"dy") == "200"
        assert felt(sock) == "200"
        assert server.ledger.requests == 2


def test_connection_close_is_honoured():
    with serving(FaultServer(Schedule())) as server, client(server) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        said = b"".join(iter(lambda: sock.recv(100), b""))
    assert said.endswith(b"Connection: close\r\n\r\nok\n")


def test_a_stall_answers_when_its_window_ends():
    window = Window("stall", 0, 80 * NS_PER_MS)
    with serving(FaultServer(Schedule(windows=[window]))) as server, client(server) as sock:
        assert felt(sock) == "200"
        waited_ns = time.monotonic_ns() - server.start_ns
    assert waited_ns >= 79 * NS_PER_MS
    assert server.ledger.by_fault == {"stall": 1}
    assert server.ledger.broken == 0


def test_refused_within_the_window_that_is_told():
    told = []
    schedule = Schedule(windows=[Window("refuse", 20 * NS_PER_MS, 60 * NS_PER_MS)])
    refused = []
    with serving(FaultServer(schedule, told=told.append)) as server:
        while not told:
            began_ns = time.monotonic_ns()
            try:
                client(server).close()
            except (ConnectionRefusedError, ConnectionResetError):  # reset if it was half made when the listener went
                refused.append((began_ns, time.monotonic_ns()))
        assert felt(client(server)) == "200"
    (window,) = told
    assert refused
    # The kernel refuses while nothing listens, so each refusal touches the window.
    assert all(began_ns <= window.end_ns and ended_ns >= window.start_ns for began_ns, ended_ns in refused)
    assert window.end_ns - window.start_ns >= 40 * NS_PER_MS


def h2_client(sock):
    connection = h2.connection.H2Connection()
    connection.initiate_connection()
    sock.sendall(connection.data_to_send())
    return connection


def h2_felt(sock, connection):
    """The events that end one request."""
    stream = connection.get_next_available_stream_id()
    head = [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "x")]
    connection.send_headers(stream, head, end_stream=True)
    sock.sendall(connection.data_to_send())
    seen = []
    while not any(isinstance(one, h2.events.StreamEnded | h2.events.ConnectionTerminated) for one in seen):
        # What the client acknowledges after the server has closed is answered by RST.
        with contextlib.suppress(ConnectionResetError):
            if data := sock.recv(65_536):
                seen += connection.receive_data(data)
                sock.sendall(connection.data_to_send())
                continue
        break
    return stream, seen


def test_goaway_leaves_out_the_request_it_hits():
    with serving(FaultServer(Schedule(every=3, faults=["goaway"]))) as server, client(server) as sock:
        connection = h2_client(sock)
        for _ in range(2):
            _, seen = h2_felt(sock, connection)
            answer = next(one for one in seen if isinstance(one, h2.events.ResponseReceived))
            assert dict(answer.headers)[b":status"] == b"200"
        stream, seen = h2_felt(sock, connection)
        (gone,) = (one for one in seen if isinstance(one, h2.events.ConnectionTerminated))
    assert gone.error_code == h2.errors.ErrorCodes.NO_ERROR
    assert gone.last_stream_id == stream - 2
    assert (server.ledger.requests, server.ledger.by_fault) == (3, {"goaway": 1})


@pytest.mark.parametrize(("fault", "ends"), [("503", True), ("truncated", False), ("fin", False)])
def test_other_faults_over_http2(fault, ends):
    with serving(FaultServer(Schedule(every=1, faults=[fault]))) as server, client(server) as sock:
        _, seen = h2_felt(sock, h2_client(sock))
    assert any(isinstance(one, h2.events.StreamEnded) for one in seen) is ends
    statuses = [dict(one.headers)[b":status"] for one in seen if isinstance(one, h2.events.ResponseReceived)]
    assert statuses == {"503": [b"503"], "truncated": [b"200"], "fin": []}[fault]


def test_as_a_process(tmp_path):
    arguments = tmp_path / "arguments"
    arguments.write_text("--every\n2\n--faults\nrst\n--window\n503:0:30\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "workloads.faults", f"@{arguments}"], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout
    first = json.loads(process.stdout.readline())
    window = json.loads(process.stdout.readline())
    assert (first["kind"], window["kind"], window["fault"]) == ("listening", "window", "503")
    assert (window["t_ns"], window["end_ns"]) == (first["t_ns"], first["t_ns"] + 30_000_000)
    with socket.create_connection(("127.0.0.1", first["port"])) as sock:
        assert [felt(sock), felt(sock)] == ["200", "rst"]
    process.send_signal(signal.SIGTERM)
    hit, ledger = (json.loads(line) for line in process.stdout)
    process.stdout.close()
    assert process.wait(10) == 0
    assert (hit["kind"], hit["fault"], hit["use"]) == ("hit", "rst", 2)
    assert ledger["requests"] == 2
    assert ledger["by_fault"] == {"rst": 1}
    assert ledger["broken"] == 1
