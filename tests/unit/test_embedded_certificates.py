import base64
import datetime
import ipaddress
import json
import stat

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness.clusters.embedded import controlplane
from harness.clusters.embedded.addresses import Addresses
from harness.clusters.embedded.certificates import Authority
from harness.clusters.embedded.layout import ClusterDir

WHERE = Addresses(201)


def load(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def value(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind).value


@pytest.fixture
def pki(tmp_path):
    return tmp_path / "pki"


def test_the_authority_signs_and_another_does_not(pki, tmp_path):
    authority = Authority(pki)
    authority.issue("admin", "survive-admin", groups=["system:masters", "more"])
    leaf, ca = load(pki / "admin.crt"), load(pki / "ca.crt")
    leaf.verify_directly_issued_by(ca)
    ca.verify_directly_issued_by(ca)
    assert value(ca, x509.BasicConstraints).ca
    assert value(ca, x509.KeyUsage).key_cert_sign
    assert not value(leaf, x509.KeyUsage).key_cert_sign
    assert [one.value for one in leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == [
        "system:masters", "more",
    ]  # fmt: skip
    assert leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "survive-admin"
    Authority(tmp_path / "other")
    with pytest.raises(InvalidSignature):
        leaf.verify_directly_issued_by(load(tmp_path / "other" / "ca.crt"))


def test_with_names_it_serves_without_it_does_not(pki):
    authority = Authority(pki)
    authority.issue("server", "s", names=["localhost", "10.1.2.3"])
    authority.issue("client", "c")
    server, client = load(pki / "server.crt"), load(pki / "client.crt")
    names = value(server, x509.SubjectAlternativeName)
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("10.1.2.3")]
    assert ExtendedKeyUsageOID.SERVER_AUTH in value(server, x509.ExtendedKeyUsage)
    assert list(value(client, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    with pytest.raises(x509.ExtensionNotFound):
        value(client, x509.SubjectAlternativeName)


def test_it_is_valid_now_and_each_is_another(pki):
    authority = Authority(pki)
    authority.issue("a", "a")
    authority.issue("b", "b")
    a, b = load(pki / "a.crt"), load(pki / "b.crt")
    now = datetime.datetime.now(datetime.UTC)
    assert a.not_valid_before_utc < now < a.not_valid_after_utc
    assert a.serial_number != b.serial_number


def test_a_key_belongs_to_its_certificate_and_only_its_owner_reads_it(pki):
    authority = Authority(pki)
    authority.issue("admin", "a")
    authority.key_pair("service-account")
    for file in ("ca", "admin"):
        key = serialization.load_pem_private_key((pki / f"{file}.key").read_bytes(), None)
        assert key.public_key() == load(pki / f"{file}.crt").public_key()
    pair = serialization.load_pem_private_key((pki / "service-account.key").read_bytes(), None)
    assert pair.public_key() == serialization.load_pem_public_key((pki / "service-account.pub").read_bytes())
    assert {stat.S_IMODE(path.stat().st_mode) for path in pki.glob("*.key")} == {0o600}


def test_an_authority_is_read_again(pki):
    Authority(pki)
    before = (pki / "ca.crt").read_bytes()
    Authority(pki).issue("late", "l")
    assert (pki / "ca.crt").read_bytes() == before
    load(pki / "late.crt").verify_directly_issued_by(load(pki / "ca.crt"))


def test_what_the_control_plane_needs(tmp_path):
    folder = ClusterDir(tmp_path / "one")
    controlplane.issue_certificates(folder, WHERE)
    names = value(load(folder.pki / "apiserver.crt"), x509.SubjectAlternativeName)
    assert {"kubernetes.default.svc", "localhost"} <= set(names.get_values_for_type(x509.DNSName))
    addresses = {ipaddress.ip_address(WHERE.router), ipaddress.ip_address(WHERE.api_service)}
    assert set(names.get_values_for_type(x509.IPAddress)) == addresses
    for leaf in folder.pki.glob("*.crt"):
        load(leaf).verify_directly_issued_by(load(folder.pki / "ca.crt"))


def test_a_kubeconfig_holds_all_and_only_its_owner_reads_it(tmp_path):
    folder = ClusterDir(tmp_path / "one")
    controlplane.issue_certificates(folder, WHERE)
    controlplane.kubeconfig(folder, WHERE, "admin", folder.kubeconfig)
    assert stat.S_IMODE(folder.kubeconfig.stat().st_mode) == 0o600
    said = json.loads(folder.kubeconfig.read_text())
    assert said["current-context"] == "one"
    assert said["clusters"][0]["cluster"]["server"] == "https://10.201.0.1:6443"
    user = said["users"][0]["user"]
    assert base64.b64decode(user["client-key-data"]) == (folder.pki / "admin.key").read_bytes()
    assert base64.b64decode(user["client-certificate-data"]) == (folder.pki / "admin.crt").read_bytes()
    assert str(tmp_path) not in folder.kubeconfig.read_text()
