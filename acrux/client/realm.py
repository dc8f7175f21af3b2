"""Where credentials may go: the place a realm names, or nowhere."""

from collections.abc import Collection
from typing import Final

import httpx2

from acrux.client.errors import RealmRefused

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def resolve(text: str, asked: httpx2.URL, allowed_hosts: Collection[str] = ()) -> httpx2.URL:
    """The realm of a challenge that came from `asked`, absolute and fit to receive credentials.

    It must be where the challenge came from, or on a host that is allowed, as `host` or
    `host:port`; and never weaker: no http realm for an https registry. A relative realm is
    resolved against `asked`. Raises RealmRefused.
    """
    try:
        realm = asked.join(text)
    except (httpx2.InvalidURL, ValueError):
        raise RealmRefused(
            f"the challenge of {_place(asked)} names a realm that is no URL"
        ) from None
    if realm.scheme not in _DEFAULT_PORTS or not realm.host:
        raise RealmRefused(f"the challenge of {_place(asked)} names a realm that is no http(s) URL")
    if realm.userinfo:
        raise RealmRefused(
            f"the realm at {_place(realm)} carries a user name: no registry needs that"
        )
    if asked.scheme == "https" and realm.scheme == "http":
        raise RealmRefused(
            f"{_place(asked)} asks for credentials to be sent to {_place(realm)} without encryption"
        )
    if not _is_same_place(asked, realm) and _name(realm) not in map(str.lower, allowed_hosts):
        raise RealmRefused(
            f"{_place(asked)} asks for credentials to be sent to another place, {_place(realm)}: "
            f"allow {_name(realm)} as a realm if it belongs to the registry"
        )
    return realm.copy_with(fragment=None)


def _is_same_place(asked: httpx2.URL, realm: httpx2.URL) -> bool:
    """The same host and port; from http to https, the default port of each is the same."""
    if realm.origin == asked.origin:
        return True
    ports = (asked.origin.port, realm.origin.port)
    return asked.origin.host == realm.origin.host and ports == (80, 443)


def _name(url: httpx2.URL) -> str:
    return url.netloc.decode("ascii")


def _place(url: httpx2.URL) -> str:
    return f"{url.scheme}://{_name(url)}"
