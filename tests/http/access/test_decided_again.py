"""Every change is authorized again after the last byte of its body."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from acrux.adapters.sql.access.accounts import SqlAccounts
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.bootstrap.application import Registry
from acrux.domain.access.credential import Secret
from acrux.domain.access.shown_accounts import ShownAccount
from acrux.domain.content.digest import Digest
from acrux.http.access import guard
from acrux.http.access.guard import AT_ONCE_SECONDS
from acrux.http.routes import Row
from acrux.settings import Settings
from tests.http.access.test_access import EXAMPLES, REPOSITORY, guess, seed
from tests.http.caller import Answer, Caller, basic
from tests.http.conftest import HandClock

EVERYTHING = (
    "repositories/*/content/read",
    "repositories/*/content/write",
    "repositories/*/content/delete",
    "repositories/*/metadata/read",
    "repositories/*/metadata/write",
    "repositories/*/deleted/read",
    "repositories/*/deleted/restore",
    "management/read",
    "management/write",
    "metrics/read",
)
SCOPES = (
    "repository:*:*",
    f"repository:{REPOSITORY}:pull,push,delete,metadata_read,metadata_write",
    f"repository:{REPOSITORY}:deleted_read,deleted_restore",
    "registry:management:read,write",
    "registry:metrics:read",
)
NAME = "pusher"
CHANGING = [(path, method) for path, method in EXAMPLES if method != "GET"]

Change = Callable[[Registry], Awaitable[object]]


async def _disable(registry: Registry) -> None:
    await registry.services.accounts.change(NAME, is_enabled=False)


async def _delete(registry: Registry) -> None:
    await registry.services.accounts.delete(NAME)


async def _shrink_the_scope_map(registry: Registry) -> None:
    await registry.services.scope_maps.change("pusher-map", remove=EVERYTHING[1:2])


async def _renew_the_password(registry: Registry) -> None:
    await registry.services.accounts.renew_password(NAME, "password1")


CHANGES = {
    change.__name__.strip("_"): change
    for change in (
        _disable,
        _delete,
        _shrink_the_scope_map,
        _renew_the_password,
    )
}

# Every change is tried with a token, and one of each kind with a password too.
WAYS = [*((change, "access token") for change in CHANGES), ("disable", "password")]
of_each = pytest.mark.parametrize(
    "endpoint", CHANGING, ids=lambda endpoint: " ".join(reversed(endpoint))
)


class Slow:
    """A body whose first byte arrives at once, and the rest when the test says so."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.began = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content[:1]
        self.began.set()
        await self.goes_on.wait()
        yield self._content[1:]


@pytest.fixture
async def pusher(stranger: Caller) -> ShownAccount:
    """An account that may do everything, with a scope map of its own."""
    stranger.authorization = stranger.basic
    await seed(stranger)
    await stranger.registry.services.scope_maps.create("pusher-map", EVERYTHING)
    return await stranger.registry.services.accounts.create(NAME, "pusher-map")


def password(account: ShownAccount) -> str:
    """The first password that was printed."""
    value = account.passwords[0].value
    assert value is not None
    return value.reveal()


async def authorized(stranger: Caller, account: ShownAccount, how: str) -> Caller:
    """A caller who presents a password, or an access token obtained with it."""
    caller = Caller(stranger.registry, NAME, password(account))
    if how == "password":
        caller.authorization = caller.basic
        return caller
    return await caller.login(*SCOPES)


async def call_slowly(
    caller: Caller, endpoint: tuple[str, str], meanwhile: Callable[[], Awaitable[object]]
) -> Answer:
    """Call the endpoint as its example says, and do something after the first byte of the body."""
    example = EXAMPLES[endpoint]
    path = example.path
    if "UPLOAD" in path:
        begun = await caller.call("POST", f"/v2/{REPOSITORY}/blobs/uploads/")
        path = path.replace("UPLOAD", begun.header("Docker-Upload-UUID") or "")
    body = Slow(example.body or b"{}")
    headers = dict(example.headers)
    if path.startswith("/management"):
        headers = {"Content-Type": "application/json"}
    call = asyncio.create_task(caller.call(endpoint[1], path, headers=headers, body=aiter(body)))
    began = asyncio.create_task(body.began.wait())
    await asyncio.wait((call, began), return_when=asyncio.FIRST_COMPLETED)
    if not call.done():  # an endpoint that reads no body has nothing to wait in
        await meanwhile()
    body.goes_on.set()
    began.cancel()
    return await call


@pytest.mark.parametrize(("change", "how"), WAYS)
@of_each
async def test_a_caller_who_lost_the_right_while_the_body_came_changes_nothing(
    stranger: Caller, pusher: ShownAccount, endpoint: tuple[str, str], change: str, how: str
) -> None:
    """A dismissed employee kept a request open, and replaced `latest` minutes later."""
    caller = await authorized(stranger, pusher, how)
    changed: list[str] = []

    async def meanwhile() -> None:
        await CHANGES[change](stranger.registry)
        changed.append(change)

    answer = await call_slowly(caller, endpoint, meanwhile)

    assert answer.status == (401 if changed else EXAMPLES[endpoint].status), answer.body


@of_each
async def test_every_end_point_that_takes_a_body_waits_for_it_before_it_decides(
    stranger: Caller, pusher: ShownAccount, endpoint: tuple[str, str]
) -> None:
    """Calls that do not wait for the body would prove nothing."""
    caller = await authorized(stranger, pusher, "password")
    waited: list[bool] = []

    async def meanwhile() -> None:
        waited.append(True)

    answer = await call_slowly(caller, endpoint, meanwhile)

    assert answer.status == EXAMPLES[endpoint].status, answer.body
    assert waited or not EXAMPLES[endpoint].body


async def test_an_upload_in_one_request_is_decided_again(
    stranger: Caller, pusher: ShownAccount
) -> None:
    """This endpoint takes whole blobs too, and would link one."""
    caller = await authorized(stranger, pusher, "access token")
    content, body = b"another blob", Slow(b"another blob")
    path = f"/v2/{REPOSITORY}/blobs/uploads/?digest={Digest.of(content)}"
    call = asyncio.create_task(caller.call("POST", path, body=aiter(body)))
    await body.began.wait()
    await _disable(stranger.registry)
    body.goes_on.set()

    assert (await call).status == 401
    found = await stranger.call("HEAD", f"/v2/{REPOSITORY}/blobs/{Digest.of(content)}")
    assert found.status == 404


@pytest.mark.parametrize("still_may", [True, False])
async def test_what_everybody_may_is_decided_again(stranger: Caller, *, still_may: bool) -> None:
    """It is in no token of an account, so no revocation of a token would tell."""
    stranger.authorization = stranger.basic
    await seed(stranger)
    services = stranger.registry.services
    await services.accounts.let_anonymous("_repositories_push")
    await services.scope_maps.create("empty", ())
    account = await services.accounts.create(NAME, "empty")
    caller = await Caller(stranger.registry, NAME, password(account)).login(*SCOPES)

    async def meanwhile() -> None:
        await services.accounts.let_anonymous("_repositories_push" if still_may else None)

    answer = await call_slowly(caller, ("/v2/{repository}/manifests/{reference}", "PUT"), meanwhile)

    assert answer.status == (201 if still_may else 401)


async def test_what_another_process_switched_off_is_known_after_the_last_byte(
    stranger: Caller, pusher: ShownAccount, settings: Settings
) -> None:
    """`acrux token update --status disabled` is another process; no worker has heard of it yet."""
    caller = await authorized(stranger, pusher, "access token")
    command = SqliteDatabase(settings.data_dir / "registry.sqlite")

    async def meanwhile() -> None:
        command.open()
        await SqlAccounts(command).change(NAME, 0, scope_map=None, is_enabled=False)
        command.close()
        await asyncio.sleep(AT_ONCE_SECONDS)  # what makes the client slow

    answer = await call_slowly(caller, CHANGING[0], meanwhile)

    assert answer.status == 401


@of_each
async def test_a_token_that_only_expired_meanwhile_is_still_accepted(
    stranger: Caller, pusher: ShownAccount, clock: HandClock, endpoint: tuple[str, str]
) -> None:
    """A push that takes longer than its token lives must not be lost."""
    caller = await authorized(stranger, pusher, "access token")

    async def meanwhile() -> None:
        clock.now += timedelta(hours=8)
        await guess(stranger)  # what failed before is forgiven by now

    answer = await call_slowly(caller, endpoint, meanwhile)

    assert answer.status == EXAMPLES[endpoint].status, answer.body


async def test_a_user_who_is_disabled_while_a_body_comes_is_refused(
    stranger: Caller, pusher: ShownAccount
) -> None:
    """Users choose their own passwords, and another command disables them."""
    services = stranger.registry.services
    await services.users.create("carol", "_admin", Secret("a long enough pass phrase"))
    caller = Caller(stranger.registry, "carol", "")
    caller.authorization = basic("carol", "a long enough pass phrase")

    async def meanwhile() -> None:
        await services.users.change("carol", is_enabled=False)

    answer = await call_slowly(caller, CHANGING[0], meanwhile)

    assert answer.status == 401


def test_only_token_end_points_change_anything_in_public(registry: Registry) -> None:
    """Their body holds the credential, so they decide after the body arrived anyway."""
    public = {row.path for row in registry.rows if _changes_in_public(row)}

    assert public == {"/oauth2/token", "/oauth2/exchange"}


def _changes_in_public(row: Row) -> bool:
    return any(
        endpoint.requires is guard.public and method != "GET"
        for method, endpoint in row.methods.items()
    )
