"""Every page, one row for each; the tests of all pages visit them."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.images import image


@dataclass(frozen=True)
class Shown:
    """An address of a page, the row of the routes that shows it, and its heading.

    `asks` are calls of the API: whoever may make all of them sees the page, and nobody else.
    """

    route: str
    path: str
    heading: str
    asks: tuple[str, ...] = ()


# A retention rule. It is disabled, for it would remove what the other pages show.
RULE = {
    "name": "old-tags", "repositories": ["team/*"], "tags": ["*"], "keepLast": 1,
    "status": "disabled",
}  # fmt: skip
TRUST = {
    "name": "our-ci", "issuer": "https://issuer.example", "audience": "acrux",
    "claims": ["sub=team:*"], "actions": ["repositories/team/*/content/read"],
}  # fmt: skip
USER = {
    "name": "carol", "scopeMapId": "_repositories_pull", "password": "a long enough pass phrase",
}  # fmt: skip
# What is deleted, and can be restored.
GONE = image(b"gone")

# The calls that make what the pages show, after team/app:v1, hello:v1 and team/gone:v1 were pushed.
CALLS: tuple[tuple[str, str, Mapping[str, object]], ...] = (
    ("POST", "/management/v1/retentionRules", RULE),
    ("POST", "/management/v1/trusts", TRUST),
    ("POST", "/management/v1/users", USER),
    ("PUT", "/management/v1/softDeletePolicies", {"repositories": "team/gone"}),
    ("DELETE", f"/v2/team/gone/manifests/{GONE.digest}", {}),
)

ONE, APP = "/web/repositories/{repository}", "/web/repositories/team/app"
TAGS, DELETED = "/v2/team/app/tags/list", "/acr/v1/_deleted/team/gone/_manifests"

PAGES = {
    "login": Shown("/web/login", "/web/login", "Log in"),
    "repositories": Shown("/web/", "/web/", "Repositories", ("/acr/v1/_catalog",)),
    "repository": Shown(ONE, APP, "team/app", (TAGS,)),
    "image": Shown(
        f"{ONE}/-/manifests/{{reference}}",
        f"{APP}/-/manifests/v1",
        "team/app:v1",
        ("/v2/team/app/manifests/v1",),
    ),
    "manifests": Shown(
        f"{ONE}/-/manifests", f"{APP}/-/manifests", "Manifests: team/app", ("/acr/v1/team/app",)
    ),
    "compare": Shown(
        "/web/compare",
        "/web/compare?left=team/app:v1&right=team/app:v1",
        "Compare",
        ("/v2/team/app/manifests/v1",),
    ),
    "delete": Shown(
        f"{ONE}/-/delete/{{reference}}", f"{APP}/-/delete/v1", "Delete the tag", (TAGS,)
    ),
    "delete-all": Shown(f"{ONE}/-/delete", f"{APP}/-/delete", "Delete the repository", (TAGS,)),
    "lock": Shown(
        f"{ONE}/-/lock/{{reference}}", f"{APP}/-/lock/v1", "Lock", ("/acr/v1/team/app/_tags/v1",)
    ),
    "lock-all": Shown(f"{ONE}/-/lock", f"{APP}/-/lock", "Lock", ("/acr/v1/team/app",)),
    "tag": Shown(f"{ONE}/-/tag/{{reference}}", f"{APP}/-/tag/v1", "Add a tag", (TAGS,)),
    "deleted-all": Shown("/web/deleted", "/web/deleted", "Deleted", ("/acr/v1/_deleted/_catalog",)),
    "deleted": Shown(
        f"{ONE}/-/deleted",
        "/web/repositories/team/gone/-/deleted",
        "Deleted: team/gone",
        (DELETED,),
    ),
    "restore": Shown(
        f"{ONE}/-/restore/{{digest}}",
        f"/web/repositories/team/gone/-/restore/{GONE.digest}?tag=v1",
        "Restore",
        (DELETED,),
    ),
    "operation": Shown("/web/operation", "/web/operation", "Operation", ("/management/v1/usage",)),
    "doctor": Shown(
        "/web/operation/doctor",
        "/web/operation/doctor",
        "What acrux doctor finds",
        ("/management/v1/doctor",),
    ),
    "log-level": Shown(
        "/web/operation/log-level",
        "/web/operation/log-level",
        "Log level",
        ("/management/v1/logLevel",),
    ),
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
    "used-by-user": Shown(
        "/web/users/{name}/used",
        "/web/users/carol/used",
        "What was used: carol",
        ("/management/v1/leastPrivilege?account=carol",),
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
