"""A spec file: what is right is read, each mistake is told with file, line, field and what would be right."""

import pathlib

import pytest

from harness.spec import SpecError, load_spec
from harness.spec.schema import FILE, text

WHOLE = """\
name: shop
manifests:
  - k8s/
  - helm: charts/shop
    values: [prod.yaml]
workload: StatefulSet/shop
requests:
  service: shop
  port: http
  method: POST
  path: /orders?x=1
  headers: {Accept: text/html, X-Count: 3}
  body: '{}'
  status: 201
  rate: 600/m
  timeout: 500ms
  kept_alive: 5
  background: 0
lease: shop-leader
limits:
  outage: 1.5s
  errors: 0.1 %
  p99: 250ms
  failover: 1m
paths:
  - rollout
  - delete: {count: 2}
  - node-down:
      limits: {outage: 60s}
images: {shop: shop:2}
cluster_objects: leave-out
ready: 2m
settle: 10s
duration: 0
"""


def spec_file(folder: pathlib.Path, content: str) -> pathlib.Path:
    path = folder / "shop.survive.yaml"
    path.write_text(content)
    return path


def refused(folder: pathlib.Path, content: str) -> list[str]:
    """The lines of the error, without the file's name."""
    path = spec_file(folder, content)
    with pytest.raises(SpecError) as told:
        load_spec(path)
    lines = str(told.value).splitlines()
    assert all(line.startswith(f"{path}:") for line in lines)
    return [line.removeprefix(f"{path}:") for line in lines]


def test_a_whole_file(tmp_path: pathlib.Path) -> None:
    spec, _ = load_spec(spec_file(tmp_path, WHOLE))
    assert spec.requests is not None
    assert (spec.requests.rate, spec.requests.timeout, spec.requests.background) == (10.0, 0.5, 0.0)
    assert spec.requests.status == (201,)
    assert spec.requests.headers == {"Accept": "text/html", "X-Count": "3"}
    limits = spec.limits
    assert (limits.outage, limits.errors, limits.p99, limits.failover) == (1.5, 0.001, 0.25, 60.0)
    assert list(spec.paths) == ["rollout", "delete", "node-down"]
    assert (spec.paths["delete"].count, spec.paths["node-down"].limits.outage) == (2, 60.0)
    assert (spec.ready, spec.settle, spec.duration) == (120.0, 10.0, 0.0)


def test_paths_may_be_a_list_or_a_mapping(tmp_path: pathlib.Path) -> None:
    listed, _ = load_spec(spec_file(tmp_path, "manifests: k8s\npaths: [rollout, delete: {count: 2}]\n"))
    mapped, _ = load_spec(spec_file(tmp_path, "manifests: [k8s]\npaths: {rollout: , delete: {count: 2}}\n"))
    assert listed == mapped


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "1: this should be fields with values, as in `manifests: k8s/`, and is empty"),
        ("- a\n", "1: this should be fields with values, as in `manifests: k8s/`, and is a list"),
        ("hello\n", "1: this should be fields with values, as in `manifests: k8s/`, and is a bare text"),
        ("manifests: [a\nname: b\n", "2: this is no YAML: expected ',' or ']', but got ':'"),
        ("manifests: a\nmanifests: b\n", "2: manifests is there twice"),
        ("name: a\nmanifests: !!int x\n", "1: a value in it is none: invalid literal for int() with base 10: 'x'"),
        ("name: shop\n", "1: manifests: this field is missing; for example `manifests: k8s/`"),
        ("manifests: a\nnme: x\n", "2: nme: there is no such field; did you mean name?"),
        (
            "manifests: a\nrequests:\n  prot: 80\n",
            "3: requests.prot: there is no such field; did you mean port?",
        ),
        (
            "manifests: a\nlimits:\n  zzz: 80\n",
            "3: limits.zzz: there is no such field; there are outage, errors, p99, failover",
        ),
        (
            "manifests: a\nrequests: []\n",
            "2: requests: [] should be fields with values; for example `requests: {path: /}`",
        ),
        ("manifests: 3\n", "1: manifests[0]: 3 is neither a path nor a Helm chart"),
        (
            "manifests:\n- a\n- helm: x\n  value: []\n",
            "4: manifests[1].value: there is no such field; did you mean values?",
        ),
        (
            "manifests: a\nlimits:\n  outage: 3\n",
            "3: limits.outage: 3 is not a duration with its unit: ms, s, m or h; for example `outage: 1.5s`",
        ),
        (
            "manifests: a\nlimits: {errors: 200 %}\n",
            "2: limits.errors: '200 %' is not a share in per cent, from 0 % to 100 %; for example `errors: 0.1 %`",
        ),
        (
            "manifests: a\nrequests: {rate: fast}\n",
            "2: requests.rate: 'fast' is not a rate: requests/s or requests/m; for example `rate: 100/s`",
        ),
        (
            "manifests: a\nrequests:\n  status: ok\n",
            "3: requests.status: 'ok' is no status from 100 to 599, nor a list of such; for example"
            " `status: [200, 204]`",
        ),
        (
            "manifests: a\nrequests:\n  status: [200, 99]\n",
            "3: requests.status: [200, 99] is no status from 100 to 599, nor a list of such; for example"
            " `status: [200, 204]`",
        ),
        (
            "manifests: a\nrequests:\n  scheme: grpc\n",
            "3: requests.scheme: gRPC is not supported yet: name a port and path of the app that answers http or https",
        ),
        (
            "manifests: a\nrequests:\n  scheme: ftp\n",
            "3: requests.scheme: 'ftp' should be 'http' or 'https'; for example `scheme: https`",
        ),
        (
            "manifests: a\nrequests: {scheme: https, rate: 300/s}\n",
            "2: requests: rate: by https at most 200/s are measured; for example `rate: 100/s`",
        ),
        (
            "manifests: a\nrequests: {scheme: https, background: 5/s}\n",
            "2: requests: by https nothing loads besides what is measured: leave out background and locustfile",
        ),
        (
            "manifests: a\nrequests: {path: x}\n",
            "2: requests.path: 'x' cannot be used here; for example `path: /healthz`",
        ),
        (
            "manifests: a\nworkload: shop\n",
            "2: workload: 'shop' cannot be used here; for example `workload: Deployment/shop`",
        ),
        (
            "manifests: a\nrequests:\n  method: get\n",
            "3: requests.method: 'get' should be 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE' or 'OPTIONS';"
            " for example `method: GET`",
        ),
        (
            "manifests: a\npaths:\n  - rollout\n  - delete:\n      count: 0\n",
            "5: paths.delete.count: 0 should be greater than or equal to 1; for example `count: 1`",
        ),
        (
            "manifests: a\npaths:\n - rollout\n - rollout\n",
            "2: paths: the path rollout is there twice; for example `paths: [rollout, delete]`",
        ),
        ("manifests: a\npaths: [3]\n", "2: paths: 3 is no path's name; for example `paths: [rollout, delete]`"),
        (
            "manifests: a\nrequests:\n  headers: {Content-Length: 3}\n",
            "2: requests: the header 'Content-Length' is the prober's own; for example `requests: {path: /}`",
        ),
        (
            "manifests: a\nrequests:\n  headers: {a b: x}\n",
            "2: requests: the header 'a b' cannot be sent; for example `requests: {path: /}`",
        ),
    ],
)
def test_each_mistake_is_told_with_its_line_and_what_would_be_right(
    tmp_path: pathlib.Path, content: str, told: str
) -> None:
    assert refused(tmp_path, content) == [told]


def test_all_mistakes_are_told_at_once(tmp_path: pathlib.Path) -> None:
    lines = refused(tmp_path, "manifests: a\nnme: x\nlimits:\n  outage: 3\n  p98: 1s\n")
    assert [line.split(":")[0] for line in sorted(lines)] == ["2", "4", "5"]


def test_a_file_that_is_not_there_or_no_text(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SpecError, match=r"absent.survive.yaml: it cannot be read"):
        load_spec(tmp_path / "absent.survive.yaml")
    (tmp_path / "b.survive.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match=r"b.survive.yaml: it cannot be read"):
        load_spec(tmp_path / "b.survive.yaml")


def test_the_shipped_schema_is_what_the_models_give() -> None:
    assert FILE.read_text() == text(), "python -m harness.spec.schema writes it anew"
