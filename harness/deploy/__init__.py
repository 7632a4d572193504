"""Brings an app into a namespace of its own and waits until it is ready."""

from harness.deploy.app import App, apply, wait_ready
from harness.deploy.controller import controller
from harness.deploy.framework import framework
from harness.deploy.namespace import create_namespace, delete_namespace, sweep, wait_deleted
from harness.deploy.proxied import proxied
from harness.deploy.server import server

__all__ = [
    "App",
    "apply",
    "controller",
    "create_namespace",
    "delete_namespace",
    "framework",
    "proxied",
    "server",
    "sweep",
    "wait_deleted",
    "wait_ready",
]
