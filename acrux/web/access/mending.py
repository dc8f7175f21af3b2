"""What would let a refused request pass, ready to be copied."""

from collections.abc import Mapping
from typing import Any, Final

from acrux.domain.access.scope_maps import KIND_OF_ACTION, permission

_AND: Final = " && "
# These call no registry, or say themselves which one.
_ELSEWHERE: Final = ("acrux serve", "acrux auth")


def command(fix: str, host: str, address: str) -> str:
    """A command of the API, for this registry: a person at any machine may paste it.

    `host` is what docker calls the registry, `address` what acrux does.
    """
    parts = [_for_registry(part, address) for part in fix.split(_AND)]
    name = address if fix.startswith("acrux") else host
    return _AND.join(parts).replace("REGISTRY", name)


def widened(case: Mapping[str, Any], actions: list[str]) -> list[str]:
    """The permissions of the case's scope map, and those on repositories that it lacks."""
    lacking = [
        permission(right["resource"], KIND_OF_ACTION[right["action"]])
        for right in case["rights"]
        if not right["held"]
        and ":" not in right["resource"]  # that of a repository has none
        and right["action"] in KIND_OF_ACTION
    ]
    return list(dict.fromkeys([*actions, *lacking])) if lacking else []


def _for_registry(part: str, address: str) -> str:
    if not part.startswith("acrux ") or part.startswith(_ELSEWHERE) or part.endswith("--help"):
        return part
    return f"{part} --registry {address}"
