"""Trust in an external issuer: which of its tokens count, and for what."""

import re
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct, field

from acrux.domain.access import built_in_scope_maps, scope_maps
from acrux.domain.access.federated import (
    MAX_SUBJECT_CHARACTERS,
    Claims,
    FederatedIdentity,
    texts_of,
)
from acrux.domain.access.scope_maps import ScopeMap
from acrux.domain.content.names import RepositoryName
from acrux.errors import InvalidInput, InvalidName, InvalidScope

# Like an account's name, but it may be as short as `ci`.
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{1,49}")

# issuer ::= "https://" host [":" port] [path], without a query or a fragment (OpenID Connect
# Discovery 1.0 §3); http only on this machine, where nobody can listen in.
_REST = r"(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
ISSUER = re.compile(
    rf"https://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]){_REST}"
    rf"|http://(?:localhost|127(?:\.[0-9]{{1,3}}){{3}}|\[::1\]){_REST}"
)

# A placeholder is a whole component of a repository name.
_PLACEHOLDER = re.compile(r"(?<=/)\{([^{}]+)\}(?=/)")

MAX_RULES: Final = 20
MAX_CHARACTERS: Final = 255

# Claims whose values are paths of several components. In any other claim a slash is refused.
PATHS: Final = frozenset({"repository", "project_path", "namespace_path"})

# Issuers where anybody can have an account, and the claims that identify the owner of a token.
SHARED_ISSUERS: Final = {
    "https://token.actions.githubusercontent.com": (
        "repository", "repository_id", "repository_owner", "repository_owner_id", "sub",
    ),
    "https://gitlab.com": (
        "project_path", "project_id", "namespace_path", "namespace_id", "sub",
    ),
    "https://accounts.google.com": ("sub", "email", "hd"),
}  # fmt: skip


class ClaimRule(Struct, frozen=True):
    """What one claim must be: a text in which `*` matches any characters and `?` any single one.

    If the claim is a list, one member must match. A missing claim does not match.
    """

    claim: str
    pattern: str

    @property
    def is_exact(self) -> bool:
        """Whether only one text matches."""
        return not {"*", "?"} & set(self.pattern)

    @property
    def pins_owner(self) -> bool:
        """Whether it fixes the owner: the whole text, or all up to its first slash."""
        before = re.split(r"[*?]", self.pattern, maxsplit=1)[0]
        return self.is_exact or "/" in before

    def objection(self, claims: Claims) -> tuple[str, ...]:
        """Why the claims do not match the rule; empty if they do."""
        texts = texts_of(claims, self.claim)
        pattern = self.pattern.replace("[", "[[]")  # brackets are not wildcards here
        if any(fnmatchcase(text, pattern) for text in texts):
            return ()
        said = ", ".join(repr(text[:MAX_CHARACTERS]) for text in texts[:10])
        is_ = f"is {said}" if said else "is missing"
        return (f"the claim {self.claim} {is_}, but must be {self.pattern!r}",)


class Verdict(Struct, frozen=True):
    """What a trust decides about a token: whom it accepts, or why it does not.

    `is_addressed` says whether the token was issued for the trust's audience at all.
    """

    trust: str
    objections: tuple[str, ...]
    identity: FederatedIdentity
    is_addressed: bool

    @property
    def lets_in(self) -> bool:
        """Whether there is no objection."""
        return not self.objections


class Trust(Struct, frozen=True, kw_only=True):
    """A rule that accepts identities of an external issuer; all of its conditions must hold.

    It gives either the scope map with this name or `permissions`, which may hold placeholders:
    `repositories/{repository_owner}/*/content/read`. No refresh token and no access token that it
    gives lives longer than `lifetime`.
    """

    name: str
    issuer: str
    audience: str
    rules: tuple[ClaimRule, ...]
    scope_map: str = ""
    permissions: tuple[str, ...] = ()
    lifetime: timedelta = field(default=timedelta(hours=3))
    is_enabled: bool = True

    def only_gives_more_than(
        self, was: "Trust", held: tuple[str, ...], had: tuple[str, ...]
    ) -> bool:
        """Whether this accepts all that `was` accepted, for as long, with no fewer rights.

        `held` and `had` are the permissions of the scope maps of this and of `was`.
        """
        lets_in = (
            (self.issuer, self.audience) == (was.issuer, was.audience)
            and set(self.rules) <= set(was.rules)
            and self.lifetime >= was.lifetime
            and self.is_enabled >= was.is_enabled
        )
        if self.scope_map and was.scope_map:
            now = built_in_scope_maps.read(self.scope_map, frozenset(held))
            return lets_in and now.covers(built_in_scope_maps.read(was.scope_map, frozenset(had)))
        return lets_in and not was.scope_map and set(was.permissions) <= set(self.permissions)

    def check(self) -> None:
        """Raise InvalidInput or InvalidScope if the trust is invalid, or would accept anybody."""
        if NAME.fullmatch(self.name) is None:
            raise InvalidInput(
                "a trust's name has 2 to 50 letters, digits, - and _, and begins with a letter or "
                "a digit",
                name=self.name[:60],
            )
        if ISSUER.fullmatch(self.issuer) is None or len(self.issuer) > MAX_CHARACTERS:
            raise InvalidInput(
                "an issuer is an https:// URL without a query, or an http:// URL of this machine",
                issuer=self.issuer[:MAX_CHARACTERS],
            )
        audience = ClaimRule("aud", self.audience)
        if not _is_text(self.audience) or not self.audience.strip() or not audience.is_exact:
            raise InvalidInput("an audience has 1 to 255 printable characters and no wildcards")
        if not timedelta(minutes=10) <= self.lifetime <= timedelta(days=365):
            raise InvalidInput("a lifetime must be from 10 minutes to 365 days")
        self._check_rules()
        if bool(self.scope_map) == bool(self.permissions):
            raise InvalidInput(
                "a trust needs either a scope map or its own permissions (--allow), not both"
            )
        _check_permissions(self.permissions)

    def _check_rules(self) -> None:
        if not self.rules:
            raise InvalidInput(
                "a trust needs a rule for a claim: without one it accepts everybody whom the "
                "issuer knows. If you mean that, say so: --claim sub=*"
            )
        if len(self.rules) > MAX_RULES:
            raise InvalidInput(f"a trust has at most {MAX_RULES} rules for claims")
        for rule in self.rules:
            if not rule.pattern or not all(map(_is_text, (rule.claim, rule.pattern))):
                raise InvalidInput(
                    "a rule is CLAIM=TEXT, each of 1 to 255 printable characters",
                    claim=rule.claim[:60],
                )
        owners = SHARED_ISSUERS.get(self.issuer.rstrip("/"))
        if owners and not any(rule.claim in owners and rule.pins_owner for rule in self.rules):
            raise InvalidInput(
                f"anybody can have an account at {self.issuer}: a trust in it must say whose "
                f"tokens count, by one of the claims {', '.join(owners)}, without a wildcard in "
                "the owner's name"
            )

    def judge(self, claims: Claims) -> Verdict:
        """Decide about claims that the trust's issuer signed, and whose time was checked."""
        audience = ClaimRule("aud", self.audience)
        values, unfit = self._values(claims)
        objections = (
            *(() if self.is_enabled else ("the trust is disabled",)),
            *(
                objection
                for rule in (audience, *self.rules)
                for objection in rule.objection(claims)
            ),
            *_objection_to_subject(claims),
            *unfit,
        )
        subject = next(iter(texts_of(claims, "sub")), "")[:MAX_SUBJECT_CHARACTERS]
        identity = FederatedIdentity(self.name, subject, values)
        return Verdict(self.name, objections, identity, not audience.objection(claims))

    def _values(self, claims: Claims) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
        values, unfit = [], []
        for claim in placeholders(self.permissions):
            texts = texts_of(claims, claim)
            if len(texts) == 1 and _is_fragment(claim, texts[0]):
                values.append((claim, texts[0].lower()))
            else:
                said = f"is {texts[0][:MAX_CHARACTERS]!r}" if texts else "is missing"
                unfit.append(
                    f"the claim {claim} {said}, and cannot stand for {{{claim}}} in a repository "
                    "name"
                )
        if not unfit:
            try:
                filled(self.permissions, tuple(values))
            except InvalidScope:
                unfit.append("the claims make a repository name too long")
        return tuple(values), tuple(unfit)


def scope_map_of(
    trust: Trust, permissions: tuple[str, ...], identity: FederatedIdentity
) -> ScopeMap:
    """What the trust gives: its own permissions with the values, or its scope map's `permissions`.

    A permission whose placeholder has no value, as one that was added later, grants nothing.
    """
    if trust.scope_map:
        return built_in_scope_maps.read(trust.scope_map, frozenset(permissions))
    return filled(trust.permissions, identity.values)


def filled(permissions: tuple[str, ...], values: tuple[tuple[str, str], ...]) -> ScopeMap:
    """The scope map with these permissions, their placeholders replaced by the values."""
    known = dict(values)
    written = tuple(
        _PLACEHOLDER.sub(lambda placeholder: known[placeholder[1]], permission)
        for permission in permissions
        if known.keys() >= set(_PLACEHOLDER.findall(permission))
    )
    scope_maps.check_permissions(written)
    return built_in_scope_maps.read("_trust", frozenset(written))


def placeholders(permissions: tuple[str, ...]) -> tuple[str, ...]:
    """The claims that these permissions have placeholders for, each once."""
    found = (claim for text in permissions for claim in _PLACEHOLDER.findall(text))
    return tuple(dict.fromkeys(found))


def _check_permissions(permissions: tuple[str, ...]) -> None:
    for permission in permissions:
        if set("{}") & set(_PLACEHOLDER.sub("", permission)):
            raise InvalidInput(
                "a placeholder stands for a whole component of a repository name: "
                "repositories/{repository_owner}/*/content/read",
                permission=permission[:160],
            )
        # Otherwise two identities could get the same repository: a/b + c, and a + b/c.
        if sum(claim in PATHS for claim in _PLACEHOLDER.findall(permission)) > 1:
            raise InvalidInput(
                "a permission may hold only one placeholder for a path of several components",
                permission=permission[:160],
            )
    scope_maps.check_permissions(tuple(_PLACEHOLDER.sub("x", text) for text in permissions))


def _is_fragment(claim: str, text: str) -> bool:
    # Before lower(), which turns some other letters into ASCII: the Kelvin sign becomes k.
    if not text.isascii() or ("/" in text and claim not in PATHS):
        return False
    try:
        RepositoryName.parse(text.lower())
    except InvalidName:
        return False
    return True


def _objection_to_subject(claims: Claims) -> tuple[str, ...]:
    subject = claims.get("sub")
    if isinstance(subject, str) and subject.isascii() and _is_text(subject):
        return ()
    return ("the claim sub is not a text of 1 to 255 printable ASCII characters",)


def _is_text(text: str) -> bool:
    return text.isprintable() and 0 < len(text) <= MAX_CHARACTERS
