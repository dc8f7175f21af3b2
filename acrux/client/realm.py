"""Where credentials may be sent: to the realm, if it may receive them."""

from collections.abc import Collection
from typing import Final

import httpx2

from acrux.client.errors import RealmRefused

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def resolve(text: str, asked: httpx2.URL, allowed_hosts: Collection[str] = ()) -> httpx2.URL:
    """The realm of a challenge from `asked`, as an absolute URL that may receive credentials.

    It must be on the host and port that sent the challenge, or on an allowed host, given as `host`
    or `host:port`. An https registry may not have an http realm. A relative realm is resolved
    against `asked`. Raises RealmRefused.
    """
    try:
        realm = asked.join(text)
    except (httpx2.InvalidURL, ValueError):
        raise RealmRefused(
            f"the challenge of {_place(asked)} names a realm that is not a URL"
        ) from None
    if realm.scheme not in _DEFAULT_PORTS or not realm.host:
        raise RealmRefused(
            f"the challenge of {_place(asked)} names a realm that is not an http(s) URL"
        )
    if realm.userinfo:
        raise RealmRefused(
            f"the realm at {_place(realm)} contains a user name, which no registry needs"
        )
    if asked.scheme == "https" and realm.scheme == "http":
        raise RealmRefused(
            f"{_place(asked)} asks for credentials to be sent to {_place(realm)} without encryption"
        )
    if not _is_same_place(asked, realm) and _name(realm) not in map(str.lower, allowed_hosts):
        raise RealmRefused(
            f"{_place(asked)} asks for credentials to be sent to another place, {_place(realm)}: "
            f"allow {_name(realm)} as a realm if it belongs to the registry",
            host=_name(realm),
        )
    return realm.copy_with(fragment=None)


def _is_same_place(asked: httpx2.URL, realm: httpx2.URL) -> bool:
    """The same host and port. From http to https, the two default ports count as the same."""
    if realm.origin == asked.origin:
        return True
    ports = (asked.origin.port, realm.origin.port)
    return asked.origin.host == realm.origin.host and ports == (80, 443)


def _name(url: httpx2.URL) -> str:
    return url.netloc.decode("ascii")


def _place(url: httpx2.URL) -> str:
    return f"{url.scheme}://{_name(url)}"
