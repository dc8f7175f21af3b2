"""The JSON bodies of the operations about rights."""

from msgspec import Struct

from acrux.http.management.bodies import Actions


class SimulateScopeMap(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """The permissions to try. `last` is that of an earlier answer, which stopped there."""

    actions: Actions
    last: str = ""


class SimulateTrust(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """What the trust would grant instead: a scope map, or actions of its own."""

    scope_map_id: str | None = None
    actions: Actions = []
    last: str = ""
