"""Values that look like secrets are masked: screens are shared."""

import re
from typing import Final

from acrux.web.words import LONGEST

MASK: Final = "••••••••"

# What repeats is bounded, and does not begin within itself, so that no text takes long.

# Parts of a name such as DB_PASSWORD or npmToken.
_NAME: Final = re.compile(
    r"passw(or)?d|pwd|pass(phrase)?|secrets?|tokens?|keys?|apikey|credentials?|auth(orization)?"
    r"|pat|sas|dsn|cookie"
)
_ENDINGS: Final = ("password", "passwd", "passphrase", "secret", "token", "apikey")
_PART: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_OPEN: Final = re.compile(r"sha\d*|md5|checksum|digest|hash|commit|revision")

_VALUES: Final = re.compile(
    r"""
      ://[^/\s:@]{0,200}:[^/\s@]{1,400}@                      # a URL with a password
    | -----BEGIN\ [A-Z ]{0,40}PRIVATE\ KEY
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b                           # AWS
    | \b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk-|sk_live_|npm_|pypi-|hf_)[\w-]{16}
    | (?<![\w-])eyJ[\w-]{8,400}\.[\w-]{8,400}\.                   # a JWT
    | (?:AccountKey|SharedAccessKey|sig|Password|pwd)=[^;&\s]{6}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_RANDOM: Final = re.compile(r"[A-Za-z0-9+/=_-]{32,}")
_ASSIGNED: Final = re.compile(r"""\b([A-Za-z_][A-Za-z0-9_]{0,80})=("[^"]*"|'[^']*'|[^\s"']+)""")
_CREDENTIAL: Final = re.compile(r"(://)[^/\s:@]{0,200}:[^/\s@]{1,400}@")
_LONGEST: Final = 2 * LONGEST  # characters that are searched: what is shown, and no half secret


def is_secret(name: str, value: str) -> bool:
    """Whether the value of this name should not be seen by whoever looks over a shoulder."""
    if not value or value.lower() in {"true", "false", "0", "1", "none", "null"}:
        return False
    parts = [part.lower() for part in _PART.findall(name[:200])]
    if any(map(_NAME.fullmatch, parts)) or name[:200].lower().endswith(_ENDINGS):
        return True
    some = value[:_LONGEST]
    if _VALUES.search(some):
        return True
    return not any(map(_OPEN.fullmatch, parts)) and _looks_random(some)


def masked(text: str) -> str:
    """A text such as a command, without the secrets that it assigns or puts into a URL."""

    def mask(found: re.Match[str]) -> str:
        return f"{found[1]}={MASK}" if is_secret(found[1], found[2].strip("\"'")) else found[0]

    some = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return _CREDENTIAL.sub(rf"\1{MASK}@", _ASSIGNED.sub(mask, some))


def _looks_random(value: str) -> bool:
    # A path has slashes, a sentence has spaces, a name has no digits: a key has all kinds.
    if _RANDOM.fullmatch(value) is None or value.count("/") > len(value) // 12:
        return False
    kinds = (str.isdigit, str.isupper, str.islower)
    return sum(any(map(kind, value)) for kind in kinds) >= 2 and any(map(str.isdigit, value))
