"""What the edge keeps to, made of the settings."""

import time
from ipaddress import ip_network
from typing import Final

from acrux.adapters.sockets import OwnSockets, connection_ceiling
from acrux.http.access.origin import Origins
from acrux.http.messages import Pace
from acrux.http.room import Room
from acrux.http.sending import Sender
from acrux.services.connections import Connections, Limits
from acrux.settings import Settings

INCOMING_BYTES: Final = 24 * 1024 * 1024
ANSWERS_BYTES: Final = 80 * 1024 * 1024


def origins(settings: Settings) -> Origins:
    """The registry's own addresses, and the proxies that it believes."""
    return Origins(
        settings.known_login_servers,
        tuple(ip_network(network) for network in settings.trusted_proxies),
    )


def pace(settings: Settings) -> Pace:
    """How fast a client must be."""
    return Pace(
        body_idle=settings.idle_seconds,
        body=settings.body_seconds,
        bytes_per_second=settings.body_bytes_per_second,
    )


def connections(settings: Settings, origins: Origins) -> Connections:
    """The connections of this process; a trusted proxy may have as many as it needs."""
    limits = Limits(
        connections=connection_ceiling(settings.connections),
        per_address=settings.connections_per_address,
        header_seconds=settings.header_seconds,
        keep_alive_seconds=settings.keep_alive_seconds,
        answer_idle_seconds=settings.answer_idle_seconds,
        bytes_per_second=settings.body_bytes_per_second,
    )
    return Connections(OwnSockets(settings.port), limits, time.monotonic, origins.is_proxy)


def incoming() -> Room:
    """Memory for the bodies and long headers that come, of one worker."""
    return Room(INCOMING_BYTES, time.monotonic)


def sender() -> Sender:
    """What sends the answers of one worker."""
    return Sender(Room(ANSWERS_BYTES, time.monotonic))
