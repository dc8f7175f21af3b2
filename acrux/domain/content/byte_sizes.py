"""Sizes as people write them: 20GiB, 500 MB, 1024."""

import re
from typing import Final

from acrux.errors import InvalidInput

# IEC 80000-13: 1 KiB is 1024 bytes. 1 kB is 1000 (SI).
_UNITS: Final[dict[str, int]] = {
    "": 1,
    "b": 1,
    **{f"{letter}ib": 1024 ** (place + 1) for place, letter in enumerate("kmgtp")},
    **{f"{letter}b": 1000 ** (place + 1) for place, letter in enumerate("kmgtp")},
}
_SIZE: Final = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,3}))? ?([A-Za-z]{0,3})")
_WRITTEN: Final = ("PiB", "TiB", "GiB", "MiB", "KiB")

MAX_BYTES: Final = 2**63 - 1  # what a database stores in a BIGINT


def parse_bytes(text: str) -> int:
    """The bytes that `20GiB`, `1.5 TB` or `1024` means; the case of the unit is ignored.

    Raises InvalidInput if it is no size, or more than a database can store.
    """
    found = _SIZE.fullmatch(text.strip())
    unit = _UNITS.get(found[3].lower()) if found else None
    if found is None or unit is None:
        raise InvalidInput(
            "a size is a number and a unit: B, KiB, MiB, GiB, TiB or PiB (of 1024), or kB, MB, GB, "
            "TB or PB (of 1000), such as 20GiB",
            size=text[:40],
        )
    fraction = found[2] or ""
    count = int(found[1] + fraction) * unit // int("1" + "0" * len(fraction))
    if count > MAX_BYTES:
        raise InvalidInput("a size is less than 8192 PiB", size=text[:40])
    return count


def written_bytes(count: int) -> str:
    """The size for people, in the largest binary unit that it fills: 1.5 GiB, or 200 B."""
    for place, unit in enumerate(_WRITTEN):
        one = 1024 ** (len(_WRITTEN) - place)
        if count >= one:
            return f"{count / one:.1f}".removesuffix(".0") + f" {unit}"
    return f"{count} B"
