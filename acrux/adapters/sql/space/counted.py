"""Whether all references are rows, and so what refers to what is known."""

from acrux.adapters.sql.collection import counting
from acrux.adapters.sql.database import Steps
from acrux.errors import NotYet


def is_counted() -> Steps[bool]:
    """Whether all that existed before references were rows has been counted."""
    return not (yield counting.find_uncounted())


def check_counted() -> Steps[None]:
    """Raise NotYet unless it has."""
    if not (yield from is_counted()):
        raise NotYet(
            "what an earlier acrux stored is still being counted, so that not all references are "
            "known: acrux gc run --wait finishes it"
        )
