"""acrux key: the keys that sign tokens."""

from pathlib import Path

import click
from msgspec import to_builtins

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import asking, output_option, print_json, print_table, setting_options
from acrux.http.management import bodies, shapes


@click.group()
def key() -> None:
    """Manage the keys that sign tokens, while the registry runs.

    A new key is published first and signs ten minutes later. The key before it verifies until its
    last token has expired, and is then removed.
    """


@key.command()
@place_options("data_dir")
@output_option
def list(place: Place, output: str) -> None:  # noqa: A001 -- as az acr
    """List the keys: announced, signing, or verifying what they signed before."""
    with place.reach() as api:
        found = api.get("/keys", shapes.KeyList)
    _print(found, output)


@key.command()
@click.option(
    "--now", is_flag=True, help="Sign at once, even if others have not fetched the key yet."
)
@place_options("data_dir")
@output_option
def rotate(place: Place, now: bool, output: str) -> None:  # noqa: FBT001 -- a flag
    """Publish a new key that signs in ten minutes, and list all keys. No request fails.

    If a key is already announced, no new one is created.

    \b
    Examples:
      acrux key rotate           # once a month, for example
      acrux key rotate --now     # if only this registry verifies its tokens
    """
    with place.reach() as api:
        found = api.put("POST", "/keys/rotate", bodies.RotateKeys(now=now), shapes.KeyList)
    _print(found, output)


@key.command()
@click.option("--name", "-n", "name", required=True, help="Its name, as acrux key list shows it.")
@asking("Remove the key {name}? All its tokens become invalid.")
@place_options("data_dir")
@output_option
def revoke(place: Place, name: str, output: str) -> None:
    """Remove a key that others may know. All its tokens become invalid within a second.

    If it is the signing key, a new key signs at once. Clients get new tokens with their passwords;
    a client that has only a refresh token must log in again.

    \b
    Examples:
      acrux key revoke -n ES256-0001 --yes
    """
    with place.reach() as api:
        found = api.put("POST", "/keys/{name}/revoke", None, shapes.KeyList, name=name)
    _print(found, output)


@key.command()
@click.option(
    "--new-master-key-file",
    "new",
    type=click.Path(path_type=Path),
    required=True,
    help="A file with the new master key: 32 random bytes, as base64 or hexadecimal digits.",
)
@setting_options("data_dir")
def rekey(config: Path | None, new: Path, **options: object) -> None:
    """Seal the registry's own keys under another master key, while the registry runs.

    No key is changed: no token and no password becomes invalid. Then replace master_key_file by the
    new file on every node. A running node notices that; until then it goes on with the keys that it
    knows, but cannot start again.

    \b
    Examples:
      openssl rand -base64 32 > new-master-key && chmod 600 new-master-key
      acrux key rekey --master-key-file master-key --new-master-key-file new-master-key
    """
    from acrux.adapters.sql.secrets.master_key import read_master_key  # noqa: PLC0415 -- as below
    from acrux.bootstrap.application import Registry  # noqa: PLC0415
    from acrux.cli.registry import on_opened  # noqa: PLC0415

    key = read_master_key(new)

    async def act(registry: Registry) -> int:
        sealed = registry.adapters.keys.secrets.sealed
        if sealed is None:
            raise click.UsageError(
                "the keys of this registry are files, and no master key seals them."
            )
        return await sealed.rekey(key)

    count = on_opened(config, options, lambda registry, _: act(registry))
    click.echo(
        f"{count} secrets are sealed under the master key {key.fingerprint}: on every node, put "
        f"{new} in the place of master_key_file"
    )


@key.command()
@click.option(
    "--format",
    "format_",
    type=click.Choice(["jwks", "pem"]),
    default="jwks",
    show_default=True,
    help="All public keys, or the certificate of the CA that token_certificates uses.",
)
@click.option(
    "--file",
    "-f",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file, which is replaced as a whole.",
)
@setting_options("data_dir")
def export(config: Path | None, format_: str, file: Path | None, **options: object) -> None:
    """Print the public keys, for another registry that verifies the tokens of this one.

    \b
    Examples:
      acrux key export > jwks.json                           # distribution 3: auth.token.jwks
      acrux key export --format pem --file token-ca.pem      # auth.token.rootcertbundle
    """
    from acrux.adapters.keys.key_set_file import render  # noqa: PLC0415 -- the server, as below
    from acrux.adapters.keys.secrets import replace  # noqa: PLC0415
    from acrux.bootstrap.services import Services  # noqa: PLC0415
    from acrux.cli.registry import on_registry  # noqa: PLC0415

    async def act(services: Services) -> bytes:
        if format_ == "pem":
            return await services.keys.certificate()
        return render(services.tokens.public_keys())

    content = on_registry(config, options, lambda services, _: act(services))
    if file is None:
        click.echo(content, nl=False)
        return
    try:
        replace(file, content, 0o644)
    except OSError as failed:
        raise click.FileError(str(file), f"it cannot be written ({failed.strerror})") from None


def _print(keys: shapes.KeyList, output: str) -> None:
    if output == "json":
        print_json(to_builtins(keys.value))
        return
    rows = [
        (
            one.name,
            one.state,
            one.signs_from.isoformat() if one.signs_from else "always",
            one.key_id,
        )
        for one in keys.value
    ]
    print_table(("NAME", "STATE", "SIGNS FROM", "ID"), rows)
