"""Templates: a few options become a trust for exactly the named ones."""

from collections.abc import Callable
from typing import Any

import pytest

from acrux.domain.access.trust import ClaimRule, Trust
from acrux.domain.access.trust_templates import (
    ENTRA_AUDIENCE,
    GITHUB,
    GITLAB,
    Source,
    claim_rule,
    entra,
    github,
    gitlab,
    kubernetes,
)
from acrux.errors import InvalidInput

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
CLUSTER = "https://kubernetes.example.com"

# Examples of claims from the issuers' documentation.
WORKFLOW = {
    "sub": "repo:octo-org/octo-repo:environment:prod", "repository": "octo-org/octo-repo",
    "ref": "refs/heads/main", "environment": "prod", "event_name": "push",
    "repository_owner": "octo-org",
}  # fmt: skip
JOB = {
    "sub": "project_path:my-group/my-project:ref_type:branch:ref:main",
    "project_path": "my-group/my-project", "namespace_path": "my-group", "ref": "main",
    "ref_type": "branch", "ref_protected": "true", "environment": "prod",
}  # fmt: skip
POD = {
    "sub": "system:serviceaccount:ci:builder",
    "kubernetes.io": {"namespace": "ci", "serviceaccount": {"name": "builder", "uid": "x"}},
}
MEMBER = {"sub": "pairwise", "oid": "an-object", "tid": TENANT, "groups": ["a-group", "b-group"]}


def objections(source: Source, claims: dict[str, Any]) -> tuple[str, ...]:
    """The reasons why a trust made from this source refuses the claims, if any."""
    trust = Trust(
        name="ci", issuer=source.issuer, audience="registry.test", rules=source.rules,
        scope_map="_repositories_pull",
    )  # fmt: skip
    trust.check()
    return trust.judge({**claims, "aud": "registry.test"}).objections


@pytest.mark.parametrize(
    ("source", "claims", "others"),
    [
        (github("octo-org/octo-repo"), WORKFLOW, [{"repository": "octo-org/octo-repo2"}]),
        (github("octo-org/*"), WORKFLOW, [{"repository": "octo-org-evil/octo-repo"}]),
        (
            github("octo-org/octo-repo", branch="main", environment="prod", event="push"),
            WORKFLOW,
            [
                {"ref": "refs/tags/main"},
                {"ref": "refs/heads/mainly"},
                {"environment": "test"},
                {"environment": []},
                {"event_name": "pull_request"},
            ],
        ),
        (
            github("octo-org/octo-repo", tag="v*"),
            {**WORKFLOW, "ref": "refs/tags/v1"},
            [{"ref": "refs/heads/v1"}],
        ),
        (gitlab("my-group/my-project"), JOB, [{"project_path": "my-group/my-project/x"}]),
        (gitlab("my-group/*"), JOB, [{"project_path": "my-group"}]),
        (
            gitlab("my-group/my-project", branch="main", environment="prod", protected=True),
            JOB,
            [{"ref_type": "tag"}, {"ref": "dev"}, {"ref_protected": "false"}, {"environment": ""}],
        ),
        (
            gitlab("my-group/my-project", tag="main"),
            {**JOB, "ref_type": "tag"},
            [{"ref_type": "branch"}],
        ),
        (kubernetes(CLUSTER, "ci"), POD, [{"kubernetes.io": {"namespace": "default"}}]),
        (
            kubernetes(CLUSTER, "ci", "builder"),
            POD,
            [{"kubernetes.io": {"namespace": "ci", "serviceaccount": {"name": "default"}}}],
        ),
        (entra(TENANT, subject="an-object"), MEMBER, [{"oid": "another"}, {"tid": "another"}]),
        (entra(TENANT.upper(), group="b-group"), MEMBER, [{"groups": ["c-group"]}]),
    ],
)
def test_a_template_lets_in_exactly_whom_its_options_name(
    source: Source, claims: dict[str, Any], others: list[dict[str, Any]]
) -> None:
    """A template that is too wide is a hole in every registry that uses it."""
    assert objections(source, claims) == ()
    for other in others:
        assert objections(source, {**claims, **other}) != (), other


def test_each_template_knows_its_issuer() -> None:
    """With one letter too many, no token is ever accepted."""
    assert github("a/b").issuer == GITHUB
    assert github("a/b", issuer="https://ghe.test/_services/token").issuer.startswith("https://ghe")
    assert gitlab("a/b").issuer == GITLAB
    assert gitlab("a/b", url="https://gitlab.test/").issuer == "https://gitlab.test"
    assert kubernetes(CLUSTER, "ci").issuer == CLUSTER
    assert entra(TENANT, subject="x").issuer == f"https://sts.windows.net/{TENANT}/"
    assert entra(TENANT, subject="x", version="2").issuer == (
        f"https://login.microsoftonline.com/{TENANT}/v2.0"
    )
    assert ENTRA_AUDIENCE == "https://containerregistry.azure.net"


@pytest.mark.parametrize(
    "make",
    [
        lambda: github("no-owner"),
        lambda: github("a/b/c"),
        lambda: github("a/b", branch="main", tag="v1"),
        lambda: gitlab("no-group"),
        lambda: gitlab("a/b", branch="main", tag="v1"),
        lambda: entra("contoso.com", subject="x"),
        lambda: entra(TENANT),
        lambda: claim_rule("no-text="),
        lambda: claim_rule("=no-claim"),
        lambda: claim_rule("nothing"),
    ],
)
def test_wrong_options_are_reported(make: Callable[[], object]) -> None:
    """The message says what would have been right."""
    with pytest.raises(InvalidInput) as refused:
        make()

    assert refused.value.message


def test_a_rule_may_hold_an_equals_sign() -> None:
    """The first one ends the name of the claim."""
    assert claim_rule("a.b=c=d") == ClaimRule("a.b", "c=d")
