"""A form that holds a secret: sent only once, and shown with stars."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Final
from urllib.parse import urlencode

import httpx2

from acrux.client.errors import RealmRefused
from acrux.domain.access.credential import Secret

STARS: Final = "***"

# By name. A value that is not a secret is plain text.
Fields = Mapping[str, str | Secret]


class Form(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """The body of a token request, for httpx2, sync and async.

    It is sent only once. If the realm redirects it (307, 308), RealmRefused is raised instead of
    sending a secret to an unchecked place: httpx2 drops the Authorization header on a redirect to
    another host, but not the body.
    """

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self._body = urlencode({name: _revealed(value) for name, value in fields.items()}).encode()
        self._is_sent = False

    def __iter__(self) -> Iterator[bytes]:
        yield self._once()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._once()

    @property
    def headers(self) -> dict[str, str]:
        """The headers that go with the body."""
        return {
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": str(len(self._body)),
        }

    @property
    def masked(self) -> str:
        """The form for people: as it is sent, but with stars for secrets."""
        shown = {n: v if isinstance(v, str) else STARS for n, v in self.fields.items()}
        return urlencode(shown, safe="*")

    def _once(self) -> bytes:
        if self._is_sent:
            raise RealmRefused(
                "the realm redirected a request that holds a secret: it was not sent there"
            )
        self._is_sent = True
        return self._body


def _revealed(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value
