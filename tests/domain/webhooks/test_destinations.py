"""Which addresses a webhook may be sent to."""

from ipaddress import ip_address, ip_network

import pytest

from acrux.domain.webhooks.destinations import is_allowed, is_within

PRIVATE = [
    "10.0.0.7", "172.16.0.1", "192.168.1.1",  # private
    "127.0.0.1", "127.8.8.8", "::1",  # loopback
    "169.254.169.254", "fe80::1",  # link-local: metadata of most clouds
    "100.100.100.200",  # shared: metadata of Alibaba
    "168.63.129.16",  # public, but Azure's metadata
    "192.0.0.192", "fd00:ec2::254", "fc00::1",  # metadata of Oracle and Amazon, unique local
    "0.0.0.0", "::", "0.1.2.3",  # unspecified, this network
    "224.0.0.1", "239.1.2.3", "233.252.0.1", "ff02::1", "ff0e::1",  # multicast
    "255.255.255.255", "240.0.0.1",  # broadcast, reserved
    "192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1",  # for documents
    "198.18.0.1",  # for benchmarks
    "::ffff:127.0.0.1", "::ffff:10.0.0.7", "::ffff:169.254.169.254",  # IPv4-mapped
    "::127.0.0.1",  # IPv4-compatible
    "2002:7f00:1::", "2002:a00:7::1",  # 6to4
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1",  # NAT64
    "2001::1", "2001:2::1",  # Teredo, protocol assignments
    "3fff::1", "5f00::1",  # for documents, segment routing
]  # fmt: skip

PUBLIC = [
    "1.1.1.1", "20.50.2.1", "2606:4700::1111",
    "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    """A webhook must not reach what only the registry can reach: metadata, databases, routers."""
    assert not is_allowed(ip_address(address), ())


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    """Most receivers have one."""
    assert is_allowed(ip_address(address), ())


@pytest.mark.parametrize("address", ["10.0.0.7", "::ffff:10.0.0.7", "64:ff9b::a00:7"])
def test_a_network_that_is_named_is_allowed_however_it_is_written(address: str) -> None:
    """An operator allows the receivers within."""
    networks = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]

    assert is_allowed(ip_address(address), networks)
    assert is_within(ip_address(address), networks)
    assert not is_within(ip_address("1.1.1.1"), networks)
    assert not is_allowed(ip_address("192.168.1.1"), networks)
