"""Source ports in turn: none comes again before all others have been used."""

import errno
import itertools
import socket

PORTS = range(10_000, 32_768)
"""Below those that Linux gives by itself (net.ipv4.ip_local_port_range, 32768 to 60999): nobody else has one."""


class Ports:
    """Hands out source ports. Linux jumps among its own every ten seconds (EPHEMERAL_PORT_SHUFFLE_PERIOD) and may soon
    be back at one: connection tracking then takes a new connection for an old one that was never answered.
    """

    def __init__(self) -> None:
        self._next = itertools.cycle(PORTS)

    def bind(self, sock: socket.socket) -> None:
        """Bind a socket to the next port that is free. Raises OSError if none is."""
        for port in itertools.islice(self._next, len(PORTS)):
            try:
                sock.bind(("", port))
            except OSError as exc:
                if exc.errno != errno.EADDRINUSE:
                    raise
            else:
                return
        raise OSError(errno.EADDRNOTAVAIL, "every source port is in use")
