"""What credentials tell of themselves, and what is told of those that an API server refuses."""

import base64
import datetime
import json

import pytest

from harness.clusters.embedded.certificates import Authority
from harness.clusters.existing import _renewed
from harness.kube_credentials import Credentials, read

PAST = datetime.datetime(2020, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)
FUTURE = datetime.datetime(2199, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)


def jwt(**claims):
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"bearer head.{body}.signature"


def test_a_service_accounts_token():
    found = read(jwt(exp=PAST.timestamp(), sub="system:serviceaccount:shop:tester"), None)
    assert found == Credentials("token", PAST, ("shop", "tester"))
    assert found.expired


def test_a_persons_token_that_is_good():
    found = read(jwt(exp=FUTURE.timestamp(), sub="jane"), None)
    assert found == Credentials("token", FUTURE)
    assert not found.expired


@pytest.mark.parametrize(
    "text", ["secret", "a.b.c", "a.e30", jwt(), jwt(exp="x"), jwt(exp=1e30), jwt(exp=[]), "a.W10.c", "a.\xe9.c"]
)
def test_a_token_that_tells_nothing(text):
    assert read(text, None) == Credentials("token")


def test_a_certificate(tmp_path):
    Authority(tmp_path).issue("jane", "jane")
    found = read("", str(tmp_path / "jane.crt"))
    assert found.kind == "certificate"
    assert found.until is not None
    assert 364 < (found.until - datetime.datetime.now(datetime.UTC)).days + 1 <= 366


def test_none_at_all_or_none_that_can_be_read(tmp_path):
    assert read("", None) == Credentials()
    assert read("", str(tmp_path / "absent")) == Credentials("certificate")


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (Credentials(), "which may have expired: log in again"),
        (Credentials("token", PAST), "a token that expired at 2020-02-03 04:05:06 UTC: log in again"),
        (
            Credentials("token", PAST, ("shop", "tester")),
            "a token that expired at 2020-02-03 04:05:06 UTC: make another by"
            " `kubectl create token tester -n shop --duration 8h`",
        ),
        (
            Credentials("token", FUTURE),
            "a token that is good until 2199-02-03 04:05:06 UTC, so it was revoked, or is another cluster's: log in"
            " again",
        ),
        (
            Credentials("certificate", PAST),
            "a certificate that expired at 2020-02-03 04:05:06 UTC: renew it (`kubeadm certs renew`, or fetch the"
            " kubeconfig anew)",
        ),
    ],
)
def test_what_is_told_of_those_that_are_refused(shown, told):
    assert _renewed(shown) == told
