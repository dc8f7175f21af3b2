"""What strangers pushed: shown as text, whatever it is, and never a failure."""

import json
from typing import Any

import pytest

from tests.http.caller import Caller
from tests.images import Image
from tests.web.content.artifacts import (
    HELM,
    IN_TOTO,
    LINUX,
    SPDX,
    artifact,
    cyclonedx,
    image,
    index,
    referrer,
    signed,
    spdx,
    statement,
)
from tests.web.content.pages.visiting import Shown, Visitor, watched_calls

AT = "/web/repositories/team/app/-/manifests"
ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    'https://evil.example/" onclick="alert(1)',
    "https://evil.example/<script>",
    "{{ 7 * 7 }}{% raw %}",
    "]]></svg><script>alert(1)</script>",
    "<!--",
    "\u202egnp.exe",
    "\u2066hidden\u2069",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "a\x00b\x7f\x9b",
    "\ufeff\u200b\u2028",
    "\U000e0041",
    "é" * 300,
]  # fmt: skip
WRONG: list[Any] = [
    None, True, 7, -1, 1e300, "text", [], {}, [[1]], [{"a": [None]}], {"a": {"b": 1}},
]  # fmt: skip


def check(page: Shown) -> None:
    """Assert that nothing of the page is markup or a link that a stranger chose."""
    assert page.status == 200, page.text[:500]
    for name, given in page.elements:
        assert name not in {"script", "iframe", "object", "base", "style", "img"} or (
            name == "script" and given["src"].startswith("/web/static/")
        )
        assert not [key for key in given if key.startswith("on") or key == "style"]
    for link in page.links:
        address = link["href"]
        if not address.startswith(("/", "?", "#")):
            assert address.startswith(("https://", "http://"))
            assert link["rel"] == "noopener noreferrer nofollow"
    assert not [
        character
        for character in page.html
        if not (character.isprintable() or character in "\n\xa0")
    ]


def nested(depth: int) -> bytes:
    """A JSON document of lists in lists."""
    return b'{"config": ' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize("text", ATTACKS)
async def test_a_strangers_text_stays_text(owner: Visitor, admin: Caller, text: str) -> None:
    """Whoever may push anything could act in the name of whoever looks at it."""
    config = {
        **LINUX, "author": text, "created": text, "os": text, "architecture": text,
        "config": {"Env": [f"A={text}", text], "Cmd": [text], "Labels": {text: text, "x": text},
                   "Volumes": {text: {}}},
        "history": [{"created": text, "created_by": text, "comment": text}, {}],
    }  # fmt: skip
    notes = {text: text, "org.opencontainers.image.url": text}
    hostile = artifact(config, b"layer", annotations=notes)
    chart = artifact(
        {"name": text, "home": text, "icon": text, "sources": [text], "keywords": [text],
         "maintainers": [{"name": text, "email": text}], "annotations": {text: text},
         "dependencies": [{"name": text, "version": text, "repository": text}]},
        b"chart", config_type=HELM,
    )  # fmt: skip
    predicate = {"builder": {"id": text}, "materials": [{"uri": text, "digest": {text: text}}]}
    about = referrer(
        hostile, IN_TOTO, spdx((text, text)), cyclonedx((text, text)),
        statement("https://slsa.dev/provenance/v0.2", predicate, hostile),
        statement(text, {text: text}, hostile), annotations={"in-toto.io/predicate-type": text},
    )  # fmt: skip
    platforms = index((hostile, {"os": text, "architecture": text}, {text: text}))
    for tag, one in (("v1", hostile), ("chart", chart), ("about", about), ("all", platforms)):
        await admin.push("team/app", tag, one)

    for tag in ("v1", "chart", "about", "all"):
        check(await owner.get(f"{AT}/{tag}"))
        check(await owner.get(f"{AT}/{tag}?secrets=shown"))
        check(await owner.get(f"/web/compare?left=team/app:v1&right=team/app:{tag}"))
    check(await owner.get("/web/repositories/team/app"))
    check(await owner.get("/web/repositories/team/app/-/manifests"))


@pytest.mark.parametrize("path", ["contains=", "below=team&last=", "last=", "done="])
@pytest.mark.parametrize("text", ["%3Cscript%3E", "%E2%80%AEx", "%1B%5B31m", "%22%3E", "a%00"])
async def test_a_strangers_link_to_a_page_stays_a_link(
    owner: Visitor, admin: Caller, path: str, text: str
) -> None:
    """Links are sent by mail."""
    await admin.push("team/app", "v1", image())

    check(await owner.get(f"/web/?{path}{text}"))
    check(await owner.get(f"{AT}/v1?{path}{text}"))


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
async def test_wrong_types_are_shown_as_far_as_they_can_be(
    owner: Visitor, admin: Caller, wrong: Any
) -> None:
    """One image with a list for an object must not make its page fail."""
    configs: list[object] = [
        wrong,
        dict.fromkeys((*LINUX, "config", "history"), wrong),
        {**LINUX, "config": dict.fromkeys(("Env", "Labels", "Cmd", "Entrypoint", "User"), wrong)},
        {**LINUX, "history": [wrong], "config": {"Env": [wrong], "Cmd": [wrong]}},
        {**LINUX, "history": [dict.fromkeys(("created", "created_by", "comment"), wrong)]},
    ]
    for number, config in enumerate(configs):
        await admin.push("team/app", f"v{number}", artifact(config, b"layer"))
        await admin.push("team/app", f"c{number}", artifact(config, b"c", config_type=HELM))
        check(await owner.get(f"{AT}/v{number}"))
        check(await owner.get(f"{AT}/c{number}"))
        check(await owner.get(f"/web/compare?left=team/app:v0&right=team/app:v{number}"))


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
async def test_wrong_types_in_documents_are_shown_as_far_as_they_can_be(
    owner: Visitor, admin: Caller, wrong: Any
) -> None:
    """An SBOM is written by any tool."""
    app = image()
    documents: list[Any] = [
        wrong,
        {**dict.fromkeys(spdx(), wrong), "spdxVersion": wrong},
        {**spdx(), "packages": [wrong, dict.fromkeys(spdx(("a", "1"))["packages"][0], wrong)]},
        {**cyclonedx(), "components": [wrong, {"name": wrong, "licenses": [wrong]}],
         "metadata": wrong},
        {"dsseEnvelope": wrong},
        {"payload": wrong},
        {"payload": "not base64!"},
        signed(wrong),
        statement("https://slsa.dev/provenance/v1", wrong, app),
        {**statement("x", {}, app), "subject": wrong},
        statement("https://slsa.dev/provenance/v1",
                  dict.fromkeys(("buildDefinition", "runDetails", "materials", "builder",
                                 "invocation", "metadata"), wrong), app),
        statement("https://slsa.dev/provenance/v1",
                  {"buildDefinition": {"resolvedDependencies": [wrong, {"uri": wrong}]},
                   "runDetails": {"builder": wrong, "metadata": {"startedOn": wrong}}}, app),
    ]  # fmt: skip
    await admin.push("team/app", "v1", app)
    for start in range(0, len(documents), 6):
        about = referrer(app, IN_TOTO, *documents[start : start + 6])
        await admin.push("team/app", "about", about)
        check(await owner.get(f"{AT}/about"))
    check(await owner.get("/web/compare?left=team/app:v1&right=team/app:v1"))


@pytest.mark.parametrize(
    "config", [b"", b"not JSON", b"\xff\xfe", nested(100_000), nested(900), b'{"a":', b'"\\ud800"']
)
async def test_a_config_that_is_no_json_is_left_out(
    owner: Visitor, admin: Caller, config: bytes
) -> None:
    """Deeply nested JSON ends parsers."""
    app = artifact(config, b"layer")
    about = referrer(app, SPDX, config + b" ")
    await admin.push("team/app", "v1", app)
    await admin.push("team/app", "about", about)

    check(await owner.get(f"{AT}/v1"))
    check(await owner.get(f"{AT}/about"))


async def test_a_megabyte_of_annotations_is_cut(owner: Visitor, admin: Caller) -> None:
    """A page of megabytes hangs the browser."""
    long = {"long": "x" * 1_000_000, **{f"n{number}": "y" * 500 for number in range(3000)}}
    huge = artifact(
        {**LINUX, "config": {"Env": [f"A={'z' * 1_000_000}"] * 3, "Labels": {"l": "w" * 10**6}}},
        b"layer", annotations=long,
    )  # fmt: skip
    await admin.push("team/app", "v1", huge)
    await admin.push("team/app", "about", referrer(huge, SPDX, spdx(*[("p" * 900, "1")] * 3000)))

    for tag in ("v1", "about"):
        page = await owner.get(f"{AT}/{tag}")
        check(page)
        assert len(page.answer.body) < 2 * 1024 * 1024
    check(await owner.get("/web/compare?left=team/app:v1&right=team/app:about"))


async def test_a_config_of_another_size_than_can_be_shown_is_left_out(
    owner: Visitor, admin: Caller
) -> None:
    """A blob of gigabytes may call itself a configuration."""
    large = artifact(json.dumps({"a": "x" * 9 * 1024 * 1024}).encode(), b"layer")
    await admin.push("team/app", "v1", large)

    check(await owner.get(f"{AT}/v1"))


async def test_an_index_of_itself_and_of_nothing_is_shown(owner: Visitor, admin: Caller) -> None:
    """Mirrors keep only some platforms."""
    missing: Image = image(b"never pushed")
    await admin.push("team/app", "v1", index(*[(missing, {"os": "linux"}, {})] * 600))

    check(await owner.get(f"{AT}/v1"))
    assert (await owner.get("/web/compare?left=team/app:v1&right=team/app:v1")).status == 404


@pytest.mark.parametrize("letter", ["\u200b", "\U000e0041", '"', "<", "a=b "])
async def test_a_page_of_strangers_texts_is_bounded(
    owner: Visitor, admin: Caller, letter: str
) -> None:
    """Each list was short enough, and all of them together were a page of 15 MB."""
    text = letter * (1400 // len(letter.encode()))
    named = {f"n{number}": text for number in range(350)}
    config = {
        **LINUX, "config": {"Env": [f"A={text}"] * 350, "Labels": named, "Cmd": [text] * 50},
        "history": [{"created_by": text, "comment": text}] * 250,
    }  # fmt: skip
    content = json.dumps(config, ensure_ascii=False).encode()
    await admin.push("team/app", "v1", artifact(content, b"layer", annotations=named))

    shown = await owner.get(f"{AT}/v1")
    compared = await owner.get("/web/compare?left=team/app:v1&right=team/app:v1")

    assert "n1" in shown.text
    assert len(shown.answer.body) < 3 * 1024 * 1024
    assert len(compared.answer.body) < 6 * 1024 * 1024


async def test_a_comparison_asks_for_a_few_bills_only(
    owner: Visitor, admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index can name ten thousand attestations of an image, and a page would read them all."""
    app = image()
    made = [referrer(app, IN_TOTO, statement("x", {"n": n}, app)) for n in range(40)]
    entry = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": str(app.digest),
    }
    both = index((app, {"os": "linux"}, {}), *((one, {"os": "unknown"}, entry) for one in made))
    for tag, one in (("app", app), *((f"a{n}", one) for n, one in enumerate(made)), ("v1", both)):
        await admin.push("team/app", tag, one)
    asked = watched_calls(monkeypatch)
    check(await owner.get("/web/compare?left=team/app:v1&right=team/app:v1"))

    assert len(asked) < 80


async def test_a_bill_of_a_million_packages_is_read_in_part(owner: Visitor, admin: Caller) -> None:
    """Six of these held 800 MB and the worker for seconds."""
    bill = b'{"spdxVersion":"SPDX-2.3","packages":[' + b'{"name":"a"},' * 300_000 + b"{}]}"
    app = image()
    await admin.push("team/app", "v1", app)
    about = referrer(app, SPDX, *(bill + b" " * number for number in range(6)))
    await admin.push("team/app", "about", about)

    page = await owner.get(f"{AT}/about")

    check(page)
    assert page.text.count("(20000)") == 2  # what eight MiB hold
