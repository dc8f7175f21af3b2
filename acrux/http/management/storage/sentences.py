"""Why something is kept, in sentences."""

from datetime import datetime
from typing import Final

from acrux.domain.content.storage.space import Chain, Ground

_GROUNDS: Final = {
    Ground.TAG: "{what} keeps it",
    Ground.UNTAGGED: "{what} has no tag, and lost none that would let it go: it stays",
    Ground.HOLD: "{by} is expected to refer to {what} until {at}",
    Ground.REVIEW: "nothing keeps {what}: it goes at {at}, unless something refers to it by then",
    Ground.LOCK: "nothing refers to {what}, but it is locked: it goes once it is unlocked",
    Ground.DELETED: "{what} was deleted, and can be restored until {at}",
    Ground.NOTHING: "nothing refers to {what}, and nothing removes it: delete it",
}


def instant(at: datetime | None) -> str:
    """An instant for people, in UTC, to the second."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def grounds(chain: Chain) -> str:
    """Why the first step of the chain is kept, or when it goes."""
    first = chain.steps[0]
    is_alone = len(chain.steps) == 1  # it is what was asked about
    return _GROUNDS[chain.ground].format(
        what="it" if is_alone else f"the {first.thing.value} {first.name}",
        at=instant(chain.at),
        by=f"a push by {chain.by}" if chain.by else "a push",
    )


def keeper(repository: str, *, is_deleted: bool, cleared_at: datetime | None) -> str:
    """What the repository has to do with it."""
    if cleared_at is not None:
        return f"{repository}: deleted, and cleared from {instant(cleared_at)} on"
    return f"{repository}: deleted" if is_deleted else repository


def step(thing: str, name: str, since: datetime) -> str:
    """A step of a chain."""
    return f"{thing} {name}, since {instant(since)}"
