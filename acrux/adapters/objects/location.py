"""Where an object store is: s3://bucket/prefix, az://…, gs://…."""

import re
from typing import Final, Self

from msgspec import Struct

from acrux.errors import InvalidSettings

# bucket: also the container of Azure; prefix: without an empty part, so that keys are unambiguous
_LOCATION: Final = re.compile(
    r"(?P<scheme>s3|az|gs)://(?P<bucket>[A-Za-z0-9$][A-Za-z0-9._-]{1,221})"
    r"(?:/(?P<prefix>[A-Za-z0-9._-]{1,128}(?:/[A-Za-z0-9._-]{1,128}){0,3}))?/?"
)


class Location(Struct, frozen=True):
    """A bucket of S3 or Google, or a container of Azure, and the prefix of all keys in it."""

    scheme: str
    bucket: str
    prefix: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the setting `storage`. Raises InvalidSettings."""
        found = _LOCATION.fullmatch(text)
        if found is None:
            raise InvalidSettings(
                "must be s3://BUCKET/PREFIX, az://CONTAINER/PREFIX or gs://BUCKET/PREFIX, "
                "without credentials, which come from the usual variables of each store"
            )
        return cls(found["scheme"], found["bucket"], found["prefix"] or "")

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")
