"""All settings: read once, checked, immutable."""

import dataclasses
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self

from acrux.domain.server.log_level import Level

PREFIX: Final = "ACRUX_"

# Variables with this prefix that are not settings: they belong to the client and to the tests.
OTHER_VARIABLES: Final = frozenset(
    {
        "ACRUX_CONFIG",
        "ACRUX_USERNAME",
        "ACRUX_PASSWORD",
        "ACRUX_OCI_CONFORMANCE",
        "ACRUX_ACR",
        "ACRUX_SOAK_SECONDS",
    }
)

# Where a registry is: a command that works on a data directory can be told all of it.
PLACE: Final = ("data_dir", "database", "database_file", "master_key_file")

# Addresses that stand for all addresses of the machine.
EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 -- compared, not bound

# host ::= a name or an IPv4 address without a colon, or a bracketed IPv6 address
_HOST_AND_PORT = re.compile(r"(?P<host>[^\s:\[\]]+|\[[0-9a-fA-F:.]+\]):(?P<port>[1-9][0-9]{0,4})")


def _setting(sentence: str, default: Any, *, secret: bool = False) -> Any:
    return field(
        default=default, repr=not secret, metadata={"sentence": sentence, "secret": secret}
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a registry. Each has a name, a type, a default and one sentence.

    No default weakens security: keys and passwords are generated at the first start.
    """

    name: str = _setting("The registry's name, which is also the admin user's name.", "acrux")
    host: str = _setting("The address to listen on.", "127.0.0.1")
    port: int = _setting("The port to listen on; 0 picks a free one.", 5000)
    login_servers: tuple[str, ...] = _setting(
        "The host[:port] names that clients use, the default one first; "
        "if none is given, localhost and the listening address.",
        (),
    )
    trusted_proxies: tuple[str, ...] = _setting(
        "Addresses or networks of proxies whose X-Forwarded-Proto, -Host and -For are trusted.",
        (),
    )
    data_dir: Path = _setting(
        "The directory that holds all data that is not in database or storage.", Path("acrux-data")
    )
    database: str = _setting(
        "The URL of a PostgreSQL, such as postgresql://acrux@db.example.com/acrux, that several "
        "nodes may share; by default the database is in the data directory.",
        "",
        secret=True,
    )
    database_file: Path | None = _setting(
        "A file that holds that URL instead, so that no list of processes shows a password.", None
    )
    database_connections: int = _setting(
        "The maximum number of connections to PostgreSQL per worker.", 6
    )
    prepare_statements: bool = _setting(
        "Let PostgreSQL keep statements for each connection; not behind a pooler that shares "
        "connections between transactions and forgets them (pgbouncer before 1.21).",
        default=True,
    )
    shared_storage: bool = _setting(
        "All nodes that use the PostgreSQL have this data directory, on a shared file system, or "
        "there is only one node.",
        default=False,
    )
    storage: str = _setting(
        "Where blobs are: s3://BUCKET/PREFIX, az://CONTAINER/PREFIX or gs://BUCKET/PREFIX; "
        "if it is not given, in the data directory.",
        "",
    )
    storage_redirect: bool = _setting(
        "Answer pulls of blobs with a redirect to a signed address in the object store, valid for "
        "20 minutes, instead of the bytes.",
        default=False,
    )
    storage_moved: bool = _setting(
        "Start once although the registry's blobs were elsewhere before: they have been copied.",
        default=False,
    )
    blob_cache_bytes: int = _setting(
        "The memory of each worker for blobs of up to 128 KiB of the object store, in bytes; 0 "
        "keeps none.",
        0,
    )
    admin_password_file: Path | None = _setting(
        "A file with the admin user's password, for the first start; if there is none, that start "
        "writes a generated password to it.",
        None,
    )
    master_key_file: Path | None = _setting(
        "A file with 32 random bytes, as base64 or hexadecimal digits, under which the registry's "
        "own keys are sealed in its database; if there is none, they are files in data_dir.",
        None,
    )
    workers: int = _setting("How many processes answer requests; 0 means one per core.", 0)
    tls_cert: Path | None = _setting("The certificate (PEM) to serve https with.", None)
    tls_key: Path | None = _setting("The certificate's private key (PEM).", None)
    tls_self_signed: bool = _setting(
        "Create and keep a small CA and a certificate for the login servers.", default=False
    )
    absolute_locations: bool = _setting(
        "Answer with absolute URLs in Location, for clients that cannot resolve a path (ollama); "
        "Azure's Python SDK needs paths.",
        default=False,
    )
    cors_origins: tuple[str, ...] = _setting(
        "Origins such as https://ui.example.com whose web pages may call the registry (CORS); "
        "* lets those of all origins read what their user has a token for.",
        (),
    )
    access_token_seconds: int = _setting("How long an access token is valid, in seconds.", 4500)
    refresh_token_seconds: int = _setting(
        "How long a refresh token is valid, in seconds.", 3 * 60 * 60
    )
    signing_algorithm: Literal["ES256", "RS256"] = _setting(
        "The algorithm that signs access tokens.", "ES256"
    )
    token_issuer: str = _setting(
        "The issuer that every token names (iss). A change makes all earlier tokens invalid.",
        "Azure Container Registry",
    )
    token_services: tuple[str, ...] = _setting(
        "Other registries whose clients get their tokens here, each by the service that its "
        "challenge names. This registry does not accept those tokens.",
        (),
    )
    token_certificates: bool = _setting(
        "Put a certificate of the signing key (x5c) into tokens for token_services, for registries "
        "that trust its CA (rootcertbundle) and not a key set (jwks).",
        default=False,
    )
    key_set_file: Path | None = _setting(
        "A file that is kept up to date with the public keys (JWKS), for registries that read one.",
        None,
    )
    idle_seconds: int = _setting(
        "How long a request's body may pause before the request is aborted, in seconds.", 60
    )
    body_bytes_per_second: int = _setting(
        "The minimum rate, in bytes per second, of a request's body, over idle_seconds, and of "
        "an answer, over answer_idle_seconds.",
        500,
    )
    body_seconds: int = _setting("How long a request's body may take in total, in seconds.", 21600)
    answer_idle_seconds: int = _setting(
        "How long a client may read almost nothing of an answer before its connection is closed, "
        "in seconds.",
        60,
    )
    header_seconds: int = _setting(
        "How long a new connection of any protocol may take until the header of a request is "
        "complete, in seconds.",
        15,
    )
    # A proxy in front must close idle connections first, or it sends a request on one that is
    # already closed here. nginx closes them after 60 seconds (keepalive_timeout in `upstream`).
    keep_alive_seconds: int = _setting(
        "How long a connection may wait for its next request, in seconds.", 75
    )
    connections: int = _setting(
        "The maximum number of connections per worker, if its file descriptors allow as many.",
        10000,
    )
    connections_per_address: int = _setting(
        "The maximum number of connections per worker from one address that is not a trusted "
        "proxy's.",
        4096,
    )
    stop_seconds: int = _setting(
        "How long running requests may take to finish when the registry stops, in seconds.", 25
    )
    account_limits: tuple[str, ...] = _setting(
        "How many requests a minute one account may make, such as read=5000, write=1000, "
        "delete=500, referrers=250, token=1000; what is not named is not limited.",
        (),
    )
    anonymous_limits: tuple[str, ...] = _setting(
        "How many requests a minute all callers without an account may make from one address, "
        "such as read=600, token=60; what is not named is not limited.",
        (),
    )
    concurrent_uploads: int = _setting(
        "How many blobs one account may send at the same time; 0 means any number.", 0
    )
    htpasswd: Path | None = _setting(
        "An htpasswd file (bcrypt) whose users may log in; it is read again when it changes.", None
    )
    htpasswd_scope_map: str = _setting("The scope map for new users of the htpasswd file.", "")
    upload_seconds: int = _setting(
        "How long an upload can continue after its token has expired, counted from the last "
        "answer while the token was valid, in seconds.",
        3600,
    )
    upload_grace_seconds: int = _setting(
        "How long an upload that nobody continues is kept after upload_seconds, in seconds; a "
        "pushed blob that no manifest names is kept as long.",
        3600,
    )
    gc_grace_seconds: int = _setting(
        "How long a manifest that lost its last tag can still be pulled by its digest, and how "
        "long the blobs of deleted manifests are kept, in seconds.",
        86400,
    )
    gc_interval_seconds: int = _setting(
        "How often a worker looks for what to collect, in seconds.", 15
    )
    retention_interval_seconds: int = _setting(
        "How often the retention rules are carried out, in seconds.", 3600
    )
    gc_untagged: bool = _setting(
        "Collect manifests that lost their last tag; those that never had one always stay.",
        default=True,
    )
    gc_referrers: bool = _setting(
        "Delete the referrers of a deleted manifest (signatures, SBOMs) with it.", default=True
    )
    allow_missing_blobs: bool = _setting(
        "Accept images whose blobs are not in the repository.", default=False
    )
    mount_from_account: bool = _setting(
        "If a mount names no repository, search all that the account may pull, and not only "
        "those in the token.",
        default=False,
    )
    renew_pepper: bool = _setting(
        "Start even if secrets/pepper is lost or was replaced: no password works until it is "
        "renewed.",
        default=False,
    )
    webhook_networks: tuple[str, ...] = _setting(
        "Networks that are not public, such as 10.0.0.0/8, to which webhooks may be sent, also by "
        "http.",
        (),
    )
    web: Literal["enabled", "disabled"] = _setting(
        "Whether browsers are shown pages, below /web.", "enabled"
    )
    web_login_trust: str = _setting(
        "The trust whose issuer the pages offer to log in with; its audience is the client id.", ""
    )
    web_login_secret_file: Path | None = _setting(
        "A file with the client's secret, if the issuer of web_login_trust gave one.", None
    )
    audit_days: int = _setting("How many days audit records are kept.", 90)
    audit_bytes: int = _setting(
        "The disk space for the audit records of accounts, in bytes, a quarter of it for any one "
        "account; beyond it the oldest records are removed early, and that is recorded.",
        4 * 1024 * 1024 * 1024,
    )
    metrics_listen: str = _setting(
        "HOST:PORT to serve /metrics on, by plain http and without credentials, and then not on "
        "the registry's port: for a network that only scrapers reach.",
        "",
    )
    log_format: Literal["console", "json"] = _setting("The format of log lines.", "console")
    log_level: Level = _setting(
        "The least level of what is logged; requests have the level info.", "info"
    )
    log_probes: bool = _setting(
        "Log successful requests of /livez, /readyz and /metrics, too.", default=True
    )

    @property
    def is_on_postgresql(self) -> bool:
        """Whether the database is a PostgreSQL, and not in the data directory."""
        return bool(self.database or self.database_file)

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """The host and the port that serve the metrics, if they have one of their own."""
        found = _HOST_AND_PORT.fullmatch(self.metrics_listen)
        if found is None or int(found["port"]) > 65535:
            return None
        return found["host"].strip("[]"), int(found["port"])

    @property
    def scheme(self) -> str:
        """`https` if a certificate is configured, else `http`."""
        return "https" if self.tls_cert or self.tls_self_signed else "http"

    @property
    def known_login_servers(self) -> tuple[str, ...]:
        """The configured login servers, or by default the names that reach this machine."""
        if self.login_servers:
            return self.login_servers
        hosts = ["localhost", "127.0.0.1", "[::1]"]
        if self.host not in (*EVERY_ADDRESS, *hosts):
            hosts.insert(0, f"[{self.host}]" if ":" in self.host else self.host.lower())
        default_port = 443 if self.scheme == "https" else 80
        return tuple(host if self.port == default_port else f"{host}:{self.port}" for host in hosts)

    @property
    def worker_processes(self) -> int:
        """How many processes answer requests."""
        return self.workers or os.cpu_count() or 1

    def replace(self, **values: Any) -> Self:
        """The same settings, except for these values."""
        return dataclasses.replace(self, **values)


def rows() -> tuple[dataclasses.Field[Any], ...]:
    """Every setting: its name, type and default, and its sentence in `metadata`."""
    return dataclasses.fields(Settings)


def with_place(names: tuple[str, ...]) -> tuple[str, ...]:
    """These settings; with the data directory, all that say where a registry is."""
    if "data_dir" not in names:
        return names
    return tuple(dict.fromkeys((*names, *PLACE)))


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def as_text(value: object) -> str:
    """A value as a variable would hold it, for people to read; `-` if there is none."""
    if value in (None, (), ""):
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else str(value)
