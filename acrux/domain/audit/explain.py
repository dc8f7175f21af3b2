"""Explain a recorded refusal, and say what would let it pass now."""

import shlex
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from msgspec.structs import replace

from acrux.domain.access.built_in_scope_maps import SYSTEM_DEFINED
from acrux.domain.access.reason import Reason
from acrux.domain.access.scope import CATALOG, DELETED_CATALOG, render
from acrux.domain.access.scope_maps import ACTION_OF_PERMISSION, NOTHING, default_name
from acrux.domain.access.token import ACCESS_TOKEN_KIND, REFRESH_TOKEN_KIND
from acrux.domain.audit.case_id import CaseId
from acrux.domain.audit.refusal import Holder, Refusal, to_the_second
from acrux.domain.audit.rights import Explanation, Right, repository_options, rights

_LOGIN: Final = "docker login REGISTRY"
# How the settings that limit callers are given.
_RAISING: Final = {
    "account_limits": "acrux serve --account-limit OPERATION=REQUESTS",
    "anonymous_limits": "acrux serve --anonymous-limit OPERATION=REQUESTS",
    "concurrent_uploads": "acrux serve --concurrent-uploads NUMBER",
}
_TOKENS: Final = (ACCESS_TOKEN_KIND, REFRESH_TOKEN_KIND)


class _Answer(NamedTuple):
    why: str
    fixes: tuple[str, ...] = ()


def explain_unrecorded(case: CaseId, anonymous: Holder | None) -> Explanation:
    """Why a request without a credential was refused; its id holds all that is known of it."""
    scope_map = anonymous.map_name if anonymous and anonymous.is_enabled else ""
    needed = f" It needed the right to {case.needed}." if case.needed else ""
    holds = f"the scope map {scope_map!r}" if scope_map else "no rights"
    why = (
        f"The request carried no credential.{needed} Every client begins this way: the answer told "
        "it where to get a token. If it gave up after that, it has no login for this registry, or "
        f"has one under another of its names. Anonymous callers have {holds} now."
    )
    return Explanation(
        case.text,
        case.at,
        Reason.NO_CREDENTIAL,
        why,
        scope_map=scope_map,
        fixes=(_LOGIN, "acrux update --anonymous-scope-map NAME"),
    )


def explain(case: Refusal) -> Explanation:
    """Why it was refused, and what would let it pass now."""
    decision = case.decision
    why, fixes = TELLERS.get(decision.reason, _refused)(case)
    explanation = Explanation(
        case=case.id,
        at=case.at,
        reason=decision.reason,
        why=why,
        request=decision.request,
        status=decision.status,
        account=decision.account,
        authentication_method=decision.authentication_method,
        peer=decision.peer,
        message=decision.message,
        needed=decision.asked,
        held=decision.granted,
        facts=decision.facts,
        changes=_changes(case),
        fixes=fixes,
    )
    if case.holder is None:
        return explanation
    shown = rights(case.scope_map, decision.asked)
    return replace(explanation, scope_map=case.holder.map_name, rights=shown)


def _changes(case: Refusal) -> str:
    if case.holder is None:
        return "" if case.name.startswith("(") else f"{case.name} no longer exists."
    if case.holder.changed_at <= case.at:
        return ""
    changed_at = to_the_second(case.holder.changed_at)
    return (
        f"{case.who}, a password or the scope map was changed at {changed_at}, after this case. "
        "What is said about them here is true now, and may not have been true then."
    )


def _unknown_name(_: Refusal) -> _Answer:
    return _Answer(
        "There was no account with the user name that was presented. The name is not recorded: it "
        "may have been a password.",
        ("acrux token list", "acrux user list"),
    )


def _wrong_password(case: Refusal) -> _Answer:
    stored = [
        f"{password.name}, created at {to_the_second(password.created_at)}"
        + ("" if password.created_at <= case.at else ", after this case")
        for password in case.passwords
    ]
    passwords = f" Its passwords now: {'; '.join(stored)}." if stored else ""
    return _Answer(
        f"What was presented was not a password of {case.name}.{passwords}", _new_password(case)
    )


def _expired_password(case: Refusal) -> _Answer:
    expired = [
        f"{password.name} at {to_the_second(password.expires_at)}"
        for password in case.passwords
        if password.expires_at is not None and password.expires_at <= case.at
    ]
    which = f": {'; '.join(expired)}" if expired else ""
    return _Answer(f"The password was right, but had expired{which}.", _new_password(case))


def _new_password(case: Refusal) -> tuple[str, ...]:
    if case.is_administrator:
        return ("acrux credential renew --password-name password",)
    if case.holder is not None and case.holder.is_of_file:
        return (f"htpasswd -B FILE {shlex.quote(case.name)}",)
    if case.noun == "user":
        return (f"acrux user passwd {case.option}",)
    return (f"acrux token credential generate {case.option} --password password1",)


def _disabled(case: Refusal) -> _Answer:
    if case.holder is not None and case.holder.is_enabled:
        return _Answer(f"{case.name} was disabled. It is enabled now.")
    enabling = f"acrux {case.noun} update {case.option} --status enabled"
    if case.is_administrator:
        enabling = "acrux update --admin-enabled true"
    return _Answer(f"{case.name} was disabled.", (enabling,))


def _gone(case: Refusal) -> _Answer:
    return _Answer(
        f"The token was issued to {case.name}, which had been deleted since then.",
        (f"acrux {case.noun} create --help",),
    )


def _expired(case: Refusal) -> _Answer:
    return _Answer(
        f"The token expired at {case.fact('expired_at')}. A client with a login gets a new one by "
        "itself: this client had none, or its clock is wrong.",
        (_LOGIN,),
    )


def _not_yet(case: Refusal) -> _Answer:
    when = case.fact("issued_at") or "a later time"
    return _Answer(
        f"The token is valid only from {when} on: the clock of its issuer, or ours, is wrong."
    )


def _revoked(case: Refusal) -> _Answer:
    at, second = datetime.fromisoformat(case.decision.facts["revoked_at"]), timedelta(seconds=1)
    since, until = to_the_second(at - second), to_the_second(at + 2 * second)
    return _Answer(
        f"The token, issued at {case.fact('issued_at')}, was revoked at {to_the_second(at)}: "
        f"{case.name} was changed, disabled or deleted then, or a password or the scope map was "
        "changed. The audit log shows which. A client with a login gets a new token by itself.",
        (f"acrux audit list --since {since} --until {until}", _LOGIN),
    )


def _other_registry(case: Refusal) -> _Answer:
    audience = case.fact("audience")
    return _Answer(
        f"The token was issued for {audience}, which is not a login server of this registry.",
        (_LOGIN, f"acrux serve --login-server {shlex.quote(audience)}"),
    )


def _untrusted(case: Refusal) -> _Answer:
    return _Answer(_with_objections(case), ("acrux trust list", "acrux trust create --help"))


def _no_trust(case: Refusal) -> _Answer:
    return _Answer(
        _with_objections(case), ("acrux trust list", "acrux trust test --token-file FILE")
    )


def _with_objections(case: Refusal) -> str:
    return " ".join(filter(None, (f"{case.decision.message}.", case.fact("objections"))))


def _altered(_: Refusal) -> _Answer:
    return _Answer(
        "The token looks like one of ours, but its signature is invalid: it was changed, or cut "
        "off when it was copied.",
        (_LOGIN,),
    )


def _not_ours(case: Refusal) -> _Answer:
    return _Answer(
        "What was presented is not a token that this registry signed with one of its present keys: "
        f"{case.decision.message or 'it cannot be read'}.",
        (_LOGIN,),
    )


def _other_kind(_: Refusal) -> _Answer:
    return _Answer(
        "The token was issued by this registry, but is of the wrong kind for this request: a "
        "refresh token is sent in place of a password, an access token as a Bearer token."
    )


def _too_many(case: Refusal) -> _Answer:
    address = shlex.quote(case.decision.peer)
    return _Answer(
        f"{case.decision.message or 'Too many requests'}.",
        ("acrux lockout list", f"acrux lockout clear --address {address}"),
    )


def _limit_reached(case: Refusal) -> _Answer:
    setting, limit, until = case.fact("setting"), case.fact("limit"), case.fact("until_at")
    whose = f"callers without an account at {case.decision.peer}" if case.is_anonymous else case.who
    again = f" It could go on at {until}." if until else ""
    return _Answer(
        f"The setting {setting} allows {limit} to {whose}, and the request went beyond that."
        f"{again} A request that is refused does not count. Whoever starts the registry can give "
        f"{setting} another value, as an option, a variable or in its file of settings.",
        (_RAISING.get(setting, "acrux serve --help"),),
    )


def _refused(case: Refusal) -> _Answer:
    return _Answer(f"{case.decision.message or 'It was refused'}.")


def _missing_scope(case: Refusal) -> _Answer:
    asked = case.decision.asked
    if case.holder is None and not case.is_anonymous:
        return _Answer(f"{case.name} no longer exists, so its rights cannot be shown.")
    lacking = tuple(right for right in rights(case.scope_map, asked) if not right.is_held)
    if lacking:
        missing = ", ".join(map(_named, lacking))
        holds = f"the scope map {case.scope_map.name!r} does not grant it"
        holds = "it has no rights now" if case.scope_map is NOTHING else holds
        return _Answer(f"{case.who} may not {missing}: {holds}.", _widenings(case, lacking))
    if case.decision.authentication_method not in _TOKENS:
        return _Answer(f"{case.who} may do this now, but was not allowed to then.")
    return _Answer(
        f"{case.who} may do this, but the token does not hold this scope: it was requested without "
        "it. A client takes the scope from the answer's WWW-Authenticate header and requests a "
        "token with it; this one did not.",
        (f"acrux auth token --registry REGISTRY --scope {shlex.quote(render(asked))}",),
    )


def _named(right: Right) -> str:
    if right.resource.endswith(f":{DELETED_CATALOG}"):
        return "list the repositories of which something can be restored"
    is_catalog = right.resource.endswith(f":{CATALOG}")
    return "list the catalog" if is_catalog else f"{right.action} on {right.resource}"


def _widenings(case: Refusal, lacking: tuple[Right, ...]) -> tuple[str, ...]:
    if case.is_anonymous:  # most probably somebody who has not logged in
        return (_LOGIN, *_for_everybody(case, lacking))
    name = case.holder.map_name if case.holder else ""
    if case.scope_map is not NOTHING and name and name not in SYSTEM_DEFINED:
        added = repository_options("--add-repository", NOTHING, lacking)
        return (f"acrux scope-map update -n {shlex.quote(name)} {added}",) if added else ()
    if case.trust:
        return (f"acrux trust show {case.option}", f"acrux trust update {case.option} --help")
    # A built-in scope map cannot be changed: suggest a new one, with what is missing added.
    options = repository_options("--repository", case.scope_map, lacking)
    if not options:
        return ()
    created = default_name(case.name)
    given = f"{case.noun} update {case.option} --scope-map {created}"
    return (f"acrux scope-map create -n {created} {options} && acrux {given}",)


def _for_everybody(case: Refusal, lacking: tuple[Right, ...]) -> tuple[str, ...]:
    # Anonymous callers never manage the registry, nor see what was deleted.
    possible = [right for right in lacking if right.action in ACTION_OF_PERMISSION.values()]
    options = repository_options("--anonymous-repository", case.scope_map, possible)
    return (f"acrux update {options}",) if possible else ()


TELLERS: Final[Mapping[str, Callable[[Refusal], _Answer]]] = {
    Reason.UNKNOWN_NAME: _unknown_name,
    Reason.WRONG_PASSWORD: _wrong_password,
    Reason.EXPIRED_PASSWORD: _expired_password,
    Reason.DISABLED_ACCOUNT: _disabled,
    Reason.GONE_ACCOUNT: _gone,
    Reason.EXPIRED: _expired,
    Reason.NOT_YET: _not_yet,
    Reason.REVOKED: _revoked,
    Reason.OTHER_REGISTRY: _other_registry,
    Reason.UNTRUSTED: _untrusted,
    Reason.NO_TRUST: _no_trust,
    Reason.ALTERED: _altered,
    Reason.NOT_OURS: _not_ours,
    Reason.OTHER_KIND: _other_kind,
    Reason.MISSING_SCOPE: _missing_scope,
    Reason.TOO_MANY: _too_many,
    Reason.LIMIT_REACHED: _limit_reached,
}
