"""What a registry says when it is ready, to people or to programs."""

import base64
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from acrux.adapters.log import render
from acrux.cli.exits import lose_output
from acrux.domain.access.shown_accounts import ShownAccount
from acrux.settings import EVERY_ADDRESS, Settings

NEW_PASSWORD: Final = "acrux credential renew --password-name password"  # noqa: S105 -- a command


@dataclass(frozen=True, slots=True)
class Greeting:
    """What you need to start: login server, admin user, and the document's walk to copy."""

    settings: Settings
    first_start: ShownAccount | None
    more_passwords: tuple[str, ...]
    ca: Path | None
    has_sample: bool
    is_on_terminal: bool

    def print(self) -> None:
        """Print that the registry is ready."""
        settings = self.settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        listening = f"{settings.scheme}://{host}:{settings.port}"
        is_json = settings.log_format == "json"
        said = self._events(listening) if is_json else "\n".join(self._lines()) + "\n"
        # First, so that a program that waits for the last line has received these too.
        with suppress(OSError):  # on a full disk these lines are lost, and the registry still runs
            click.echo(said, err=True, nl=False)
        try:
            click.echo(f"listening on {listening}")
        except OSError as failed:
            lose_output()
            problem = f"standard output takes nothing: {failed.strerror}"
            with suppress(OSError):
                line = render(settings.log_format, "listening", url=listening, problem=problem)
                click.echo(line, err=True, nl=False)

    def _events(self, listening: str) -> str:
        ready = render(
            "json", "ready",
            url=listening,
            login_servers=self.settings.known_login_servers,
            admin_user=self.settings.name,
            admin_password=self._where_password_is("not shown in JSON"),
            ca=self.ca,
        )  # fmt: skip
        return ready + "".join(
            render("json", "password-of-earlier-release", name=name, fix=self._without(name))
            for name in self.more_passwords
        )

    def _lines(self) -> list[str]:
        lines = [
            "",
            f"login server  {self.settings.known_login_servers[0]}",
            f"admin user    {self.settings.name}",
            *self._passwords(),
            *(
                f"warning       the admin user has a third password, {name}, of an earlier "
                f"release: {self._without(name)}"
                for name in self.more_passwords
            ),
            *self._how_to_trust(),
        ]
        if self.settings.host in EVERY_ADDRESS and not self.settings.login_servers:
            lines.append("other hosts   need --login-server to reach this registry by its name")
        return [*lines, "", "The walk, with curl:", "", *self._walk(), ""]

    def _without(self, password: str) -> str:
        return f"acrux token credential delete -n {self.settings.name} --password {password}"

    def _passwords(self) -> list[str]:
        if self.first_start is None or not self._shows_passwords:
            return [f"password      {self._where_password_is()}"]
        shown = [
            f"{password.name:<12}  {password.value.reveal() if password.value else ''}"
            for password in self.first_start.passwords
        ]
        return [*shown, "              (shown only once: the registry stores keyed hashes)"]

    @property
    def _shows_passwords(self) -> bool:
        # Whoever reads a log file, or what a collector keeps of it, is not the administrator.
        return self.settings.admin_password_file is None and self.is_on_terminal

    def _where_password_is(self, shown: str = "shown on a terminal only") -> str:
        folder = self.settings.data_dir
        renew = f"{NEW_PASSWORD} --data-dir {shlex.quote(str(folder))}"
        if self.first_start is None:
            return f"shown or written at the first start; for a new one: {renew}"
        if file := self.settings.admin_password_file:
            return f"in {file}"
        return f"{shown}; for a new one: {renew} (or --admin-password-file FILE)"

    def _how_to_trust(self) -> Iterator[str]:
        """What clients need for this registry: a CA, or the permission to use plain http."""
        first = self.settings.known_login_servers[0]
        if self.settings.tls_self_signed:
            yield f"CA            {self.ca}"
            yield f"              podman, skopeo: sudo install -Dm644 {self.ca} \\"
            yield f"                /etc/containers/certs.d/{first}/ca.crt"
            yield f"              docker: the same in /etc/docker/certs.d/{first}/ca.crt"
            yield f"              curl: --cacert {self.ca}; helm, oras: --ca-file"
            yield f"              Kubernetes: ca in /etc/containerd/certs.d/{first}/hosts.toml"
        elif self.settings.scheme == "http" and not self.settings.trusted_proxies:
            yield "plain http    podman, skopeo, buildah: --tls-verify=false"
            yield f'              docker, except to localhost: "insecure-registries": ["{first}"]'
            yield "                in /etc/docker/daemon.json"
            yield f"              Kubernetes: http:// in /etc/containerd/certs.d/{first}/hosts.toml"
            yield "              or https: --tls-self-signed"

    def _walk(self) -> list[str]:
        registry, user = self.settings.known_login_servers[0], self.settings.name
        # A proxy in front takes https: its clients never see ours.
        scheme = "https" if self.settings.trusted_proxies else self.settings.scheme
        url = f"{scheme}://{registry}"
        curl = f"curl --cacert {self.ca}" if self.settings.tls_self_signed else "curl"
        manifest = f"{url}/v2/hello-world/manifests/latest"
        token = f"{url}/oauth2/token?service={registry}&scope=repository:hello-world:pull"
        credential = self._credential()
        get_token = f'-H "Authorization: Basic {credential or "$acr_credential"}" "{token}"'
        sed = 'sed \'s/.*"access_token":"\\([^"]*\\)".*/\\1/\''
        bearer = f"Authorization: Bearer $({curl} -s {get_token} | {sed})"
        encode = f"  acr_credential=$(printf %s '{user}:PASSWORD' | base64 -w0)"
        return [
            *([] if credential else [encode]),
            f"  {curl} -v {manifest}",
            f"  {curl} -v {get_token}",
            f'  {curl} -v -H "{bearer}" {manifest}',
            *([] if self.has_sample else ["  (ends with 404 until hello-world is pushed)"]),
        ]

    def _credential(self) -> str:
        if self.first_start is None or not self._shows_passwords:
            return ""
        value = self.first_start.passwords[0].value
        pair = f"{self.settings.name}:{value.reveal() if value else ''}"
        return base64.b64encode(pair.encode()).decode()
