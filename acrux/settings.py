"""All settings, read once, checked, frozen."""

import dataclasses
import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self

import msgspec

from acrux.errors import InvalidSettings

PREFIX: Final = "ACRUX_"

# Variables of this prefix that are no settings: they belong to the client and to the tests.
OTHER_VARIABLES: Final = frozenset(
    {"ACRUX_CONFIG", "ACRUX_USERNAME", "ACRUX_PASSWORD", "ACRUX_OCI_CONFORMANCE"}
)

# acr-protocol.md §5.11: 5 to 50 letters and digits; a hyphen as in a domain name label.
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]{3,48}[a-zA-Z0-9]")

# host ::= a domain name, an IPv4 address or a bracketed IPv6 address; port ::= digits
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_LOGIN_SERVER = re.compile(
    rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:]{{2,39}}\])(?::[1-9][0-9]{{0,4}})?"
)


# The least and the most that each number may be.
_RANGES: Final = {
    "port": (0, 65535),
    "workers": (0, 256),
    # Clients assume 60 seconds where they are not told, and ask again before the end.
    "access_token_seconds": (60, 86400),
    # Azure's SDKs ask anew where fewer than 300 seconds are left, and would do so for ever.
    "refresh_token_seconds": (600, 31_536_000),
    "idle_seconds": (1, 3600),
    "answer_idle_seconds": (1, 3600),
    "header_seconds": (1, 3600),
    "keep_alive_seconds": (1, 3600),
    "stop_seconds": (1, 3600),
    "upload_seconds": (1, 3600),
    "connections": (1, 1_000_000),
    "connections_per_address": (1, 1_000_000),
    "body_bytes_per_second": (1, 1_000_000),
    "body_seconds": (1, 604_800),
    "audit_days": (1, 36500),
    "audit_bytes": (1024 * 1024, 1024**5),
}


def _setting(sentence: str, default: Any) -> Any:
    return field(default=default, metadata={"sentence": sentence})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a registry. Each is a row: name, type, default, one sentence.

    No default weakens security: keys and passwords are made at the first start.
    """

    name: str = _setting("The registry's name, which is also the admin user's.", "acrux")
    host: str = _setting("The address to listen on.", "127.0.0.1")
    port: int = _setting("The port to listen on; 0 picks a free one.", 5000)
    login_servers: tuple[str, ...] = _setting(
        "The host[:port] names that clients use, the default one first; "
        "without any, localhost and the address listened on.",
        (),
    )
    trusted_proxies: tuple[str, ...] = _setting(
        "Addresses or networks of proxies whose X-Forwarded-Proto, -Host and -For are believed.",
        (),
    )
    data_dir: Path = _setting("The folder that holds everything.", Path("acrux-data"))
    workers: int = _setting("How many processes answer requests; 0 means one a core.", 0)
    tls_cert: Path | None = _setting("A certificate (PEM) to serve https with.", None)
    tls_key: Path | None = _setting("The certificate's private key (PEM, PKCS#8).", None)
    tls_self_signed: bool = _setting(
        "Make and keep a small CA and a certificate for the login servers.", default=False
    )
    access_token_seconds: int = _setting("How long an access token lives, in seconds.", 4500)
    refresh_token_seconds: int = _setting(
        "How long a refresh token lives, in seconds.", 3 * 60 * 60
    )
    signing_algorithm: Literal["ES256", "RS256"] = _setting(
        "The algorithm that signs access tokens.", "ES256"
    )
    idle_seconds: int = _setting(
        "How long a request's body may pause before it is given up, in seconds.", 60
    )
    body_bytes_per_second: int = _setting(
        "How fast a body must come at least, over idle_seconds, and an answer be taken, "
        "over answer_idle_seconds, in bytes a second.",
        500,
    )
    body_seconds: int = _setting("How long a request's body may take in all, in seconds.", 21600)
    answer_idle_seconds: int = _setting(
        "How long a client may take next to nothing of an answer before its connection is closed, "
        "in seconds.",
        60,
    )
    header_seconds: int = _setting(
        "How long a new connection, whatever it speaks, may take until the header of a request "
        "is complete, in seconds.",
        15,
    )
    # A proxy in front must close idle connections first, or it sends a request to one that is
    # closed here: nginx does so after 60 seconds (keepalive_timeout in `upstream`).
    keep_alive_seconds: int = _setting(
        "How long a connection may wait for its next request, in seconds.", 75
    )
    connections: int = _setting(
        "How many connections each worker keeps at most, as far as its descriptors allow.", 10000
    )
    connections_per_address: int = _setting(
        "How many of them may be of one address that is no trusted proxy's.", 4096
    )
    stop_seconds: int = _setting("How long running requests may take to end at a stop.", 25)
    htpasswd: Path | None = _setting(
        "An htpasswd file (bcrypt) whose users may log in; read again when it changes.", None
    )
    htpasswd_scope_map: str = _setting("The scope map that its users get.", "")
    upload_seconds: int = _setting(
        "How long an upload may go on, between two of its requests, after its token has ended.",
        3600,
    )
    allow_missing_blobs: bool = _setting(
        "Take images whose blobs the repository does not hold.", default=False
    )
    mount_from_account: bool = _setting(
        "Mount a blob, where no repository is named, from any that the account may pull, "
        "and not only from those in the token.",
        default=False,
    )
    renew_pepper: bool = _setting(
        "Go on where secrets/pepper is lost or another: no password is right until it is renewed.",
        default=False,
    )
    audit_days: int = _setting("How many days the records of the audit are kept.", 90)
    audit_bytes: int = _setting(
        "How many bytes the audit of accounts takes of the disk at most, a quarter of them for "
        "one account; beyond, the oldest records go before their time, and that is recorded.",
        4 * 1024 * 1024 * 1024,
    )
    log_format: Literal["console", "json"] = _setting("How log lines are written.", "console")

    def problems(self) -> list[str]:
        """What is wrong with the settings, a sentence each."""
        found = []
        if _NAME.fullmatch(self.name) is None:
            found.append("name: 5 to 50 letters, digits and inner hyphens are allowed")
        found += [
            f"{name}: {least} to {most} are allowed"
            for name, (least, most) in _RANGES.items()
            if not least <= getattr(self, name) <= most
        ]
        found += [
            f"login_servers: {server!r} is not host or host:port, in lower case, without a scheme"
            for server in self.login_servers
            if _LOGIN_SERVER.fullmatch(server) is None
        ]
        found += [
            f"trusted_proxies: {network!r} is not an address or a network such as 10.0.0.0/8"
            for network in self.trusted_proxies
            if not _is_network(network)
        ]
        if self.htpasswd and not self.htpasswd_scope_map:
            found.append(
                "htpasswd: its users need a scope map, give htpasswd_scope_map too, such as "
                "_repositories_pull_metadata_read"
            )
        return found + self._tls_problems()

    def _tls_problems(self) -> list[str]:
        if self.tls_cert and not self.tls_key:
            return ["tls_cert: a certificate needs its key, give tls_key too"]
        if self.tls_key and not self.tls_cert:
            return ["tls_key: a key needs its certificate, give tls_cert too"]
        if self.tls_cert and self.tls_self_signed:
            return ["tls_self_signed: give either this, or tls_cert and tls_key"]
        return []

    @property
    def scheme(self) -> str:
        """`https` where a certificate is configured, else `http`."""
        return "https" if self.tls_cert or self.tls_self_signed else "http"

    @property
    def known_login_servers(self) -> tuple[str, ...]:
        """The login servers, or where none is configured those that reach this machine."""
        if self.login_servers:
            return self.login_servers
        hosts = ["localhost", "127.0.0.1", "[::1]"]
        if self.host not in ("0.0.0.0", "::", *hosts):  # noqa: S104 -- compared, not bound
            hosts.insert(0, f"[{self.host}]" if ":" in self.host else self.host.lower())
        default_port = 443 if self.scheme == "https" else 80
        return tuple(host if self.port == default_port else f"{host}:{self.port}" for host in hosts)

    @property
    def worker_processes(self) -> int:
        """How many processes answer requests."""
        return self.workers or os.cpu_count() or 1

    def replace(self, **values: Any) -> Self:
        """The same settings but for these."""
        return dataclasses.replace(self, **values)


@dataclass(frozen=True, slots=True)
class Origin:
    """A setting's value, and where it came from."""

    name: str
    value: object
    source: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where each of them came from."""

    settings: Settings
    origins: tuple[Origin, ...]


def load(environ: Mapping[str, str], options: Mapping[str, object], config: Path | None) -> Loaded:
    """Read the settings: options win over variables, these over the file, this over defaults.

    `options` holds what the command line gave, by setting. Raises InvalidSettings with all
    problems at once.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, given in (
        (str(config), _from_file(config, problems)),
        ("environment", _from_environ(environ, problems)),
        ("command line", {name: value for name, value in options.items() if _is_given(value)}),
    ):
        for name, value in given.items():
            try:
                values[name] = _convert(name, value)
                sources[name] = source
            except msgspec.ValidationError as refused:
                problems.append(f"{name} ({source}): {refused}")
    settings = Settings(**values)
    problems += settings.problems()
    if problems:
        raise InvalidSettings("; ".join(problems))
    return Loaded(settings, _origins(settings, sources))


def rows() -> tuple[dataclasses.Field[Any], ...]:
    """Every setting: name, type, default, and one sentence in `metadata`."""
    return dataclasses.fields(Settings)


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def _from_file(config: Path | None, problems: list[str]) -> dict[str, object]:
    if config is None:
        return {}
    try:
        given = tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidSettings(f"{config}: {error}") from error
    names = [row.name for row in rows()]
    problems += [_unknown(name, names, str(config)) for name in given if name not in names]
    return {name: value for name, value in given.items() if name in names}


def _from_environ(environ: Mapping[str, str], problems: list[str]) -> dict[str, object]:
    known = {variable(row.name): row for row in rows()}
    given: dict[str, object] = {}
    for name, text in environ.items():
        if name in known:
            is_list = known[name].type == tuple[str, ...]
            given[known[name].name] = _split(text) if is_list else text
        elif name.startswith(PREFIX) and name not in OTHER_VARIABLES:
            problems.append(_unknown(name, list(known), "environment"))
    return given


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_given(value: object) -> bool:
    return value is not None and value != ()


def _unknown(name: str, names: list[str], source: str) -> str:
    nearest = difflib.get_close_matches(name, names, 1)
    hint = f", did you mean {nearest[0]}?" if nearest else ", see: acrux settings"
    return f"there is no setting {name} ({source}){hint}"


def _convert(name: str, value: object) -> object:
    # `Path` is no type of msgspec: it is text until here.
    kind = next(row.type for row in rows() if row.name == name)
    if kind in (Path, Path | None):
        if not str(value):
            raise msgspec.ValidationError("a path must not be empty")
        return Path(msgspec.convert(str(value) if isinstance(value, Path) else value, str))
    return msgspec.convert(value, kind, strict=False)


def _origins(settings: Settings, sources: Mapping[str, str]) -> tuple[Origin, ...]:
    return tuple(
        Origin(
            row.name,
            getattr(settings, row.name),
            sources.get(row.name, "default"),
            row.metadata["sentence"],
        )
        for row in rows()
    )


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
