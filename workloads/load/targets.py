"""All addresses behind a name (the pods of a headless Service), asked in turn, as they come and go."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable

from .exchange import Address, Connection

LOOK_EVERY_S = 0.2
GONE = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))


def look_up(host: str, port: int) -> list[Address]:
    """Every address of a name, in order; none if the name has none. Raises socket.gaierror if nobody could say."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as exc:
        if exc.errno in GONE:
            return []
        raise
    return sorted({(family, address) for family, _, _, _, address in found}, key=lambda one: str(one[1]))


class Targets:
    """The addresses, looked up again and again by a thread of its own, since a look may wait."""

    def __init__(self, host: str, port: int, look: Callable[[str, int], list[Address]] = look_up) -> None:
        self._host = host
        self._port = port
        self._look = look
        self._addresses: list[Address] = []
        self._turn = 0
        self._sent: Counter[str] = Counter()
        threading.Thread(target=self._follow, daemon=True).start()

    def take(self) -> Address | None:
        """The next one in turn; None while there is none."""
        addresses = self._addresses
        if not addresses:
            return None
        self._turn += 1
        return addresses[self._turn % len(addresses)]

    def connection(self, address: Address) -> Connection:
        """A connection that is told by its address; its use counts those to that address."""
        host = str(address[1][0])
        self._sent[host] += 1
        return Connection(host, address, self._sent[host] - 1)

    def _follow(self) -> None:
        while True:
            self.refresh()
            time.sleep(LOOK_EVERY_S)

    def refresh(self) -> None:
        """Look once; what was known stays where nobody could say."""
        try:
            self._addresses = self._look(self._host, self._port)
        except socket.gaierror:
            return
