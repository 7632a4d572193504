"""The head of a request, and what is no request."""

import urllib.parse

HEAD_LIMIT = 16_384
BODY_LIMIT = 1 << 20


class BadRequestError(Exception):
    """What came is no request that this server can answer. `status` is the answer before the connection is closed."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Head:
    """A parsed request head. `body` is the announced length of the body in bytes."""

    __slots__ = ("body", "keep_alive", "method", "path", "query", "upgrade", "websocket_key")

    def __init__(self, raw: bytes) -> None:
        lines = raw.decode("latin-1").split("\r\n")
        parts = lines[0].split(" ")
        if len(parts) != 3 or not parts[0].isalpha() or parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
            raise BadRequestError(400, "request line")
        self.method = parts[0]
        self.path, _, self.query = parts[1].partition("?")
        self.keep_alive = parts[2] == "HTTP/1.1"
        self.body = 0
        self.upgrade = self.websocket_key = ""
        for line in lines[1:]:
            self._field(line)

    def _field(self, line: str) -> None:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequestError(400, "header field")
        match name.lower():
            case "connection":
                options = value.lower()
                self.keep_alive = "close" not in options and (self.keep_alive or "keep-alive" in options)
            case "content-length":
                digits = value.strip()
                if not (digits.isascii() and digits.isdigit()):
                    raise BadRequestError(400, "content-length")
                if len(digits) > 9 or int(digits) > BODY_LIMIT:
                    raise BadRequestError(413, "body")
                self.body = int(digits)
            case "upgrade":
                self.upgrade = value.strip().lower()
            case "sec-websocket-key":
                self.websocket_key = value.strip()
            case "transfer-encoding":
                raise BadRequestError(501, "transfer-encoding")

    def option(self, name: str) -> str:
        """The query's value of that name, empty if there is none."""
        if not self.query:
            return ""
        return urllib.parse.parse_qs(self.query).get(name, [""])[0]

    def seconds(self, name: str, default: float = 0.0) -> float:
        """The query's value of that name as seconds, up to an hour. Raises BadRequestError."""
        try:
            value = float(self.option(name) or default)
        except ValueError as exc:
            raise BadRequestError(400, name) from exc
        if not 0 <= value <= 3600:
            raise BadRequestError(400, name)
        return value
