"""The client's address behind proxies, as it is logged."""

import pytest

from tests.http.caller import Caller
from tests.http.conftest import Lines

PROXY = "198.51.100.9"  # in the network that the settings trust


async def told(stranger: Caller, log: Lines, peer: str, *forwarded: str) -> object:
    """The address that is logged for a request with these X-Forwarded-For headers."""
    await stranger.call(
        "GET", "/livez", headers=[("X-Forwarded-For", value) for value in forwarded], peer=peer
    )
    return log.lines[-1]["peer"]


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (["192.0.2.7"], "192.0.2.7"),
        (["1.1.1.1, 192.0.2.7"], "192.0.2.7"),
        (["1.1.1.1", "192.0.2.7"], "192.0.2.7"),
        (["1.1.1.1, 192.0.2.7, 198.51.100.3"], "192.0.2.7"),
        (["not an address, 192.0.2.7"], "192.0.2.7"),
        (["192.0.2.7:4711"], "192.0.2.7"),
        (["[2001:DB8::7]:4711"], "2001:db8::7"),
        (["2001:db8::7"], "2001:db8::7"),
        (["::ffff:192.0.2.7"], "192.0.2.7"),
        (["198.51.100.4, 198.51.100.3"], "198.51.100.4"),
    ],
)
async def test_the_client_is_who_the_nearest_proxies_say_and_not_who_it_says_itself(
    stranger: Caller, log: Lines, forwarded: list[str], client: str
) -> None:
    """An attacker could pass for a new address with every request."""
    assert await told(stranger, log, PROXY, *forwarded) == client


@pytest.mark.parametrize(
    "forwarded", [[], [""], ["unknown"], ["192.0.2.7, "], ["192.0.2.700"], ["fe80::1%a\rb"]]
)
async def test_an_invalid_address_leaves_the_proxys_own(
    stranger: Caller, log: Lines, forwarded: list[str]
) -> None:
    """A client could choose the text in the log and the key of its limits."""
    assert await told(stranger, log, PROXY, *forwarded) == PROXY


@pytest.mark.parametrize("peer", ["203.0.113.9", "not an address", ""])
async def test_forwarded_headers_of_an_untrusted_peer_are_ignored(
    stranger: Caller, log: Lines, peer: str
) -> None:
    """Anybody could act under another address."""
    assert await told(stranger, log, peer, "192.0.2.7") == peer


async def test_a_proxy_on_an_ipv6_socket_is_trusted_by_its_ipv4_address(
    stranger: Caller, log: Lines
) -> None:
    """All clients would share the proxy's address and its limits."""
    assert await told(stranger, log, f"::ffff:{PROXY}", "192.0.2.7") == "192.0.2.7"
