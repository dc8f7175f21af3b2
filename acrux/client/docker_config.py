"""docker's config.json: read what it says, write it back whole."""

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
    """Where credentials may be configured, the first to ask first.

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
    """What the file says, nothing where there is none. Raises CredentialsUnavailable."""
    try:
        content = json.loads(path.read_bytes().strip() or b"{}")  # docker takes an empty file too
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CredentialsUnavailable(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise CredentialsUnavailable(f"{path} is no JSON: correct or remove it") from None
    if not isinstance(content, dict):
        raise CredentialsUnavailable(f"{path} holds no JSON object: correct or remove it")
    return content


def write(path: Path, configuration: Configuration) -> None:
    """Put this in the place of what the file said, at once and for its owner's eyes only.

    A link is followed, as docker does. Raises CredentialsUnavailable.
    """
    place = Path(os.path.realpath(path))
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(place, json.dumps(configuration, indent="\t").encode())
    except OSError as error:
        raise CredentialsUnavailable(f"cannot write {path}: {error.strerror}") from None


def section(configuration: Configuration, name: str) -> dict[str, Any]:
    """A section of it, empty where there is none."""
    found = configuration.get(name)
    return found if isinstance(found, dict) else {}


def _replace(place: Path, content: bytes) -> None:
    # mkstemp makes it 0600. In the same folder, so that it takes the other's place in one step.
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            # Who runs this with sudo keeps their own file.
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
