"""This pod's own entry in its Service: watched through the API by the pod's ServiceAccount, to know when to leave.

A sleep before the end guesses how long routing takes to follow. An app that sees its own entry cease to be ready, and
then that nobody comes any more, need not guess.
"""

import asyncio
import http.client
import json
import os
import pathlib
import ssl
import time
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

from .say import say

ACCOUNT = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")
ANSWER_S = 10.0
RETRY_S = 0.5
LOOK_S = 0.02

Connect = Callable[[], http.client.HTTPConnection]


def in_cluster() -> http.client.HTTPConnection:
    """A connection to the API server as a pod finds it; opened by its first request."""
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"])
    return http.client.HTTPSConnection(host, port, timeout=ANSWER_S, context=context)


class Slices:
    """The EndpointSlices of one Service. `account` is the folder with the pod's token and namespace."""

    def __init__(self, service: str, connect: Connect = in_cluster, account: pathlib.Path = ACCOUNT) -> None:
        self._connect = connect
        self._account = account
        namespace = (account / "namespace").read_text().strip()
        selector = urllib.parse.quote(f"kubernetes.io/service-name={service}")
        self._path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?labelSelector={selector}"

    def ready(self, pod: str) -> Iterator[bool]:
        """Whether a pod is in them as ready: now, and after each change. Ends when the watch does."""
        connection = self._connect()
        try:
            listed = json.load(self._get(connection, self._path))
            slices = {one["metadata"]["name"]: holds(one, pod) for one in listed.get("items") or []}
            yield any(slices.values())
            version = listed["metadata"]["resourceVersion"]
            answer = self._get(connection, f"{self._path}&watch=1&resourceVersion={version}")
            while line := answer.readline():
                change = json.loads(line)
                if change["type"] == "ERROR":
                    return
                one = change["object"]
                slices[one["metadata"]["name"]] = change["type"] != "DELETED" and holds(one, pod)
                yield any(slices.values())
        finally:
            connection.close()

    def _get(self, connection: http.client.HTTPConnection, path: str) -> http.client.HTTPResponse:
        token = (self._account / "token").read_text().strip()
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise http.client.HTTPException(f"{answer.status}: {answer.read(200).decode(errors='replace')}")
        return answer


def holds(one: dict[str, Any], pod: str) -> bool:
    """Whether a slice has a pod as ready; a condition that is not given counts as ready."""
    own = [item for item in one.get("endpoints") or [] if (item.get("targetRef") or {}).get("name") == pod]
    return any((item.get("conditions") or {}).get("ready") is not False for item in own)


def wait_left(slices: Slices, pod: str) -> None:
    """Return once a pod is in its Service no more. A watch that breaks is begun again."""
    while True:
        try:
            if any(not ready for ready in slices.ready(pod)):
                return
        except (OSError, http.client.HTTPException, ValueError) as exc:
            say("watch-broke", error=str(exc))
        time.sleep(RETRY_S)


async def until_nobody_comes(
    slices: Slices, pod: str, *, quiet_s: float, at_most_s: float, requests: Callable[[], int]
) -> None:
    """Return once a pod has left its Service and no request came for `quiet_s`; after `at_most_s` in any case."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(at_most_s):
            await asyncio.to_thread(wait_left, slices, pod)
            say("left-service")
            count, since = requests(), loop.time()
            while loop.time() - since < quiet_s:
                await asyncio.sleep(LOOK_S)
                if requests() != count:
                    count, since = requests(), loop.time()
            say("nobody-comes", quiet_s=quiet_s)
    except TimeoutError:
        say("gave-up-waiting", at_most_s=at_most_s)
