"""An HTTP/1.x answer, read as its bytes come: only what a prober needs of it (RFC 9112)."""

HEAD_LIMIT = 65_536
POD_LIMIT = 253  # the longest name Kubernetes gives
NO_BODY = (204, 304)


def statuses(text: str) -> tuple[int, ...]:
    """The statuses of a good answer, told as 200 or 200,204. Raises ValueError."""
    return tuple(map(int, text.split(",")))


class ProtocolError(Exception):
    """The bytes are no HTTP/1.x answer."""


class Answer:
    """Feed it bytes until `whole`. `status` is 0 before the head is there; `pod` is the X-Pod header."""

    __slots__ = ("_buffer", "_left", "_mode", "_skip", "keep_alive", "pod", "status", "whole")

    def __init__(self, method: str = "GET") -> None:
        self.status = 0
        self.pod = ""
        self.keep_alive = True
        self.whole = False
        self._buffer = b""
        self._mode = "head"
        self._left = 0
        self._skip = method == "HEAD"

    def feed(self, data: bytes) -> None:
        """Take more bytes. Raises ProtocolError."""
        if self._mode == "head":
            data = self._head(self._buffer + data)
        if self._mode == "length":
            self._left -= len(data)
            if self._left <= 0:
                self.whole = True
                self.keep_alive = self.keep_alive and self._left == 0
        elif self._mode == "chunked":
            self._chunks(data)

    def end(self) -> None:
        """The connection ended: that completes an answer without a length, and only that."""
        self.keep_alive = False
        if self._mode == "close":
            self.whole = True

    def _head(self, data: bytes) -> bytes:
        """Read the head if it is there, past any 1xx; returns what follows it."""
        while self._mode == "head":
            if not b"HTTP/1.".startswith(data[:7]) or len(data) > HEAD_LIMIT:
                raise ProtocolError("no HTTP/1.x answer")
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = data
                return b""
            head, data = data[:end], data[end + 4 :]
            self._parse(head.decode("latin-1").split("\r\n"))
        self._buffer = b""
        return data

    def _parse(self, lines: list[str]) -> None:
        version, _, rest = lines[0].partition(" ")
        if not (rest[:3].isascii() and rest[:3].isdigit() and len(rest[:3]) == 3):
            raise ProtocolError("no status")
        status = int(rest[:3])
        if 100 <= status < 200:
            return
        self.status = status
        fields: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        self.pod = fields.get("x-pod", "")[:POD_LIMIT]
        options = fields.get("connection", "").lower()
        self.keep_alive = "close" not in options and (version == "HTTP/1.1" or "keep-alive" in options)
        self._frame(fields)

    def _frame(self, fields: dict[str, str]) -> None:
        """Decide how the body ends."""
        length = fields.get("content-length")
        if self._skip or self.status in NO_BODY:
            self._mode = "length"
        elif "chunked" in fields.get("transfer-encoding", "").lower():
            self._mode = "chunked"
        elif length is None:
            self._mode = "close"
        elif length.isascii() and length.isdigit():
            self._mode = "length"
            self._left = int(length)
        else:
            raise ProtocolError("content-length")

    def _chunks(self, data: bytes) -> None:
        """Walk through chunks; `_left` counts the bytes of the present one with its line end, -1 in the trailer."""
        data = self._buffer + data
        while data and not self.whole:
            if self._left > 0:
                taken = min(self._left, len(data))
                self._left -= taken
                data = data[taken:]
                continue
            line, ended, rest = data.partition(b"\r\n")
            if not ended:
                if len(line) > HEAD_LIMIT:
                    raise ProtocolError("chunk")
                break
            data = rest
            if self._left < 0:
                self.whole = not line
            else:
                self._left = self._size(line) + 2 if self._size(line) else -1
        self._buffer = data

    @staticmethod
    def _size(line: bytes) -> int:
        try:
            size = int(line.partition(b";")[0].strip(), 16)
        except ValueError as exc:
            raise ProtocolError("chunk size") from exc
        if size < 0:
            raise ProtocolError("chunk size")
        return size
