from __future__ import annotations

import pytest

SPECS = {
    "keyspec.yaml": """\
keyspec: 1
include: ["teams/*.yaml"]
hubs:
  prod_eu: {url: "https://eu", auth: env:A, auth_key_id: k, labels: {env: prod}}
  lab: {url: "https://lab", auth: env:A, auth_key_id: k, labels: {env: lab}}
keys:
  ci_a: {roles: [A]}
""",
    "teams/ops.yaml": "keyspec: 1\nkeys: {ops_b: {roles: [A]}}\n",
    "other.yaml": "keyspec: 1\nkeys: {other_c: {roles: [A]}}\n",
}


@pytest.fixture
def complete(folder):
    for name, text in SPECS.items():
        (folder.path / name).parent.mkdir(exist_ok=True)
        (folder.path / name).write_text(text, encoding="utf-8")

    def run(line):
        words = line.split(" ")
        ran = folder.run(_KEYSPEC_COMPLETE="bash_complete", COMP_WORDS=" ".join(words), COMP_CWORD=str(len(words) - 1))
        assert (ran.code, ran.err) == (0, "")
        return [found.partition(",")[2] for found in ran.out.split()]

    return run


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("keyspec pl", ["plan"]),
        ("keyspec plan --exit", ["--exit-code"]),
        ("keyspec plan -k ", ["ci_a", "ops_b"]),
        ("keyspec plan -f other.yaml -k ", ["other_c"]),
        ("keyspec plan -l ", ["env=lab", "env=prod", "lab", "prod_eu"]),
        ("keyspec list -l env=prod,pr", ["env=prod,prod_eu"]),
        ("keyspec apply --format ", ["text", "json"]),
        ("keyspec schema t", ["trusted"]),
    ],
)
def test_a_shell_is_offered_what_could_follow(complete, line, offered):
    assert complete(line) == offered


def test_paths_are_left_to_the_shell(complete):
    assert complete("keyspec plan -f te") == ["te"]


@pytest.mark.parametrize(
    "text", ["", "keys: [", "keyspec: 1\nhubs: [a]\nkeys: 3\n", "\0", "keyspec: 1\ninclude: [x]\n"]
)
def test_a_spec_that_is_none_offers_nothing(complete, folder, text):
    folder.spec(text)
    assert complete("keyspec plan -k ") == []
    assert complete("keyspec plan -l ") == []
    (folder.path / "keyspec.yaml").unlink()
    assert complete("keyspec plan -k ") == []
