"""What is wrong with settings, in words."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from acrux.adapters.objects.location import Location
from acrux.domain.access.limits import RATE, read_rates
from acrux.errors import InvalidInput, InvalidSettings
from acrux.settings import EVERY_ADDRESS, Settings

# acr-protocol.md §5.11: 5 to 50 letters and digits; hyphens as in a domain name label.
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]{3,48}[a-zA-Z0-9]")

# host ::= a domain name, an IPv4 address or a bracketed IPv6 address; port ::= digits
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_LOGIN_SERVER = re.compile(
    rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:]{{2,39}}\])(?::[1-9][0-9]{{0,4}})?"
)

# Clients may send it in any case, and it is compared in lower case.
_SERVICE = re.compile(r"[a-z0-9][a-z0-9._:/-]{0,254}")

_ISSUER = re.compile(r"[ -~]{1,255}")

# The rest of the URL is the adapter's business.
_DATABASE = re.compile(r"postgres(?:ql)?://")

# As a browser writes it (RFC 6454 §6.1).
_ORIGIN = re.compile(rf"\*|https?://{_LOGIN_SERVER.pattern}")


# The minimum and the maximum of each number.
RANGES: Final = {
    "port": (0, 65535),
    "workers": (0, 256),
    # Clients assume 60 seconds if the answer names no lifetime, and renew before it ends.
    "access_token_seconds": (60, 86400),
    # Azure's SDKs renew if fewer than 300 seconds are left: below that, they would never stop.
    "refresh_token_seconds": (600, 31_536_000),
    "idle_seconds": (1, 3600),
    "answer_idle_seconds": (1, 3600),
    "header_seconds": (1, 3600),
    "keep_alive_seconds": (1, 3600),
    "stop_seconds": (1, 3600),
    "upload_seconds": (1, 3600),
    "upload_grace_seconds": (0, 31_536_000),
    "gc_grace_seconds": (0, 31_536_000),
    "gc_interval_seconds": (1, 86400),
    "retention_interval_seconds": (1, 604_800),
    "connections": (1, 1_000_000),
    "database_connections": (4, 1000),
    "connections_per_address": (1, 1_000_000),
    "body_bytes_per_second": (1, 1_000_000),
    "body_seconds": (1, 604_800),
    "concurrent_uploads": (0, 4096),
    "blob_cache_bytes": (0, 1024**4),
    "audit_days": (1, 36500),
    "audit_bytes": (1024 * 1024, 1024**5),
}

# The grammar of texts, and of the elements of lists.
GRAMMARS: Final = {
    "name": _NAME,
    "login_servers": _LOGIN_SERVER,
    "cors_origins": _ORIGIN,
    "token_issuer": _ISSUER,
    "token_services": _SERVICE,
    "account_limits": RATE,
    "anonymous_limits": RATE,
}


class Problem(NamedTuple):
    """A setting that cannot be used, and what was expected of it."""

    name: str
    sentence: str


def find(settings: Settings) -> list[Problem]:
    """What is wrong with the settings."""
    return [
        *_range_problems(settings),
        *_name_problems(settings),
        *_storage_problems(settings),
        *_network_problems(settings),
        *_account_problems(settings),
        *_token_problems(settings),
        *_rate_problems(settings),
        *_tls_problems(settings),
        *_database_problems(settings),
    ]


def _range_problems(settings: Settings) -> Iterator[Problem]:
    for name, (least, most) in RANGES.items():
        value = getattr(settings, name)
        if not least <= value <= most:
            yield Problem(name, f"must be from {least} to {most}, not {value}")


def _name_problems(settings: Settings) -> Iterator[Problem]:
    if _NAME.fullmatch(settings.name) is None:
        yield Problem("name", "must be 5 to 50 letters, digits and inner hyphens")
    for server in settings.login_servers:
        if _LOGIN_SERVER.fullmatch(server) is None:
            wrong = f"{server!r} is not host or host:port, in lower case, without a scheme"
            yield Problem("login_servers", wrong)
    for origin in settings.cors_origins:
        if _ORIGIN.fullmatch(origin) is None:
            wrong = f"{origin!r} is not * or scheme://host[:port], without a path"
            yield Problem("cors_origins", wrong)


def _storage_problems(settings: Settings) -> Iterator[Problem]:
    if settings.storage:
        try:
            Location.parse(settings.storage)
        except InvalidSettings as refused:
            yield Problem("storage", refused.message)
    elif settings.storage_redirect:
        yield Problem("storage_redirect", "set storage too: files have no address of their own")


def _network_problems(settings: Settings) -> Iterator[Problem]:
    for name in ("trusted_proxies", "webhook_networks"):
        for network in getattr(settings, name):
            if not _is_network(network):
                wrong = f"{network!r} is not an address or a network such as 10.0.0.0/8"
                yield Problem(name, wrong)
    if settings.metrics_listen and settings.metrics_address is None:
        given = settings.metrics_listen
        wrong = f"{given!r} is not HOST:PORT such as 127.0.0.1:9095 or [::1]:9095"
        yield Problem("metrics_listen", wrong)
    if settings.metrics_address and _is_own(settings, *settings.metrics_address):
        wrong = "is the registry's own port: choose another, or leave it out to have /metrics there"
        yield Problem("metrics_listen", wrong)


def _is_own(settings: Settings, host: str, port: int) -> bool:
    is_same_host = host == settings.host or not EVERY_ADDRESS.isdisjoint((host, settings.host))
    return port == settings.port and is_same_host


def _account_problems(settings: Settings) -> Iterator[Problem]:
    if settings.htpasswd and not settings.htpasswd_scope_map:
        yield Problem(
            "htpasswd",
            "its users need a scope map: set htpasswd_scope_map too, for example to "
            "_repositories_pull_metadata_read",
        )


def _token_problems(settings: Settings) -> Iterator[Problem]:
    if _ISSUER.fullmatch(settings.token_issuer) is None:
        yield Problem("token_issuer", "must be 1 to 255 printable ASCII characters")
    name = "token_services"
    for service in settings.token_services:
        if _SERVICE.fullmatch(service) is None:
            yield Problem(name, f"{service!r} is not a service's name in lower case")
        if service in settings.known_login_servers:
            yield Problem(name, f"{service!r} is a login server of this registry itself")
    if settings.token_certificates and not settings.token_services:
        yield Problem(
            "token_certificates",
            "set token_services too: only their tokens get a certificate",
        )


def _rate_problems(settings: Settings) -> Iterator[Problem]:
    for name in ("account_limits", "anonymous_limits"):
        given = getattr(settings, name)
        wrong = [sentence for one in given if (sentence := _wrong_rates((one,)))]
        for sentence in wrong or filter(None, [_wrong_rates(given)]):
            yield Problem(name, sentence)


def _wrong_rates(given: tuple[str, ...]) -> str:
    try:
        read_rates(given)
    except InvalidInput as refused:
        return refused.message
    return ""


def _tls_problems(settings: Settings) -> Iterator[Problem]:
    if settings.tls_cert and not settings.tls_key:
        yield Problem("tls_cert", "a certificate needs its key: set tls_key too")
    if settings.tls_key and not settings.tls_cert:
        yield Problem("tls_key", "a key needs its certificate: set tls_cert too")
    if settings.tls_cert and settings.tls_self_signed:
        yield Problem("tls_self_signed", "set either this, or tls_cert and tls_key")


def _database_problems(settings: Settings) -> Iterator[Problem]:
    if settings.database and settings.database_file:
        yield Problem("database", "set either this, or database_file")
    if settings.database and _DATABASE.match(settings.database) is None:
        wrong = "must be a URL such as postgresql://USER:PASSWORD@HOST/DATABASE"
        yield Problem("database", wrong)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
