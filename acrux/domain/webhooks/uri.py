"""Where the events of a webhook are sent: an http or https address."""

import re
from typing import Final, Self

from msgspec import Struct

from acrux.errors import InvalidInput

MAX_URI_CHARACTERS: Final = 2048

# uri    ::= scheme "://" host [ ":" port ] [ path ] [ "?" query ]      (RFC 3986 §3)
# host   ::= label *( "." label ) [ "." ] | "[" IPv6address "]"
# Without userinfo, which a log or a proxy would show, and without a fragment, which is never sent.
# A host that is an unusual way to write an address, as 127.1, is let in: what counts is the address
# that is connected to.
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_URI: Final = re.compile(
    rf"(https?)://({_LABEL}(?:\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]{{2,45}}\])(?::([0-9]{{1,5}}))?"
    r"((?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?)"
)
_USERINFO: Final = re.compile(r"[^/?#]*//[^/?#]*@.*", re.DOTALL)
_PORTS: Final = {"http": 80, "https": 443}


class Uri(Struct, frozen=True):
    """An address. `target` is its path and query, which may hold a secret of the receiver."""

    scheme: str
    host: str  # an IPv6 address without brackets
    port: int
    target: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address. Raises InvalidInput, which repeats nothing of it."""
        if len(text) > MAX_URI_CHARACTERS:
            raise InvalidInput(f"a webhook's URI has at most {MAX_URI_CHARACTERS} characters")
        if _USERINFO.fullmatch(text):
            raise InvalidInput(
                "a webhook's URI must not hold a user name or a password: send them as a header, "
                "such as Authorization=Basic ..."
            )
        match = _URI.fullmatch(text)
        if match is None:
            raise InvalidInput(
                "a webhook's URI is http:// or https://, a host, perhaps :PORT, and perhaps a path "
                "and a query, in ASCII: https://example.com/hook. Encode other characters with %, "
                "and other scripts in the host as punycode"
            )
        scheme, host, digits, target = match.groups()
        port = int(digits or _PORTS[scheme])
        if not 0 < port < 65536:
            raise InvalidInput("the port of a webhook's URI is from 1 to 65535")
        path = target if target.startswith("/") else f"/{target}"
        return cls(scheme, host.strip("[]").lower(), port, path)

    @property
    def is_encrypted(self) -> bool:
        """Whether it is https."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """The host, and the port if it is not the usual one: what `Host` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """The part that is no secret: without path and query."""
        return f"{self.scheme}://{self.authority}"

    def __str__(self) -> str:
        return self.origin + self.target
