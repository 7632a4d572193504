"""Long-lived streams: numbered heartbeats by server-sent events (HTML standard, 9.2) or WebSocket (RFC 6455).

The n-th heartbeat of a stream is the text `N T_NS POD`: its number from 1, the wall time of its sending, who sends.
"""

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable

UNSENT_LIMIT = 1 << 20  # a client that reads so much less than it asked for is dropped
FRAME_LIMIT = 1 << 16
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
NORMAL, GOING_AWAY, PROTOCOL_ERROR, TOO_BIG = 1000, 1001, 1002, 1009
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LAST_CHUNK = b"0\r\n\r\n"
SSE_FIELDS = "Content-Type: text/event-stream\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n"


class FrameError(Exception):
    """What came is no frame that a client may send. `code` is the reason for the close frame."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole frame as a server sends it: unmasked."""
    if len(payload) < 126:
        return bytes((0x80 | opcode, len(payload))) + payload
    return bytes((0x80 | opcode, 126)) + len(payload).to_bytes(2, "big") + payload


def close_frame(code: int) -> bytes:
    """A close frame with its reason."""
    return frame(CLOSE, code.to_bytes(2, "big"))


def take_frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """The first frame of a client's bytes as opcode, payload and rest; None if it is not whole. Raises FrameError."""
    if len(data) < 2:
        return None
    opcode, masked, length = data[0] & 0x0F, data[1] & 0x80, data[1] & 0x7F
    # A client masks every frame; reserved bits are for extensions, and none was agreed on; control frames are short.
    if not masked or data[0] & 0x70 or (opcode >= CLOSE and (length > 125 or not data[0] & 0x80)):
        raise FrameError(PROTOCOL_ERROR)
    at = 2
    if length >= 126:
        at += 2 if length == 126 else 8
        if len(data) < at:
            return None
        length = int.from_bytes(data[2:at], "big")
    if length > FRAME_LIMIT:
        raise FrameError(TOO_BIG)
    if len(data) < at + 4 + length:
        return None
    mask = data[at : at + 4] * (length // 4 + 1)
    payload = bytes(byte ^ mask[i] for i, byte in enumerate(data[at + 4 : at + 4 + length]))
    return opcode, payload, data[at + 4 + length :]


def accept_key(key: str) -> str:
    """What a server answers to the client's Sec-WebSocket-Key."""
    return base64.b64encode(hashlib.sha1((key + GUID).encode(), usedforsecurity=False).digest()).decode()


def event(text: str, number: int) -> bytes:
    """A server-sent event as one chunk."""
    content = f"id: {number}\ndata: {text}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(content), content)


class Stream:
    """Sends a heartbeat each `beat_s`, on an absolute schedule, until its connection is gone or it says goodbye."""

    def __init__(self, transport: asyncio.Transport, pod: str, beat_s: float, now_ns: Callable[[], int]) -> None:
        self.number = 0
        self._transport = transport
        self._pod = pod
        self._beat_s = beat_s
        self._now_ns = now_ns
        self._start_s = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Send the first heartbeat, and the others when they are due."""
        if self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > UNSENT_LIMIT:
            self._transport.abort()
            return
        self.number += 1
        self._transport.write(self.beat(f"{self.number} {self._now_ns()} {self._pod}"))
        # A beat that is late does not make the ones after it late: numbers are time.
        wait_s = self._start_s + self.number * self._beat_s - time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(wait_s, self.start)

    def stop(self) -> None:
        """Send no more."""
        if self._timer:
            self._timer.cancel()

    def end(self, last: bytes) -> None:
        """Send the last bytes and close."""
        self.stop()
        self._transport.write(last)
        self._transport.close()

    def beat(self, text: str) -> bytes:
        """The bytes of one heartbeat."""
        raise NotImplementedError

    def goodbye(self) -> None:
        """Tell the client that this server ends the stream, and end it."""
        raise NotImplementedError

    def receive(self, data: bytes) -> bytes:
        """Take what the client sent; returns what is not a whole message yet."""
        raise NotImplementedError


class EventStream(Stream):
    """Server-sent events, in chunks, so that an end on purpose (the last chunk) and a cut differ."""

    def beat(self, text: str) -> bytes:
        """An event with the number as its id."""
        return event(text, self.number)

    def goodbye(self) -> None:
        """The last chunk."""
        self.end(LAST_CHUNK)

    def receive(self, data: bytes) -> bytes:  # noqa: ARG002 - the signature is that of all streams
        """A client has nothing to say on an event stream."""
        return b""


class WebSocket(Stream):
    """A WebSocket that sends text frames, answers pings and closes as it is asked to."""

    def beat(self, text: str) -> bytes:
        """A text frame."""
        return frame(TEXT, text.encode())

    def goodbye(self) -> None:
        """A close frame: going away."""
        self.end(close_frame(GOING_AWAY))

    def receive(self, data: bytes) -> bytes:
        """Answer pings and a close; messages are ignored."""
        try:
            while (found := take_frame(data)) and not self._transport.is_closing():
                opcode, payload, data = found
                if opcode == PING:
                    self._transport.write(frame(PONG, payload))
                elif opcode == CLOSE:
                    self.end(frame(CLOSE, payload[:2] or NORMAL.to_bytes(2, "big")))
        except FrameError as exc:
            self.end(close_frame(exc.code))
        return data
