from __future__ import annotations

from dataclasses import replace

import pytest
from builders import contract_without, default_contract
from probes import OTHER

from keyspec.contract import parse_contract
from keyspec.document import parse_document
from keyspec.foreseen import Setting, foresee, say_short
from keyspec.secret import Secret

SETTING = Setting("lab", "https://h.example", default_contract(), "User", {}, (5, 30), "0123456789abcdef" * 2, True)


def steps_of(setting):
    return [line.step for line in foresee(setting)]


def test_every_step_is_there_once_and_reads_between_them():
    steps = [step for step in steps_of(SETTING) if step != "read"]
    assert steps == [
        "create",
        "list",
        "unlock",
        "edit description",
        "edit reauth timeout",
        "edit, wrong ETag",
        *["use"] * 3,
        "lock",
        "other keys",
        "use until denied",
        "unlock",
        "use until let in",
        "import again",
        "delete copy",
        "other keys",
        "delete",
        "other keys",
        "import after",
        "delete copy",
        "create again",
        "delete again",
        "list",
    ]


def test_what_the_contract_lacks_is_not_foreseen():
    contract = contract_without("lock_key", "import_key", "edit_key", "get_key", "unlock_key")
    steps = steps_of(replace(SETTING, contract=contract))
    assert {"lock", "unlock", "import again", "edit description", "edit, wrong ETag"}.isdisjoint(steps)
    assert [line.request for line in foresee(replace(SETTING, contract=contract)) if line.step == "read"] != []


def test_a_value_is_never_shown_and_never_sent_to_a_hub_that_is_not_proved():
    (line,) = (line.request for line in foresee(SETTING) if line.step == "import again")
    assert '"apiKey": "(its value)"' in line
    assert "import again" not in steps_of(replace(SETTING, proved=False))
    assert "Secret" in repr(SETTING.fill_import(5, Secret("x")))


def test_leftovers_are_deleted_first():
    lines = foresee(replace(SETTING, leftovers=("keyspec_probe_old",)))
    assert [line.request for line in lines[:4]] == [
        "GET /api/v1/api_keys",
        "DELETE /api/v1/api_keys/keyspec_probe_old",
        "GET /api/v1/api_keys",
        "GET /api/v1/api_keys",
    ]


def test_the_keys_are_known_by_their_ids_and_by_their_mark():
    assert (SETTING.key_id, SETTING.copy_id) == ("keyspec_probe_0123456789abcdef", "keyspec_probe_0123456789abcdef_2")
    key = SETTING.first_key(5)
    assert key.description.startswith(SETTING.mark)
    assert all(edit["description"].startswith(SETTING.mark) for edit in list(SETTING.edits(5))[:1])


def test_what_a_contract_cannot_say_is_an_error_before_anything_is_asked():
    other = parse_contract(parse_document(OTHER.encode(), "o.yaml"))
    with pytest.raises((LookupError, ValueError)):
        foresee(replace(SETTING, contract=other))
    assert foresee(replace(SETTING, contract=other, role_ids={"User": "r-1"}))


def test_handles_are_looked_up_where_a_hub_has_them():
    text = OTHER.replace("key:\n  id: id", "key:\n  id: name\n  handle: id").replace("/keys/{key_id}", "/keys/{handle}")
    contract = parse_contract(parse_document(text.encode(), "o.yaml"))
    lines = foresee(replace(SETTING, contract=contract, role_ids={"User": "r-1"}))
    assert sum(line.step == "find" for line in lines) == 4
    assert any(line.request == "DELETE /admin/v2/keys/HANDLE" for line in lines)


def test_a_request_is_told_short_without_any_id():
    assert say_short(SETTING, "edit_key", ("roles",)) == "PUT /api/v1/api_keys/{key_id} roles"
