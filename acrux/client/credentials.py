"""Credentials from docker's configuration and its helpers."""

import base64
import binascii
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from acrux.client.errors import CredentialsUnavailable
from acrux.domain.credential import Credential, Secret

HELPER_SECONDS: Final = 10

# Docker Hub goes by several names, and docker keeps its credentials under this one.
DOCKER_HUB: Final = "https://index.docker.io/v1/"
_DOCKER_HUB_NAMES: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})

_HELPER_NAME = re.compile(r"[A-Za-z0-9._-]+")
# What docker-credential-helpers says, on standard output, where it holds nothing.
_NOT_FOUND: Final = "credentials not found"
# The user name that stands for "the secret is an identity token".
_TOKEN_USER: Final = "<token>"  # noqa: S105 -- a user name

Configuration = dict[str, Any]


def configuration_files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where credentials may be configured, the first to ask first.

    Source: docker's config.json, and containers-auth.json(5) of podman and skopeo.
    """
    if named := environ.get("REGISTRY_AUTH_FILE"):
        return (Path(named),)
    files = []
    if directory := environ.get("DOCKER_CONFIG"):
        files.append(Path(directory) / "config.json")
    elif home := environ.get("HOME"):
        files.append(Path(home) / ".docker" / "config.json")
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        files.append(Path(runtime) / "containers" / "auth.json")
    return tuple(files)


def find(host: str, environ: Mapping[str, str]) -> Credential | None:
    """The credential configured for a registry, `host` or `host:port`; None where there is none.

    Asks the registry's own helper (`credHelpers`), then the common one (`credsStore`), then the
    file (`auths`). Raises CredentialsUnavailable where a file cannot be read, a helper fails, or
    only an identity token is kept.
    """
    server = DOCKER_HUB if host in _DOCKER_HUB_NAMES else host
    for path in configuration_files(environ):
        configuration = _read(path)
        credential = _from_helpers(server, configuration, environ, path) or _from_file(
            server, configuration, path
        )
        if credential is not None:
            return credential
    return None


def _read(path: Path) -> Configuration:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CredentialsUnavailable(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise CredentialsUnavailable(f"{path} is no JSON: correct or remove it") from None
    if not isinstance(content, dict):
        raise CredentialsUnavailable(f"{path} holds no JSON object: correct or remove it")
    return content


def _section(configuration: Configuration, name: str) -> dict[str, Any]:
    section = configuration.get(name)
    return section if isinstance(section, dict) else {}


def _from_file(server: str, configuration: Configuration, path: Path) -> Credential | None:
    entry = next(
        (
            entry
            for key, entry in _section(configuration, "auths").items()
            if _server_of(key) == _server_of(server) and isinstance(entry, dict)
        ),
        {},
    )
    if entry.get("identitytoken"):
        raise _identity_token(server, str(path))
    if entry.get("username"):
        return Credential(str(entry["username"]), Secret(str(entry.get("password", ""))))
    return _decode(str(entry["auth"]), server, path) if entry.get("auth") else None


def _server_of(key: str) -> str:
    """The server a key of `auths` speaks of: old ones are URLs such as https://host/v1/."""
    return key if "://" not in key else key.partition("://")[2].partition("/")[0]


def _decode(auth: str, server: str, path: Path) -> Credential:
    try:
        pair = base64.b64decode(auth, validate=True).decode().strip("\x00")
    except (binascii.Error, ValueError):
        pair = ""
    name, colon, secret = pair.partition(":")
    if not colon:
        raise CredentialsUnavailable(
            f"auths.{server}.auth in {path} is not the base64 of user:password: log in again"
        )
    return Credential(name, Secret(secret))


def _from_helpers(
    server: str, configuration: Configuration, environ: Mapping[str, str], path: Path
) -> Credential | None:
    name = _section(configuration, "credHelpers").get(server) or configuration.get("credsStore")
    if not name:
        return None
    if not isinstance(name, str) or _HELPER_NAME.fullmatch(name) is None:
        raise CredentialsUnavailable(f"{path} names a credential helper that is no file's name")
    return _ask_helper(f"docker-credential-{name}", server, environ)


def _ask_helper(helper: str, server: str, environ: Mapping[str, str]) -> Credential | None:
    done = _run(helper, server, environ)
    if done.returncode != 0 and _NOT_FOUND in done.stdout.lower():
        return None
    if done.returncode != 0:
        raise _helper_failed(helper, server, f"exit status {done.returncode}")
    try:
        answer = json.loads(done.stdout)
        name, secret = answer["Username"], answer["Secret"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise _helper_failed(helper, server, "no JSON of Username and Secret") from None
    if name == _TOKEN_USER:
        raise _identity_token(server, helper)
    return Credential(str(name), Secret(str(secret)))


def _helper_failed(helper: str, server: str, how: str) -> CredentialsUnavailable:
    # What it printed is not quoted: it may hold the secret.
    return CredentialsUnavailable(
        f"{helper} gave no credential for {server} ({how}): try `echo {server} | {helper} get`"
    )


def _run(helper: str, server: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    program = shutil.which(helper, path=environ.get("PATH", ""))
    if program is None:
        raise CredentialsUnavailable(f"the credential helper {helper} is not on the PATH")
    try:
        return subprocess.run(  # noqa: S603 -- the user's own configuration names it
            [program, "get"],
            input=server,
            env=dict(environ),
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            timeout=HELPER_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise CredentialsUnavailable(
            f"{helper} did not answer for {server} within {HELPER_SECONDS} s"
        ) from None
    except OSError as error:
        raise CredentialsUnavailable(f"cannot run {helper}: {error.strerror}") from None


def _identity_token(server: str, source: str) -> CredentialsUnavailable:
    return CredentialsUnavailable(
        f"{source} keeps an identity token for {server}, which is not supported yet: "
        "give a user name and a password"
    )
