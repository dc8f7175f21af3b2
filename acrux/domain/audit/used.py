"""Which permissions an account has used, as far as the audit log tells."""

from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from acrux.domain.access.scope_maps import MAX_PERMISSIONS
from acrux.domain.audit.decision import Record
from acrux.domain.audit.needs import is_of_token, needed, permissions, tells_needs

MAX_USES: Final = MAX_PERMISSIONS  # more do not fit into a scope map


class Use(Struct, frozen=True):
    """A permission that requests needed.

    `only_tokens` says that no request is recorded beside those for tokens, so that it may never
    have been used: a token is often asked for more than is done with it.
    """

    permission: str
    requests: int
    last_at: datetime
    only_tokens: bool


class Uses:
    """Collects the permissions of records of one account. Beyond MAX_USES they are counted only."""

    def __init__(self) -> None:
        self._uses: dict[str, Use] = {}
        self.omitted = 0
        self.unknown = 0  # records that do not say what was needed

    @property
    def all(self) -> tuple[Use, ...]:
        """Each permission, in the order of a scope map's list."""
        return tuple(sorted(self._uses.values(), key=lambda use: use.permission))

    def add(self, record: Record) -> None:
        """Add the permissions that the record's request needed."""
        is_token = is_of_token(record.decision)
        self.unknown += not tells_needs(record.decision)
        for text in dict.fromkeys(permissions(needed(record.decision))):
            use = self._uses.get(text) or Use(text, 0, record.at, only_tokens=True)
            if not use.requests and len(self._uses) >= MAX_USES:
                self.omitted += 1
                continue
            self._uses[text] = replace(
                use,
                requests=use.requests + 1,
                last_at=max(use.last_at, record.at),
                only_tokens=use.only_tokens and is_token,
            )
