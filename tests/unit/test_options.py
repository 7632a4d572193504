"""The options of a run and of commands: what they contradict is told before anything is touched."""

import argparse
import json

import pytest

from harness.errors import UsageError
from harness.options import KindOptions, Options, add_options, of_arguments


def read(*arguments):
    parser = argparse.ArgumentParser()
    add_options(parser.add_argument)
    return of_arguments(parser.parse_args(arguments))


def test_nothing_asked_for():
    assert read() == Options()


def test_all_of_them(tmp_path):
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {"r.example": {"auth": "eA=="}}}))
    found = read(
        "--kube-context", "c", "--kubeconfig", "a:b", "--allow-node-disruption", "--node", "n1", "--node", "n2",
        "--image-registry", "r.example", "--image", "load=l:1", "--image-pull-secret", str(tmp_path / "auth.json"),
        "--namespace-label", "team=a=b", "--kind-image", "i:1", "--kind-binary", "/k",
    )  # fmt: skip
    assert (found.context, found.kubeconfig, found.nodes, found.labels) == ("c", "a:b", ("n1", "n2"), {"team": "a=b"})
    assert found.kind == KindOptions("i:1", "/k")
    assert found.images.of("survive.dev/server:dev") == "r.example/server:dev"
    assert found.images.secret
    assert "eA==" in found.pull_auth


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--node", "n"], "--node is for --allow-node-disruption"),
        (["--allow-node-disruption"], "needs --node NAME"),
        (["--namespace-label", "team"], "--namespace-label team: write KEY=VALUE"),
        (["--kind-image", "i", "--kubernetes-version", "1.34.2"], "--kind-image any: give one"),
        (["--kubernetes-version", "1.34"], "--kubernetes-version 1.34: write it in full, such as 1.34.2"),
        (["--image", "server"], "write NAME=REF"),
        (["--image-pull-secret", "/nowhere"], "is no config.json"),
    ],
)
def test_what_contradicts_itself(arguments, told):
    with pytest.raises(UsageError, match=told):
        read(*arguments)


@pytest.mark.parametrize("text", ["[]", "{", '{"auths": {"r": {}}, "credsStore": "desktop"}'])
def test_a_file_without_credentials_in_itself(text, tmp_path):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UsageError, match=r"no config\.json|a helper keeps them"):
        read("--image-pull-secret", str(tmp_path / "config.json"))


@pytest.mark.parametrize("text", ["1.34.2", "v1.34.2"])
def test_a_version_is_the_clusters_and_one_of_kinds_own_images(text):
    found = read("--kubernetes-version", text)
    assert (found.kubernetes, found.kind) == ("v1.34.2", KindOptions())
    assert found.kind.of(found.kubernetes) == KindOptions("kindest/node:v1.34.2")
    assert KindOptions("i", "/k").of("") == KindOptions("i", "/k")
