"""The admin user: two passwords, one name, never lost by accident."""

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.access.credential import Secret
from acrux.domain.access.scope_maps import ADMINISTRATOR
from acrux.errors import InvalidInput, InvalidSettings
from tests.http.caller import Caller

JSON = {"Content-Type": "application/json"}
TOKEN = "/management/v1/tokens/acrux"


@pytest.fixture
async def owner(stranger: Caller) -> Caller:
    """A caller with the administrator's password."""
    stranger.authorization = stranger.basic
    return stranger


async def names(registry: Registry) -> list[str]:
    """The names of the administrator's passwords."""
    return [one.name for one in (await registry.services.accounts.show("acrux")).passwords]


async def test_the_admin_user_gets_no_third_password(owner: Caller) -> None:
    """A third one stayed valid when both known ones were renewed."""
    answer = await owner.call(
        "POST", f"{TOKEN}/generateCredentials", headers=JSON, body=b'{"name":"password1"}'
    )

    assert answer.status == 400
    assert "password and password2" in answer.json["errors"][0]["message"]
    assert await names(owner.registry) == ["password", "password2"]


async def test_all_credentials_of_the_admin_user_are_its_two(owner: Caller) -> None:
    """After renewing all of them, you must know that no older one is left."""
    answer = await owner.call("POST", f"{TOKEN}/generateCredentials")

    assert [one["name"] for one in answer.json["passwords"]] == ["password", "password2"]
    assert await names(owner.registry) == ["password", "password2"]
    assert (await owner.call("GET", "/management/v1/registry")).status == 401


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", TOKEN, b""),
        ("DELETE", f"{TOKEN}/credentials/password", b""),
        ("DELETE", f"{TOKEN}/credentials/password2", b""),
        ("PATCH", TOKEN, b'{"scopeMapId":"_repositories_pull"}'),
    ],
)
async def test_the_admin_user_cannot_be_deleted_or_stripped(
    owner: Caller, method: str, path: str, body: bytes
) -> None:
    """It was gone without a question, and came back with every right at the next start."""
    answer = await owner.call(method, path, headers=JSON, body=body)

    assert answer.status == 400
    assert "--status disabled" in answer.json["errors"][0]["message"]
    assert await names(owner.registry) == ["password", "password2"]


async def test_a_disabled_admin_user_stays_disabled_at_the_next_start(owner: Caller) -> None:
    """An operator disabled it on purpose."""
    accounts = owner.registry.services.accounts
    await accounts.change("acrux", is_enabled=False)

    again = await accounts.create_administrator("acrux")

    assert again is None
    assert not (await accounts.show("acrux")).is_enabled


@pytest.mark.parametrize("name", ["other", "Acrux"])
async def test_a_start_with_another_name_is_refused(owner: Caller, name: str) -> None:
    """The admin user of the old name kept every right, and nobody thought of it."""
    with pytest.raises(InvalidSettings, match="--name acrux"):
        await owner.registry.services.accounts.create_administrator(name)

    listed = await owner.registry.services.accounts.list()
    assert [account.username for account in listed] == ["acrux"]


async def test_an_account_of_the_registrys_name_is_not_taken_for_the_admin_user(
    registry: Registry,
) -> None:
    """Its owner would be shown the commands of the admin user, without its rights."""
    accounts = registry.services.accounts
    await accounts.create("acrux", "_repositories_pull")

    with pytest.raises(InvalidSettings, match="choose another"):
        await accounts.create_administrator("acrux")


async def test_an_account_gets_no_password_of_another_name(registry: Registry) -> None:
    """It would be taken for the admin user."""
    accounts = registry.services.accounts
    await accounts.create("ci-team", "_repositories_pull")

    with pytest.raises(InvalidInput, match="password1 and password2"):
        await accounts.renew_password("ci-team", "password")


async def test_an_admin_user_whose_first_password_was_deleted_once_gets_it_back(
    registry: Registry,
) -> None:
    """The registry would no longer start with data of a release that allowed this."""
    accounts = registry.services.accounts
    await accounts.create("acrux", ADMINISTRATOR.name, password_names=("password2",))

    created = await accounts.create_administrator("acrux")
    await accounts.renew_password("acrux", "password")

    assert created is None
    assert await names(registry) == ["password", "password2"]


async def test_the_admin_user_may_be_given_the_scope_map_that_it_has(registry: Registry) -> None:
    """A script that states what is already so would fail."""
    accounts = registry.services.accounts
    await accounts.create_administrator("acrux")

    assert (await accounts.change("acrux", scope_map=ADMINISTRATOR.name)).is_enabled


async def test_a_user_is_never_taken_for_the_admin_user(registry: Registry) -> None:
    """A user chooses their name and password, and must gain nothing from the name."""
    await registry.services.users.create("acrux", ADMINISTRATOR.name, Secret("long enough 1"))

    with pytest.raises(InvalidSettings, match="choose another"):
        await registry.services.accounts.create_administrator("acrux")
