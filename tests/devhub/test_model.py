import pytest

from keyspec.devhub.errors import Refusal
from keyspec.devhub.model import (
    BUILT_IN_ROLES,
    PERMISSIONS,
    Edit,
    Key,
    Role,
    check_edit,
    check_key_id,
    check_value,
    sort_roles,
)


def test_there_are_thirteen_permissions_and_four_roles():
    assert len(set(PERMISSIONS)) == 13
    assert [role.name for role in BUILT_IN_ROLES] == ["Administrator", "Operator", "Unrestricted", "User"]
    assert set(BUILT_IN_ROLES[0].permissions) == set(PERMISSIONS)


def test_only_the_administrator_manages_users():
    assert [role.name for role in BUILT_IN_ROLES if "User Management" in role.permissions] == ["Administrator"]


@pytest.mark.parametrize("permissions", [("Nothing",), ("Sensor Configuration",)])
def test_a_role_has_real_permissions_that_go_together(permissions):
    with pytest.raises(ValueError, match="role 'x'"):
        Role("x", permissions)


@pytest.mark.parametrize("value", ["", "a b", "ä", "a\n", "a" * 4097])
def test_a_value_fits_a_header(value):
    with pytest.raises(Refusal):
        check_value(value)


def test_limits_are_inclusive():
    check_value("a" * 4096)
    check_key_id("a" * 128)
    check_edit(Edit("x" * 1024, ("r",), 1))
    for edit in (Edit("x" * 1025), Edit(reauthentication_timeout=0), Edit(reauthentication_timeout=2**31)):
        with pytest.raises(Refusal):
            check_edit(edit)


def test_roles_are_a_set():
    assert sort_roles(["b", "a", "b"]) == ("a", "b")


def test_a_key_or_role_is_what_it_says_whenever_it_said_it():
    one, other = (Key("a", "", ("User",), 60, locked=False, version=number) for number in (1, 2))
    assert one == other
    assert Role("a", role_id="r-1") == Role("a", role_id="r-2")
