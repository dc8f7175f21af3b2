"""The operations about rights."""

from acrux.domain.access.scope import READ
from acrux.http.management.operation import PAGED, Operation
from acrux.http.management.rights import shapes
from acrux.http.management.rights.bodies import SimulateScopeMap, SimulateTrust
from acrux.http.management.rights.rights import RightsManagement


def operations(rights: RightsManagement) -> tuple[Operation, ...]:
    """Every operation about rights."""
    return (
        Operation(
            "GET", "/access", READ, rights.list, "List who may do what on a repository.",
            answer=shapes.HolderList, query=("repository", *PAGED), required=("repository",),
        ),
        Operation(
            "GET", "/leastPrivilege", READ, rights.used,
            "List the permissions that an account used in 30 days.",
            answer=shapes.LeastPrivilege, query=("account",), required=("account",),
        ),
        Operation(
            "POST", "/scopeMaps/{name}/simulate", READ, rights.simulate_scope_map,
            "Say which recorded requests would end otherwise with these actions.",
            SimulateScopeMap, shapes.Simulation,
        ),
        Operation(
            "POST", "/trusts/{name}/simulate", READ, rights.simulate_trust,
            "Say which recorded requests would end otherwise if the trust granted this.",
            SimulateTrust, shapes.Simulation,
        ),
    )  # fmt: skip
