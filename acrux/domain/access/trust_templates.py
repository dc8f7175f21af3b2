"""Templates for trusts in well-known issuers, in their users' terms."""

import re
from typing import Final

from msgspec import Struct

from acrux.domain.access.trust import ClaimRule
from acrux.errors import InvalidInput

GITHUB: Final = "https://token.actions.githubusercontent.com"
GITLAB: Final = "https://gitlab.com"
ENTRA_AUDIENCE: Final = "https://containerregistry.azure.net"  # acr-protocol.md §3.2

_TENANT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Source(Struct, frozen=True):
    """An issuer, and the rules for the claims of its tokens."""

    issuer: str
    rules: tuple[ClaimRule, ...]


def github(
    repository: str,
    *,
    branch: str = "",
    tag: str = "",
    environment: str = "",
    event: str = "",
    issuer: str = GITHUB,
) -> Source:
    """GitHub Actions: workflows of one repository, `org/app`, or of all of an owner, `org/*`.

    Source: docs.github.com, "OpenID Connect reference". Raises InvalidInput.
    """
    if repository.count("/") != 1:
        raise InvalidInput("--repository is OWNER/NAME, or OWNER/* for all repositories of OWNER")
    if branch and tag:
        raise InvalidInput("give either --branch or --tag: a workflow runs on one of them")
    return Source(
        issuer,
        _rules(
            repository=repository,
            ref=f"refs/heads/{branch}" if branch else f"refs/tags/{tag}" if tag else "",
            environment=environment,
            event_name=event,
        ),
    )


def gitlab(
    project: str,
    *,
    branch: str = "",
    tag: str = "",
    environment: str = "",
    protected: bool = False,
    url: str = GITLAB,
) -> Source:
    """GitLab CI: jobs of one project, `group/app`, or of all below a group, `group/*`.

    Source: docs.gitlab.com, "OpenID Connect (OIDC) authentication using ID tokens". Raises
    InvalidInput.
    """
    if "/" not in project:
        raise InvalidInput("--project is GROUP/NAME, or GROUP/* for all projects below GROUP")
    if branch and tag:
        raise InvalidInput("give either --branch or --tag: a job runs on one of them")
    return Source(
        url.rstrip("/"),
        _rules(
            project_path=project,
            ref=branch or tag,
            ref_type="branch" if branch else "tag" if tag else "",
            environment=environment,
            ref_protected="true" if protected else "",
        ),
    )


def kubernetes(issuer: str, namespace: str, service_account: str = "") -> Source:
    """Service accounts of a Kubernetes cluster: a single one, or all of a namespace.

    Source: kubernetes.io, "Managing Service Accounts", bound tokens.
    """
    return Source(
        issuer,
        (
            ClaimRule("kubernetes.io.namespace", namespace),
            *(
                [ClaimRule("kubernetes.io.serviceaccount.name", service_account)]
                if service_account
                else []
            ),
        ),
    )


def entra(tenant: str, *, subject: str = "", group: str = "", version: str = "1") -> Source:
    """Microsoft Entra ID: the object with this id in a tenant, or the members of a group.

    Tokens for ENTRA_AUDIENCE have version 1. Those for your own application may have version 2,
    which has another issuer. Raises InvalidInput.
    """
    if _TENANT.fullmatch(tenant.lower()) is None:
        raise InvalidInput("--tenant is a GUID, as az account show --query tenantId prints it")
    if not subject and not group:
        raise InvalidInput("give --subject or --group, to say who in the tenant is trusted")
    issuer = (
        f"https://sts.windows.net/{tenant.lower()}/"
        if version == "1"
        else f"https://login.microsoftonline.com/{tenant.lower()}/v2.0"
    )
    return Source(issuer, _rules(tid=tenant.lower(), oid=subject, groups=group))


def claim_rule(text: str) -> ClaimRule:
    """Read `CLAIM=TEXT`; raise InvalidInput for anything else."""
    claim, equals, pattern = text.partition("=")
    if not (claim and equals and pattern):
        raise InvalidInput("a rule is CLAIM=TEXT, such as ref=refs/heads/*", claim=text[:160])
    return ClaimRule(claim, pattern)


def _rules(**patterns: str) -> tuple[ClaimRule, ...]:
    return tuple(ClaimRule(claim, pattern) for claim, pattern in patterns.items() if pattern)
