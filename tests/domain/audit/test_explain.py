"""Why a request was refused: each reason, and what would help."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from acrux.domain.access.built_in_scope_maps import SYSTEM_DEFINED
from acrux.domain.access.reason import Reason
from acrux.domain.access.scope import DELETED_CATALOG, parse_all
from acrux.domain.access.scope_maps import ADMINISTRATOR, ScopeMap, default_name
from acrux.domain.audit import case_id as cases
from acrux.domain.audit import explain as explaining
from acrux.domain.audit.case_id import CaseId
from acrux.domain.audit.decision import Decision, Outcome
from acrux.domain.audit.refusal import HeldPassword, Holder, Refusal
from acrux.domain.audit.rights import Explanation

AT = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
EARLIER, LATER = AT - timedelta(hours=1), AT + timedelta(hours=1)
TEAM = ScopeMap.parse("team-map", ["repositories/team/*/content/read"], catalog=True)
PULL_ALL = SYSTEM_DEFINED["_repositories_pull"]
PUSH = parse_all(["repository:team/app:pull,push"])


def holder(scope_map: ScopeMap = TEAM, **parts: Any) -> Holder:
    """A holder that has not changed since."""
    plain = Holder(True, EARLIER, scope_map.name, scope_map)
    return replace(plain, **parts)


def told(reason: str, held_by: Holder | None = None, **parts: Any) -> Explanation:
    """The explanation of a refusal of ci-team for this reason."""
    decision = Decision(
        "PUT /v2/team/app/manifests/v1",
        Outcome.REFUSED,
        "ci-team",
        authentication_method="access_token",
        peer="192.0.2.7",
        asked=PUSH,
        reason=reason,
    )
    return explaining.explain(Refusal("k1v0zn9q2m", AT, replace(decision, **parts), held_by))


def test_what_the_scope_map_lacks_is_named_with_the_command_that_adds_it() -> None:
    """An operator on call would widen more than is needed."""
    shown = told(Reason.MISSING_SCOPE, holder())

    assert shown.why == (
        "ci-team may not push on team/app: the scope map 'team-map' does not grant it."
    )
    assert shown.fixes == (
        "acrux scope-map update -n team-map --add-repository team/app content/write",
    )
    assert [(right.action, right.permission) for right in shown.rights] == [
        ("pull", "repositories/team/*/content/read"), ("push", ""),
    ]  # fmt: skip
    assert (shown.scope_map, shown.changes) == ("team-map", "")


def test_a_system_defined_map_is_not_changed_but_replaced_by_one_that_holds_as_much() -> None:
    """The suggested command would be refused, or remove rights that worked."""
    shown = told(Reason.MISSING_SCOPE, holder(PULL_ALL))

    [both] = shown.fixes
    assert both == (
        "acrux scope-map create -n ci-team-scope-map --repository '*' content/read"
        " --repository team/app content/write"
        " && acrux token update -n ci-team --scope-map ci-team-scope-map"
    )


def test_a_token_without_the_scope_is_told_apart_from_a_map_without_the_right() -> None:
    """People would widen a scope map that is wide enough."""
    shown = told(Reason.MISSING_SCOPE, holder(ADMINISTRATOR))

    assert "the token does not hold this scope: it was requested without it" in shown.why
    assert shown.fixes == (
        "acrux auth token --registry REGISTRY --scope repository:team/app:pull,push",
    )


def test_a_password_that_is_valid_now_was_not_valid_then() -> None:
    """The explanation would say that all is well."""
    shown = told(
        Reason.MISSING_SCOPE,
        holder(ADMINISTRATOR, changed_at=LATER),
        authentication_method="password1",
    )

    assert shown.why == "ci-team may do this now, but was not allowed to then."
    assert "changed at 2026-11-21T13:00:00Z, after this case" in shown.changes


def test_anonymous_callers_may_be_given_a_scope_map() -> None:
    """The suggested command would name an account without a name."""
    nothing_yet = told(Reason.MISSING_SCOPE, None, account="(anonymous)")
    has_one = told(Reason.MISSING_SCOPE, holder(PULL_ALL), account="(anonymous)")

    assert nothing_yet.why.startswith("The anonymous caller may not pull on team/app, push on")
    assert nothing_yet.changes == ""
    login, update = nothing_yet.fixes
    assert login == "docker login REGISTRY"  # most who meet this have an account
    assert update == "acrux update --anonymous-repository team/app content/read content/write"
    assert has_one.fixes == (
        login,
        (
            "acrux update --anonymous-repository '*' content/read "
            "--anonymous-repository team/app content/write"
        ),
    )


def test_a_catalog_that_may_not_be_listed_is_named_so() -> None:
    """`*` on `registry:catalog` means nothing to a person."""
    catalog = parse_all(["registry:catalog:*"])
    of_system = told(Reason.MISSING_SCOPE, holder(PULL_ALL), asked=catalog)
    of_empty = told(Reason.MISSING_SCOPE, holder(ScopeMap("empty-map")), asked=catalog)
    of_nobody = told(Reason.MISSING_SCOPE, None, asked=catalog, account="(anonymous)")

    assert "may not list the catalog" in of_system.why
    assert "--repository '*' content/read && acrux token update" in of_system.fixes[0]
    assert of_empty.fixes == ()
    assert of_nobody.fixes == ("docker login REGISTRY",)
    disabled = told(Reason.MISSING_SCOPE, holder(is_enabled=False), asked=catalog)
    assert disabled.fixes == ()


def test_the_catalog_of_what_was_deleted_is_named_so() -> None:
    """It would look like the catalog that the caller may list."""
    deleted = parse_all([f"registry:{DELETED_CATALOG}:*"])
    of_system = told(Reason.MISSING_SCOPE, holder(PULL_ALL), asked=deleted)

    assert "list the repositories of which something can be restored" in of_system.why


def test_a_holder_that_is_disabled_or_gone_since_holds_nothing() -> None:
    """People would widen the scope map of an account that cannot log in."""
    disabled = told(Reason.MISSING_SCOPE, holder(is_enabled=False))
    gone = told(Reason.MISSING_SCOPE, None)

    assert disabled.why.endswith("it has no rights now.")
    assert gone.why == "ci-team no longer exists, so its rights cannot be shown."
    assert gone.changes == "ci-team no longer exists."


def test_a_federated_identity_is_led_to_its_trust() -> None:
    """No account has that name: the suggested command would be refused."""
    account = "trusts/ci/repo:org/app"
    named = told(Reason.MISSING_SCOPE, holder(), account=account)
    own = told(Reason.MISSING_SCOPE, holder(map_name=""), account=account)
    disabled = told(Reason.DISABLED_ACCOUNT, holder(is_enabled=False), account=account)

    assert named.fixes[0].startswith("acrux scope-map update -n team-map")
    assert own.fixes == ("acrux trust show -n ci", "acrux trust update -n ci --help")
    assert disabled.fixes == ("acrux trust update -n ci --status enabled",)


PASSWORDS = (
    HeldPassword("password1", EARLIER, None),
    HeldPassword("password2", LATER, EARLIER),
)


@pytest.mark.parametrize(
    ("reason", "facts", "words", "fix"),
    [
        (Reason.WRONG_PASSWORD, {}, "password2, created at 2026-11-21T13:00:00Z, after this case",
         "acrux token credential generate -n ci-team --password password1"),
        (Reason.EXPIRED_PASSWORD, {}, "password2 at 2026-11-21T11:00:00Z", "credential generate"),
        (Reason.UNKNOWN_NAME, {}, "may have been a password", "acrux token list"),
        (Reason.GONE_ACCOUNT, {}, "had been deleted", "acrux token create --help"),
        (Reason.EXPIRED, {"expired_at": EARLIER.isoformat()}, "expired at 2026-11-21T11:00:00Z",
         "docker login"),
        (Reason.REVOKED,
         {"issued_at": EARLIER.isoformat(), "revoked_at": AT.isoformat()},
         "was revoked at 2026-11-21T12:00:00Z",
         "acrux audit list --since 2026-11-21T11:59:59Z --until 2026-11-21T12:00:02Z"),
        (Reason.OTHER_REGISTRY, {"audience": "old.test"}, "issued for old.test", "docker login"),
        (Reason.ALTERED, {}, "changed, or cut", "docker login"),
        (Reason.NOT_OURS, {}, "it cannot be read", "docker login"),
        (Reason.TOO_MANY, {}, "Too many requests", "acrux lockout clear --address 192.0.2.7"),
        (Reason.UNTRUSTED, {"objections": "ci: no."}, "ci: no.", "acrux trust list"),
        (Reason.NO_TRUST, {}, ".", "acrux trust test --token-file FILE"),
        (Reason.LIMIT_REACHED, {"setting": "account_limits", "limit": "read=5 requests a minute"},
         "can give account_limits another value", "acrux serve --account-limit "),
    ],
)  # fmt: skip
def test_each_reason_is_explained_with_its_facts_and_its_remedy(
    reason: Reason, facts: dict[str, str], words: str, fix: str
) -> None:
    """Most registries only ever say `unauthorized`."""
    shown = told(reason, holder(passwords=PASSWORDS), facts=facts)

    assert words in shown.why
    assert any(fix in one for one in shown.fixes), shown.fixes


@pytest.mark.parametrize(
    ("reason", "facts", "words"),
    [
        (Reason.NOT_YET, {"issued_at": LATER.isoformat()}, "only from 2026-11-21T13:00:00Z on"),
        (Reason.NOT_YET, {}, "only from a later time on"),
        (Reason.OTHER_KIND, {}, "of the wrong kind"),
        (Reason.WRONG_PASSWORD, {}, "not a password of ci-team."),
        (Reason.EXPIRED_PASSWORD, {}, "had expired."),
        (Reason.DISABLED_ACCOUNT, {}, "It is enabled now"),
        (Reason.REFUSED, {}, "It was refused"),
        ("a reason of a later acrux", {}, "It was refused"),
    ],
)
def test_a_reason_without_facts_is_explained_all_the_same(
    reason: str, facts: dict[str, str], words: str
) -> None:
    """A record of another version would cause a traceback."""
    assert words in told(reason, holder(), facts=facts).why


def test_every_recorded_reason_can_be_explained() -> None:
    """A new reason would have no explanation."""
    untold = {reason for reason in Reason if reason not in explaining.TELLERS}

    assert untold == {Reason.NO_CREDENTIAL, Reason.REFUSED}


def test_the_admin_user_has_commands_of_its_own() -> None:
    """The suggested command would report that there is no such account."""
    admin = holder(ADMINISTRATOR, is_enabled=False)

    assert told(Reason.WRONG_PASSWORD, admin).fixes == (
        "acrux credential renew --password-name password",
    )
    assert told(Reason.DISABLED_ACCOUNT, admin).fixes == ("acrux update --admin-enabled true",)


@pytest.mark.parametrize(
    ("anonymous", "holds"),
    [
        (None, "have no rights now"),
        (holder(is_enabled=False), "have no rights now"),
        (holder(PULL_ALL), "have the scope map '_repositories_pull' now"),
    ],
)
def test_a_request_without_a_credential_is_explained_by_its_id(
    anonymous: Holder | None, holds: str
) -> None:
    """Most people who ask for help are not logged in at all."""
    shown = explaining.explain_unrecorded(CaseId.parse(cases.unrecorded(PUSH, AT)), anonymous)

    assert "It needed the right to push" in shown.why
    assert holds in shown.why
    assert shown.at == AT.replace(microsecond=0)
    assert "docker login REGISTRY" in shown.fixes


def test_a_user_has_commands_of_their_own() -> None:
    """The suggested command would report that there is no such account."""
    person = {"account": "bob@example.com"}
    chosen = told(Reason.WRONG_PASSWORD, holder(noun="user"), **person)
    of_file = told(Reason.WRONG_PASSWORD, holder(noun="user", is_of_file=True), **person)
    [both] = told(Reason.MISSING_SCOPE, holder(PULL_ALL, noun="user"), **person).fixes

    assert chosen.fixes == ("acrux user passwd -n bob@example.com",)
    assert of_file.fixes == ("htpasswd -B FILE bob@example.com",)
    made = default_name("bob@example.com")
    assert both.endswith(f" && acrux user update -n bob@example.com --scope-map {made}")
