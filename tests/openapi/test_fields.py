from __future__ import annotations

import pytest

from keyspec.openapi.fields import find_key_fields, find_lock, find_roles, find_timeout, sort_states
from keyspec.openapi.schemas import Schemas

TEXT, NUMBER, FLAG = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
NAMES = {"type": "array", "items": TEXT}


def shape_of(**fields):
    return Schemas({}).read({"type": "object", "properties": fields})


def fields_of(item=None, **fields):
    return find_key_fields(shape_of(**fields), thing=("api", "key"), item=item)


def path_of(spot):
    return None if spot is None else ".".join(spot.path)


@pytest.mark.parametrize(
    ("fields", "item", "found"),
    [
        ({"id": TEXT, "name": TEXT}, None, "id"),
        ({"keyId": TEXT, "ownerId": TEXT, "id": TEXT}, None, "keyId"),
        ({"uid": TEXT, "key": TEXT, "name": TEXT}, "uidOrKey", "uid"),
        ({"uuid": TEXT, "role_id": TEXT}, None, "uuid"),
        ({"token_name": TEXT, "note": TEXT}, "token_name", "token_name"),
        ({"name": TEXT, "note": TEXT}, "name", "name"),
        ({"name": TEXT, "note": TEXT}, "id", None),
        ({"meta": {"properties": {"keyId": TEXT}}, "owner": {"properties": {"id": TEXT}}}, None, "meta.keyId"),
    ],
)
def test_the_id_is_what_names_a_key_in_a_path(fields, item, found):
    assert path_of(fields_of(item, **fields).id) == found


def test_an_id_that_is_no_text_is_none_even_if_there_is_a_name():
    row = fields_of("id", id=NUMBER, name=TEXT)
    assert (row.id, row.remarks["id"]) == (None, "`id` is no text")


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"id": TEXT, "description": TEXT, "name": TEXT}, "description"),
        ({"id": TEXT, "displayName": TEXT}, "displayName"),
        ({"id": TEXT, "note": TEXT, "role": {"properties": {"description": TEXT}}}, "note"),
        ({"id": TEXT, "comment": {"enum": ["a"]}, "title": {"type": "string", "format": "date-time"}}, None),
        ({"id": TEXT, "roleDescription": TEXT}, None),
    ],
)
def test_a_description_is_text_about_the_key_itself(fields, found):
    assert path_of(fields_of(**fields).description) == found


@pytest.mark.parametrize(
    ("schema", "name", "inner", "by_id"),
    [
        (NAMES, "roles", (), False),
        (NAMES, "role_ids", (), True),
        ({"type": "array", "items": {"type": "string", "format": "uuid"}}, "roles", (), True),
        ({"type": "array", "items": {"type": "string", "description": "The ID of a role"}}, "roles", (), True),
        ({"type": "array", "items": NUMBER}, "roles", (), True),
        ({"type": "array"}, "scopes", (), False),
        ({"type": "array", "items": {"properties": {"id": TEXT, "name": TEXT}}}, "roles", ("id",), True),
        ({"type": "array", "items": {"properties": {"roleName": TEXT}}}, "grants", ("roleName",), False),
    ],
)
def test_roles_are_a_list_of_names_or_of_ids_or_of_objects_with_either(schema, name, inner, by_id):
    roles = find_roles(shape_of(**{name: schema}))
    assert (roles.spot.path, roles.inner, roles.by_id) == ((name,), inner, by_id)


def test_roles_that_are_no_list_are_said_and_objects_without_a_name_are_none():
    assert fields_of(id=TEXT, role=TEXT).remarks["roles"] == "`role` is no list"
    assert find_roles(shape_of(roles={"type": "array", "items": {"properties": {"since": TEXT}}})) is None


@pytest.mark.parametrize(
    ("name", "schema", "unit"),
    [
        ("reauthenticationTimeout", NUMBER, "s"),
        ("reauthTimeoutMs", NUMBER, "ms"),
        ("timeout", {"type": "integer", "description": "In minutes"}, "min"),
        ("timeout_hours", NUMBER, "h"),
        ("ttl", TEXT, "text"),
        ("reauth_after", {"type": "string", "format": "duration"}, "iso"),
        ("timeout", {"type": "string", "pattern": "x", "description": "like PT5M"}, "iso"),
        ("time_to_live", {"type": "number", "description": "Milliseconds"}, "ms"),
    ],
)
def test_a_timeout_has_its_unit_in_its_name_or_description(name, schema, unit):
    timeout = find_timeout(shape_of(**{name: schema}))
    assert (timeout.spot.path, timeout.unit) == ((name,), unit)
    assert ("confirm" in timeout.unit_reason) == ("reauth" not in name)


@pytest.mark.parametrize("name", ["expires_in", "expiresAt", "lifetimeDays", "validity", "expirationTimeout"])
def test_when_a_key_ends_is_no_timeout(name):
    row = fields_of(id=TEXT, **{name: NUMBER})
    assert row.timeout is None
    assert row.remarks["reauth_timeout"] == f"`{name}` says when a key ends, not how long it is trusted"


def test_a_point_in_time_is_no_timeout():
    assert find_timeout(shape_of(timeout={"type": "string", "format": "date-time"})) is None


@pytest.mark.parametrize(
    ("name", "schema", "active", "locked"),
    [
        ("locked", FLAG, (False,), (True,)),
        ("isDisabled", FLAG, (False,), (True,)),
        ("enabled", FLAG, (True,), (False,)),
        ("status", {"enum": ["disabled", "EXPIRED", "enabled"]}, ("enabled",), ("disabled",)),
        ("phase", {"enum": ["revoked", "suspended", "active"]}, ("active",), ("suspended",)),
    ],
)
def test_a_lock_is_a_flag_or_a_status_of_known_words(name, schema, active, locked):
    lock = find_lock(shape_of(**{name: schema}))
    assert (lock.spot.path, lock.active, lock.locked) == ((name,), active, locked)


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": ["red", "green"]},
        {"enum": ["active", "revoked", "expired", "deleted"]},
        {"enum": ["active"]},
        TEXT,
        NUMBER,
    ],
)
def test_a_status_whose_words_say_nothing_is_no_lock(schema):
    assert find_lock(shape_of(status=schema)) is None


def test_a_status_wins_over_a_flag():
    assert path_of(find_lock(shape_of(locked=FLAG, status={"enum": ["active", "locked"]})).spot) == "status"


def test_only_a_state_that_can_be_undone_is_locked():
    assert sort_states(["revoked", "deactivated", "locked", "ACTIVE", "x"]) == (
        ("ACTIVE",),
        ("locked", "deactivated"),
    )
