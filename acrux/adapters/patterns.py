"""Repository patterns as conditions in SQL."""

from collections.abc import Sequence

from acrux.adapters.statements import SqlValue
from acrux.domain.access import RepositoryPattern


def condition(
    column: str, patterns: Sequence[RepositoryPattern]
) -> tuple[str, dict[str, SqlValue]]:
    """That one of the patterns covers the name in the column; without any, nothing.

    Ranges instead of LIKE: an index answers them, in byte order.
    """
    if any(pattern.covers_all for pattern in patterns):
        return "1 = 1", {}
    terms: list[str] = ["1 = 0"]
    parameters: dict[str, SqlValue] = {}
    for number, pattern in enumerate(patterns):
        first, end = f"first_{number}", f"end_{number}"
        prefix = pattern.prefix
        if prefix is None:
            terms.append(f"{column} = :{first}")
            parameters[first] = pattern.text
        else:
            terms.append(f"({column} > :{first} AND {column} < :{end})")
            # The character after "/" ends the range of all that begins with the prefix.
            parameters |= {first: prefix, end: prefix[:-1] + chr(ord(prefix[-1]) + 1)}
    return f"({' OR '.join(terms)})", parameters
