"""What a server says on a stream, read as its bytes come: server-sent events, WebSocket frames."""

import base64
import hashlib
import os
from collections.abc import Iterator
from typing import Protocol

from .answer import HEAD_LIMIT, ProtocolError

CLOSE = 0x8
TEXTS = (0x0, 0x1, 0x2)
MESSAGE_LIMIT = 1 << 20
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


class Decoder(Protocol):
    """Feed it bytes after the head; `ended` says that the server ended the stream with a word."""

    ended: bool

    def feed(self, data: bytes) -> Iterator[str]:
        """The whole messages that are there now. Raises ProtocolError."""


def read_head(data: bytes) -> tuple[int, dict[str, str], bytes] | None:
    """An answer's status, its fields by lower-case name and what follows; None if it is not whole."""
    head, ended, rest = data.partition(b"\r\n\r\n")
    if not b"HTTP/1.".startswith(data[:7]) or len(head) > HEAD_LIMIT:
        raise ProtocolError("no HTTP/1.x answer")
    if not ended:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    status = first[9:12]
    if not (status.isascii() and status.isdigit()):
        raise ProtocolError("no status")
    fields = (line.partition(":") for line in lines)
    return int(status), {name.lower(): value.strip() for name, _, value in fields}, rest


class Events:
    """Server-sent events; in chunks, or bare, whose end cannot be told from a cut."""

    def __init__(self, chunked: bool) -> None:
        self.ended = False
        self._chunked = chunked
        self._raw = b""
        self._text = b""

    def feed(self, data: bytes) -> Iterator[str]:
        """The `data` of each whole event; comments and other fields are left out."""
        if self._chunked:
            self._raw += data
            while (chunk := self._chunk()) is not None:
                self._text += chunk
        else:
            self._text += data
        if len(self._text) > MESSAGE_LIMIT:
            raise ProtocolError("event")
        # Any line end is allowed; the events of one server use one.
        *whole, self._text = self._text.replace(b"\r\n", b"\n").split(b"\n\n")
        for event in whole:
            lines = event.decode("utf-8", "replace").split("\n")
            if found := [line[5:].removeprefix(" ") for line in lines if line.startswith("data:")]:
                yield "\n".join(found)

    def _chunk(self) -> bytes | None:
        """Take one whole chunk."""
        size, ended, rest = self._raw.partition(b"\r\n")
        if not ended or self.ended:
            return None
        try:
            length = int(size.partition(b";")[0], 16)
        except ValueError as exc:
            raise ProtocolError("chunk size") from exc
        if not 0 <= length <= MESSAGE_LIMIT:
            raise ProtocolError("chunk size")
        if length == 0:
            self.ended = True
            return None
        if len(rest) < length + 2:
            return None
        self._raw = rest[length + 2 :]
        return rest[:length]


class Frames:
    """A server's WebSocket frames."""

    def __init__(self) -> None:
        self.ended = False
        self._raw = b""
        self._parts = b""

    def feed(self, data: bytes) -> Iterator[str]:
        """Each whole message; pings are not answered, for a prober leaves before a server misses that."""
        self._raw += data
        while (frame := self._frame()) is not None:
            first, payload = frame
            opcode = first & 0x0F
            if opcode == CLOSE:
                self.ended = True
            elif opcode in TEXTS:
                self._parts += payload
                if len(self._parts) > MESSAGE_LIMIT:
                    raise ProtocolError("message")
                if first & 0x80:
                    yield self._parts.decode("utf-8", "replace")
                    self._parts = b""

    def _frame(self) -> tuple[int, bytes] | None:
        raw = self._raw
        if len(raw) < 2:
            return None
        if raw[1] & 0x80 or raw[0] & 0x70:
            raise ProtocolError("frame")
        length, at = raw[1], 2
        if length >= 126:
            at = 4 if length == 126 else 10
            length = int.from_bytes(raw[2:at], "big")
        if length > MESSAGE_LIMIT:
            raise ProtocolError("frame")
        # A head that is cut short gives too small a length, but then too few bytes are there as well.
        if len(raw) < at + length:
            return None
        self._raw = raw[at + length :]
        return raw[0], raw[at : at + length]


def websocket_key() -> str:
    """A new Sec-WebSocket-Key."""
    return base64.b64encode(os.urandom(16)).decode()


def accept_key(key: str) -> str:
    """What the server must answer to it."""
    return base64.b64encode(hashlib.sha1((key + GUID).encode(), usedforsecurity=False).digest()).decode()


def close_frame() -> bytes:
    """A client's close frame: masked, as all that a client sends; 1000, a normal end."""
    mask = os.urandom(4)
    return b"\x88\x82" + mask + bytes((0x03 ^ mask[0], 0xE8 ^ mask[1]))
