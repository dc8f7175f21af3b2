"""docker's config.json: read it, and write it back whole."""

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from acrux.client.errors import CredentialsUnavailable

Configuration = dict[str, Any]


def files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where credentials may be configured, in the order of precedence.

    Source: docker's config.json, and containers-auth.json(5) of podman and skopeo.
    """
    if named := environ.get("REGISTRY_AUTH_FILE"):
        return (Path(named),)
    found = []
    if directory := environ.get("DOCKER_CONFIG"):
        found.append(Path(directory) / "config.json")
    elif home := environ.get("HOME"):
        found.append(Path(home) / ".docker" / "config.json")
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        found.append(Path(runtime) / "containers" / "auth.json")
    return tuple(found)


def read(path: Path) -> Configuration:
    """The content of the file, empty if there is none. Raises CredentialsUnavailable."""
    try:
        content = json.loads(path.read_bytes().strip() or b"{}")  # docker takes an empty file too
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CredentialsUnavailable(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise CredentialsUnavailable(f"{path} is not JSON: correct or remove it") from None
    if not isinstance(content, dict):
        raise CredentialsUnavailable(f"{path} is not a JSON object: correct or remove it")
    return content


def write(path: Path, configuration: Configuration) -> None:
    """Replace the content of the file atomically; only its owner can read it.

    A link is followed, as docker does. Raises CredentialsUnavailable.
    """
    place = Path(os.path.realpath(path))
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(place, json.dumps(configuration, indent="\t").encode())
    except OSError as error:
        raise CredentialsUnavailable(f"cannot write {path}: {error.strerror}") from None


def section(configuration: Configuration, name: str) -> dict[str, Any]:
    """A section of it, empty if there is none."""
    found = configuration.get(name)
    return found if isinstance(found, dict) else {}


def _replace(place: Path, content: bytes) -> None:
    # mkstemp makes it 0600. It is in the same folder, so that it replaces the file in one step.
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            # A user who runs this with sudo still owns the file afterwards.
            with suppress(OSError):
                found = place.stat()
                os.fchown(file.fileno(), found.st_uid, found.st_gid)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
