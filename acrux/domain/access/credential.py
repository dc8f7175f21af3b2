"""A credential: the name and the secret that a caller presents."""

from msgspec import Struct


class Secret:
    """Text that must stay secret: it prints as stars, and is read with `reveal` only."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"


class Credential(Struct, frozen=True):
    """What a caller presents: a name, and the secret that goes with it."""

    name: str
    secret: Secret

    @property
    def is_empty(self) -> bool:
        """Whether neither name nor secret was given, which means anonymous.

        OCI's conformance program always sends Basic: for it, anonymous is `Basic Og==`.
        """
        return not self.name and not self.secret.reveal()
