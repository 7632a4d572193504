"""What the exceptions of other people's clients say: outcome, phase and error of a request, in the rows' words."""

import socket
import ssl
from collections.abc import Iterator, Sequence

from .exchange import ERRORS, OWN_FAULT

Failure = tuple[str, str, str]

ERROR_OF = {
    # http.client and urllib3, below requests
    "RemoteDisconnected": "closed",
    "IncompleteRead": "truncated",
    "HTTPException": "protocol",
    # geventhttpclient, below FastHttpUser
    "HTTPConnectionClosed": "closed",
    "HTTPParseError": "protocol",
    # each of them, requests, gevent, httpx
    "Timeout": "timeout",
    "TimeoutError": "timeout",
    "TimeoutException": "timeout",
    # httpx and httpcore
    "ConnectionTerminated": "closed",
    "ConnectionNotAvailable": "closed",
    "RemoteProtocolError": "protocol",
}
"""By the name of a class or of one of its bases, so that no client must be imported to be understood."""

TOLD_IN_WORDS = {
    "Server disconnected": "closed",  # httpcore
    "without sending complete message body": "truncated",  # h11
    "Incomplete response": "truncated",  # geventhttpclient
}
"""Errors that have no class of their own."""

PHASE_OF = {
    "NameResolutionError": "dns",
    "gaierror": "dns",
    "NewConnectionError": "connect",
    "ConnectTimeout": "connect",
    "ConnectionRefusedError": "connect",
    "SSLError": "tls",
    "BrokenPipeError": "write",
}


def chain(error: object) -> Iterator[BaseException]:
    """An exception and those it stands for: requests and urllib3 keep them as arguments and as `reason`."""
    seen: list[BaseException] = []
    pending = [error]
    while pending:
        item = pending.pop(0)
        if isinstance(item, BaseException) and item not in seen:
            seen.append(item)
            pending += [getattr(item, "reason", None), *item.args, item.__cause__, item.__context__]
            yield item


def judge(error: BaseException | None, status: int, *, whole: bool) -> Failure:
    """What became of a request.

    `status` is the answer's, 0 without its head; `whole` says that all of the answer came, so that an error is about
    what it says, not about the connection.
    """
    if error is None:
        return "ok", "", ""
    if whole:
        # A status that the client or the user did not want, or a body that the user found wanting.
        return ("failed", "first_byte", "status") if status >= 400 else ("failed", "body", "other")
    causes = list(chain(error))
    name, outcome = name_of(causes)
    if status and name == "closed":
        name = "truncated"
    return outcome, "body" if status or name == "truncated" else phase_of(causes), name


def name_of(causes: Sequence[BaseException]) -> tuple[str, str]:
    """The error's name and the request's outcome."""
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno in OWN_FAULT:
            return "other", "unknown"
        numbered = isinstance(cause, OSError) and not isinstance(cause, socket.gaierror | ssl.SSLError)
        if numbered and (code := getattr(cause, "errno", 0)) in ERRORS:
            return ERRORS[code], "failed"
        if name := next((name for words, name in TOLD_IN_WORDS.items() if words in str(cause)), ""):
            return name, "failed"
        if name := next((ERROR_OF[base.__name__] for base in type(cause).__mro__ if base.__name__ in ERROR_OF), ""):
            return name, "failed"
    return "other", "failed"


def phase_of(causes: Sequence[BaseException]) -> str:
    """Where a request without an answer failed, as far as the client's exceptions tell."""
    names = {base.__name__ for cause in causes for base in type(cause).__mro__}
    return next((phase for name, phase in PHASE_OF.items() if name in names), "first_byte")
