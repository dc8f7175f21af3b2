"""Accounts other than the administrator: their rights, and how they end."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from acrux.bootstrap.application import Registry
from acrux.domain.access.built_in_scope_maps import SYSTEM_DEFINED
from acrux.domain.access.scope_maps import ACTION_OF_PERMISSION
from acrux.domain.content.page import Page
from acrux.errors import InvalidInput, InvalidScope
from tests.http.caller import HOST, Answer, Caller
from tests.http.conftest import HandClock
from tests.http.oauth2.test_walk import claims
from tests.images import image

APP = image(b"layer")


async def account(registry: Registry, scope_map: str, name: str = "ci-team") -> Caller:
    """A caller who knows the first password of a new account."""
    created = await registry.services.accounts.create(name, scope_map)
    password = created.passwords[0].value
    assert password is not None
    return Caller(registry, name, password.reveal())


async def scope_map(registry: Registry, *permissions: str, name: str = "the-map") -> str:
    """A new scope map of these permissions."""
    await registry.services.scope_maps.create(name, permissions)
    return name


def granted(answer: Answer) -> list[str]:
    """What the token of a response holds."""
    access = claims(answer.json["access_token"])["access"]
    assert isinstance(access, list)
    return [f"{entry['name']}:{','.join(entry['actions'])}" for entry in access]


async def test_an_account_gets_what_its_scope_map_holds_and_no_more(
    registry: Registry, admin: Caller
) -> None:
    """Fine-grained tokens are why people choose ACR."""
    await admin.push("team/app", "v1", APP)
    held = await scope_map(
        registry, "repositories/team/*/content/read", "repositories/own/content/write"
    )
    caller = await account(registry, held)

    answer = await caller.token("repository:team/app:pull,push repository:own:pull,push,delete")
    reader = await caller.login("repository:team/app:pull,push")

    assert granted(answer) == ["team/app:pull", "own:push"]
    assert (await reader.pull("team/app", "v1")).status == 200
    assert (await reader.push_blob("team/app", b"blob")).status == 401


@pytest.mark.parametrize("name", sorted(set(SYSTEM_DEFINED) - {"_metrics_read"}))
async def test_the_system_defined_scope_maps_hold_what_acr_says(
    registry: Registry, name: str
) -> None:
    """acr-protocol.md §4.4."""
    caller = await account(registry, name)
    kinds = {one.removeprefix("repositories/*/") for one in SYSTEM_DEFINED[name].permissions}
    actions = {action for kind, action in ACTION_OF_PERMISSION.items() if kind in kinds}

    (held,) = granted(await caller.token("repository:any/thing:*"))

    assert set(held.partition(":")[2].split(",")) == actions


async def test_no_combination_of_map_and_request_grants_what_the_map_does_not_hold(
    registry: Registry,
) -> None:
    """By enumeration: every permission alone, every action, inside and outside its pattern."""
    for number, (permission, action) in enumerate(ACTION_OF_PERMISSION.items()):
        for pattern, inside, outside in (
            ("team/*", "team/app", "team"),
            ("team/app", "team/app", "team/app/x"),
            ("*", "any", None),
        ):
            name = f"map-{number}-{len(pattern)}-{pattern.count('/')}x"
            await scope_map(registry, f"repositories/{pattern}/{permission}", name=name)
            caller = await account(registry, name, name=f"account-{name}")
            asked = ",".join(ACTION_OF_PERMISSION.values())
            assert granted(await caller.token(f"repository:{inside}:{asked}")) == [
                f"{inside}:{action}"
            ]
            if outside:
                assert granted(await caller.token(f"repository:{outside}:{asked}")) == []
            assert granted(await caller.token(f"repository:*:{asked}")) == [f"{pattern}:{action}"]


async def test_a_changed_scope_map_holds_at_once(registry: Registry, admin: Caller) -> None:
    """A right that was removed must not survive in a token for an hour."""
    await admin.push("app", "v1", APP)
    held = await scope_map(registry, "repositories/app/content/read")
    caller = await account(registry, held)
    reader = await caller.login("repository:app:pull")
    assert (await reader.pull("app", "v1")).status == 200

    await registry.services.scope_maps.change(
        held,
        add=("repositories/other/content/read",),
        remove=("repositories/app/content/read",),
    )

    assert (await reader.pull("app", "v1")).status == 401
    assert granted(await caller.token("repository:app:pull repository:other:pull")) == [
        "other:pull"
    ]


async def ended(caller: Caller, holder: Caller) -> bool:
    """Whether the account's tokens of every kind are refused."""
    answers = [
        await holder.call("GET", "/v2/"),
        await caller.call(
            "POST",
            "/oauth2/token",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=f"grant_type=refresh_token&refresh_token={caller.password}".encode(),
        ),
    ]
    return {answer.status for answer in answers} == {401}


async def lives_on(registry: Registry, change: Callable[[], Awaitable[object]]) -> bool:
    """Whether all that was obtained with `password1`, directly or not, is still accepted."""
    caller = await account(registry, "_repositories_push")
    refresh = await caller.refresh_token()
    redeemed = Caller(registry, "00000000-0000-0000-0000-000000000000", refresh)
    holders = [
        await caller.login("repository:app:pull,push"),
        await redeemed.login("repository:app:pull,push"),
    ]

    await change()

    alive = [not await ended(Caller(registry, "ci-team", refresh), holder) for holder in holders]
    uploads = [await holder.call("POST", "/v2/app/blobs/uploads/") for holder in holders]
    works = [answer.status == 202 for answer in uploads]
    assert len({*alive, *works}) == 1
    return works[0]


async def test_renewing_one_password_ends_what_it_obtained_and_nothing_else(
    registry: Registry,
) -> None:
    """There are two passwords so that one can be renewed while pushes with the other go on."""
    renew = registry.services.accounts.renew_password

    assert await lives_on(registry, lambda: renew("ci-team", "password2"))
    await registry.services.accounts.delete("ci-team")
    assert not await lives_on(registry, lambda: renew("ci-team", "password1"))


async def test_deleting_one_password_ends_what_it_obtained_and_nothing_else(
    registry: Registry,
) -> None:
    """Deleting an unused password must not cost a night's builds."""
    delete = registry.services.accounts.delete_password

    assert await lives_on(registry, lambda: delete("ci-team", "password2"))
    await registry.services.accounts.delete("ci-team")
    assert not await lives_on(registry, lambda: delete("ci-team", "password1"))


async def test_rights_that_only_grow_end_nothing(registry: Registry) -> None:
    """One more repository for a team must not break its pushes under way."""
    accounts = registry.services.accounts

    async def give_more() -> None:
        await accounts.change("ci-team", scope_map="_repositories_push_metadata_write")
        await accounts.change("ci-team", is_enabled=True)

    assert await lives_on(registry, give_more)


async def test_rights_that_grow_and_shrink_at_once_end_what_was_held(registry: Registry) -> None:
    """A token would still carry the right that was removed."""
    change = registry.services.accounts.change
    held = "_repositories_pull_metadata_read"

    assert not await lives_on(registry, lambda: change("ci-team", scope_map=held))


async def test_a_token_that_does_not_say_its_password_ends_with_any(registry: Registry) -> None:
    """Tokens of an earlier version stay valid, but must not outlive a renewed password."""
    await account(registry, "_repositories_push")
    services = registry.services
    old = replace(await services.authentication.find("ci-team"), authentication_method="")
    token = services.tokens.issue(old, HOST, ()).text
    holder = Caller(registry, "", "")
    holder.authorization = f"Bearer {token}"
    assert (await holder.call("GET", "/v2/")).status == 200

    await services.accounts.renew_password("ci-team", "password2")

    assert (await holder.call("GET", "/v2/")).status == 401


@pytest.mark.parametrize("how", ["disable", "delete", "renew", "revoke", "scope map"])
async def test_what_ends_an_account_ends_its_tokens_of_every_kind(
    registry: Registry, how: str
) -> None:
    """You must be able to revoke a stolen token."""
    accounts = registry.services.accounts
    caller = await account(registry, "_repositories_push")
    refresh = await caller.refresh_token()
    holder = await caller.login("repository:app:pull,push")
    begun = await holder.call("POST", "/v2/app/blobs/uploads/")
    location = begun.header("Location") or ""
    assert (await holder.call("GET", location)).status == 204

    match how:
        case "disable":
            await accounts.change("ci-team", is_enabled=False)
        case "delete":
            await accounts.delete("ci-team")
        case "renew":
            await accounts.renew_password("ci-team", "password1")
        case "revoke":
            await accounts.revoke("ci-team")
        case "scope map":
            await accounts.change("ci-team", scope_map="_repositories_pull")

    assert await ended(Caller(registry, "ci-team", refresh), holder)
    assert (await holder.call("PATCH", location, body=b"blob")).status == 401
    works = how in ("revoke", "scope map")
    assert (await caller.token()).status == (200 if works else 401)


async def test_a_recreated_account_is_another_one(registry: Registry, clock: HandClock) -> None:
    """Tokens of the deleted account must not open its namesake."""
    caller = await account(registry, "_repositories_pull")
    old = await caller.login()
    await registry.services.accounts.delete("ci-team")
    clock.forward(seconds=-5)  # a clock may go back, an epoch never does

    new = await (await account(registry, "_repositories_pull")).login()

    assert (await old.call("GET", "/v2/")).status == 401
    assert (await new.call("GET", "/v2/")).status == 200


async def test_an_upload_outlives_its_token_but_not_its_account(
    registry: Registry, clock: HandClock
) -> None:
    """An account that was locked out must not go on writing."""
    caller = await account(registry, "_repositories_push")
    holder = await caller.login("repository:app:pull,push")
    location = (await holder.call("POST", "/v2/app/blobs/uploads/")).header("Location") or ""
    clock.forward(minutes=59)
    location = (await holder.call("GET", location)).header("Location") or ""
    clock.forward(minutes=17)
    assert (await holder.call("PATCH", location, body=b"a")).status == 202

    await registry.services.accounts.change("ci-team", is_enabled=False)

    assert (await holder.call("PATCH", location, body=b"b")).status == 401


async def test_a_password_expires_on_time(registry: Registry, clock: HandClock) -> None:
    """A contractor's access must end by itself."""
    expires_at = clock() + timedelta(days=1)
    created = await registry.services.accounts.create(
        "contractor", "_repositories_pull", expires_at=expires_at
    )
    password = created.passwords[0].value
    assert password is not None
    caller = Caller(registry, "contractor", password.reveal())

    assert (await caller.token()).status == 200
    clock.forward(days=1)
    assert (await caller.token()).status == 401


async def test_a_deleted_password_is_refused(registry: Registry) -> None:
    """The other one still works."""
    created = await registry.services.accounts.create("ci-team", "_repositories_pull")
    first, second = (
        Caller(registry, "ci-team", password.value.reveal())
        for password in created.passwords
        if password.value
    )

    await registry.services.accounts.delete_password("ci-team", "password1")

    assert ((await first.token()).status, (await second.token()).status) == (401, 200)


async def test_the_administrator_can_be_switched_off(registry: Registry, admin: Caller) -> None:
    """ACR's is off by default: a shared password says nothing about who used it."""
    await registry.services.accounts.change("acrux", is_enabled=False)

    assert (await admin.call("GET", "/v2/")).status == 401
    assert (await Caller(registry, admin.username, admin.password).token()).status == 401


async def test_the_catalog_shows_only_what_the_account_may_see(
    registry: Registry, admin: Caller
) -> None:
    """It is filtered in the query, so that the size of a page reveals nothing either."""
    for name in ("a/hidden", "own", "team/a", "team/b", "z/hidden"):
        await admin.push(name, "v1", APP)
    held = await scope_map(
        registry, "repositories/team/*/metadata/read", "repositories/own/content/read"
    )
    caller = await (await account(registry, held)).login("registry:catalog:*")

    assert (await caller.call("GET", "/v2/_catalog")).json["repositories"] == [
        "own",
        "team/a",
        "team/b",
    ]
    first = await caller.call("GET", "/v2/_catalog?n=2")
    assert first.json["repositories"] == ["own", "team/a"]


async def test_a_mount_without_the_right_on_its_source_becomes_an_upload(
    registry: Registry, admin: Caller
) -> None:
    """A caller who may not read there must not learn what is there."""
    await admin.push("private", "v1", APP)
    held = await scope_map(
        registry, "repositories/app/content/read", "repositories/app/content/write"
    )
    caller = await (await account(registry, held)).login(
        "repository:app:pull,push", "repository:private:pull"
    )

    answers = [
        await caller.call("POST", f"/v2/app/blobs/uploads/?mount={digest}&from={source}")
        for digest in (f"sha256:{'0' * 64}", str(APP.digest))
        for source in ("private", "nowhere")
    ]

    assert {answer.status for answer in answers} == {202}


# Anonymous ----------------------------------------------------------------------------------------


async def anonymous_token(registry: Registry, *scopes: str, basic: str | None = None) -> Answer:
    """Ask for a token without a credential."""
    return await Caller(registry, "", "").call(
        "GET",
        "/oauth2/token",
        query={"service": HOST, "scope": list(scopes)},
        headers={"Authorization": basic} if basic else {},
    )


@pytest.mark.parametrize("basic", [None, "Basic Og=="])
async def test_anonymous_callers_get_what_their_scope_map_holds(
    registry: Registry, admin: Caller, basic: str | None
) -> None:
    """Public images, and nothing else."""
    await admin.push("public/app", "v1", APP)
    await admin.push("private", "v1", APP)
    held = await scope_map(registry, "repositories/public/*/content/read")
    await registry.services.accounts.let_anonymous(held)

    answer = await anonymous_token(
        registry, "repository:public/app:pull,push repository:private:pull", basic=basic
    )
    bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
    pulled = await admin.call("GET", "/v2/public/app/manifests/v1", headers=bearer)

    assert granted(answer) == ["public/app:pull"]
    assert pulled.status == 200


async def test_anonymous_pull_still_asks_for_a_token(registry: Registry) -> None:
    """A 200 at /v2/ would tell clients that there is no login at all."""
    await registry.services.accounts.let_anonymous("_repositories_pull_metadata_read")
    caller = Caller(registry, "", "")

    assert (await caller.call("GET", "/v2/")).status == 401
    assert (await caller.call("GET", "/v2/app/manifests/v1")).status == 401
    assert (await anonymous_token(registry)).status == 200  # as the challenge of /v2/ asks


async def test_a_wrong_password_is_never_silently_anonymous(
    registry: Registry, stranger: Caller
) -> None:
    """People would believe that they are logged in."""
    await registry.services.accounts.let_anonymous("_repositories_pull_metadata_read")

    answer = await Caller(registry, "acrux", "wrong").token("repository:app:pull")

    assert answer.status == 401
    assert (await stranger.token()).status == 200


async def test_the_rights_of_anonymous_callers_can_be_revoked(
    registry: Registry, admin: Caller
) -> None:
    """At once, together with the tokens that they have."""
    await admin.push("app", "v1", APP)
    await registry.services.accounts.let_anonymous("_repositories_pull_metadata_read")
    token = (await anonymous_token(registry, "repository:app:pull")).json["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await admin.call("GET", "/v2/app/manifests/v1", headers=bearer)).status == 200

    await registry.services.accounts.let_anonymous(None)

    assert (await admin.call("GET", "/v2/app/manifests/v1", headers=bearer)).status == 401
    assert (await anonymous_token(registry, "repository:app:pull")).status == 401


async def test_anonymous_callers_never_manage_whatever_their_scope_map_says(
    registry: Registry,
) -> None:
    """An operator's slip must not hand the whole registry to everybody."""
    await scope_map(registry, "repositories/app/content/read", "management/write")
    for given in ("_admin", "the-map"):
        await registry.services.accounts.let_anonymous(given)

        answer = await anonymous_token(registry, "registry:management:*", "repository:app:pull")

        assert granted(answer) == ["app:pull"]


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize("far", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00"])
async def test_a_password_cannot_expire_beyond_the_calendar(registry: Registry, far: str) -> None:
    """In UTC its year could not be read back, and nobody could log in any more."""
    accounts = registry.services.accounts
    await accounts.create("ci-team", "_repositories_pull")

    for refused in (
        accounts.create("other-team", "_repositories_pull", expires_at=datetime.fromisoformat(far)),
        accounts.renew_password("ci-team", "password1", datetime.fromisoformat(far)),
    ):
        with pytest.raises(InvalidInput):
            await refused
    assert (await accounts.show("ci-team")).passwords[0].expires_at is None


@pytest.mark.parametrize("name", ["", "abc", "a" * 51, "a:bcde", "_admin", "a b c d", "ä" * 6])
async def test_an_invalid_name_is_refused(registry: Registry, name: str) -> None:
    """A colon would end the name in Basic; names with an underscore are the system's."""
    with pytest.raises(InvalidInput):
        await registry.services.accounts.create(name, "_repositories_pull")
    with pytest.raises((InvalidInput, InvalidScope)):
        await registry.services.scope_maps.create(name, ())


async def test_creating_an_existing_name_and_changing_an_unknown_one_are_refused(
    registry: Registry,
) -> None:
    """A typo must not change another account."""
    accounts, scope_maps = registry.services.accounts, registry.services.scope_maps
    await accounts.create("ci-team", "_repositories_pull")
    await scope_maps.create("the-map", ())

    for refused in (
        accounts.create("ci-team", "_repositories_pull"),
        accounts.create("other-team", "no-such-map"),
        accounts.change("nobody", is_enabled=True),
        accounts.change("ci-team", scope_map="no-such-map"),
        accounts.let_anonymous("no-such-map"),
        accounts.delete("nobody"),
        accounts.revoke("nobody"),
        accounts.show("nobody"),
        accounts.renew_password("nobody", "password1"),
        accounts.delete_password("ci-team", "password3"),
        scope_maps.create("the-map", ()),
        scope_maps.show("no-such-map"),
        scope_maps.change("no-such-map", add=()),
        scope_maps.change("_repositories_pull", add=()),
        scope_maps.delete("no-such-map"),
        scope_maps.delete("_repositories_pull"),
    ):
        with pytest.raises(InvalidInput):
            await refused


@pytest.mark.parametrize(
    "permission",
    ["", "content/read", "repositories/a", "repositories/a/*/b/content/read",
     "repositories/a*/content/read", "repositories/A/content/read", "repositories/a/content/fly"],
)  # fmt: skip
async def test_a_permission_outside_the_grammar_is_refused(
    registry: Registry, permission: str
) -> None:
    """A misread wildcard would open what nobody meant to."""
    with pytest.raises(InvalidScope):
        await registry.services.scope_maps.create("the-map", (permission,))


async def test_a_scope_map_has_limits(registry: Registry) -> None:
    """acr-protocol.md §4.6."""
    too_many = tuple(f"repositories/r{number}/content/read" for number in range(501))

    with pytest.raises(InvalidScope):
        await registry.services.scope_maps.create("the-map", too_many)
    with pytest.raises(InvalidInput):
        await registry.services.scope_maps.create("the-map", (), "x" * 257)


async def test_a_description_can_be_changed_within_its_limits(registry: Registry) -> None:
    """Only the description says what a map is for."""
    held = await scope_map(registry, "repositories/app/content/read")

    changed = await registry.services.scope_maps.change(held, description="for the app")

    assert (changed.description, changed.permissions) == (
        "for the app",
        ("repositories/app/content/read",),
    )
    with pytest.raises(InvalidInput):
        await registry.services.scope_maps.change(held, description="x" * 257)


async def test_a_scope_map_in_use_is_not_deleted(registry: Registry) -> None:
    """Its account would hold no rights, and nobody would know why."""
    held = await scope_map(registry, "repositories/app/content/read")
    await account(registry, held)

    with pytest.raises(InvalidInput):
        await registry.services.scope_maps.delete(held)
    await registry.services.accounts.delete("ci-team")
    await registry.services.scope_maps.delete(held)
    assert held not in [
        one.name for one in (await registry.services.scope_maps.page(Page(100))).items
    ]


async def test_accounts_are_listed_by_name_without_the_anonymous_one(registry: Registry) -> None:
    """az acr token list."""
    for name in ("later", "earlier"):
        await account(registry, "_repositories_pull", name)
    await registry.services.accounts.let_anonymous("_repositories_pull_metadata_read")

    listed = await registry.services.accounts.list()

    assert [one.username for one in listed] == ["earlier", "later"]


async def test_an_upload_belongs_to_the_account_that_began_it(
    registry: Registry, admin: Caller
) -> None:
    """Another account that may push there must not continue it (CVE-2026-32589)."""
    location = (await admin.call("POST", "/v2/app/blobs/uploads/")).header("Location") or ""
    other = await (await account(registry, "_repositories_push")).login("repository:app:pull,push")

    for method in ("GET", "PATCH", "DELETE"):
        assert (await other.call(method, location)).status == 404
    assert (await admin.call("GET", location)).status == 204
