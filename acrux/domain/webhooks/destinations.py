"""Which addresses a webhook may be sent to."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# Gateways translate it to IPv4: the IPv4 address is in the last bits (RFC 6052 §2.1).
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
# The same within a site (RFC 8215), which ipaddress takes for public before Python 3.13.
_TRANSLATED_LOCALLY: Final = IPv6Network("64:ff9b:1::/48")

# The one metadata address that is public: Azure's (learn.microsoft.com, "What is IP address
# 168.63.129.16?"). The others are link-local, private or shared.
_METADATA: Final = IPv4Address("168.63.129.16")


def is_allowed(address: Address, networks: Iterable[Network]) -> bool:
    """Whether a webhook may be sent to this address: a public one, or one of the networks."""
    reached = _reached(address)
    return any(reached in network for network in networks) or _is_public(reached)


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
    # is_global is what IANA's registries of special-purpose addresses say: not private, loopback,
    # link-local, shared, unspecified, nor for documents. Teredo's addresses are not global.
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and address != _METADATA
        and address not in _TRANSLATED_LOCALLY
    )
