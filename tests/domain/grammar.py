"""The specification's grammars, read naively, and text close to them.

Nothing here uses a regular expression or the code under test, so that the two can be compared.
"""

from itertools import groupby
from string import ascii_letters, ascii_lowercase, digits

from hypothesis import strategies as st

LOWER_ALNUM = set(ascii_lowercase + digits)
HEXADECIMAL = set("0123456789abcdef")

REPOSITORY_ACTIONS = ("pull", "push", "delete", "metadata_read", "metadata_write")
PERMISSIONS = (
    "content/read",
    "content/write",
    "content/delete",
    "metadata/read",
    "metadata/write",
)
ACTION_OF_PERMISSION = dict(zip(PERMISSIONS, REPOSITORY_ACTIONS, strict=True))

names = st.lists(
    st.sampled_from(["a", "b0", "team", "a.b", "a_b", "a__b", "a-b", "a---b", "0"]),
    min_size=1,
    max_size=4,
).map("/".join)
near_names = st.text("ab0._-/A:* \n", max_size=16)
digests = st.sampled_from([("sha256", 64), ("sha512", 128)]).flatmap(
    lambda row: st.text("0123456789abcdef", min_size=row[1], max_size=row[1]).map(
        lambda encoded: f"{row[0]}:{encoded}"
    )
)


def is_component(text: str) -> bool:
    """component ::= [a-z0-9]+ ( ( "." | "_" | "__" | "-"+ ) [a-z0-9]+ )*."""
    runs = ["".join(run) for _, run in groupby(text, LOWER_ALNUM.__contains__)]
    words, separators = runs[::2], runs[1::2]
    return (
        len(runs) % 2 == 1
        and set("".join(words)) <= LOWER_ALNUM
        and all(run in (".", "_", "__") or set(run) == {"-"} for run in separators)
    )


def is_name(text: str) -> bool:
    """name ::= component ( "/" component )*, at most 255 characters."""
    return len(text) <= 255 and all(map(is_component, text.split("/")))


def is_tag(text: str) -> bool:
    """tag ::= [a-zA-Z0-9_] [a-zA-Z0-9._-]{0,127}."""
    first = set(ascii_letters + digits + "_")
    return 1 <= len(text) <= 128 and text[0] in first and set(text) <= first | set(".-")


def is_digest(text: str) -> bool:
    """digest ::= algorithm ":" encoded, for a registered algorithm and with its exact length."""
    algorithm, colon, encoded = text.partition(":")
    length = {"sha256": 64, "sha512": 128}.get(algorithm)
    return bool(colon) and len(encoded) == length and set(encoded) <= HEXADECIMAL


def covers(pattern: str, name: str) -> bool:
    """Whether a rule on `pattern` applies to the repository `name` (acr-protocol.md §4.3)."""
    if pattern == "*":
        return True
    if name == "*":
        return False
    below = name.split("/")[: pattern.count("/")]
    if pattern.endswith("/*"):
        return "/".join(below) == pattern[:-2] and len(name.split("/")) > len(below)
    return pattern == name
