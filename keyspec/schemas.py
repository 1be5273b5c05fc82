"""The JSON Schemas of all formats, by name, as they lie in the folder `schemas/`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from keyspec.contract import contract_schema
from keyspec.planfile import plan_schema
from keyspec.spec import spec_schema
from keyspec.trust import trusted_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SCHEMAS: Final[Mapping[str, tuple[str, Callable[[], dict[str, Any]]]]] = {
    "spec": ("keyspec.schema.json", spec_schema),
    "plan": ("keyspec-plan.schema.json", plan_schema),
    "contract": ("keyspec-contract.schema.json", contract_schema),
    "trusted": ("keyspec-trusted.schema.json", trusted_schema),
}
"""File name and source of each schema."""


def render_schema(name: str) -> str:
    """Write a schema as its file holds it."""
    return json.dumps(SCHEMAS[name][1](), indent=2, ensure_ascii=False) + "\n"
