"""The WWW-Authenticate header: realm, service, scope, error."""

from acrux.errors import AccessRefused, InsufficientScope, InvalidToken
from acrux.http.access.origin import Origin

# RFC 6750 §3.1. There is no error code for missing credentials, nor for a wrong password.
_ERRORS = {InvalidToken: "invalid_token", InsufficientScope: "insufficient_scope"}


def bearer(origin: Origin, refused: AccessRefused) -> str:
    """The one challenge of the registry's API (acr-protocol.md §1.1).

    There is no space after the commas: Azure's Python and Go SDKs, and `az`, split there.
    """
    # Also after a wrong password. There ACR challenges for Basic, but its users ask for Bearer
    # (Azure/acr#651, #466), and every client accepts it.
    realm = f"{origin.scheme}://{origin.login_server}/oauth2/token"
    parameters = {"realm": realm, "service": origin.login_server}
    if refused.challenge:
        parameters["scope"] = refused.challenge
    if error := _ERRORS.get(type(refused)):
        parameters["error"] = error
    return "Bearer " + ",".join(f'{name}="{value}"' for name, value in parameters.items())


def basic(origin: Origin, _: AccessRefused) -> str:
    """The challenge of the token endpoint, which takes a user name and a password (RFC 7617)."""
    # A Bearer challenge would send the client back to this endpoint, in a loop.
    return f'Basic realm="{origin.login_server}"'
