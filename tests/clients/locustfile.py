"""A user's locustfile, as anyone might write it: it knows nothing of what measures it."""

import sys

import gevent
from locust import FastHttpUser, HttpUser, constant, events, task

ENOUGH = 150


@events.init.add_listener
def begin(environment, **_):
    sys.stdout.write("a line of the user's own, which is no record\n")
    seen = []

    @environment.events.request.add_listener
    def count(**request):
        seen.append(request["name"])
        if len(seen) == ENOUGH:
            gevent.spawn(environment.runner.quit)


class Plain(HttpUser):
    wait_time = constant(0.01)

    @task
    def index(self):
        self.client.get("/")


class Fast(FastHttpUser):
    wait_time = constant(0.01)

    @task
    def index(self):
        self.client.get("/")


class Picky(HttpUser):
    wait_time = constant(0.01)

    @task
    def index(self):
        with self.client.get("/", catch_response=True) as answer:
            if answer.status_code == 503:
                answer.success()
            elif answer.text == "ok\n":
                answer.failure("not what was asked for")
