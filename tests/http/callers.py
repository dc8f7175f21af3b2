"""The table of callers, a row a function: its name, what it presents, and what it may.

What a caller may is written here as the papers say it (acr-protocol.md §2.1, §4), and never
computed with the code under test.
"""

import base64
from datetime import timedelta

from acrux.domain.scope import Scope
from acrux.domain.token import TOKEN_USER
from tests.http.caller import basic
from tests.http.identities import (
    ALL_ACTIONS,
    KINDS,
    Kind,
    World,
    bearer,
    by_basic,
    everything,
    forged,
    in_place_of_a_password,
    kind,
    nothing,
    on_all,
    only,
    password,
    tampered,
    unsigned,
)

TEAM = ("repositories/team/*/content/read", "repositories/other/*/content/delete")
ON_TEAM = only("repository:team/*:pull", "repository:other/*:delete", "registry:catalog:*")

# acr-protocol.md §4.4; who may list the catalog: docs/accounts.md.
SYSTEM_MAPS = {
    "_admin": everything,
    "_repositories_admin": on_all(*ALL_ACTIONS.split(","), catalog=True),
    "_repositories_pull": on_all("pull"),
    "_repositories_pull_metadata_read": on_all("pull", "metadata_read", catalog=True),
    "_repositories_push": on_all("pull", "push"),
    "_repositories_push_metadata_write": on_all("pull", "push", "metadata_read", "metadata_write"),
}

# Nobody, and whoever is taken for nobody ----------------------------------------------------------


@kind(None)
async def _no_credential(_: World) -> str | None:
    return None


@kind(None)
async def _an_empty_basic(_: World) -> str:
    return "Basic Og=="


@kind(None)
async def _no_credential_where_anonymous_may_pull(world: World) -> str | None:
    await world.registry.services.accounts.let_anonymous("_repositories_pull_metadata_read")
    return None


@kind(None)
async def _an_empty_basic_where_anonymous_may_pull(world: World) -> str:
    await world.registry.services.accounts.let_anonymous("_repositories_pull_metadata_read")
    return "Basic Og=="


@kind(on_all("pull", "metadata_read", catalog=True), "anonymous")
async def _a_token_of_anonymous(world: World) -> str:
    await world.registry.services.accounts.let_anonymous("_repositories_pull_metadata_read")
    return bearer(await world.anonymous())


@kind(None)
async def _a_token_of_anonymous_who_may_no_more(world: World) -> str:
    await world.registry.services.accounts.let_anonymous("_repositories_pull_metadata_read")
    token = await world.anonymous()
    await world.registry.services.accounts.let_anonymous(None)
    return bearer(token)


@kind(None)
async def _a_scheme_that_is_not_ours(world: World) -> str:
    return f"Digest {await world.admin_access()}"


@kind(None)
async def _a_basic_that_is_no_base64(_: World) -> str:
    return "Basic *"


@kind(None)
async def _a_basic_without_a_colon(world: World) -> str:
    return "Basic " + base64.b64encode(world.admin.username.encode()).decode()


# Passwords ----------------------------------------------------------------------------------------


@kind(everything, "password")
async def _the_administrator_by_password(world: World) -> str:
    return world.admin.basic


@kind(everything, "password2")
async def _the_administrator_by_password2(world: World) -> str:
    renewed = await world.registry.services.accounts.renew_password("acrux", "password2")
    value = next(one.value for one in renewed.passwords if one.value)
    return basic("acrux", value.reveal())


@kind(None)
async def _a_wrong_password(world: World) -> str:
    return basic(world.admin.username, "wrong")


@kind(None)
async def _no_password(world: World) -> str:
    return basic(world.admin.username, "")


@kind(None)
async def _an_unknown_name(world: World) -> str:
    return basic("nobody", world.admin.password)


@kind(None)
async def _a_password_without_a_name(world: World) -> str:
    return basic("", world.admin.password)


@kind(None)
async def _a_name_in_other_letters(world: World) -> str:
    return basic(world.admin.username.upper(), world.admin.password)


@kind(ON_TEAM, "password1")
async def _an_account_by_password1(world: World) -> str:
    return by_basic(await world.holder(*TEAM), 1)


@kind(ON_TEAM, "password2")
async def _an_account_by_password2(world: World) -> str:
    return by_basic(await world.holder(*TEAM), 2)


@kind(None)
async def _the_password_of_another(world: World) -> str:
    account = await world.holder(*TEAM)
    return basic("acrux", password(account))


@kind(None)
async def _an_expired_password(world: World) -> str:
    accounts = world.registry.services.accounts
    until = world.clock() + timedelta(days=1)
    account = await accounts.create("somebody", "_repositories_admin", expires_at=until)
    world.clock.forward(days=1)
    return by_basic(account)


@kind(None)
async def _a_deleted_password(world: World) -> str:
    account = await world.account("_repositories_admin")
    await world.registry.services.accounts.delete_password("somebody", "password1")
    return by_basic(account)


@kind(on_all("pull"))
async def _the_password_that_was_not_deleted(world: World) -> str:
    account = await world.account("_repositories_pull")
    await world.registry.services.accounts.delete_password("somebody", "password1")
    return by_basic(account, 2)


@kind(None)
async def _a_password_before_it_was_renewed(world: World) -> str:
    account = await world.account("_repositories_admin")
    await world.registry.services.accounts.renew_password("somebody", "password1")
    return by_basic(account)


@kind(on_all("pull"))
async def _a_renewed_password(world: World) -> str:
    await world.account("_repositories_pull")
    renewed = await world.registry.services.accounts.renew_password("somebody", "password1")
    return by_basic(renewed)


@kind(None)
async def _a_disabled_account(world: World) -> str:
    account = await world.account("_repositories_admin")
    await world.registry.services.accounts.change("somebody", is_enabled=False)
    return by_basic(account)


@kind(None)
async def _a_deleted_account(world: World) -> str:
    account = await world.account("_repositories_admin")
    await world.registry.services.accounts.delete("somebody")
    return by_basic(account)


@kind(ON_TEAM)
async def _an_account_whose_scope_map_was_changed(world: World) -> str:
    account = await world.holder("repositories/*/content/delete")
    await world.registry.services.scope_maps.change(
        "its-own", add=TEAM, remove=("repositories/*/content/delete",)
    )
    return by_basic(account)


@kind(nothing)
async def _an_account_whose_scope_map_is_empty(world: World) -> str:
    return by_basic(await world.holder())


@kind(only("repository:team/*:pull", "repository:team/*:push", "registry:catalog:*"))
async def _an_account_whose_rules_add_up(world: World) -> str:
    return by_basic(
        await world.holder(
            "repositories/team/*/content/read", "repositories/team/app/content/write"
        )
    )


# Tokens in the place of a password ----------------------------------------------------------------


@kind(everything, "refresh_token")
async def _a_refresh_token_as_a_password(world: World) -> str:
    return in_place_of_a_password(await world.admin_refresh())


@kind(ON_TEAM)
async def _a_refresh_token_of_an_account_as_a_password(world: World) -> str:
    account = await world.holder(*TEAM)
    token = await world.refresh("somebody", password(account))
    return in_place_of_a_password(token)


@kind(everything, "access_token")
async def _an_access_token_as_a_password(world: World) -> str:
    return in_place_of_a_password(await world.admin_access())


@kind(only("repository:team/app:pull"))
async def _a_narrowed_access_token_as_a_password(world: World) -> str:
    return in_place_of_a_password(await world.admin_access("repository:team/app:pull"))


@kind(nothing)
async def _an_empty_access_token_as_a_password(world: World) -> str:
    return in_place_of_a_password(await world.admin_access("unknown:scope:pull"))


@kind(None)
async def _a_refresh_token_as_the_password_of_its_account(world: World) -> str:
    return basic(world.admin.username, await world.admin_refresh())


@kind(None)
async def _the_right_password_of_the_user_of_zeros(world: World) -> str:
    return basic(TOKEN_USER, world.admin.password)


@kind(None)
async def _an_expired_refresh_token_as_a_password(world: World) -> str:
    return in_place_of_a_password(world.minted_refresh(age=timedelta(hours=4)))


@kind(None)
async def _a_revoked_refresh_token_as_a_password(world: World) -> str:
    await world.registry.services.accounts.revoke("acrux")
    return in_place_of_a_password(world.minted_refresh(epoch=0))


@kind(None)
async def _a_refresh_token_of_another_registry_as_a_password(world: World) -> str:
    return in_place_of_a_password(world.minted_refresh(audience="other.test"))


@kind(None)
async def _a_forged_refresh_token_as_a_password(world: World) -> str:
    return in_place_of_a_password(forged(await world.admin_refresh()))


@kind(None)
async def _a_refresh_token_of_a_disabled_account_as_a_password(world: World) -> str:
    account = await world.account("_repositories_admin")
    token = await world.refresh("somebody", password(account))
    await world.registry.services.accounts.change("somebody", is_enabled=False)
    return in_place_of_a_password(token)


@kind(None)
async def _an_expired_access_token_as_a_password(world: World) -> str:
    return in_place_of_a_password(world.minted(age=timedelta(hours=2)))


@kind(None)
async def _a_revoked_access_token_as_a_password(world: World) -> str:
    await world.registry.services.accounts.revoke("acrux")
    return in_place_of_a_password(world.minted(epoch=0))


@kind(None)
async def _a_forged_access_token_as_a_password(world: World) -> str:
    return in_place_of_a_password(forged(await world.admin_access()))


# Bearer tokens ------------------------------------------------------------------------------------


@kind(everything, "access_token")
async def _an_access_token(world: World) -> str:
    return bearer(await world.admin_access())


@kind(everything)
async def _an_access_token_in_another_spelling(world: World) -> str:
    return f"bEARER  {await world.admin_access()}"


@kind(only("repository:team/app:pull"))
async def _a_token_narrowed_to_pull(world: World) -> str:
    return bearer(await world.admin_access("repository:team/app:pull"))


@kind(only(*(f"repository:other/app:{action}" for action in ALL_ACTIONS.split(","))))
async def _a_token_of_another_repository(world: World) -> str:
    return bearer(await world.admin_access(f"repository:other/app:{ALL_ACTIONS}"))


@kind(only(*(f"repository:team/app:{action}" for action in ALL_ACTIONS.split(","))))
async def _a_token_of_all_actions(world: World) -> str:
    return bearer(await world.admin_access("repository:team/app:*"))


@kind(on_all(*ALL_ACTIONS.split(",")))
async def _a_token_of_all_repositories(world: World) -> str:
    return bearer(await world.admin_access("repository:*:*"))


@kind(only("registry:catalog:*"))
async def _a_token_of_the_catalog(world: World) -> str:
    return bearer(await world.admin_access("registry:catalog:*"))


@kind(nothing)
async def _a_token_without_a_scope(world: World) -> str:
    return bearer(await world.admin_access("unknown:scope:pull"))


@kind(ON_TEAM)
async def _a_token_of_an_account(world: World) -> str:
    account = await world.holder(*TEAM)
    return bearer(await world.access("somebody", password(account)))


@kind(everything)
async def _a_token_of_the_other_login_server(world: World) -> str:
    token = await world.access("acrux", world.admin.password, service="second.test")
    return bearer(token)


@kind(None)
async def _a_refresh_token_as_bearer(world: World) -> str:
    return bearer(await world.admin_refresh())


@kind(None)
async def _an_uploads_capability_as_bearer(world: World) -> str:
    begun = await world.admin.call("POST", "/v2/team/app/blobs/uploads/")
    return bearer((begun.header("Location") or "").partition("_state=")[2])


@kind(None)
async def _a_password_as_bearer(world: World) -> str:
    return bearer(world.admin.password)


@kind(None)
async def _a_token_of_another_registry(world: World) -> str:
    return bearer(world.minted(audience="other.test"))


@kind(None)
async def _an_expired_token(world: World) -> str:
    return bearer(world.minted(age=timedelta(hours=2)))


@kind(None)
async def _a_token_that_is_not_valid_yet(world: World) -> str:
    return bearer(world.minted(age=timedelta(hours=-1)))


@kind(None)
async def _a_revoked_token(world: World) -> str:
    token = await world.admin_access()
    world.clock.forward(seconds=1)
    await world.registry.services.accounts.revoke("acrux")
    return bearer(token)


@kind(None)
async def _a_token_of_a_disabled_account(world: World) -> str:
    account = await world.account("_repositories_admin")
    token = await world.access("somebody", password(account))
    await world.registry.services.accounts.change("somebody", is_enabled=False)
    return bearer(token)


@kind(None)
async def _a_token_of_a_deleted_account_made_anew(world: World) -> str:
    account = await world.account("_repositories_admin")
    token = await world.access("somebody", password(account))
    await world.registry.services.accounts.delete("somebody")
    await world.account("_repositories_admin")
    return bearer(token)


@kind(None)
async def _a_token_from_before_its_scope_map_was_changed(world: World) -> str:
    account = await world.holder(*TEAM)
    token = await world.access("somebody", password(account))
    await world.registry.services.scope_maps.change("its-own", add=("repositories/x/content/read",))
    return bearer(token)


@kind(None)
async def _a_token_that_a_foreign_key_signed(world: World) -> str:
    return bearer(forged(await world.admin_access()))


@kind(None)
async def _a_token_that_nobody_signed(world: World) -> str:
    return bearer(unsigned(await world.admin_access()))


@kind(None)
async def _a_token_whose_rights_were_changed(world: World) -> str:
    return bearer(tampered(await world.admin_access("repository:other/app:pull")))


@kind(None)
async def _half_a_token(world: World) -> str:
    token = await world.admin_access()
    return bearer(token[: len(token) // 2])


@kind(on_all(*ALL_ACTIONS.split(",")))
async def _a_token_that_says_every_action_of_every_repository(world: World) -> str:
    return bearer(world.minted(Scope("repository", "*", frozenset({"*"}))))


@kind(nothing)
async def _a_token_that_says_every_name_of_the_registry(world: World) -> str:
    return bearer(world.minted(Scope("registry", "*", frozenset({"*"}))))


@kind(nothing)
async def _a_token_that_says_every_type(world: World) -> str:
    return bearer(
        world.minted(Scope("*", "*", frozenset({"*"})), Scope("*", "team/app", frozenset({"*"})))
    )


@kind(nothing)
async def _a_token_that_names_a_pattern(world: World) -> str:
    return bearer(world.minted(Scope("repository", "team/*", frozenset({"*"}))))


def _holder_of(scope_map: str) -> Kind:
    async def presents(world: World) -> str:
        return by_basic(await world.account(scope_map))

    return Kind(presents, SYSTEM_MAPS[scope_map], frozenset({scope_map}))


def _token_of_a_holder_of(scope_map: str) -> Kind:
    async def presents(world: World) -> str:
        account = await world.account(scope_map)
        return bearer(await world.access("somebody", password(account)))

    return Kind(presents, SYSTEM_MAPS[scope_map], frozenset({scope_map}))


TABLE = {
    **KINDS,
    **{f"a holder of {name}": _holder_of(name) for name in SYSTEM_MAPS},
    **{f"a token of a holder of {name}": _token_of_a_holder_of(name) for name in SYSTEM_MAPS},
}
