"""acrux trust create: trusts in well-known issuers, and in any other."""

from collections.abc import Callable
from typing import Any

import click

from acrux.cli.access.trust_options import (
    allow_option,
    claim_option,
    lifetime_option,
    name_option,
    print_trusts,
    scope_map_option,
)
from acrux.cli.carrier.api import Api
from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import output_option
from acrux.cli.repositories import joined
from acrux.cli.words import WordsCommand
from acrux.domain.access import trust_templates as templates
from acrux.errors import InvalidInput
from acrux.http.management import bodies, shapes

Command = Callable[..., Any]

branch_option = click.option("--branch", default="", help="Only runs on this branch.")
tag_option = click.option("--tag", default="", help="Only runs on this tag, such as v*.")
environment_option = click.option(
    "--environment", default="", help="Only jobs of this environment."
)


@click.group()
def create() -> None:
    """Trust an issuer, for tokens that match all rules.

    \b
    Examples:
      acrux trust create github -n ci --repository org/app --branch main \\
          --audience registry.example.com --allow "{repository}" content/read content/write
      acrux trust create kubernetes -n pull --issuer https://cluster.example.com \\
          --namespace prod --audience registry.example.com --scope-map _repositories_pull
    """


def _common_options(audience: str) -> Callable[[Command], Command]:
    help_ = f"The audience of its tokens. [default: {audience}]"
    options = (
        name_option,
        scope_map_option,
        allow_option,
        claim_option,
        click.option("--audience", default=None, help=help_),
        lifetime_option,
        place_options("data_dir", "login_servers"),
        output_option,
    )

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@create.command(cls=WordsCommand)
@click.option("--repository", required=True, help="OWNER/NAME, or OWNER/* for all of the owner's.")
@branch_option
@tag_option
@environment_option
@click.option("--event", default="", help="Only runs of this event, such as push.")
@click.option(
    "--issuer",
    default=templates.GITHUB,
    show_default=True,
    help="GitHub Enterprise Server has its own.",
)
@_common_options("the registry's first login server")
def github(
    repository: str,
    branch: str,
    tag: str,
    environment: str,
    event: str,
    issuer: str,
    **common: Any,
) -> None:
    """Trust GitHub Actions, for the workflows of a repository.

    \b
    Examples:
      acrux trust create github -n app --repository org/app \\
          --audience registry.example.com --scope-map _repositories_push
      acrux trust create github -n all --repository "org/*" --branch main \\
          --audience registry.example.com --allow "{repository}" content/read content/write
    """
    source = templates.github(
        repository, branch=branch, tag=tag, environment=environment, event=event, issuer=issuer
    )
    _create(source, common)


@create.command(cls=WordsCommand)
@click.option("--project", required=True, help="GROUP/NAME, or GROUP/* for all below a group.")
@branch_option
@tag_option
@environment_option
@click.option("--protected", is_flag=True, help="Only runs on protected branches and tags.")
@click.option("--url", default=templates.GITLAB, show_default=True, help="The URL of GitLab.")
@_common_options("the registry's first login server")
def gitlab(
    project: str,
    branch: str,
    tag: str,
    environment: str,
    protected: bool,  # noqa: FBT001 -- a flag
    url: str,
    **common: Any,
) -> None:
    """Trust GitLab CI, on gitlab.com or your own server, for the jobs of a project.

    \b
    Examples:
      acrux trust create gitlab -n gitlab --project group/app --protected \\
          --audience registry.example.com --allow "{project_path}" content/read content/write
    """
    source = templates.gitlab(
        project, branch=branch, tag=tag, environment=environment, protected=protected, url=url
    )
    _create(source, common)


@create.command(cls=WordsCommand)
@click.option("--issuer", required=True, help="The cluster's --service-account-issuer.")
@click.option("--namespace", required=True, help="The namespace of the service account.")
@click.option("--service-account", default="", help="Its name. Without it: all of the namespace.")
@_common_options("the registry's first login server")
def kubernetes(issuer: str, namespace: str, service_account: str, **common: Any) -> None:
    """Trust a Kubernetes cluster, for its service accounts.

    kubectl get --raw /.well-known/openid-configuration shows the issuer. The registry must be able
    to fetch its keys.

    \b
    Examples:
      acrux trust create kubernetes -n builds --issuer https://cluster.example.com \\
          --namespace ci --service-account builder --audience registry.example.com \\
          --scope-map _repositories_push
    """
    _create(templates.kubernetes(issuer, namespace, service_account), common)


@create.command(cls=WordsCommand)
@click.option("--tenant", required=True, help="The tenant's GUID.")
@click.option("--subject", default="", help="The object id of a user or a managed identity.")
@click.option("--group", default="", help="The object id of a group.")
@click.option(
    "--token-version", type=click.Choice(["1", "2"]), default="1", show_default=True,
    help="2 for an application of your own that requests it.",
)  # fmt: skip
@_common_options(templates.ENTRA_AUDIENCE)
def entra(tenant: str, subject: str, group: str, token_version: str, **common: Any) -> None:
    """Trust Microsoft Entra ID, for an object or a group in a tenant.

    Azure's SDKs and az then log in as they do to Azure's registry.

    \b
    Examples:
      acrux trust create entra -n team --tenant 72f988bf-86f1-41af-91ab-2d7cd011db47 \\
          --group 0a4d1b2c-1111-2222-3333-444455556666 --scope-map _repositories_pull
    """
    common["audience"] = common["audience"] or templates.ENTRA_AUDIENCE
    _create(templates.entra(tenant, subject=subject, group=group, version=token_version), common)


@create.command(cls=WordsCommand)
@click.option("--issuer", required=True, help="The issuer, exactly as in its tokens.")
@_common_options("the registry's first login server")
def oidc(issuer: str, **common: Any) -> None:
    """Trust any OpenID issuer, and say what the claims must be.

    \b
    Examples:
      acrux trust create oidc -n other-ci --issuer https://ci.example.com \\
          --claim "project=team-*" --claim kind=build --audience registry.example.com \\
          --scope-map _repositories_push
    """
    _create(templates.Source(issuer, ()), common)


def _create(source: templates.Source, common: dict[str, Any]) -> None:
    place: Place = common["place"]
    claims = [f"{rule.claim}={rule.pattern}" for rule in source.rules]
    with place.reach() as api:
        wanted = bodies.CreateTrust(
            name=common["trust"],
            issuer=source.issuer,
            audience=common["audience"] or _audience(api),
            claims=[*claims, *common["claims"]],
            scope_map_id=common["scope_map"],
            actions=[*joined(common["allow"])],
            lifetime_in_minutes=common["minutes"],
        )
        created = api.put("POST", "/trusts", wanted, shapes.Trust)
    print_trusts([created], common["output"])


def _audience(api: Api) -> str:
    if not api.login_server:
        raise InvalidInput(
            "give --audience, the audience of the tokens: best the name by which clients know the "
            "registry, such as registry.example.com"
        )
    return api.login_server
