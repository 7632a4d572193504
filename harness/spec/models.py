"""What a `*.survive.yaml` may say, as models; the JSON schema for editors is made from them.

Every field has an example: errors show it as what would be right.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from harness.spec.units import Duration, Rate, Share

ENDINGS = (".survive.yaml", ".survive.yml")
"""How the names of such files end."""

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_NAME = r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?"
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Helm(_Model):
    """A Helm chart, rendered by `helm template`."""

    helm: str = Field(min_length=1, description="The chart's folder or archive.", examples=["charts/shop"])
    release: str = Field(default="app", description="The release's name.", examples=["shop"])
    values: list[str] = Field(default=[], description="Files of values, in order.", examples=[["values.yaml"]])


def _one_or_many(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _source(value: Any) -> Any:
    if isinstance(value, dict):
        return Helm.model_validate(value)
    if isinstance(value, str | Helm):
        return value
    raise PydanticCustomError("source", "{value} is neither a path nor a Helm chart", {"value": repr(value)})


Source = Annotated[str | Helm, BeforeValidator(_source)]


class Requests(_Model):
    """Where requests go, and what a good answer is."""

    service: str = Field(
        default="", description="The Service; the only one of the manifests if not given.", examples=["shop"]
    )
    port: StrictInt | str = Field(
        default="", description="Its port, by number or name; its first if not given.", examples=[80]
    )
    method: Method = Field(default="GET", description="The method.", examples=["GET"])
    path: str = Field(default="/", pattern=r"^/\S*$", description="The path, with its query.", examples=["/healthz"])
    headers: dict[str, str] = Field(default={}, description="Further headers.", examples=[{"Accept": "text/html"}])
    body: str = Field(default="", description="The body, as text.", examples=['{"item": 1}'])
    status: int = Field(default=200, ge=100, le=599, description="The status that a good answer has.", examples=[200])
    rate: Rate = Field(
        default=100.0, gt=0, le=2000, description="How many, each on a connection of its own.", examples=["100/s"]
    )
    timeout: Duration = Field(
        default=1.0, gt=0, le=60, description="A request without an answer then failed.", examples=["1s"]
    )
    kept_alive: int = Field(
        default=0, ge=0, le=200, examples=[10],
        description="So many connections that are kept are measured besides, at the same rate.",
    )  # fmt: skip
    background: Rate = Field(
        default=20.0, ge=0, le=2000, description="Further load, by Locust, not judged.", examples=["20/s"]
    )
    locustfile: str = Field(
        default="", description="A locustfile whose users load besides.", examples=["locustfile.py"]
    )
    users: int = Field(default=10, ge=1, le=1000, description="How many users the locustfile has.", examples=[10])

    @model_validator(mode="after")
    def _sendable(self) -> "Requests":
        for name, value in self.headers.items():
            if not _HEADER.fullmatch(name) or re.search(r"[\r\n\0]", value) or not (name + value).isascii():
                raise PydanticCustomError("header", "the header {name} cannot be sent", {"name": repr(name)})
            if name.lower() in ("connection", "content-length", "transfer-encoding"):
                raise PydanticCustomError("header", "the header {name} is the prober's own", {"name": repr(name)})
        return self


class Limits(_Model):
    """What must hold on a path."""

    outage: Duration | None = Field(default=None, description="The longest outage.", examples=["0s", "1.5s"])
    errors: Share | None = Field(default=None, description="The share of failed requests.", examples=["0 %", "0.1 %"])
    p99: Duration | None = Field(default=None, description="The 99th percentile of latency.", examples=["250ms"])
    failover: Duration | None = Field(
        default=None, description="The longest time that the lease may be without a living holder.", examples=["5s"]
    )

    @property
    def given(self) -> bool:
        """Whether any is."""
        return any(value is not None for value in (self.outage, self.errors, self.p99, self.failover))


class PathSettings(_Model):
    """One restart path, with limits of its own."""

    count: int = Field(default=1, ge=1, le=100, description="How many pods at once (delete, evict).", examples=[1])
    limits: Limits = Field(default=Limits(), description="Limits in place of the file's.", examples=[{"outage": "60s"}])


def _paths(value: Any) -> Any:
    """A list of names, or of names with settings, as one mapping."""
    if not isinstance(value, list):
        return {name: {} if one is None else one for name, one in value.items()} if isinstance(value, dict) else value
    found: dict[str, Any] = {}
    for one in value:
        items = one.items() if isinstance(one, dict) else [(one, {})]
        for name, settings in items:
            if not isinstance(name, str):
                raise PydanticCustomError("path", "{name} is no path's name", {"name": repr(name)})
            if name in found:
                raise PydanticCustomError("path", "the path {name} is there twice", {"name": name})
            found[name] = {} if settings is None else settings
    return found


_SETTINGS = dict[str, PathSettings | None]
Paths = Annotated[
    dict[str, PathSettings], BeforeValidator(_paths, json_schema_input_type=list[str | _SETTINGS] | _SETTINGS)
]


class Spec(_Model):
    """A user's app and the restarts that it must survive."""

    name: str = Field(
        default="", pattern=f"^({_NAME})?$", examples=["shop"],
        description="What the app is called in reports; the file's name if not given.",
    )  # fmt: skip
    manifests: Annotated[
        list[Source], BeforeValidator(_one_or_many, json_schema_input_type=Source | list[Source])
    ] = Field(
        min_length=1, examples=["k8s/"],
        description="Files, folders, kustomizations or Helm charts, from where this file is.",
    )  # fmt: skip
    workload: str = Field(
        default="", pattern=r"^((Deployment|StatefulSet|DaemonSet)/[a-z0-9.-]+)?$", examples=["Deployment/shop"],
        description="What is restarted, as kind/name; the one behind the Service if not given.",
    )  # fmt: skip
    requests: Requests | None = Field(
        default=None, description="Where requests go; the only Service if not given.", examples=[{"path": "/"}]
    )
    lease: str = Field(default="", description="The Lease that the app's leader holds.", examples=["shop-leader"])
    limits: Limits = Field(
        default=Limits(),
        examples=[{"outage": "0s"}],
        description="What must hold; no failed request at all if none is given.",
    )
    paths: Paths = Field(
        default={}, examples=[["rollout", "delete"]], description="The restart paths; all that make sense if not given."
    )
    images: dict[str, str] = Field(
        default={},
        examples=[{"shop": "shop:1.4"}],
        description="Images to use in place of others, by their name or whole.",
    )
    cluster_objects: Literal["refuse", "leave-out"] = Field(
        default="refuse", examples=["leave-out"],
        description="What to do with objects of the whole cluster; leave-out: they are there already.",
    )  # fmt: skip
    ready: Duration = Field(
        default=90.0, gt=0, le=1800, description="How long the app may take to be ready.", examples=["90s"]
    )
    settle: Duration = Field(
        default=30.0, gt=0, le=600, description="How long after a restart users may still be hurt.", examples=["30s"]
    )
    duration: Duration = Field(
        default=0.0,
        ge=0,
        le=3600,
        description="How long requests go on at least, from when all is well.",
        examples=["60s"],
    )
