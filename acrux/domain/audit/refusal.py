"""A recorded refusal, and the account or trust that it was about."""

import shlex
from datetime import datetime

from msgspec import Struct

from acrux.domain.access import federated
from acrux.domain.access.scope_maps import ADMINISTRATOR, NOTHING, ScopeMap
from acrux.domain.audit.decision import ANONYMOUS_CALLER, Decision


class HeldPassword(Struct, frozen=True):
    """When a password was created and when it expires; never its text."""

    name: str
    created_at: datetime
    expires_at: datetime | None


class Holder(Struct, frozen=True):
    """An account, or a trust for the identities it accepts, as it is now.

    `map_name` may be that of a built-in scope map. `changed_at` is when it, its passwords or its
    scope map last changed, with more rights or with fewer. `noun` is what the commands call it.
    """

    is_enabled: bool
    changed_at: datetime
    map_name: str
    scope_map: ScopeMap
    passwords: tuple[HeldPassword, ...] = ()
    noun: str = "token"
    is_of_file: bool = False  # its password is a line of an htpasswd file


class Refusal(Struct, frozen=True):
    """A refusal as it was recorded, and the account or trust whose rights were missing."""

    id: str
    at: datetime
    decision: Decision
    holder: Holder | None

    @property
    def name(self) -> str:
        """Whose credential it was, or was meant to be."""
        return self.decision.account

    @property
    def is_anonymous(self) -> bool:
        """Whether the caller had no login."""
        return self.name == ANONYMOUS_CALLER

    @property
    def who(self) -> str:
        """The caller, for the beginning of a sentence."""
        return "The anonymous caller" if self.is_anonymous else self.name

    @property
    def trust(self) -> str:
        """The trust that accepted the caller, empty for an account."""
        named = federated.named(self.name, ())
        return named.trust if named else ""

    @property
    def noun(self) -> str:
        """What the commands call the holder."""
        if self.trust:
            return "trust"
        return self.holder.noun if self.holder else "token"

    @property
    def option(self) -> str:
        """The option that names the holder."""
        return f"-n {shlex.quote(self.trust or self.name)}"

    @property
    def is_administrator(self) -> bool:
        """Whether it was the admin user."""
        return self.holder is not None and self.holder.map_name == ADMINISTRATOR.name

    @property
    def scope_map(self) -> ScopeMap:
        """The rights of the holder now."""
        return self.holder.scope_map if self.holder and self.holder.is_enabled else NOTHING

    @property
    def passwords(self) -> tuple[HeldPassword, ...]:
        """The passwords of the holder now."""
        return self.holder.passwords if self.holder else ()

    def fact(self, name: str) -> str:
        """A recorded fact; an instant is shown to the second."""
        text = self.decision.facts.get(name, "")
        return (
            to_the_second(datetime.fromisoformat(text)) if name.endswith("_at") and text else text
        )


def to_the_second(at: datetime | None) -> str:
    """An instant in readable form, empty for None."""
    return "" if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")
