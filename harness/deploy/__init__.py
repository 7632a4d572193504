"""Brings an app into a namespace of its own and waits until it is ready."""

from harness.deploy.app import App, apply, wait_ready
from harness.deploy.aware import aware
from harness.deploy.controller import controller
from harness.deploy.framework import framework
from harness.deploy.kinds import daemons, job, stateful
from harness.deploy.namespace import Furnishing, create_namespace, delete_namespace, sweep, wait_deleted
from harness.deploy.own_node import OwnNode, placed, spread_on, take_pods_off
from harness.deploy.proxied import proxied
from harness.deploy.running import running
from harness.deploy.scratch import with_scratch
from harness.deploy.server import server

__all__ = [
    "App",
    "Furnishing",
    "OwnNode",
    "apply",
    "aware",
    "controller",
    "create_namespace",
    "daemons",
    "delete_namespace",
    "framework",
    "job",
    "placed",
    "proxied",
    "running",
    "server",
    "spread_on",
    "stateful",
    "sweep",
    "take_pods_off",
    "wait_deleted",
    "wait_ready",
    "with_scratch",
]
