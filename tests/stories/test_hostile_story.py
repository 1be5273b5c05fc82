"""A hub that attacks whoever reads what it says: terminals, CI runners, people. Nothing of it arrives but as text."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import tty

import pytest
from stories.hostile_text import LONG, MEGABYTE, TEXTS, find_harm
from stories.twisted import change_answer, is_request, refuse_writes, start_twisted
from uvicorn.protocols.http import h11_impl

from keyspec.devhub.dialects import find_dialect
from keyspec.devhub.exchange import Answer, answer_json

pytestmark = pytest.mark.tongues("cipherinsights", "other")
forged = pytest.mark.tongues("cipherinsights", reason="the answers are forged in the bytes of this dialect")

CI = {
    "no CI": {},
    "GitHub": {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": "output.txt", "RUNNER_DEBUG": "1"},
    "Azure": {"TF_BUILD": "True", "SYSTEM_TEAMPROJECT": "x"},
    "GitLab": {"CI": "true", "GITLAB_CI": "true"},
}
ALL = "".join(TEXTS.values())
EVERY_SHARE = "guards: {max_change_share: 100%}\n"
STORE = 'defaults: {store: "file:secrets/{hub}/{key}"}\n'
GIVEN = "Given+value/42=of.somebody~else"
SAID = "the-hub-says-so"
"""What a hub says where nothing of it may be shown."""


def keys_of(field):
    return {f"ci_{number:02}": text for number, text in enumerate(field)}


DESCRIPTIONS = keys_of(TEXTS.values())
ROLES = [text.replace("\0", "\1") for text in TEXTS.values()]
"""The devhub finds no role that has a NUL in its name."""
PLAIN_EDITS = (
    EVERY_SHARE + "keys:\n" + "".join(f"  {key}: {{roles: [User], description: ''}}\n" for key in DESCRIPTIONS)
)


@pytest.fixture
def hostile(lab):
    """A hub whose descriptions, roles, permissions and IDs attack, and a spec that wants all of them harmless."""
    roles = [{"name": f"role {text}", "permissions": [f"may {text}"]} for text in ROLES]
    hub = start_twisted(lab, "lab", change_answer("GET", "/roles", lambda page: add_rows(page[lab.tongue.rows], roles)))
    for role in roles:
        hub.add_role(role["name"])
    hub.edit_key(hub.admin_key_id, roles=["Administrator", *(role["name"] for role in roles)])
    for (key_id, description), role in zip(DESCRIPTIONS.items(), roles, strict=True):
        hub.seed_key(key_id, description=description, roles=["User", role["name"]])
        hub.seed_key(f"{description}{key_id}", roles=[role["name"]])
    lab.write(PLAIN_EDITS)
    return hub


def add_rows(rows, roles):
    """Let the roles of a page have the permissions that no hub of ours would give."""
    given = {role["name"]: role["permissions"] for role in roles}
    for row in rows:
        row["permissions"] += given.get(row["name"], [])


def check(ran, *, json_too=False, coloured=False):
    """Check that nothing of a run harms anybody; give it."""
    assert find_harm(ran.out, bounded=not json_too, coloured=coloured) == []
    assert find_harm(ran.err, coloured=coloured) == []
    assert "Traceback" not in ran.err
    assert "unexpected" not in ran.out + ran.err
    if json_too:
        assert re.fullmatch("[\n -~]*", ran.out)
        assert "::" not in ran.out
        assert ran.json["format"].startswith("keyspec-")
    return ran


def run_in_all_forms(lab, *words):
    """Run a command as text, as coloured text and as JSON, with and without -v; give the runs by form."""
    found = {}
    for more in ((), ("-v",)):
        found["text", *more] = check(lab.run(*words, *more))
        found["colour", *more] = check(lab.run(*words, "--color", "always", *more), coloured=True)
        found["json", *more] = check(lab.run(*words, "--format", "json", *more), json_too=True)
    assert len({ran.code for ran in found.values()}) == 1
    assert found["json",].out == found["json", "-v"].out
    return found


@pytest.fixture
def on_terminal(lab):
    """Run a command on a terminal of its own, 80 columns wide, with what somebody types; give code and text."""

    def run(*words, typed=b""):
        ours, theirs = pty.openpty()
        tty.setraw(theirs)  # so that what arrives is what was written
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.write(ours, typed)
        command = [sys.executable, "-m", "keyspec", *words]
        environ = {**os.environ, "TERM": "xterm-256color"}
        with subprocess.Popen(
            command, cwd=lab.folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            text = read_all(ours).decode()
        os.close(ours)
        lab.said.append(text)
        return process.returncode, text

    return run


def read_all(terminal):
    data = b""
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # how Linux tells that nobody writes any more
            return data
        if not part:
            return data
        data += part


@pytest.mark.parametrize("runner", CI)
def test_what_a_hub_holds_reaches_nobody_but_as_text(lab, hostile, runner):
    for name, value in CI[runner].items():
        lab.patch.setenv(name, value)
    codes = [run_in_all_forms(lab, command)["text",].code for command in ("plan", "list", "doctor")]
    assert codes == [0, 0, 0]
    lab.write(PLAIN_EDITS.replace("roles: [User]", "roles: [User], protected: true"))
    assert run_in_all_forms(lab, "apply", "--yes")["text",].code == 4
    assert not (lab.folder / "output.txt").exists()


@pytest.mark.parametrize(
    ("words", "runner"),
    [("plan", "no CI"), ("plan -v", "GitHub"), ("list", "GitLab"), ("doctor -v", "Azure"), ("apply", "no CI")],
)
def test_on_a_terminal_nothing_but_keyspecs_own_colours_and_progress_arrives(lab, hostile, on_terminal, words, runner):
    for name, value in CI[runner].items():
        lab.patch.setenv(name, value)
    code, text = on_terminal(*words.split(), typed=b"yes\n")
    assert code == 0, text
    assert find_harm(text, coloured=True, progress=True) == []
    assert "\x1b[" in re.sub("\x1b.K", "", text)
    if words == "apply":
        assert f"Apply {len(TEXTS)} steps? Only `yes` is accepted: " in text
        assert f"Apply: {len(TEXTS)} applied; 1 of 1 hub verified." in text


def test_a_plan_in_json_says_exactly_what_is_and_what_will_be(lab, hostile):
    ran = check(lab.run("plan", "--format", "json"), json_too=True)
    changes = {step["key_id"]: {change["field"]: change for change in step["changes"]} for step in ran.json["steps"]}
    assert {key: change["description"]["before"] for key, change in changes.items()} == DESCRIPTIONS
    assert {change["description"]["after"] for change in changes.values()} == {""}
    assert {key: change["roles"]["before"] for key, change in changes.items()} == {
        key: ["User", f"role {text}"] for key, text in keys_of(ROLES).items()
    }
    taken = {step["key_id"]: step["permissions"]["takes"] for step in ran.json["steps"]}
    assert taken == {key: [f"may {text}"] for key, text in keys_of(ROLES).items()}


def test_a_plan_for_people_stays_one(lab, hostile):
    out = lab.run("plan").out
    for number, key in enumerate(DESCRIPTIONS, start=1):
        assert re.search(rf"^ +#{number} +~ edit +{key}$", out, re.MULTILINE)
    assert out.count("why             description and roles differ  (keyspec.yaml:") == len(TEXTS)
    assert out.endswith(
        f"{len(TEXTS)} to edit, 0 to lock, 0 to unlock, 0 to delete; 0 held; 0 unchanged; 0 unlisted.\n"
    )
    for shown in (
        r'"\x1b[31mred\x1b[0m" → ""',
        r'"a\x00b\x07c\x08\x08\x08d\x7f" → ""',
        r'":\:set-output name=x:\:y" → ""',
        r'"#\#vso[task.setvariable variable=x]y',
        r'"user\u202enimda\u202c',
        r'"a\" → \"b\\" → ""',
    ):
        assert shown in unbroken(out)


def unbroken(text):
    """Give a text as it was before its lines were broken."""
    return re.sub(r"\n *", " ", text)


def test_a_grid_has_one_row_for_each_key_whatever_its_id(lab, hostile):
    ran = check(lab.run("list", "--format", "json"), json_too=True)
    rows = {row["key_id"]: row["roles"] for row in ran.json["rows"]}
    assert rows == {key_id: key["roles"] for key_id, key in hostile.keys().items()}
    out = lab.run("list").out
    count = len(hostile.keys())
    assert out.endswith(f"1 to {count} of {count} keys.\n")
    assert len(re.findall(r"^lab  ", out, re.MULTILINE)) == count


def test_no_id_that_a_spec_could_not_declare_is_touched(lab, hostile, wire):
    lab.write(PLAIN_EDITS + 'ownership: {key_ids: ["*"], unlisted: lock}\n')
    assert check(lab.run("apply", "--yes")).code == 0
    touched = {exchange.path for exchange in hostile.requests if exchange.method != "GET"}
    assert touched == {f"/api/v1/api_keys/{key}" for key in DESCRIPTIONS}


def test_what_was_hostile_is_mended_and_may_be_declared(lab, hostile):
    assert run_in_all_forms(lab, "apply", "--yes")["text",].code == 0
    assert {key["description"] for key_id, key in hostile.keys().items() if key_id in DESCRIPTIONS} == {""}
    wanted = {key: text[:900] for key, text in DESCRIPTIONS.items()}
    lab.write(EVERY_SHARE + "keys:\n" + "".join(f"  {key}: {declare(text)}\n" for key, text in wanted.items()))
    plan = run_in_all_forms(lab, "plan")["json",]
    assert {step["key_id"]: step["changes"][0]["after"] for step in plan.json["steps"]} == wanted
    ran = check(lab.run("apply", "--yes", "--format", "json"), json_too=True)
    assert (ran.code, ran.json["outcomes"]["applied"]) == (0, len(wanted))
    assert {key_id: hostile.keys()[key_id]["description"] for key_id in wanted} == wanted
    assert check(lab.run("plan", "--exit-code")).code == 0


def refuse(lab, status, code, message):
    """Give a refusal in the words of the lab's dialect."""
    return find_dialect(lab.tongue.dialect).answer_error(status, code, message)


def value_of(call):
    """Give the value that an import carries, wherever its dialect has it."""
    body = json.loads(call.body)
    return body.get("apiKey") or body.get("secret", {}).get("value")


def declare(text):
    escaped = "".join(f"\\U{ord(character):08x}" for character in text)
    return f'{{roles: [User], description: "{escaped}"}}'


def answer_reads(answer):
    """Make a twist that answers a list of keys in its own way."""
    return lambda call, due: answer(due()) if is_request(call, "GET", "/api_keys") else due()


def json_answer(status, content):
    return lambda _: answer_json(status, content)


HEADERS = (("x-note", "\x1b[31m::error::x"), ("retry-after", "\x1b]0;x\x07"), ("location", "##vso[x]"))
UNREADABLE = {
    "error": json_answer(403, {"error": {"code": f"code {ALL}", "message": ALL}}),
    "code": json_answer(400, {"error": {"code": "::error::x", "message": ""}}),
    "body": lambda _: Answer(403, ALL.encode(), "text/plain"),
    "page": lambda _: Answer(403, f"<title>{ALL}</title>".encode(), "text/html"),
    "bytes": lambda _: Answer(403, bytes(range(256)), "application/octet-stream"),
    "type": lambda _: Answer(200, b"{}", "x/\x1b[31m::error::x\x9b31m##vso[x]"),
    "unauthorized": json_answer(401, {"error": {"code": SAID, "message": SAID}}),
    "headers": lambda _: Answer(403, ALL.encode(), "text/plain", HEADERS),
    "row": json_answer(200, {"rows": [{"keyId": f"ci_x{ALL}", "description": 5}], "totalCount": 1}),
    "twice": json_answer(200, {"rows": [{"keyId": f"ci_x{ALL}"}] * 2, "totalCount": 2}),
    "total": json_answer(200, {"rows": [], "totalCount": ALL}),
    "surrogates": lambda _: Answer(
        200, b'{"rows": [{"keyId": "a\\ud800", "description": "\\udc00x"}]}', "application/json"
    ),
    "surrogates in an error": lambda _: Answer(
        400, b'{"error": {"code": "\\ud800", "message": "\\udfff"}}', "application/json"
    ),
    "no UTF-8": lambda _: Answer(200, b'{"rows": [{"keyId": "a\xff\xfe\xed\xa0\x80"}]}', "application/json"),
    "megabyte": json_answer(403, {"error": {"code": "x", "message": LONG["commands"]}}),
    "megabyte, short of the limit": json_answer(403, {"error": {"code": "x", "message": "\x1b" * 16_000}}),
}


@forged
def test_how_a_hub_refuses_to_be_read_reaches_nobody_but_as_text(lab):
    lab.patch.setitem(h11_impl.STATUS_PHRASES, 403, b"\x1b[31m::error::x\x9b##vso[x]")
    names = [f"hub_{number}" for number in range(len(UNREADABLE))]
    for name, answer in zip(names, UNREADABLE.values(), strict=True):
        start_twisted(lab, name, answer_reads(answer))
    lab.write("keys: {ci_a: {roles: [User], value: {from: none}}}\n")
    for command in ("plan", "list", "doctor"):
        runs = run_in_all_forms(lab, command)
        assert runs["text",].code == 1
        for ran in runs.values():
            assert all(name in ran.out + ran.err for name in names)
            assert SAID not in ran.out + ran.err
    hubs = {
        hub["name"]: hub for hub in check(lab.run("apply", "--yes", "--format", "json"), json_too=True).json["hubs"]
    }
    assert {hub["status"] for hub in hubs.values()} == {"unreadable"}
    assert "it says: " in hubs["hub_0"]["error"]
    assert check(lab.run("apply", "--yes", "-v")).code == 1


@pytest.mark.parametrize("status", [403, 409, 422])
def test_how_a_hub_refuses_a_write_reaches_nobody_but_as_text(lab, status):
    hub = start_twisted(lab, "lab", refuse_writes(refuse(lab, status, f"code {ALL}", ALL)))
    for key_id in ("ci_edited", "ci_locked"):
        hub.seed_key(key_id)
    for key_id in ("ci_unlocked", "ci_deleted"):
        hub.seed_key(key_id, locked=True)
    lab.write(
        "keys:\n  ci_edited: {roles: [Operator]}\n  ci_locked: {roles: [User], state: locked}\n"
        "  ci_unlocked: {roles: [User], state: active}\n  ci_deleted: {state: absent}\n"
    )
    runs = run_in_all_forms(lab, "apply", "--yes", "--allow-unlock", "-k", "ci_[!d]*")
    assert runs["text",].code == (3 if status == 409 else 1)
    errors = {step["key_id"]: step["error"] for step in runs["json",].json["steps"]}
    assert set(errors) == {"ci_edited", "ci_locked", "ci_unlocked"}
    assert all(r"code \x1b[31mred\x1b[0m\x1b[2J" in error for error in errors.values())
    ran = check(lab.run("apply", "--yes", "--allow-delete", "-k", "ci_deleted"))
    assert r"code \x1b[31mred" in unbroken(ran.out)


def test_a_megabyte_is_cut_for_people_and_whole_for_machines(lab, on_terminal):
    (hub,) = lab.start("lab")
    texts = dict(zip((f"ci_{number}" for number in range(len(LONG))), LONG.values(), strict=True))
    for key_id, text in texts.items():
        hub.seed_key(key_id, description=text, roles=["Operator"])
    lab.write("keys:\n" + "".join(f"  {key}: {{roles: [User], description: short}}\n" for key in texts))
    for words in (["plan"], ["list"], ["doctor"]):
        assert check(lab.run(*words)).code == 0
    code, shown = on_terminal("plan")
    assert (code, find_harm(shown, coloured=True, progress=True)) == (0, [])
    assert len(shown) < 20_000
    assert unbroken(shown).count("more characters") == len(texts)
    plan = check(lab.run("plan", "--format", "json"), json_too=True).json
    assert {step["key_id"]: step["changes"][0]["before"] for step in plan["steps"]} == texts
    ran = check(lab.run("apply", "--yes", "-v"))
    assert (ran.code, ran.out.count("applied   ~ edit")) == (0, len(texts))


def hold_name(lab, what, text):
    """Start a hub that holds a long name."""
    roles = [{"name": "Operator", "permissions": [text]}] if what == "permission" else []
    hub = start_twisted(lab, "lab", change_answer("GET", "/roles", lambda page: add_rows(page[lab.tongue.rows], roles)))
    hub.add_role(text)
    hub.seed_key("ci_a", roles=[text if what == "role" else "Operator"])
    if what == "ID":
        hub.seed_key(text)


@pytest.mark.parametrize("what", ["ID", "permission", "role"])
def test_a_megabyte_in_a_name_is_cut_for_people(lab, what):
    hold_name(lab, what, LONG["one word"])
    lab.write("keys: {ci_a: {roles: [User], value: {from: none}}}\n")
    for command in (["plan"], ["list"], ["doctor"], ["apply", "--yes"]):
        check(lab.run(*command))


def test_nothing_that_a_hub_says_begins_a_line(lab):
    refusal = refuse(lab, 403, "x", "Plan:--- " * 50)
    start_twisted(lab, "lab", answer_reads(lambda _: refusal))
    lab.write("keys: {ci_a: {roles: [User], value: {from: none}}}\n")
    for words in (["plan"], ["plan", "-v"], ["list"], ["doctor"], ["apply", "--yes"]):
        ran = lab.run(*words)
        assert "Plan:--- Plan:---" in unbroken(ran.out + ran.err)
        assert re.findall("^Plan:---.*", ran.out + ran.err, re.MULTILINE) == []


@forged
def test_headers_and_reasons_without_end_reach_nobody(lab):
    lab.patch.setattr("keyspec.retry._FIRST_WAIT_S", 0.01)
    lab.patch.setitem(h11_impl.STATUS_PHRASES, 403, b"::error::x " * (MEGABYTE // 11))
    start_twisted(lab, "header", answer_reads(lambda _: Answer(200, b"", "x/" + "\x1b" * MEGABYTE)))
    start_twisted(lab, "note", answer_reads(lambda _: Answer(200, b"{}", "application/json", (("x", "y" * MEGABYTE),))))
    start_twisted(lab, "reason", answer_reads(json_answer(403, {})))
    lab.write("keys: {ci_a: {roles: [User], value: {from: none}}}\n")
    assert check(lab.run("plan")).code == 1
    ran = check(lab.run("list", "--format", "json"), json_too=True)
    assert (ran.code, ran.json["total"]) == (1, 0)


def test_a_role_that_is_nearly_right_is_proposed_as_text(lab):
    (hub,) = lab.start("lab")
    hub.remove_role("Operator")
    hub.add_role("Opera\u202etor\x1b[1m")
    hub.seed_key("ci_a")
    lab.write("keys: {ci_a: {roles: [Operator]}}\n")
    runs = run_in_all_forms(lab, "plan")
    assert runs["text",].code == 1
    assert r"did you mean `Opera\u202etor\x1b[1m`?" in unbroken(runs["text",].out)


@forged
@pytest.mark.parametrize("key_id", [f"ci_a{ALL}", "::error::x", LONG["escapes"]], ids=["long", "command", "megabyte"])
def test_a_hub_that_makes_another_key_than_it_was_asked_for_cannot_attack_by_its_id(lab, key_id):
    rename = change_answer("POST", "/api_keys", lambda key: key.update(keyId=key_id, description=ALL))

    def twist(call, answer):
        if call.path.endswith("/lock"):
            return answer_json(404, {"error": {"code": "::error::x", "message": ALL}})
        return rename(call, answer)

    start_twisted(lab, "lab", twist)
    lab.write(f"{STORE}keys: {{ci_a: {{roles: [User]}}}}\n")
    ran = check(lab.run("apply", "--yes"))
    assert ran.code == 1
    assert "the hub made a key with another ID than `ci_a`" in unbroken(ran.out)


REFUSALS = {
    "invalid": 400,
    "forbidden": 403,
    "conflict": 409,
    "unprocessable": 422,
    "broken": 500,
    "elsewhere": 307,
}


@pytest.mark.parametrize("status", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("action", ["create", "import"])
def test_what_answers_a_request_that_carried_a_value_is_never_shown(lab, forms_of, action, status):
    values = [GIVEN]

    def twist(call, answer):
        if call.method != "POST":
            return answer()
        sent = value_of(call) or GIVEN
        values.append(sent)
        return refuse(lab, status, f"{SAID} {sent}", f"{SAID}: {sent[:20]}, {sent}")

    start_twisted(lab, "lab", twist)
    lab.patch.setenv("CI_VALUE", GIVEN)
    value = 'value: {from: "env:CI_VALUE"}' if action == "import" else "value: {from: hub}"
    lab.write(f"{STORE}keys: {{ci_a: {{roles: [User], {value}}}}}\n")
    for words in (["-v"], ["--format", "json"], []):
        ran = check(lab.run("apply", "--yes", *words), json_too="json" in words)
        assert ran.code == (3 if status == 409 else 1)
        assert f"answered {status}" in unbroken(ran.out)
        assert SAID not in ran.out + ran.err
        assert [form for form in forms_of(GIVEN) if form in ran.out + ran.err] == []
    assert len(values) == 4


def test_a_value_is_not_shown_when_a_hub_repeats_it_later(lab, forms_of):
    heard = []

    def twist(call, answer):
        if call.method == "POST":
            heard.append(value_of(call))
            return answer_json(500, {})
        if call.path.endswith("/ci_a"):
            return refuse(lab, 403, "x", f"{SAID} {heard[-1]}")
        return answer()

    start_twisted(lab, "lab", twist)
    lab.patch.setenv("CI_VALUE", GIVEN)
    lab.write(f'{STORE}keys: {{ci_a: {{roles: [User], value: {{from: "env:CI_VALUE"}}}}}}\n')
    ran = check(lab.run("apply", "--yes"))
    assert ran.code == 1
    assert heard == [GIVEN]
    assert [form for form in forms_of(GIVEN) if form in ran.out + ran.err] == []


def escape_all(text):
    """Write a text as some frameworks write JSON: what is no letter or digit is escaped."""
    return re.sub(r"\W", lambda found: f"\\u{ord(found[0]):04X}", text)


OWN = "Own+key/of=keyspec~42"
REPEATS = {
    "error": json_answer(403, {"error": {"code": f"no {OWN}", "message": f"{SAID} {OWN}"}}),
    "body": lambda _: Answer(400, f"{SAID} {OWN}".encode(), "text/plain"),
    "escaped error": lambda _: Answer(
        400, b'{"error": {"message": "%s"}}' % escape_all(OWN).encode(), "application/json"
    ),
    "escaped body": lambda _: Answer(400, b'{"detail": "%s"}' % escape_all(OWN).encode(), "application/json"),
    "type": lambda _: Answer(200, b"{}", f"x/{OWN}"),
}


@forged
@pytest.mark.parametrize("how", REPEATS)
def test_a_hub_that_repeats_keyspecs_own_key_is_not_quoted(lab, how):
    start_twisted(lab, "lab", answer_reads(REPEATS[how]), admin_value=OWN)
    lab.write("keys: {ci_a: {roles: [User], value: {from: none}}}\n")
    for command in ("plan", "list", "doctor"):
        for ran in run_in_all_forms(lab, command).values():
            said = (ran.out + ran.err).lower()
            assert ran.code == 1
            assert [part for part in ("own+key", "keyspec~42", "keyspec\\u007e42", SAID) if part in said] == []
