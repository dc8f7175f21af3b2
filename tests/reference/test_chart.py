"""The schema of the chart's `config` refuses what acrux refuses, and nothing else."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from acrux.errors import InvalidSettings
from acrux.settings import rows
from acrux.settings_problems import RANGES
from acrux.settings_sources import load
from tests.reference import chart

CONFIG = json.loads(chart.FILE.read_text())["properties"]["config"]

OURS = [row for row in rows() if row.name not in chart.SET_BY_THE_CHART]
EDGES = [
    (name, value)
    for name, (least, most) in RANGES.items()
    if name not in chart.SET_BY_THE_CHART
    for value in (least - 1, least, most, most + 1)
]


def allows(name: str, value: Any) -> bool:
    """Whether the chart takes this setting."""
    return bool(jsonschema.Draft7Validator(CONFIG).is_valid({name: value}))


def accepts(name: str, value: Any, folder: Path) -> bool:
    """Whether acrux starts with this setting in a file."""
    file = folder / "acrux.toml"
    file.write_text(f"{name} = {json.dumps(value)}\n")
    try:
        load({}, {}, file)
    except InvalidSettings:
        return False
    return True


def test_the_schema_is_what_the_code_says() -> None:
    """helm would refuse a new setting, or install a pod that does not start."""
    assert chart.FILE.read_text() == chart.render(), "run ./scripts/reference"


def test_every_setting_is_in_the_schema_unless_other_values_set_it() -> None:
    """What the schema leaves out cannot be set, and what the chart sets must not be set twice."""
    names = {row.name for row in rows()}

    assert names - CONFIG["properties"].keys() == chart.SET_BY_THE_CHART.keys()
    assert all(name in CONFIG["description"] for name in chart.SET_BY_THE_CHART)


@pytest.mark.parametrize(("name", "value"), EDGES)
def test_a_number_is_refused_by_helm_where_acrux_refuses_it(
    name: str, value: int, tmp_path: Path
) -> None:
    """Otherwise the pod is found in a crash loop, after the old one has gone."""
    assert allows(name, value) == accepts(name, value, tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "is_right"),
    [
        ("name", "acrux", True),
        ("name", "a b", False),
        ("trusted_proxies", ["10.0.0.0/8", "::1"], True),
        ("trusted_proxies", ["proxy.example.com"], False),
        ("webhook_networks", "10.0.0.0/8", False),
        ("cors_origins", ["*", "https://ui.example.com"], True),
        ("cors_origins", ["ui.example.com"], False),
        ("token_issuer", "", False),
        ("token_services", ["Registry"], False),
        ("account_limits", ["read=5", "write=0"], True),
        ("account_limits", ["raed=5"], False),
        ("signing_algorithm", "RS256", True),
        ("signing_algorithm", "HS256", False),
        ("log_level", "loud", False),
        ("htpasswd_scope_map", "_repositories_pull", True),
        ("key_set_file", "", False),
        ("audit_days", "abc", False),
        ("audit_dasy", 4, False),
    ],
)
def test_a_text_is_refused_by_helm_where_acrux_refuses_it(
    name: str, value: Any, is_right: bool, tmp_path: Path
) -> None:
    """As above; a list is refused for any of its elements."""
    assert allows(name, value) == accepts(name, value, tmp_path) == is_right


@pytest.mark.parametrize("row", OURS, ids=lambda row: row.name)
def test_a_default_may_be_written_out(row: Any) -> None:
    """Values often begin as a copy of the defaults."""
    default = [*row.default] if isinstance(row.default, tuple) else row.default

    assert default is None or allows(row.name, default)
