"""What schemathesis must leave alone: the caller's own account, scope map and key.

It takes names from answers. A run that deletes its own account tries nothing from then on.
"""

import os
from typing import Any

import schemathesis

SPARED = "ACRUX_SPARED"  # the variable that holds their names, separated by blanks


@schemathesis.hook
def before_call(_context: Any, case: Any, _arguments: Any) -> None:
    """Call for a name that nothing has in place of one that is spared."""
    named = case.path_parameters or {}
    for parameter, value in named.items():
        if value in os.environ[SPARED].split():
            named[parameter] = "spared"
