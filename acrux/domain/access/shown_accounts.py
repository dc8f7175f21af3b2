"""An account as its owner may see it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from acrux.domain.access.credential import Secret


@dataclass(frozen=True, slots=True)
class ShownPassword:
    """A password as it may be shown; its value only if it was generated just now."""

    name: str
    value: Secret | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShownAccount:
    """An account as its owner may see it."""

    username: str
    passwords: tuple[ShownPassword, ...]
    scope_map: str
    is_enabled: bool
    created_at: datetime

    def with_values(self, values: Mapping[str, str]) -> Self:
        """The same with the values of passwords that were just generated, by their names."""
        passwords = tuple(
            replace(password, value=Secret(values[password.name]))
            if password.name in values
            else password
            for password in self.passwords
        )
        return replace(self, passwords=passwords)
