"""An API server on loopback that answers as a test tells it, for the door to the Kubernetes client."""

import contextlib
import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

from harness.kube import Kube
from harness.kube_client import Client

RESOURCES = {
    "/api/v1": [
        ("pods", "Pod", True),
        ("pods/log", "Pod", True),
        ("nodes", "Node", False),
        ("events", "Event", True),
        ("namespaces", "Namespace", False),
    ],
    "/apis/apps/v1": [("deployments", "Deployment", True)],
}


class Stream:
    """A body that the test feeds. `end` closes it well, `cut` breaks it off."""

    def __init__(self, *lines):
        self._parts = queue.Queue()
        self.send(*lines)

    def send(self, *lines):
        for line in lines:
            self._parts.put(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
        return self

    def end(self):
        self._parts.put("end")
        return self

    def cut(self):
        self._parts.put("cut")
        return self

    def next(self):
        return self._parts.get(timeout=10)


class FakeApi:
    """`answers` maps (method, path) to a list that is used up, whose last item stays: an object, (status, object), a
    Stream, or "hang up". `asked` has all requests: method, path, query, body, content type."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        self.slept = []
        self.arrived = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def on(self, method, path, *answers):
        self.answers[method, path] = list(answers)

    def requests(self, method):
        return [one for one in self.asked if one[0] == method and one[1] not in RESOURCES]

    def connect(self, tmp_path):
        path = tmp_path / "kubeconfig"
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "fake",
                    "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "me"}}],
                    "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
                    "users": [{"name": "me", "user": {"token": "secret"}}],
                }
            )
        )
        client = Client.connect(path, None)
        client._again.sleep = self.slept.append
        return Kube(client)

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, method, path):
        if path in RESOURCES:
            return {"resources": [{"name": n, "kind": k, "namespaced": s} for n, k, s in RESOURCES[path]]}
        left = self.answers.get((method, path), [(404, {"message": f"no {path}", "reason": "NotFound"})])
        return left.pop(0) if len(left) > 1 else left[0]

    def _handler(self):
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def _take(self):
                path, _, query = self.path.partition("?")
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                kind = self.headers.get("Content-Type")
                api.asked.append((self.command, path, query, json.loads(body) if body else None, kind))
                assert self.headers["Authorization"] == "Bearer secret"
                answer = api._answer(self.command, path)
                api.arrived.set()
                if answer == "hang up":
                    self.close_connection = True
                elif isinstance(answer, Stream):
                    self._stream(answer)
                else:
                    status, found = answer if isinstance(answer, tuple) else (200, answer)
                    self._whole(status, found if isinstance(found, bytes) else json.dumps(found).encode())

            def _whole(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _stream(self, stream):
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.close_connection = True
                with contextlib.suppress(queue.Empty, OSError):
                    while (part := stream.next()) not in ("end", "cut"):
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
                        self.wfile.flush()
                    if part == "end":
                        self.wfile.write(b"0\r\n\r\n")

        for verb in ("GET", "POST", "PATCH", "DELETE"):
            setattr(Handler, f"do_{verb}", Handler._take)
        return Handler


def listing(version, *items):
    return {"metadata": {"resourceVersion": str(version)}, "items": list(items)}


def thing(name, version, **more):
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}", "resourceVersion": str(version)},
        **more,
    }
