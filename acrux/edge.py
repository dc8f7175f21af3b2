"""Builds what guards the edge, from the settings: origins, pace, limits."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Final, TypeAlias

from acrux.adapters.sockets import OwnSockets, connection_ceiling
from acrux.http.access import limiting
from acrux.http.access.cors import ANY_ORIGIN, Cors
from acrux.http.access.origin import Origins
from acrux.http.messages import Pace, Request, Response
from acrux.http.room import Room
from acrux.http.routes import Endpoint, Row
from acrux.http.sending import Sender
from acrux.services.access.limits import Limits as RequestLimits
from acrux.services.connections import Connections, Limits
from acrux.settings import Settings

Completion: TypeAlias = Callable[[Request, Response], None]

INCOMING_BYTES: Final = 24 * 1024 * 1024
ANSWERS_BYTES: Final = 80 * 1024 * 1024


def origins(settings: Settings) -> Origins:
    """The registry's own addresses, and the proxies that it trusts."""
    return Origins(
        settings.known_login_servers,
        tuple(ip_network(network) for network in settings.trusted_proxies),
        tuple(origin for origin in settings.cors_origins if origin != ANY_ORIGIN),
    )


def completions(settings: Settings, origins: Origins) -> tuple[Completion, ...]:
    """What completes every answer, as far as the settings ask for it."""
    return (
        *([origins.make_location_absolute] if settings.absolute_locations else []),
        *([Cors(settings.cors_origins).complete] if settings.cors_origins else []),
    )


def pace(settings: Settings) -> Pace:
    """How fast a client must send a body."""
    return Pace(
        body_idle=settings.idle_seconds,
        body=settings.body_seconds,
        bytes_per_second=settings.body_bytes_per_second,
    )


def connections(settings: Settings, origins: Origins) -> Connections:
    """The connections of this process. A trusted proxy has no limit of its own."""
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
    """The memory of one worker for incoming bodies and long headers."""
    return Room(INCOMING_BYTES, time.monotonic)


def sender() -> Sender:
    """The sender of one worker's answers."""
    return Sender(Room(ANSWERS_BYTES, time.monotonic))


def limited(rows: Sequence[Row], limits: RequestLimits) -> tuple[Row, ...]:
    """The same rows, in which requests and uploads are counted as far as there are limits."""
    return tuple(
        replace(
            row,
            methods={name: _limited(endpoint, limits) for name, endpoint in row.methods.items()},
        )
        for row in rows
    )


def _limited(endpoint: Endpoint, limits: RequestLimits) -> Endpoint:
    handler = endpoint.handler
    if endpoint.sends_blob and limits.bounds_uploads:
        handler = limiting.bounded(handler, limits)
    if endpoint.counts and (limit := limits.on(endpoint.counts)).is_set:
        handler = limiting.counted(handler, limit)
    return replace(endpoint, handler=handler)
