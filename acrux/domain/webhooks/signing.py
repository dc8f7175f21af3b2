"""The signature of a message, as the Standard Webhooks specification says.

Source: spec/standard-webhooks.md of standard-webhooks, version 1.0.0.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct

from acrux.errors import InvalidInput

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
LEAST_BYTES: Final = 24
MOST_BYTES: Final = 64


class SigningSecret(Struct, frozen=True):
    """A secret that signs until an instant; None: until it is replaced."""

    text: str
    until: datetime | None = None

    def __repr__(self) -> str:
        return "SigningSecret(***)"


def written(key: bytes) -> str:
    """The text of a secret, as receivers are given it."""
    return PREFIX + base64.b64encode(key).decode()


def key_of(text: str) -> bytes:
    """The key that the text of a secret holds. Raises InvalidInput, which does not repeat it."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not (text.startswith(PREFIX) and LEAST_BYTES <= len(key) <= MOST_BYTES):
        raise InvalidInput(
            f"the secret of a webhook is {PREFIX} and {LEAST_BYTES} to {MOST_BYTES} bytes in "
            f"base64: (printf {PREFIX}; openssl rand -base64 {SECRET_BYTES})"
        )
    return key


def signatures(
    message_id: str, at: datetime, body: bytes, secrets: Iterable[SigningSecret]
) -> dict[str, str]:
    """The headers that let a receiver verify the message: one signature for each valid secret."""
    stamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), stamp.encode(), body))
    valid = (one for one in secrets if one.until is None or at < one.until)
    made = (hmac.digest(key_of(one.text), signed, hashlib.sha256) for one in valid)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(one).decode()}" for one in made),
    }
