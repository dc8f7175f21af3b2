"""acrux doctor: examine a registry, as a client or on its own machine."""

import asyncio
import secrets
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import httpx2

from acrux.cli import exits
from acrux.cli import output as printing
from acrux.cli.caller.credential_options import (
    PASSWORD,
    Caller,
    caller_options,
    registry_argument,
)
from acrux.cli.caller.http_client import (
    Tls,
    base_url,
    failures_told,
    open_client,
    printable,
    tls_options,
)
from acrux.cli.doctor import answers, challenge, network, pulling, pushing, rights, tls
from acrux.cli.doctor.visit import Plan, Visit
from acrux.cli.options import load, output_option, print_json, print_table, setting_options
from acrux.domain.content.names import RepositoryName
from acrux.domain.server.findings import Check, Finding, Status, carry_out
from acrux.errors import InvalidName

Results = Sequence[tuple[str, Finding]]

OUTSIDE: Final[tuple[Check[Visit], ...]] = (
    Check("proxy", network.proxy),
    Check("dns", network.dns),
    Check("tcp", network.tcp, ("dns",)),
    Check("tls", tls.tls, ("tcp",)),
    Check("http", challenge.http, ("tls",)),
    Check("clock", challenge.clock, ("http",)),
    Check("challenge", challenge.challenge, ("http",)),
    Check("realm", challenge.realm, ("challenge",)),
    Check("anonymous", rights.anonymous, ("realm",)),
    Check("token", rights.token, ("challenge",)),
    Check("rights", rights.rights, ("realm",)),
    Check("upload", pushing.upload, ("challenge",)),
    Check("location", pushing.location, ("upload",)),
    Check("chunks", pushing.chunks, ("location",)),
    Check("manifest", pushing.manifest, ("challenge",)),
    Check("head", pulling.head, ("manifest",)),
    Check("pull", pulling.pull, ("manifest",)),
    Check("range", pulling.part, ("pull",)),
    Check("delete", pushing.delete, ("manifest",)),
)


@click.command()
@registry_argument(required=False)
@click.option(
    "--repository", metavar="REPOSITORY",
    help="Where to push and pull. Default: a new one below acrux-doctor, deleted afterwards.",
)  # fmt: skip
@click.option("--read-only", is_flag=True, help="Push nothing, and pull the first tag there is.")
@caller_options
@tls_options
@setting_options("data_dir")
@output_option
def doctor(  # noqa: PLR0913 -- one for each option
    config: Path | None,
    *,
    registry: str | None,
    repository: str | None,
    read_only: bool,
    caller: Caller,
    tls: Tls,
    output: str,
    **options: object,
) -> None:
    """Examine REGISTRY as a client sees it, and say what is wrong and what to do about it.

    Looks at names, addresses, TLS, clocks, the challenge and its realm, and tokens. Then pushes a
    small artifact and a layer of more than 1 MiB in chunks, pulls them, and deletes them. Works
    with any registry; what one does not offer is skipped. Errors have the names that they have in
    `az acr check-health`.

    Without REGISTRY, or with --data-dir, it looks at what only the registry's own machine knows:
    permissions, free space, the database, the certificate. It changes nothing there.

    Exits with 0 if nothing failed, and with 1 if something did.

    \b
    Examples:
      acrux doctor registry.example.com -u ci-team --password-stdin < password.txt
      acrux doctor localhost:5000 --read-only
      acrux doctor --data-dir acrux-data --output json
    """
    plan = _plan(repository, read_only=read_only)
    is_here = registry is None or options.get("data_dir") is not None
    results = list(_here(config, options)) if is_here else []
    url = base_url(registry, tls) if registry is not None else None
    if url is not None:
        with failures_told(), open_client(tls) as client:
            login = caller.find_login(url)
            post = caller.grant == PASSWORD
            visit = Visit(url, client, tls, login, caller.allowed_realm_hosts, plan, post)
            results += carry_out(OUTSIDE, visit)
    _show(url, results, output)
    if any(finding.status is Status.FAILED for _, finding in results):
        sys.exit(exits.REFUSED)


def _plan(repository: str | None, *, read_only: bool) -> Plan:
    mark = secrets.token_hex(6)
    if repository is None:
        return Plan("" if read_only else f"acrux-doctor/{mark}", mark, not read_only, read_only)
    try:
        name = RepositoryName.parse(repository)
    except InvalidName as refused:
        raise click.BadParameter(f"{repository!r}: {refused.message}") from None
    return Plan(name.value, f"acrux-doctor-{mark}", is_ours=False, read_only=read_only)


def _here(config: Path | None, options: dict[str, object]) -> Iterator[tuple[str, Finding]]:
    # A client need not load a registry.
    from acrux.bootstrap.application import build  # noqa: PLC0415
    from acrux.bootstrap.doctor import machine  # noqa: PLC0415

    settings = load(config, options).settings

    def probe(place: str) -> None:
        asyncio.run(build(settings.replace(storage=place, web="disabled")).probe())

    yield from carry_out(machine.CHECKS, machine.Machine(settings, datetime.now(UTC), probe))


def _show(url: httpx2.URL | None, results: Results, form: str) -> None:
    if form == "json" and printing.wanted().form == "jsonl":
        printing.print_lines([*_checks(results), _verdict(url, results)])
        return
    if form == "json":
        print_json({**_verdict(url, results), "checks": _checks(results)})
        return
    print_table(
        ("CHECK", "RESULT", "FOUND"),
        [(name, found.status.value, printable(found.detail)) for name, found in results],
    )
    for name, found in results:
        if found.error or found.advice:
            click.echo(printable(": ".join(filter(None, (name, found.error, found.advice)))))
    counts = {status: _count(results, status) for status in Status}
    click.echo(", ".join(f"{count} {status.value}" for status, count in counts.items()))


def _count(results: Results, status: Status) -> int:
    return sum(found.status is status for _, found in results)


def _verdict(url: httpx2.URL | None, results: Results) -> dict[str, object]:
    return {
        "registry": None if url is None else answers.place(url),
        "healthy": not _count(results, Status.FAILED),
    }


def _checks(results: Results) -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "status": found.status.value,
            "detail": printable(found.detail),
            "error": found.error or None,
            "advice": printable(found.advice) or None,
        }
        for name, found in results
    ]
