"""The form that a page sends; the only reader of it."""

from typing import Final

from acrux.http.messages import Request
from acrux.http.oauth2.forms import read_fields

MAX_FORM_BYTES: Final = 256 * 1024


async def read(request: Request) -> dict[str, str]:
    """The fields of the request's form; of one that is repeated, the last.

    Raises InvalidRequest if the body is not a form, and ContentTooLarge.
    """
    return dict(await read_fields(request, MAX_FORM_BYTES))
