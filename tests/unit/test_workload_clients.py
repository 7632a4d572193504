"""What the exceptions of other people's clients say, in the rows' words."""

import errno
import socket
import ssl

import httpcore
import pytest

from workloads.load.clients import judge


class HTTPParseError(Exception):
    """As geventhttpclient has it."""


class HTTPConnectionClosed(HTTPParseError):  # noqa: N818 - its name is what counts
    """As geventhttpclient has it."""


class MaxRetryError(Exception):
    """As urllib3 has it: the cause is its `reason`."""

    def __init__(self, reason):
        super().__init__("Max retries exceeded")
        self.reason = reason


class NewConnectionError(Exception):
    """As urllib3 has it."""


def because(error, cause):
    error.__cause__ = cause
    return error


REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "refused")
SAID_NOTHING = "Server disconnected without sending a response."
CUT = "peer closed connection without sending complete message body (received 3 bytes, expected 50)"


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (REFUSED, 0, ("failed", "connect", "refused")),
        (MaxRetryError(because(NewConnectionError("x"), REFUSED)), 0, ("failed", "connect", "refused")),
        (ConnectionResetError(errno.ECONNRESET, "reset"), 0, ("failed", "first_byte", "reset")),
        (ConnectionResetError(errno.ECONNRESET, "reset"), 200, ("failed", "body", "reset")),
        (BrokenPipeError(errno.EPIPE, "pipe"), 0, ("failed", "write", "reset")),
        (OSError(errno.EMFILE, "too many open files"), 0, ("unknown", "first_byte", "other")),
        (socket.gaierror(-2, "not known"), 0, ("failed", "dns", "other")),
        (ssl.SSLError(1, "bad certificate"), 0, ("failed", "tls", "other")),
        (TimeoutError(), 0, ("failed", "first_byte", "timeout")),
        (HTTPConnectionClosed("connection closed."), 0, ("failed", "first_byte", "closed")),
        (HTTPConnectionClosed("connection closed."), 200, ("failed", "body", "truncated")),
        (HTTPParseError("Incomplete response."), 200, ("failed", "body", "truncated")),
        (HTTPParseError("invalid constant"), 0, ("failed", "first_byte", "protocol")),
        (httpcore.RemoteProtocolError(SAID_NOTHING), 0, ("failed", "first_byte", "closed")),
        (httpcore.RemoteProtocolError(CUT), 200, ("failed", "body", "truncated")),
        (httpcore.RemoteProtocolError("illegal status line"), 0, ("failed", "first_byte", "protocol")),
        (httpcore.ConnectionNotAvailable(), 0, ("failed", "first_byte", "closed")),
        (because(httpcore.ReadError(), ConnectionResetError(errno.ECONNRESET, "r")), 0,
         ("failed", "first_byte", "reset")),
        (httpcore.ConnectTimeout(), 0, ("failed", "connect", "timeout")),
        (ValueError("whatever"), 0, ("failed", "first_byte", "other")),
    ],
)  # fmt: skip
def test_an_answer_that_did_not_come(error, status, told):
    assert judge(error, status, whole=False) == told


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (None, 200, ("ok", "", "")),
        (None, 503, ("ok", "", "")),
        (Exception("503"), 503, ("failed", "first_byte", "status")),
        (Exception("not what I wanted"), 200, ("failed", "body", "other")),
    ],
)
def test_a_whole_answer_is_as_good_as_its_user_says(error, status, told):
    assert judge(error, status, whole=True) == told
