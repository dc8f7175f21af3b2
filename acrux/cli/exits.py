"""The codes with which commands exit, and what they say when refused."""

import errno
import os
import sys
from typing import Final

from acrux.errors import (
    ChangedMeanwhile,
    InvalidInput,
    InvalidSettings,
    NameTaken,
    RegistryError,
    StillInUse,
    Unknown,
    UnknownName,
    UnknownScopeMap,
)

REFUSED: Final = 1  # or failed
WRONG_USAGE: Final = 2  # as click exits
UNREACHABLE: Final = 3
NOT_FOUND: Final = 4
CONFLICT: Final = 5  # what is asked for contradicts what there is


def code_of(refused: RegistryError) -> int:
    """The exit code of a refusal, so that a script can tell its kinds apart."""
    match refused:
        case Unknown() | UnknownName() | UnknownScopeMap():
            return NOT_FOUND
        case NameTaken() | StillInUse() | ChangedMeanwhile():
            return CONFLICT
        case InvalidInput() | InvalidSettings():
            return WRONG_USAGE
        case _:
            return REFUSED


def message_of(refused: RegistryError) -> str:
    """What to say of it."""
    detail = "".join(f", {name}: {value}" for name, value in refused.detail.items())
    return f"{refused.message or type(refused).__name__}{detail}"


def is_of_output(failed: OSError) -> bool:
    """Whether standard output could not take what was printed.

    What other files fail at names them, or is a RegistryError by now.
    """
    return not failed.filename and failed.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO}


def lose_output() -> None:
    """Drop what standard output cannot take.

    Else Python flushes it once more at exit, and reports that failure to standard error
    (https://docs.python.org/3/library/signal.html#note-on-sigpipe).
    """
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
