"""The scope map that --repository makes for one account."""

from acrux.cli.carrier.api import Api
from acrux.cli.repositories import joined
from acrux.domain.access.scope_maps import default_name
from acrux.http.management import bodies, shapes


def ensure(
    api: Api, account: str, repositories: tuple[tuple[str, ...], ...], description: str
) -> str:
    """Create the scope map of the account, and return its name.

    One with these actions may be there already. Raises NameTaken if it has others.
    """
    wanted = bodies.CreateScopeMap(
        name=default_name(account),
        actions=[*joined(repositories)],
        description=description,
        if_exists="keep",
    )
    return api.put("POST", "/scopeMaps", wanted, shapes.ScopeMap).name
