"""The table of callers, one function per row: name, credential, rights.

Rights are written here as the papers state them (acr-protocol.md §2.1, §4), and never
computed with the code under test.
"""

import base64
from datetime import timedelta

from acrux.domain.access.credential import Secret
from acrux.domain.access.scope import Scope
from acrux.domain.access.scope_maps import ACTION_OF_MANAGEMENT
from acrux.domain.access.token import TOKEN_USER
from acrux.domain.access.trust import ClaimRule
from tests.http.caller import basic
from tests.http.identities import (
    ALL_ACTIONS,
    CHOSEN,
    HASHED,
    KINDS,
    Kind,
    World,
    bearer,
    by_basic,
    decode,
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
from tests.openid_provider import make_key, sign

TEAM = ("repositories/team/*/content/read", "repositories/other/*/content/delete")
ON_TEAM = only("repository:team/*:pull", "repository:other/*:delete", "registry:catalog:*")

# acr-protocol.md §4.4; who may list the catalog: docs/how-to/accounts.md.
SYSTEM_MAPS = {
    "_admin": everything,
    "_repositories_admin": on_all(*ALL_ACTIONS.split(","), catalog=True),
    "_repositories_pull": on_all("pull"),
    "_repositories_pull_metadata_read": on_all("pull", "metadata_read", catalog=True),
    "_repositories_push": on_all("pull", "push"),
    "_repositories_push_metadata_write": on_all("pull", "push", "metadata_read", "metadata_write"),
    "_metrics_read": only("registry:metrics:read"),
}

ON_OTHERS_OF_TEAM = ("repository:team/*:pull", "registry:catalog:*")
FEDERATED = only("repository:org/app:pull", "repository:org/app:push", *ON_OTHERS_OF_TEAM)

# Anonymous callers, and callers treated as such --------------------------------------------------


@kind(None)
async def _no_credential(_: World) -> str | None:
    return None


@kind(None)
async def _an_empty_basic(_: World) -> str:
    return "Basic Og=="


@kind(None)
async def _no_credential_if_anonymous_may_pull(world: World) -> str | None:
    await world.registry.services.accounts.let_anonymous("_repositories_pull_metadata_read")
    return None


@kind(None)
async def _an_empty_basic_if_anonymous_may_pull(world: World) -> str:
    await world.registry.services.accounts.let_anonymous("_repositories_pull_metadata_read")
    return "Basic Og=="


@kind(on_all("pull", "metadata_read", catalog=True), "anonymous")
async def _a_token_of_anonymous(world: World) -> str:
    await world.registry.services.accounts.let_anonymous("_repositories_pull_metadata_read")
    return bearer(await world.anonymous())


@kind(None)
async def _a_token_of_anonymous_whose_rights_were_revoked(world: World) -> str:
    await world.registry.services.accounts.let_anonymous("_repositories_pull_metadata_read")
    token = await world.anonymous()
    await world.registry.services.accounts.let_anonymous(None)
    return bearer(token)


@kind(None)
async def _a_scheme_that_is_not_ours(world: World) -> str:
    return f"Digest {await world.admin_access()}"


@kind(None)
async def _a_basic_that_is_not_base64(_: World) -> str:
    return "Basic *"


@kind(None)
async def _a_basic_without_a_colon(world: World) -> str:
    return "Basic " + base64.b64encode(world.admin.username.encode()).decode()


# What everybody may -------------------------------------------------------------------------------

AND_PUBLIC = only("repository:team/*:pull", "repository:other/*:push", "registry:catalog:*")


async def _everybody_may_pull(world: World) -> None:
    await world.registry.services.scope_maps.create("public", ("repositories/team/*/content/read",))
    await world.registry.services.accounts.let_anonymous("public")


@kind(AND_PUBLIC)
async def _an_account_where_everybody_may_pull(world: World) -> str:
    await _everybody_may_pull(world)
    return by_basic(await world.holder("repositories/other/*/content/write"))


@kind(AND_PUBLIC)
async def _a_token_of_an_account_where_everybody_may_pull(world: World) -> str:
    await _everybody_may_pull(world)
    account = await world.holder("repositories/other/*/content/write")
    return bearer(await world.access("somebody", password(account)))


@kind(only("repository:team/*:pull", "registry:catalog:*"))
async def _an_empty_token_where_everybody_may_pull(world: World) -> str:
    await _everybody_may_pull(world)
    return bearer(await world.admin_access("unknown:scope:pull"))


@kind(nothing)
async def _an_empty_token_where_nobody_may_pull_any_more(world: World) -> str:
    await _everybody_may_pull(world)
    account = await world.holder()
    token = await world.access("somebody", password(account))
    await world.registry.services.accounts.let_anonymous(None)
    return bearer(token)


@kind(None)
async def _a_wrong_password_where_everybody_may_pull(world: World) -> str:
    await _everybody_may_pull(world)
    return basic(world.admin.username, "wrong")


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
async def _a_name_in_capitals(world: World) -> str:
    return basic(world.admin.username.upper(), world.admin.password)


@kind(ON_TEAM, "password1", "token")
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


@kind(on_all(*ALL_ACTIONS.split(","), catalog=True))
async def _a_token_of_anonymous_given_everything_by_mistake(world: World) -> str:
    await world.registry.services.accounts.let_anonymous("_admin")
    return bearer(await world.anonymous())


@kind(only("registry:management:read"), "management/read")
async def _an_account_that_may_see_the_accounts(world: World) -> str:
    return by_basic(await world.holder("management/read"))


@kind(only("registry:management:write"), "management/write")
async def _an_account_that_may_change_the_accounts(world: World) -> str:
    account = await world.holder("management/write")
    return bearer(await world.access("somebody", password(account)))


@kind(only("registry:metrics:read"), "metrics/read")
async def _an_account_that_may_read_the_metrics(world: World) -> str:
    account = await world.holder("metrics/read")
    return bearer(await world.access("somebody", password(account)))


@kind(only("registry:metrics:read"))
async def _that_token_of_the_administrator_as_a_password(world: World) -> str:
    return in_place_of_a_password(await world.admin_access("registry:metrics:read"))


@kind(only("registry:management:read", "registry:management:write", *ON_OTHERS_OF_TEAM))
async def _an_account_that_may_manage_and_pull(world: World) -> str:
    return by_basic(await world.holder(*ACTION_OF_MANAGEMENT, "repositories/team/*/content/read"))


@kind(only("registry:management:read"))
async def _a_token_of_the_administrator_narrowed_to_seeing(world: World) -> str:
    return bearer(await world.admin_access("registry:management:read"))


@kind(only("registry:management:read"))
async def _that_token_as_a_password(world: World) -> str:
    return in_place_of_a_password(await world.admin_access("registry:management:read"))


# Users --------------------------------------------------------------------------------------------


@kind(on_all("pull"), "user")
async def _a_user_by_the_password_they_chose(world: World) -> str:
    return await world.person("_repositories_pull")


@kind(None)
async def _a_user_by_half_the_password(world: World) -> str:
    await world.person("_repositories_admin")
    return basic("alice@example.test", CHOSEN[: len(CHOSEN) // 2])


@kind(None)
async def _a_user_by_the_password_they_had(world: World) -> str:
    authorization = await world.person("_repositories_admin")
    await world.registry.services.users.set_password(
        "alice@example.test", Secret("another few words")
    )
    return authorization


@kind(None)
async def _a_user_who_was_disabled(world: World) -> str:
    authorization = await world.person("_repositories_admin")
    await world.registry.services.users.change("alice@example.test", is_enabled=False)
    return authorization


@kind(None)
async def _a_user_who_was_deleted(world: World) -> str:
    authorization = await world.person("_repositories_admin")
    await world.registry.services.users.delete("alice@example.test")
    return authorization


@kind(on_all("pull"))
async def _a_token_of_a_user(world: World) -> str:
    await world.person("_repositories_pull")
    return bearer(await world.access("alice@example.test", CHOSEN))


@kind(None)
async def _a_token_of_a_user_who_chose_another_password(world: World) -> str:
    await world.person("_repositories_admin")
    token = await world.access("alice@example.test", CHOSEN)
    await world.registry.services.users.set_password(
        "alice@example.test", Secret("another few words")
    )
    return bearer(token)


@kind(on_all("pull"), "htpasswd")
async def _a_user_of_an_htpasswd_file(world: World) -> str:
    await world.follow(HASHED)
    return basic("bob", CHOSEN)


@kind(None)
async def _a_user_who_was_removed_from_the_file(world: World) -> str:
    await world.follow(HASHED)
    token = await world.access("bob", CHOSEN)
    await world.follow("")
    assert (
        await world.admin.call("GET", "/v2/", headers={"Authorization": bearer(token)})
    ).status == 401
    return basic("bob", CHOSEN)


@kind(None)
async def _a_token_from_before_the_file_named_the_user_again(world: World) -> str:
    await world.follow(HASHED)
    token = await world.access("bob", CHOSEN)
    await world.follow("")
    await world.follow(HASHED)
    return bearer(token)


@kind(None)
async def _the_hash_that_stands_in_the_file(world: World) -> str:
    await world.follow(HASHED)
    return basic("bob", HASHED)


# Tokens in place of a password --------------------------------------------------------------------


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
async def _a_token_of_an_account_that_was_deleted_and_recreated(world: World) -> str:
    account = await world.account("_repositories_admin")
    token = await world.access("somebody", password(account))
    await world.registry.services.accounts.delete("somebody")
    await world.account("_repositories_admin")
    return bearer(token)


@kind(None)
async def _a_token_from_before_its_scope_map_shrank(world: World) -> str:
    account = await world.holder(*TEAM)
    token = await world.access("somebody", password(account))
    await world.registry.services.scope_maps.change("its-own", remove=TEAM[1:])
    return bearer(token)


@kind(None)
async def _a_token_from_before_its_scope_map_lost_one_right_and_got_another(world: World) -> str:
    account = await world.holder(*TEAM)
    token = await world.access("somebody", password(account))
    await world.registry.services.scope_maps.change(
        "its-own", add=("repositories/x/content/read",), remove=TEAM[1:]
    )
    return bearer(token)


@kind(ON_TEAM)
async def _a_token_from_before_its_scope_map_grew(world: World) -> str:
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


@kind(ON_TEAM)
async def _a_token_of_an_account_for_all_repositories(world: World) -> str:
    account = await world.holder(*TEAM)
    scopes = ("repository:*:*", "registry:catalog:*")  # as acr-cli does
    return bearer(await world.access("somebody", password(account), *scopes))


@kind(ON_TEAM)
async def _that_token_of_an_account_as_a_password(world: World) -> str:
    account = await world.holder(*TEAM)
    scopes = ("repository:*:*", "registry:catalog:*")
    return in_place_of_a_password(await world.access("somebody", password(account), *scopes))


@kind(only(*(f"repository:team/*:{action}" for action in ALL_ACTIONS.split(","))))
async def _a_token_that_names_a_pattern(world: World) -> str:
    return bearer(world.minted(Scope("repository", "team/*", frozenset({"*"}))))


# Identities of an external issuer ----------------------------------------------------------------


@kind(FEDERATED, "federated")
async def _a_subject_token_as_a_password(world: World) -> str:
    await world.trust()
    return in_place_of_a_password(world.federated(repository="org/app"))


@kind(FEDERATED)
async def _a_subject_token_as_the_password_of_a_trust(world: World) -> str:
    await world.trust()
    return basic("trusts/ci-main", world.federated())


@kind(FEDERATED)
async def _an_exchanged_token_as_a_password(world: World) -> str:
    await world.trust()
    return in_place_of_a_password(await world.exchanged())


@kind(FEDERATED)
async def _an_access_token_for_an_exchanged_one(world: World) -> str:
    await world.trust()
    return bearer(await world.access(TOKEN_USER, await world.exchanged()))


@kind(FEDERATED)
async def _an_access_token_for_an_exchanged_one_as_a_password(world: World) -> str:
    await world.trust()
    return in_place_of_a_password(await world.access(TOKEN_USER, await world.exchanged()))


@kind(only("repository:team/app:pull", "repository:team/app:push", *ON_OTHERS_OF_TEAM))
async def _a_subject_token_that_names_the_repository(world: World) -> str:
    await world.trust(rules=(ClaimRule("repository", "team/*"),))
    return in_place_of_a_password(world.federated(repository="team/app"))


@kind(SYSTEM_MAPS["_repositories_pull"])
async def _a_subject_token_of_a_trust_with_a_scope_map(world: World) -> str:
    await world.trust(scope_map="_repositories_pull", permissions=())
    return in_place_of_a_password(world.federated())


@kind(None)
async def _a_subject_token_as_bearer(world: World) -> str:
    await world.trust()
    return bearer(world.federated())


@kind(None)
async def _a_subject_token_as_the_password_of_an_account(world: World) -> str:
    await world.trust()
    return basic("acrux", world.federated())


@kind(None)
async def _a_subject_token_that_nobody_trusts(world: World) -> str:
    return in_place_of_a_password(world.federated())


@kind(None)
async def _a_subject_token_as_the_password_of_another_trust(world: World) -> str:
    await world.trust()
    return basic("trusts/other", world.federated())


@kind(None)
async def _a_subject_token_for_another_audience(world: World) -> str:
    await world.trust()
    return in_place_of_a_password(world.federated(aud="other.test"))


@kind(None)
async def _an_expired_subject_token(world: World) -> str:
    await world.trust()
    token = world.federated()
    world.clock.forward(hours=1)
    return in_place_of_a_password(token)


@kind(None)
async def _a_subject_token_that_a_foreign_key_signed(world: World) -> str:
    await world.trust()
    return in_place_of_a_password(sign(decode(world.federated().split(".")[1]), make_key("first")))


@kind(None, refused_with=403)
async def _a_subject_token_that_breaks_the_rules(world: World) -> str:
    await world.trust()
    return in_place_of_a_password(world.federated(ref="refs/heads/other"))


@kind(None, refused_with=403)
async def _a_subject_token_that_claims_a_pattern(world: World) -> str:
    await world.trust(rules=(ClaimRule("repository", "*"),))
    return in_place_of_a_password(world.federated(repository="*"))


@kind(None)
async def _a_subject_token_of_a_trust_that_is_disabled(world: World) -> str:
    await world.trust(is_enabled=False)
    return in_place_of_a_password(world.federated())


@kind(None)
async def _an_exchanged_token_of_a_trust_that_was_deleted(world: World) -> str:
    await world.trust()
    token = await world.exchanged()
    await world.registry.services.trusts.delete("ci-main")
    return in_place_of_a_password(token)


@kind(None)
async def _an_access_token_of_a_trust_that_was_recreated(world: World) -> str:
    await world.trust()
    token = await world.access(TOKEN_USER, await world.exchanged())
    await world.registry.services.trusts.delete("ci-main")
    await world.trust()
    return bearer(token)


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
