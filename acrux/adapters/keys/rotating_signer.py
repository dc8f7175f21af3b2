"""Sign and read tokens with the registry's keys, which may change."""

from contextlib import suppress

from acrux.adapters.keys.jwt_signer import JwtSigner
from acrux.adapters.keys.signing_keys import KeyFolder, StoredKey
from acrux.adapters.keys.token_authority import RENEWED_AFTER, TokenAuthority
from acrux.domain.access.signing import KeyRecord, signing
from acrux.domain.access.token import ISSUER, AccessToken, RefreshToken
from acrux.errors import InvalidSettings
from acrux.ports.clock import Clock
from acrux.ports.secrets import Listing


class RotatingSigner:
    """The port TokenSigner on a KeyFolder; each method is described there.

    `refresh` notices new keys, removed keys, and a key whose time to sign has come. The first one
    must come before anything else.

    `issuer` is in all tokens. With an authority, tokens for others carry the key's certificate,
    which is renewed in time.
    """

    def __init__(
        self,
        folder: KeyFolder,
        clock: Clock,
        issuer: str = ISSUER,
        authority: TokenAuthority | None = None,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._issuer = issuer
        self._authority = authority
        self._made_at = clock()
        self._seen: Listing | None = None
        self._keys: tuple[StoredKey, ...] = ()
        self._refused: Listing | None = None
        self._generation = 0
        self._current: KeyRecord | None = None
        self._made: JwtSigner | None = None

    @property
    def generation(self) -> int:
        """See ports.TokenSigner."""
        return self._generation

    async def refresh(self) -> None:
        """Notice what has changed.

        Raises InvalidSettings as KeyFolder.load does, once for each change. Until the keys are
        repaired, the previous ones stay in use.
        """
        listing = await self._folder.listing()
        if listing == self._refused:
            return
        try:
            await self._look(listing)
        except InvalidSettings:
            self._refused = listing
            raise

    async def learn(self, text: str) -> None:
        """See ports.TokenSigner."""
        if self._signer.knows(text):
            return
        with suppress(InvalidSettings):  # `refresh` reports it
            listing = await self._folder.listing()
            if listing != self._refused:
                await self._look(listing)

    def sign(self, token: AccessToken) -> str:
        """See ports.TokenSigner."""
        return self._signer.sign(token)

    def sign_for_others(self, token: AccessToken) -> str:
        """See ports.TokenSigner."""
        return self._signer.sign_for_others(token)

    def read(self, text: str) -> AccessToken:
        """See ports.TokenSigner."""
        return self._signer.read(text)

    def sign_refresh(self, token: RefreshToken) -> str:
        """See ports.TokenSigner."""
        return self._signer.sign_refresh(token)

    def read_refresh(self, text: str) -> RefreshToken:
        """See ports.TokenSigner."""
        return self._signer.read_refresh(text)

    def is_refresh(self, text: str) -> bool:
        """See ports.TokenSigner."""
        return self._signer.is_refresh(text)

    def public_keys(self) -> dict[str, object]:
        """See ports.TokenSigner."""
        return self._signer.public_keys()

    @property
    def _signer(self) -> JwtSigner:
        if self._made is None:
            raise RuntimeError("the registry is not open")
        return self._made

    async def _look(self, listing: Listing) -> None:
        if listing != self._seen:
            self._keys = await self._folder.load()
            self._seen, self._refused = listing, None
            self._generation += 1
        elif not self._has_old_certificate() and self._current == self._due():
            return
        self._current = self._due()
        self._made = await self._make()

    def _due(self) -> KeyRecord:
        return signing((key.record for key in self._keys), self._clock())

    def _has_old_certificate(self) -> bool:
        is_old = self._clock() >= self._made_at + RENEWED_AFTER
        return self._authority is not None and is_old

    async def _make(self) -> JwtSigner:
        def is_not_current(key: StoredKey) -> bool:
            return key.record != self._current

        keys = [stored.key for stored in sorted(self._keys, key=is_not_current)]
        self._made_at = self._clock()
        x5c = await self._authority.certify(keys[0]) if self._authority else ()
        return JwtSigner(keys, self._issuer, x5c)
