"""A peer: Locust's FastHttpUser as it comes, in an open loop. Prints what it saw; runs where Locust is installed."""

import json
import sys
import time

from locust import FastHttpUser
from locust.env import Environment

# isort: split
import gevent

target, rate, count = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])


class User(FastHttpUser):
    host = f"http://{target}"


environment = Environment(user_classes=[User])
idle = [User(environment) for _ in range(10)]
lags, bad = [], []
start = time.monotonic() + 0.05


def request(due: float) -> None:
    user = idle.pop() if idle else User(environment)
    lags.append(time.monotonic() - due)
    if (answer := user.client.get("/")).status_code != 200:
        bad.append(answer.status_code)
    idle.append(user)


tasks = []
for n in range(count):
    gevent.sleep(max(0.0, start + n / rate - time.monotonic()))
    tasks.append(gevent.spawn(request, start + n / rate))
gevent.joinall(tasks)
print(json.dumps({"requests": len(lags), "bad": len(bad), "lags_ms": [lag * 1000 for lag in lags]}))
