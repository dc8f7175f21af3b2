"""From a template to an answer that runs nothing but our own scripts."""

import tomllib
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import msgspec

from acrux.http.messages import Headers, Response
from acrux.web import drawings, words
from acrux.web.static import Static

if TYPE_CHECKING:
    from jinja2 import Environment

# Nothing inline, nothing from elsewhere, and no other site may show the page in a frame.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final[Headers] = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
    (b"cache-control", b"no-store"),  # what one visitor may see is not for the next
    (b"vary", b"cookie"),
]
# htmx swaps in what the registry answers, refusals too, and keeps no copy of it in the browser.
_HTMX: Final = {
    "allowEval": False,
    "allowScriptTags": False,
    "includeIndicatorStyles": False,
    "selfRequestsOnly": True,
    "historyCacheSize": 0,
    "refreshOnHistoryMiss": True,
    "responseHandling": [{"code": "204", "swap": False}, {"code": "...", "swap": True}],
}


class Rendering:
    """Renders the templates. All that they show is escaped: it may be a stranger's text.

    `login_trust` names the trust with whose issuer people may log in, if there is one.
    """

    def __init__(self, registry: str, static: Static, login_trust: str) -> None:
        self._shared = {
            "registry": registry,
            "static": static.address,
            "login_trust": login_trust,
            "htmx": msgspec.json.encode(_HTMX).decode(),
        }

    def page(self, template: str, values: Mapping[str, Any], status: int = 200) -> Response:
        """The page that the template makes of the values."""
        text = self._environment.get_template(f"{template}.html").render(values)
        return Response(status, [*_HEADERS], text.encode())

    @cached_property
    def _environment(self) -> "Environment":
        # jinja2 takes 30 ms and 2 MB, which a registry whose pages nobody opens does without.
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

        environment = Environment(
            loader=PackageLoader("acrux.web"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=words.visible,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        english = files("acrux.web").joinpath("english.toml").read_text("utf-8")
        environment.globals.update(t=tomllib.loads(english), **self._shared)
        environment.filters.update(words.FILTERS)
        environment.filters.update(drawings.FILTERS)
        environment.tests.update(words.TESTS)
        return environment
