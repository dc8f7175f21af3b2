"""Which addresses a webhook may be sent to."""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)  # fmt: skip
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# Gateways translate it to IPv4: the IPv4 address is in the last bits (RFC 6052 §2.1).
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")

# What ipaddress takes for public, in some versions of Python, although IANA's registries of
# special-purpose addresses say otherwise; and the one metadata address that is public: Azure's
# (learn.microsoft.com, "What is IP address 168.63.129.16?").
_NOT_PUBLIC: Final = tuple(
    map(
        ip_network,
        (
            "192.0.0.0/24",  # protocol assignments; metadata of Oracle's cloud
            "64:ff9b:1::/48",  # translation within a site (RFC 8215)
            "2001::/23",  # protocol assignments, Teredo
            "3fff::/20",  # for documents (RFC 9637)
            "5f00::/16",  # segment routing (RFC 9602)
            "168.63.129.16/32",
        ),
    )
)


def address_in(host: str) -> Address | None:
    """The address that the host is; None if it is a name, of which only a resolver knows more."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_allowed(address: Address, networks: Iterable[Network]) -> bool:
    """Whether a webhook may be sent to this address: a public one, or one of the networks."""
    return is_within(address, networks) or _is_public(_reached(address))


def is_within(address: Address, networks: Iterable[Network]) -> bool:
    """Whether the address is one of the networks, however it is written."""
    reached = _reached(address)
    return any(reached in network for network in networks)


def _reached(address: Address) -> Address:
    """The address that is reached: the IPv4 address that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: Address) -> bool:
    # is_global: not private, loopback, link-local, shared, unspecified, nor for documents.
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _NOT_PUBLIC)
    )
