"""What a `*.survive.yaml` may say, as models; the JSON schema for editors is made from them.

Every field has an example: errors show it as what would be right.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from harness.spec.units import Duration, Rate, Share

ENDINGS = (".survive.yaml", ".survive.yml")
"""How the names of such files end."""

KINDS = ("Deployment", "StatefulSet", "DaemonSet")
"""The kinds of workload that can be restarted."""

SAID = "said"
"""The type of an error whose message says itself what would be right."""

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


_SHORT = {"deploy": "Deployment", "sts": "StatefulSet", "ds": "DaemonSet", **{one.lower(): one for one in KINDS}}


def _kind(value: Any) -> Any:
    return _SHORT.get(value.lower(), value) if isinstance(value, str) else value


class Attach(_Model):
    """An app that runs already: nothing of it is changed but by the restart itself."""

    namespace: str = Field(pattern=r"^[a-z0-9-]{1,63}$", description="Its namespace.", examples=["shop"])
    kind: Annotated[Literal["Deployment", "StatefulSet", "DaemonSet"], BeforeValidator(_kind)] = Field(
        description="What it is.", examples=["Deployment"]
    )
    name: str = Field(pattern=r"^[a-z0-9.-]{1,253}$", description="Its name.", examples=["web"])


def _attached(value: Any) -> Any:
    """NAMESPACE/KIND/NAME, as on the command line, as fields."""
    if not isinstance(value, str):
        return value
    parts = value.split("/")
    if len(parts) != 3 or not all(parts) or parts[1].lower() not in _SHORT:
        raise PydanticCustomError(
            SAID, "{value}: write NAMESPACE/KIND/NAME, such as shop/deployment/web; kinds: {kinds}",
            {"value": repr(value), "kinds": ", ".join(KINDS)},
        )  # fmt: skip
    return dict(zip(("namespace", "kind", "name"), parts, strict=True))


def _statuses(value: Any) -> Any:
    """One status or several."""
    given = value if isinstance(value, list | tuple) else [value]
    if not given or not all(isinstance(one, int) and 100 <= one <= 599 for one in given):
        raise PydanticCustomError(
            "status", "{value} is no status from 100 to 599, nor a list of such", {"value": repr(value)}
        )
    return tuple(given)


def _scheme(value: Any) -> Any:
    if isinstance(value, str) and value.lower().startswith("grpc"):
        raise PydanticCustomError(
            SAID, "gRPC is not supported yet: name a port and path of the app that answers http or https"
        )
    return value


HTTPS_RATE = 200.0
"""So many requests a second are measured by https at the most."""


class Requests(_Model):
    """Where requests go, and what a good answer is."""

    service: str = Field(
        default="", description="The Service; the only one of the manifests if not given.", examples=["shop"]
    )
    port: StrictInt | str = Field(
        default="", description="Its port, by number or name; its first if not given.", examples=[80]
    )
    scheme: Annotated[Literal["http", "https"], BeforeValidator(_scheme)] = Field(
        default="http", examples=["https"],
        description="http or https; by https any certificate is trusted, and nothing else loads besides.",
    )  # fmt: skip
    method: Method = Field(default="GET", description="The method.", examples=["GET"])
    path: str = Field(default="/", pattern=r"^/\S*$", description="The path, with its query.", examples=["/healthz"])
    headers: dict[str, str] = Field(default={}, description="Further headers.", examples=[{"Accept": "text/html"}])
    body: str = Field(default="", description="The body, as text.", examples=['{"item": 1}'])
    status: Annotated[tuple[int, ...], BeforeValidator(_statuses, json_schema_input_type=int | list[int])] = Field(
        default=(200,), description="The status that a good answer has, or several.", examples=[[200, 204]]
    )
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
        if self.scheme == "https":
            self._by_https()
        return self

    def _by_https(self) -> None:
        if self.rate > HTTPS_RATE:
            raise PydanticCustomError(SAID, "rate: by https at most 200/s are measured; for example `rate: 100/s`")
        loading = self.background and "background" in self.model_fields_set
        if loading or self.locustfile:
            raise PydanticCustomError(
                SAID, "by https nothing loads besides what is measured: leave out background and locustfile"
            )


class Limits(_Model):
    """What must hold on a path."""

    outage: Duration | None = Field(
        default=None, examples=["0s", "1.5s"],
        description="The longest outage; without requests, as with `attach` alone, the longest time without a pod that"
        " is Ready.",
    )  # fmt: skip
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


_APPLIED = ("manifests", "workload", "images", "cluster_objects", "ready")
"""The fields about what is deployed."""


class Spec(_Model):
    """A user's app and the restarts that it must survive."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["manifests"]}, {"required": ["attach"]}]})

    name: str = Field(
        default="", pattern=f"^({_NAME})?$", examples=["shop"],
        description="What the app is called in reports; the file's name if not given.",
    )  # fmt: skip
    manifests: Annotated[
        list[Source], BeforeValidator(_one_or_many, json_schema_input_type=Source | list[Source])
    ] = Field(
        default=[], min_length=1, examples=["k8s/"],
        description="Files, folders, kustomizations or Helm charts, from where this file is.",
    )  # fmt: skip
    attach: Annotated[
        Attach | None, BeforeValidator(_attached, json_schema_input_type=Attach | str | None)
    ] = Field(
        default=None, examples=["shop/deployment/web"],
        description="An app that runs already, in place of manifests; also as NAMESPACE/KIND/NAME.",
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

    @model_validator(mode="after")
    def _one_app(self) -> "Spec":
        """From manifests or one that runs already, not both."""
        given = self.model_fields_set
        beside = PydanticCustomError(SAID, "it has no place beside `attach`: what runs already is not deployed")
        wrong: list[InitErrorDetails] = []
        if self.attach is None:
            if "manifests" not in given:
                wrong = [{"type": "missing", "loc": ("manifests",), "input": None}]
        else:
            wrong = [{"type": beside, "loc": (name,), "input": None} for name in _APPLIED if name in given]
            if self.requests and not self.requests.service:
                wrong.append({"type": "missing", "loc": ("requests", "service"), "input": None})
        if wrong:
            raise ValidationError.from_exception_data(type(self).__name__, wrong)
        return self
