"""Sign and read tokens as JWTs: one algorithm, a set of keys."""

import re
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from typing import Final

from joserfc import jws
from joserfc.errors import JoseError

from acrux.adapters.keys import claims
from acrux.adapters.keys.compact_jws import CompactWriter
from acrux.adapters.keys.signing_keys import SigningKey
from acrux.domain.access.reason import Reason
from acrux.domain.access.token import ISSUER, REFRESH_TOKEN_KIND, AccessToken, RefreshToken
from acrux.errors import InvalidSettings, InvalidToken

MAX_TOKEN_CHARACTERS: Final = 64 * 1024

# jws = base64url "." base64url "." base64url, none of them empty (RFC 7515 §7.1, without padding)
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class JwtSigner:
    """Signs access tokens with the first of `keys`, and reads those signed with any of them.

    `issuer` is in all tokens, the certificate `x5c` of the first key in those for others.
    Implements acrux.ports.accounts.TokenSigner. Raises InvalidSettings if there is no key.
    """

    generation = 0  # these keys do not change

    def __init__(
        self, keys: Sequence[SigningKey], issuer: str = ISSUER, x5c: tuple[str, ...] = ()
    ) -> None:
        if not keys:
            raise InvalidSettings("there is no key to sign tokens with")
        self._keys = tuple(keys)
        self._issuer = issuer
        self._registries = {
            key.algorithm: jws.JWSRegistry(algorithms=[key.algorithm]) for key in keys
        }
        # A header is never interpreted. Either it is one that we write, letter for letter, or the
        # token is not ours. So alg, kid, jwk, jku, x5c, x5u and crit have no effect (RFC 8725 §3).
        writers = {key.id: CompactWriter(key) for key in keys}
        self._key_of_header = {writers[key.id].header: key for key in keys}
        self._writer = writers[self._keys[0].id]
        self._writer_for_others = CompactWriter(self._keys[0], x5c)

    def sign(self, token: AccessToken) -> str:
        """The token as a JWT (RFC 7519), signed with the current key."""
        return self._writer.write(claims.write_access(token, self._issuer))

    def sign_for_others(self, token: AccessToken) -> str:
        """See ports.TokenSigner."""
        return self._writer_for_others.write(claims.write_access(token, self._issuer))

    def read(self, text: str) -> AccessToken:
        """The claims of a token that one of our keys signed and our issuer issued.

        Raises InvalidToken for anything else. The caller must check the time and the audience.
        """
        return claims.read_access(self._verify(text), self._issuer)

    def sign_refresh(self, token: RefreshToken) -> str:
        """The refresh token as a JWT that every client can read (acr-protocol.md §3.6)."""
        return self._writer.write(claims.write_refresh(token, self._issuer))

    def read_refresh(self, text: str) -> RefreshToken:
        """As `read`, for a refresh token."""
        return claims.read_refresh(self._verify(text), self._issuer)

    def is_refresh(self, text: str) -> bool:
        """Whether the text claims to be a refresh token; nothing is verified."""
        payload = text.split(".")[1] if _COMPACT.fullmatch(text) else ""
        try:
            return claims.kind_of(urlsafe_b64decode(payload + "==")) == REFRESH_TOKEN_KIND
        except ValueError:  # not base64
            return False

    async def learn(self, text: str) -> None:
        """See ports.TokenSigner. No other key is ever made."""

    def knows(self, text: str) -> bool:
        """Whether the text claims that one of these keys signed it; nothing is verified."""
        return text.partition(".")[0] in self._key_of_header

    def public_keys(self) -> dict[str, object]:
        """The keys to verify with, as a JSON Web Key Set (RFC 7517 §5)."""
        return {"keys": [key.public for key in self._keys]}

    def _verify(self, text: str) -> bytes:
        key = self._key_of_header.get(_header_of(text))
        if key is None:
            raise InvalidToken(
                "the access token was not signed by this registry, or its key is no longer in use: "
                "ask for a new one"
            )
        try:
            registry = self._registries[key.algorithm]
            return jws.deserialize_compact(text, key.jwk, registry=registry).payload
        except (JoseError, ValueError):
            raise InvalidToken(
                "the access token's signature is invalid: the token was changed or cut in transit",
                reason=Reason.ALTERED,
            ) from None  # the cause may quote the token


def _header_of(text: str) -> str:
    if len(text) > MAX_TOKEN_CHARACTERS:
        raise InvalidToken(f"the access token is longer than {MAX_TOKEN_CHARACTERS} characters")
    match = _COMPACT.fullmatch(text)
    if match is None:
        raise InvalidToken(
            "the access token is not a JWT: expected three base64url parts separated by dots"
        )
    return match[1]
