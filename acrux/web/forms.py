"""The form that a page sends; the only reader of it."""

from typing import Final
from urllib.parse import parse_qsl

from acrux.errors import InvalidRequest
from acrux.http import parsing
from acrux.http.messages import Request

MAX_FORM_BYTES: Final = 256 * 1024
MAX_FIELDS: Final = 500
FORM_TYPE: Final = "application/x-www-form-urlencoded"


async def read(request: Request) -> dict[str, str]:
    """The fields of the request's form; of one that is repeated, the last.

    Raises InvalidRequest if the body is not a form, and ContentTooLarge.
    """
    if parsing.content_type(request) != FORM_TYPE:
        raise InvalidRequest(f"the body must be a form: Content-Type: {FORM_TYPE}")
    body = await request.body.read(MAX_FORM_BYTES)
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise InvalidRequest(
            f"the form is not percent-encoded UTF-8, or has more than {MAX_FIELDS} fields"
        ) from None
    return dict(pairs)
