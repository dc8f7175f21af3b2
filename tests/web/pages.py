"""Every page, one row for each; the tests of all pages visit them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """An address of a page, the row of the routes that shows it, and its heading.

    `asks` are calls of the API: whoever may make all of them sees the page, and nobody else.
    """

    route: str
    path: str
    heading: str
    asks: tuple[str, ...] = ()


# A retention rule that the pages show.
RULE = {"name": "old-tags", "repositories": ["team/*"], "tags": ["*"], "keepLast": 1}
# A trust and a user.
TRUST = {
    "name": "our-ci", "issuer": "https://issuer.example", "audience": "acrux",
    "claims": ["sub=team:*"], "actions": ["repositories/team/*/content/read"],
}  # fmt: skip
USER = {
    "name": "carol", "scopeMapId": "_repositories_pull", "password": "a long enough pass phrase",
}  # fmt: skip

PAGES = {
    "login": Shown("/web/login", "/web/login", "Log in"),
    "repositories": Shown("/web/", "/web/", "Repositories", ("/acr/v1/_catalog",)),
    "repository": Shown(
        "/web/repositories/{repository}",
        "/web/repositories/team/app",
        "team/app",
        ("/acr/v1/team/app", "/acr/v1/team/app/_tags"),
    ),
    "operation": Shown("/web/operation", "/web/operation", "Operation", ("/management/v1/usage",)),
    "retention": Shown(
        "/web/operation/retention",
        "/web/operation/retention",
        "Retention rules",
        ("/management/v1/retentionRules",),
    ),
    "preview": Shown(
        "/web/operation/retention/{name}",
        "/web/operation/retention/old-tags",
        "old-tags",
        ("/management/v1/retentionRules/old-tags/preview",),
    ),
    "access": Shown(
        "/web/access",
        "/web/access?repository=team/app",
        "Who may do what: team/app",
        ("/management/v1/access?repository=team/app",),
    ),
    "accounts": Shown("/web/accounts", "/web/accounts", "Accounts", ("/management/v1/tokens",)),
    "account": Shown(
        "/web/accounts/{name}", "/web/accounts/acrux", "acrux", ("/management/v1/tokens/acrux",)
    ),
    "used": Shown(
        "/web/accounts/{name}/used",
        "/web/accounts/acrux/used",
        "What was used: acrux",
        ("/management/v1/leastPrivilege?account=acrux",),
    ),
    "scope-maps": Shown(
        "/web/scope-maps", "/web/scope-maps", "Scope maps", ("/management/v1/scopeMaps",)
    ),
    "scope-map": Shown(
        "/web/scope-maps/{name}",
        "/web/scope-maps/_repositories_pull",
        "_repositories_pull",
        ("/management/v1/scopeMaps/_repositories_pull",),
    ),
    "trusts": Shown("/web/trusts", "/web/trusts", "Trusts", ("/management/v1/trusts",)),
    "users": Shown("/web/users", "/web/users", "Users", ("/management/v1/users",)),
    "keys": Shown("/web/keys", "/web/keys", "Keys", ("/management/v1/keys",)),
    "audit": Shown("/web/audit", "/web/audit", "Audit log", ("/management/v1/audit",)),
    "case": Shown(
        "/web/cases/{name}",
        "/web/cases/nv01dztfza",
        "Case nv01dztfza",
        ("/management/v1/cases/nv01dztfza",),
    ),
    "token": Shown("/web/tokens", "/web/tokens", "What a token says", ()),
    "steps": Shown("/web/tokens/new", "/web/tokens/new", "Get a token, step by step", ()),
    "trust": Shown(
        "/web/trusts/{name}", "/web/trusts/our-ci", "our-ci", ("/management/v1/trusts/our-ci",)
    ),
    "user": Shown(
        "/web/users/{name}", "/web/users/carol", "carol", ("/management/v1/users/carol",)
    ),
}
