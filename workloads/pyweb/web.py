"""The least app there is, for ASGI and for WSGI servers; the servers' own ways of stopping are what is tested.

Every path is answered 200 with the pod's name, and the header X-Pod names it too.
"""

import os
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

NAME = os.environ.get("POD_NAME", socket.gethostname()).encode()
HEADERS = [(b"Content-Type", b"text/plain"), (b"Content-Length", str(len(NAME)).encode()), (b"X-Pod", NAME)]

Send = Callable[[dict[str, Any]], Awaitable[None]]
StartResponse = Callable[[str, list[tuple[str, str]]], object]


async def asgi(scope: dict[str, Any], _receive: object, send: Send) -> None:
    """For uvicorn."""
    assert scope["type"] == "http"
    headers = [(name.lower(), value) for name, value in HEADERS]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": NAME})


def wsgi(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """For gunicorn."""
    start_response("200 OK", [(name.decode(), value.decode()) for name, value in HEADERS])
    return [NAME]
