"""The scopes that a request requires, and whether a grant holds them."""

from itertools import chain

from msgspec import Struct

from acrux.domain.access.grants import Grant
from acrux.domain.access.scope import Scope, render
from acrux.errors import AccessRefused


class Required(Struct, frozen=True):
    """The scopes that are enough, the one that ACR requires first, and other sets that are."""

    asked: tuple[Scope, ...]
    also_enough: tuple[tuple[Scope, ...], ...] = ()
    enough_without_right: tuple[Scope, ...] = ()  # if the account cannot get `asked`
    upload: str = ""  # its capability is enough if the token has expired

    @property
    def useful(self) -> tuple[Scope, ...]:
        """All scopes that could help: a password is granted those of them that it may have."""
        return (*self.asked, *chain.from_iterable(self.also_enough))

    @property
    def challenge(self) -> str:
        """What a challenge asks for: whoever may do this gets enough by asking literally for it.

        An account may lack the right that ACR requires and hold another one that is enough, so all
        are asked for. The first is ACR's, as some clients look for it.
        """
        actions: dict[tuple[str, str], dict[str, None]] = {}
        for scope in self.useful:
            on_resource = actions.setdefault((scope.type, scope.name), {})
            on_resource.update(dict.fromkeys(scope.ordered_actions))
        return " ".join(
            f"{kind}:{name}:{','.join(names)}" for (kind, name), names in actions.items()
        )

    def complete(self, refused: AccessRefused) -> None:
        """Add to a refusal what would have been enough."""
        refused.scope, refused.challenge = render(self.asked), self.challenge

    def met_by(self, grant: Grant) -> tuple[Scope, ...]:
        """The set that is enough and that the grant holds all of: `asked`, or another one.

        Empty if there is none. An empty set is never met: without a rule, access is refused.
        """
        if _holds(grant, self.asked):
            return self.asked
        return next((scopes for scopes in self.also_enough if _holds(grant, scopes)), ())

    def is_met_by(self, grant: Grant) -> bool:
        """Whether the grant holds all of `asked`, or all of another set that is enough."""
        return bool(self.met_by(grant))

    def is_met_without_right_by(self, grant: Grant) -> bool:
        """Whether the grant holds what is enough for an account that cannot get `asked`."""
        return _holds(grant, self.enough_without_right)


def _holds(grant: Grant, scopes: tuple[Scope, ...]) -> bool:
    return bool(scopes) and all(map(grant.permits, scopes))
