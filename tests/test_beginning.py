from __future__ import annotations

import pytest

from keyspec.beginning import begin_spec
from keyspec.errors import SpecError, UsageError

GIVEN = {"url": None, "auth": "env:HUB_KEY", "auth_key_id": "keyspec_ci", "hub": "lab"}


def test_folders_are_made(tmp_path):
    told = list(begin_spec(str(tmp_path / "a" / "b"), **GIVEN))
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == [
        ".gitignore",
        "keyspec.schema.json",
        "keyspec.yaml",
    ]
    assert told[-1].startswith("next: ")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b"/secrets/\n"),
        (b"*.pyc", b"*.pyc\n/secrets/\n"),
        (b"\xff\n", b"\xff\n/secrets/\n"),
        (b"secrets/\n", b"secrets/\n"),
        (b"/secrets\r\n", b"/secrets\r\n"),
    ],
)
def test_an_ignore_file_gets_the_one_line_that_it_lacks(tmp_path, before, after):
    (tmp_path / ".gitignore").write_bytes(before)
    told = list(begin_spec(str(tmp_path), **GIVEN))
    assert (tmp_path / ".gitignore").read_bytes() == after
    assert len(told) == (2 if before == after else 3)


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made"):
        list(begin_spec(str(tmp_path / "file" / "folder"), **GIVEN))


def test_a_hub_name_that_is_none_is_a_problem_of_the_spec(tmp_path):
    with pytest.raises(SpecError):
        list(begin_spec(str(tmp_path), **(GIVEN | {"hub": "a b"})))
    assert list(tmp_path.iterdir()) == []
