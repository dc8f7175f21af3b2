"""SBOMs and attestations as people read them."""

import base64
import binascii
from typing import Any, Final, Literal

from msgspec import Struct

from acrux.web.content.documents import loose

SHOWN: Final = 1000  # packages or materials of a document on a page
MAX_READ: Final = 20_000  # of a document: a stranger's may list a million

Kind = Literal["spdx", "cyclonedx", "provenance", "statement"]


class Package(Struct, frozen=True, order=True):
    """A package that an SBOM lists."""

    name: str
    version: str
    license: str
    purl: str


class Material(Struct, frozen=True):
    """What something was built from, or what a statement is about."""

    uri: str
    digest: str


class Document(Struct, frozen=True):
    """A document about an artifact."""

    kind: Kind
    facts: tuple[tuple[str, str], ...] = ()
    subjects: tuple[Material, ...] = ()
    packages: tuple[Package, ...] = ()
    materials: tuple[Material, ...] = ()


def read(body: bytes) -> Document | None:
    """The document that the bytes are, or hold in an envelope; None if it is none of ours."""
    value = loose.mapping(_opened(loose.decode(body)))
    if loose.text(value.get("_type")).startswith("https://in-toto.io/Statement"):
        return _statement(value)
    return _bill(value)


def _opened(value: Any) -> Any:
    # DSSE, by itself or in a bundle of sigstore: the payload is what was signed.
    envelope = loose.at(value, "dsseEnvelope") or value
    payload = loose.at(envelope, "payload")
    if not isinstance(payload, str):
        return value
    try:
        return loose.decode(base64.b64decode(payload))
    except (binascii.Error, ValueError):
        return None


def _bill(value: dict[str, Any]) -> Document | None:
    if "spdxVersion" in value:
        return _spdx(value)
    if value.get("bomFormat") == "CycloneDX":
        return _cyclonedx(value)
    return None


def _facts(*facts: tuple[str, Any]) -> tuple[tuple[str, str], ...]:
    named = ((name, loose.text(value)) for name, value in facts)
    return tuple((name, text) for name, text in named if text)


def _spdx(value: dict[str, Any]) -> Document:
    creators = loose.items(loose.at(value, "creationInfo", "creators"))
    return Document(
        kind="spdx",
        facts=_facts(
            ("format", value.get("spdxVersion")),
            ("name", value.get("name")),
            ("created", loose.at(value, "creationInfo", "created")),
            ("tool", ", ".join(map(loose.text, creators[:20]))),
            ("license", value.get("dataLicense")),
        ),
        packages=tuple(
            Package(
                loose.text(one.get("name")),
                loose.text(one.get("versionInfo")),
                _stated(one.get("licenseConcluded")) or _stated(one.get("licenseDeclared")),
                _purl(one),
            )
            for one in loose.mappings(value.get("packages"))[:MAX_READ]
        ),
    )


def _stated(license_: Any) -> str:
    text = loose.text(license_)
    return "" if text in {"NOASSERTION", "NONE"} else text


def _purl(package: dict[str, Any]) -> str:
    for one in loose.mappings(package.get("externalRefs")):
        if one.get("referenceType") == "purl":
            return loose.text(one.get("referenceLocator"))
    return ""


def _cyclonedx(value: dict[str, Any]) -> Document:
    metadata = value.get("metadata")
    return Document(
        kind="cyclonedx",
        facts=_facts(
            ("format", f"CycloneDX {loose.text(value.get('specVersion'))}"),
            ("name", loose.at(metadata, "component", "name")),
            ("created", loose.at(metadata, "timestamp")),
        ),
        packages=tuple(
            Package(
                loose.text(one.get("name")),
                loose.text(one.get("version")),
                ", ".join(map(_license, loose.mappings(one.get("licenses"))[:20])),
                loose.text(one.get("purl")),
            )
            for one in loose.mappings(value.get("components"))[:MAX_READ]
        ),
    )


def _license(one: dict[str, Any]) -> str:
    named = loose.at(one, "license", "id") or loose.at(one, "license", "name")
    return loose.text(named or one.get("expression"))


def _statement(value: dict[str, Any]) -> Document:
    predicate = loose.mapping(value.get("predicate"))
    subjects = tuple(
        Material(loose.text(one.get("name")), _digest(one.get("digest")))
        for one in loose.mappings(value.get("subject"))[:SHOWN]
    )
    of = loose.text(value.get("predicateType"))
    bill = _bill(predicate) or _bill(loose.mapping(predicate.get("Data")))
    if bill is not None:
        return Document(bill.kind, bill.facts, subjects, bill.packages)
    if of.startswith("https://slsa.dev/provenance/"):
        return _provenance(of, subjects, predicate)
    return Document("statement", _facts(("predicate", of), *_simple(predicate)), subjects)


def _simple(predicate: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name[:100], loose.text(value)) for name, value in list(predicate.items())[:20]]


def _provenance(of: str, subjects: tuple[Material, ...], predicate: dict[str, Any]) -> Document:
    # SLSA v1 has a definition and details of the run; v0.2 has them flat.
    built = loose.mapping(predicate.get("buildDefinition"))
    run = loose.mapping(predicate.get("runDetails"))
    times = loose.mapping(run.get("metadata")) or loose.mapping(predicate.get("metadata"))
    source = loose.mapping(loose.at(predicate, "invocation", "configSource"))
    builder = loose.at(run, "builder", "id") or loose.at(predicate, "builder", "id")
    materials = built.get("resolvedDependencies") or predicate.get("materials")
    return Document(
        kind="provenance",
        facts=_facts(
            ("predicate", of),
            ("builder", builder),
            ("buildType", built.get("buildType") or predicate.get("buildType")),
            ("invocation", times.get("invocationId") or times.get("buildInvocationID")
             or times.get("buildInvocationId")),
            ("started", times.get("startedOn") or times.get("buildStartedOn")),
            ("finished", times.get("finishedOn") or times.get("buildFinishedOn")),
            ("source", source.get("uri")),
            ("sourceDigest", _digest(source.get("digest"))),
            ("entryPoint", source.get("entryPoint")),
            ("parameters", built.get("externalParameters")),
        ),
        subjects=subjects,
        materials=tuple(
            Material(loose.text(one.get("uri") or one.get("name")), _digest(one.get("digest")))
            for one in loose.mappings(materials)[:MAX_READ]
        ),
    )  # fmt: skip


def _digest(value: Any) -> str:
    return ", ".join(f"{name}:{text}" for name, text in loose.pairs(value)[:5])
