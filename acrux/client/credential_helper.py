"""docker's credential helpers: programs that store secrets of servers."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from acrux.client.errors import CredentialsUnavailable
from acrux.client.login import RefreshToken
from acrux.domain.access.credential import Credential, Secret

HELPER_SECONDS: Final = 10

_NAME = re.compile(r"[A-Za-z0-9._-]+")
# What docker-credential-helpers prints to standard output if nothing is stored.
_NOT_FOUND: Final = "credentials not found"
# The user name that means that the secret is an identity token.
_TOKEN_USER: Final = "<token>"  # noqa: S105 -- a user name


@dataclass(frozen=True, slots=True)
class CredentialHelper:
    """The program docker-credential-NAME, which is run with the caller's environment.

    Its methods raise CredentialsUnavailable if it is missing, fails or does not finish. Its output
    is never quoted, because it may contain the secret.
    """

    program: str
    environ: Mapping[str, str]

    @classmethod
    def named(cls, name: object, environ: Mapping[str, str]) -> Self:
        """The helper that a configuration names. Raises CredentialsUnavailable for a path."""
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise CredentialsUnavailable("the name of the credential helper is not a file name")
        return cls(f"docker-credential-{name}", environ)

    def get(self, server: str) -> Credential | RefreshToken | None:
        """What it stores for the server, None if that is nothing."""
        done = self._run("get", server)
        if done.returncode != 0 and _NOT_FOUND in done.stdout.lower():
            return None
        if done.returncode != 0:
            raise self._failed("get", server, f"exit status {done.returncode}")
        try:
            answer = json.loads(done.stdout)
            name, secret = str(answer["Username"]), Secret(str(answer["Secret"]))
        except (ValueError, TypeError, KeyError, RecursionError):
            raise self._failed(
                "get", server, "its output is not JSON with Username and Secret"
            ) from None
        return RefreshToken(secret) if name == _TOKEN_USER else Credential(name, secret)

    def store(self, server: str, login: Credential | RefreshToken) -> None:
        """Store this for the server, in place of what was stored before."""
        name = login.name if isinstance(login, Credential) else _TOKEN_USER
        kept = {"ServerURL": server, "Username": name, "Secret": login.secret.reveal()}
        done = self._run("store", json.dumps(kept))
        if done.returncode != 0:
            raise self._failed("store", server, f"exit status {done.returncode}")

    def erase(self, server: str) -> None:
        """Remove what is stored for the server."""
        done = self._run("erase", server)
        if done.returncode != 0 and _NOT_FOUND not in done.stdout.lower():
            raise self._failed("erase", server, f"exit status {done.returncode}")

    def _failed(self, verb: str, server: str, how: str) -> CredentialsUnavailable:
        return CredentialsUnavailable(
            f"{self.program} could not {verb} the credential of {server} ({how}): "
            f"try `echo {server} | {self.program} get`"
        )

    def _run(self, verb: str, text: str) -> subprocess.CompletedProcess[str]:
        program = shutil.which(self.program, path=self.environ.get("PATH", ""))
        if program is None:
            raise CredentialsUnavailable(
                f"the credential helper {self.program} is not on the PATH: install it, "
                "or remove it from docker's configuration"
            )
        try:
            return subprocess.run(  # noqa: S603 -- the user's own configuration names it
                [program, verb],
                input=text,
                env=dict(self.environ),
                capture_output=True,
                check=False,
                encoding="utf-8",
                errors="replace",
                timeout=HELPER_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise CredentialsUnavailable(
                f"{self.program} did not answer within {HELPER_SECONDS} s"
            ) from None
        except OSError as error:
            raise CredentialsUnavailable(f"cannot run {self.program}: {error.strerror}") from None
