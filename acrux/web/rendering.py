"""From a template to an answer that runs nothing but our own scripts."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from acrux.http.messages import Headers, Response
from acrux.web import drawings, words
from acrux.web.static import Static

# Nothing inline, nothing from elsewhere, and no other site may show the page in a frame.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final[Headers] = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"referrer-policy", b"same-origin"),
    (b"cache-control", b"no-store"),  # what one visitor may see is not for the next
    (b"vary", b"cookie"),
]


class Rendering:
    """Renders the templates. All that they show is escaped: it may be a stranger's text."""

    def __init__(self, registry: str, static: Static) -> None:
        self._environment = Environment(
            loader=PackageLoader("acrux.web"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=words.visible,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        english = tomllib.loads(files("acrux.web").joinpath("english.toml").read_text("utf-8"))
        self._environment.globals.update(t=english, registry=registry, static=static.address)
        self._environment.filters.update(words.FILTERS)
        self._environment.filters.update(drawings.FILTERS)

    def page(self, template: str, values: Mapping[str, Any], status: int = 200) -> Response:
        """The page that the template makes of the values."""
        text = self._environment.get_template(f"{template}.html").render(values)
        return Response(status, [*_HEADERS], text.encode())
