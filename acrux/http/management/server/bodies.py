"""The JSON bodies of the operations on servers."""

from msgspec import Struct

from acrux.domain.server.log_level import Level


class ChangeLogLevel(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """The least level of what is logged."""

    level: Level
