"""A proxy on loopback that opens tunnels (CONNECT, RFC 9110 9.3.6) to one server, by whatever name it is asked for."""

import select
import socket
import socketserver
import threading
from types import TracebackType
from typing import Self


class Proxy:
    """`asked` has each request's line without the version."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Tunnel(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                method, target, _ = self.rfile.readline().decode().split()
                while self.rfile.readline().strip():
                    pass
                asked.append(f"{method} {target}")
                with socket.create_connection(server) as far:
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    _carry({self.connection: far, far: self.connection})

        self._listening = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel)
        self._listening.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._listening.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._listening.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._listening.shutdown()
        self._listening.socket.close()


def _carry(ends: dict[socket.socket, socket.socket]) -> None:
    while True:
        for end in select.select(list(ends), [], [])[0]:
            data = end.recv(65536)
            if not data:
                return
            ends[end].sendall(data)
