"""Carries calls to the registry at a URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click
import httpx2

from acrux.cli.caller.credential_options import Caller
from acrux.cli.caller.http_client import Refused, Tls, failures_told, open_client, written
from acrux.cli.carrier.calls import Answer, Call
from acrux.cli.carrier.refusals import login_wanted, refusal
from acrux.client.auth import RegistryAuth
from acrux.client.errors import TokenRefused
from acrux.client.login import Login
from acrux.http.management.bodies import JSON_TYPE

# Of one answer. A registry that knows no pages lists a million tags in some 30 MB.
MAX_ANSWER_BYTES: Final = 256 * 1024 * 1024
# Deleting a large repository takes a while (acr-protocol.md §7.5: az waits that long).
TIMEOUT: Final = httpx2.Timeout(30.0, read=300.0)


class OverHttp:
    """The registry at a URL, with the rights of a login."""

    def __init__(self, client: httpx2.Client, url: httpx2.URL, caller: Caller) -> None:
        self._client = client
        self._url = url
        self._login: Login | None = caller.find_login(url)
        self._auth = RegistryAuth(
            str(url), self._login, allowed_realm_hosts=caller.allowed_realm_hosts
        )

    @property
    def host(self) -> str:
        """Its host, and the port if that is not the usual one."""
        return self._url.netloc.decode("ascii")

    @property
    def login_server(self) -> str:
        """See Carrier.login_server."""
        return self.host

    def send(self, call: Call) -> Answer:
        """See Carrier.send."""
        headers = {"Accept": call.accept or JSON_TYPE}
        if call.body:
            headers["Content-Type"] = JSON_TYPE
        request = self._client.build_request(
            call.method,
            self._url.join(call.target),
            params=call.query or None,
            headers=headers,
            content=call.body,
            timeout=TIMEOUT,
        )
        with self._told(), self._answered(request) as response:
            body = _read(response)
            if not response.is_success:
                raise refusal(response, body, self._login)
            pairs = [(name.lower(), value) for name, value in response.headers.multi_items()]
            return Answer(response.status_code, tuple(pairs), body)

    @contextmanager
    def _answered(self, request: httpx2.Request) -> Iterator[httpx2.Response]:
        follow = request.method in ("GET", "HEAD")
        response = self._client.send(request, auth=self._auth, stream=True, follow_redirects=follow)
        try:
            yield response
        finally:
            response.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            with failures_told():
                yield
        except Refused as refused:
            cause = refused.__context__
            if not isinstance(cause, TokenRefused) or cause.status not in {400, 401}:
                raise
            if self._login is None:
                raise Refused(login_wanted(self._url)) from None
            again = f"Log in again: acrux login {written(self._url)}"
            raise Refused(f"{refused.message}. {again}") from None


@contextmanager
def at_url(url: httpx2.URL, caller: Caller, tls: Tls) -> Iterator[OverHttp]:
    """The registry at a URL. Raises click.ClickException if the login cannot be read."""
    with open_client(tls) as client:
        with failures_told():
            carrier = OverHttp(client, url, caller)
        yield carrier


def _read(response: httpx2.Response) -> bytes:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise click.ClickException(
                f"{response.url.host} answered with more than {MAX_ANSWER_BYTES} bytes"
            )
    return bytes(content)
