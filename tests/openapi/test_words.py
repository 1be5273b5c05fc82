from __future__ import annotations

import pytest

from keyspec.openapi.words import holds_any, split_words


@pytest.mark.parametrize("text", ["apiKeyIDs", "api_key_ids", "API-Key-Ids", "ApiKeyIds", "api.keys.id", "apikeyid"])
def test_an_identifier_is_its_words_however_it_is_written(text):
    assert split_words(text) == ("api", "key", "id")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("status", ("status",)),
        ("access", ("access",)),
        ("policies", ("policy",)),
        ("ttl_ms", ("ttl", "ms")),
        ("reauthenticationTimeout", ("reauthentication", "timeout")),
        ("totalcount", ("total", "count")),
        ("HTTPServer2", ("http", "server", "2")),
        ("", ()),
        ("日本", ()),
    ],
)
def test_plurals_become_singulars_and_compounds_fall_apart(text, words):
    assert split_words(text) == words


def test_only_the_beginning_of_a_long_text_is_looked_at():
    assert len(split_words("word " * 100_000)) < 100


def test_one_of_the_words_is_enough():
    assert holds_any(("a", "b"), {"b"})
    assert not holds_any((), {"b"})
