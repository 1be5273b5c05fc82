from keyspec.devhub.exchange import Call, answer_json, read_headers


def test_a_path_is_split_before_it_is_decoded():
    call = Call("GET", "/api/v1/api_keys/a%2Fb%20c", "x=1&x=&y=a+b%26", {})
    assert call.segments == ("api", "v1", "api_keys", "a/b c")
    assert call.parameters == (("x", "1"), ("x", ""), ("y", "a b&"))
    assert call.target == "/api/v1/api_keys/a%2Fb%20c?x=1&x=&y=a+b%26"


def test_headers_are_lower_case_and_joined():
    assert read_headers([(b"X-Api-Key", b"a"), (b"x-api-key", b"b"), (b"Accept", b"*")]) == {
        "x-api-key": "a, b",
        "accept": "*",
    }


def test_json_is_utf8():
    assert answer_json(200, {"a": "ü"}).body == '{"a":"ü"}'.encode()
