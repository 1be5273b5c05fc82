import pytest

from keyspec.devhub.errors import Reason, Refusal
from keyspec.devhub.exchange import Answer
from keyspec.devhub.operations import Operation, find_operation


def make(name, method, path):
    return Operation(name, method, path, name, lambda *_: Answer(200), (200, None))


TABLE = [
    make("show", "GET", "/keys/{id}"),
    make("import", "POST", "/keys/import"),
    make("post", "POST", "/keys/{id}"),
    make("lock", "POST", "/keys/{id}/lock"),
]


def test_literals_win_for_their_method_only():
    assert find_operation(TABLE, "POST", ["keys", "import"])[0].name == "import"
    assert find_operation(TABLE, "POST", ["keys", "x"])[0].name == "post"
    operation, bound = find_operation(TABLE, "GET", ["keys", "import"])
    assert (operation.name, bound) == ("show", {"id": "import"})


def test_a_placeholder_takes_anything_but_nothing():
    assert find_operation(TABLE, "POST", ["keys", "a/b", "lock"])[1] == {"id": "a/b"}
    with pytest.raises(Refusal):
        find_operation(TABLE, "GET", ["keys", ""])


def test_another_method_is_not_an_unknown_path():
    with pytest.raises(Refusal) as caught:
        find_operation(TABLE, "PUT", ["keys", "x"])
    assert caught.value.reason is Reason.METHOD_NOT_ALLOWED
    assert caught.value.headers == (("allow", "GET, POST"),)
    with pytest.raises(Refusal) as caught:
        find_operation(TABLE, "PUT", ["keys", "import"])
    assert caught.value.headers == (("allow", "POST"),)
    with pytest.raises(Refusal) as caught:
        find_operation(TABLE, "GET", ["nothing"])
    assert caught.value.reason is Reason.NO_SUCH_PATH
