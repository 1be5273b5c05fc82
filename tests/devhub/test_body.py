import pytest

from keyspec.devhub.body import read_fields, read_integer, read_object, read_text, read_texts
from keyspec.devhub.errors import Reason, Refusal


def reason_of(deed, *arguments):
    with pytest.raises(Refusal) as caught:
        deed(*arguments)
    return caught.value.reason


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"])
def test_what_is_no_json_is_not_json(body):
    assert reason_of(read_fields, body, ()) is Reason.NOT_JSON


@pytest.mark.parametrize("body", [b"null", b"[]", b"1", b'"x"', b'{"b": 1}'])
def test_what_is_no_object_of_known_members_is_invalid(body):
    assert reason_of(read_fields, body, {"a"}) is Reason.INVALID_FIELD


def test_what_is_left_out_is_none():
    assert read_fields(b"{}", {"a"}) == {}
    assert [read({}, "a", "s") for read in (read_integer, read_texts, read_object)] == [None] * 3
    assert read_text({}, "a") is None


@pytest.mark.parametrize("number", [True, "60", 1.5, None, [60], float("nan"), float("inf")])
def test_an_integer_is_a_whole_number(number):
    with pytest.raises(Refusal, match="'a' is not a whole number of seconds"):
        read_integer({"a": number}, "a", "seconds")


def test_a_whole_float_is_an_integer_as_in_json_schema():
    assert read_integer({"a": 60.0}, "a", "seconds") == 60


@pytest.mark.parametrize("content", [None, 1, ["x"], {}])
def test_text_is_text_alone_and_in_lists(content):
    assert reason_of(read_text, {"a": content}, "a") is Reason.INVALID_FIELD
    assert reason_of(read_texts, {"a": [content]}, "a", "names") is Reason.INVALID_FIELD


@pytest.mark.parametrize("content", [None, "x", {}])
def test_a_list_is_a_list(content):
    assert reason_of(read_texts, {"a": content}, "a", "names") is Reason.INVALID_FIELD


def test_half_a_surrogate_pair_is_no_text():
    with pytest.raises(Refusal, match="surrogate"):
        read_text(read_fields(b'{"a": "\\ud800"}', {"a"}), "a")


@pytest.mark.parametrize("content", [None, "x", [], {"c": 1}])
def test_an_object_has_its_members_and_no_other(content):
    assert reason_of(read_object, {"a": content}, "a", {"b"}) is Reason.INVALID_FIELD
    assert read_object({"a": {"b": 1}}, "a", {"b"}) == {"b": 1}


def test_a_refusal_names_the_field_and_no_more_of_it_than_fits():
    with pytest.raises(Refusal) as caught:
        read_fields(b'{"' + b"x" * 1000 + b'": 1}', {"a"})
    assert caught.value.field == "x" * 1000
    assert len(caught.value.message) < 100
