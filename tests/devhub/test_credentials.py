from keyspec.devhub.credentials import digest_value, make_key_id, make_pepper, make_role_id, make_seal, make_value
from keyspec.devhub.model import check_key_id, check_value


def test_values_and_ids_are_well_formed_and_differ():
    values = {make_value() for _ in range(100)}
    assert len(values) == 100
    assert {len(value) for value in values} == {43}
    for value in values:
        check_value(value)
    check_key_id(make_key_id())
    assert make_role_id() != make_role_id()


def test_a_digest_depends_on_value_and_pepper():
    one, other = make_pepper(), make_pepper()
    assert digest_value("v", pepper=one) == digest_value("v", pepper=one)
    assert len({digest_value(v, pepper=p) for v in ("v", "w") for p in (one, other)}) == 4
    assert b"v" * 20 not in digest_value("v" * 20, pepper=one)


def test_a_seal_depends_on_text_and_pepper_and_is_no_digest():
    one, other = make_pepper(), make_pepper()
    seals = {make_seal(text, pepper=pepper) for text in ("v", "w") for pepper in (one, other)}
    assert len(seals) == 4
    assert all(len(seal) == 16 for seal in seals)
    assert not digest_value("v", pepper=one).startswith(make_seal("v", pepper=one))
