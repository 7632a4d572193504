import ipaddress
import itertools
import json
import subprocess

import pytest

from harness.clusters.embedded import addresses
from harness.clusters.embedded.addresses import CANDIDATES, MOST_NODES, Addresses, choose
from harness.errors import UsageError


def net(text):
    return ipaddress.IPv4Network(text, strict=False)


def test_the_first_free_range_is_taken():
    assert choose(None, [], []).range == "10.200.0.0/16"
    assert choose(None, [net("10.200.3.0/24"), net("192.168.0.0/16")], []).b == 201
    assert choose(None, [net("10.200.0.0/15")], [202]).b == 203


def test_a_wanted_range_is_taken_or_refused_with_its_user():
    assert choose("10.7.0.0/16", [net("10.200.0.0/16")], [8]) == Addresses(7)
    with pytest.raises(UsageError, match=r"10\.7\.0\.0/16 \(used by 10\.7\.9\.0/24\); choose one by --address-range"):
        choose("10.7.0.0/16", [net("10.7.9.0/24")], [])
    with pytest.raises(UsageError, match="used by another embedded cluster"):
        choose("10.7.0.0/16", [], [7])


def test_a_network_that_holds_the_range_clashes_too():
    with pytest.raises(UsageError, match=r"used by 10\.0\.0\.0/8"):
        choose("10.7.0.0/16", [net("10.0.0.0/8")], [])


def test_all_taken():
    with pytest.raises(UsageError, match=r"used by another .* and so on; choose one by --address-range 10\.N\.0\.0/16"):
        choose(None, [], CANDIDATES)
    assert choose(None, [], list(CANDIDATES)[:-1]).b == CANDIDATES[-1]


@pytest.mark.parametrize(
    "text",
    ["10.7.0.0/15", "10.7.0.0/24", "10.7.0.1/16", "11.7.0.0/16", "10.7", "10.300.0.0/16", "x", "fd00::/16", "10.7.0.0"],
)
def test_a_bad_range_is_told_with_its_form(text):
    with pytest.raises(UsageError, match=r"it takes the form 10\.N\.0\.0/16") as told:
        choose(text, [], [])
    assert text in str(told.value)


@pytest.mark.parametrize("b", [0, 200, 255])
def test_nothing_in_a_range_overlaps(b):
    where = Addresses(b)
    nodes = range(1, MOST_NODES)
    whole = net(where.range)
    parts = [net(where.pods_of(index)) for index in nodes] + [net(where.services), net(f"{where.link}/30")]
    parts.append(net(f"{where.router}/24"))
    assert all(part.subnet_of(whole) for part in parts)
    assert [(a, c) for a, c in itertools.combinations(parts, 2) if a.overlaps(c)] == []
    single = [where.router, where.link, where.host, *(where.node(index) for index in nodes)]
    assert len(set(single)) == len(single)
    assert all(net(where.node(index)).subnet_of(net(f"{where.router}/24")) for index in nodes)
    assert net(where.host).subnet_of(net(f"{where.link}/30"))
    assert all(net(where.pods_of(index)).subnet_of(net(where.pods)) for index in nodes)
    assert not net(where.pods).overlaps(net(where.services))
    assert not net(where.pods).overlaps(net(where.host))
    assert all(net(one).subnet_of(net(where.services)) for one in (where.api_service, where.dns))
    assert ipaddress.ip_address(where.api_service) == next(net(where.services).hosts())


def test_in_use_reads_routes_and_addresses(monkeypatch):
    said = {
        "route": [{"dst": "default"}, {"dst": "10.5.0.0/16"}, {"dst": "10.6.0.9"}, {"dst": "0.0.0.0/0"}],
        "address": [{"addr_info": [{"local": "172.17.0.1", "prefixlen": 16}]}, {}],
    }

    def run(argv, **_):
        return subprocess.CompletedProcess(argv, 0, json.dumps(said[argv[3]]))

    monkeypatch.setattr(addresses.subprocess, "run", run)
    assert list(map(str, addresses.in_use())) == ["10.5.0.0/16", "10.6.0.9/32", "172.17.0.0/16"]
