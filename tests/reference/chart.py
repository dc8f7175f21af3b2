"""The schema of the chart's `config`: from the rows of acrux/settings.py."""

import json
import re
from dataclasses import Field
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from acrux.settings import rows
from acrux.settings_problems import GRAMMARS, RANGES

FILE: Final = Path(__file__).parents[2] / "deploy" / "helm" / "acrux" / "values.schema.json"

# What the chart sets itself, and the values that it sets it from.
SET_BY_THE_CHART: Final = {
    "admin_password_file": "adminPassword.existingSecret",
    "data_dir": "persistence",
    "database": "database.existingSecret",
    "database_file": "database.existingSecret",
    "host": "service",
    "login_servers": "loginServers",
    "master_key_file": "masterKey.existingSecret",
    "metrics_listen": "metrics",
    "port": "service.port",
    "tls_cert": "tls.existingSecret",
    "tls_key": "tls.existingSecret",
    "tls_self_signed": "tls.existingSecret",
}

# address ::= of IPv4 or IPv6; network ::= address "/" digits. acrux reads them more exactly.
_NETWORK: Final = re.compile(r"[0-9a-fA-F.:]+(?:/[0-9]{1,3})?")
_GRAMMARS: Final = {**GRAMMARS, "trusted_proxies": _NETWORK, "webhook_networks": _NETWORK}

Schema = dict[str, Any]


def render() -> str:
    """The schema of the values, as it is but for `config`."""
    schema = json.loads(FILE.read_text(encoding="utf-8"))
    schema["properties"]["config"] = _config()
    return json.dumps(schema, indent=2) + "\n"


def write() -> None:
    """Write the schema."""
    FILE.write_text(render(), encoding="utf-8")


def _config() -> Schema:
    elsewhere = ", ".join(f"{name} ({value})" for name, value in SET_BY_THE_CHART.items())
    return {
        "description": "Settings of the registry. Made by ./scripts/reference from "
        f"acrux/settings.py. Other values set: {elsewhere}.",
        "type": "object",
        "additionalProperties": False,
        "properties": {row.name: _of(row) for row in rows() if row.name not in SET_BY_THE_CHART},
    }


def _of(row: Field[Any]) -> Schema:
    return {"description": row.metadata["sentence"], **_type(row)}


def _type(row: Field[Any]) -> Schema:
    if get_origin(row.type) is Literal:
        return {"enum": [*get_args(row.type)]}
    if row.type is bool:
        return {"type": "boolean"}
    if row.type is int:
        least, most = RANGES[row.name]
        return {"type": "integer", "minimum": least, "maximum": most}
    if row.type == tuple[str, ...]:
        return {"type": "array", "items": _text(row.name)}
    return _text(row.name) if row.type is str else {"type": "string", "minLength": 1}  # a path


def _text(name: str) -> Schema:
    grammar = _GRAMMARS.get(name)
    return {"type": "string"} | ({"pattern": f"^(?:{grammar.pattern})$"} if grammar else {})
