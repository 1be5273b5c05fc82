"""`keyspec contract probe` on hubs of both dialects, and on hubs that do otherwise than their contracts say."""

from __future__ import annotations

import json
import re

import pytest
from probes import BUILT_IN, OTHER, journals, probe, probe_keys, read_overlay, verdicts, write_sandbox
from stories.hostile_text import TEXTS, find_harm
from stories.twisted import Twisted, change_answer, is_request, start_twisted

from keyspec.devhub import DevHub, parse_faults
from keyspec.devhub.cipherinsights import BASE
from keyspec.devhub.exchange import Answer, answer_json
from keyspec.devhub.other import Other


@pytest.fixture
def hub(lab):
    (hub,) = lab.start("lab")
    hub.seed_key("stranger")
    return hub


def start_other(lab, dialect="other", **more):
    lab.hubs["lab"] = hub = lab.stack.enter_context(DevHub("lab", dialect=dialect, **more))
    lab.patch.setenv("HUB_LAB_KEY", hub.admin_value)
    return hub


def sent(hub, ran):
    """Give what a hub was sent, the probe's key as KEY."""
    key_id = ran.json["key_id"]
    told = []
    for each in hub.requests:
        path = each.path.partition("?")[0].replace(key_id, "KEY")
        who = "" if each.key_id == "keyspec_ci" else " as KEY" if each.key_id == key_id else " as nobody"
        told.append(f"{each.method} {path} {each.status}{who}")
    return told


def check_clean(lab, hub, ran, *, code=0):
    assert ran.code == code, ran.err
    assert probe_keys(hub) == set()
    assert journals(lab.folder) == []
    assert ran.json["left"] == {}


# On hubs that do as their contracts say


def test_the_default_dialect_gets_exactly_these_requests(lab, hub):
    write_sandbox(lab)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert sent(hub, ran) == [
        "GET /api/v1/roles 200",
        "GET /api/v1/api_keys 200",
        "POST /api/v1/api_keys 201",
        "GET /api/v1/api_keys/KEY 200",
        "GET /api/v1/api_keys 200",
        "PUT /api/v1/api_keys/KEY 200",
        "GET /api/v1/api_keys/KEY 200",
        "PUT /api/v1/api_keys/KEY 200",
        "GET /api/v1/api_keys/KEY 200",
        "GET /api/v1/roles 403 as KEY",
        "GET /api/v1/api_keys 403 as KEY",
        "GET /api/v1/openapi.json 200 as KEY",
        "POST /api/v1/api_keys/KEY/lock 200",
        "GET /api/v1/api_keys 200",
        "GET /api/v1/openapi.json 401 as nobody",
        "GET /api/v1/api_keys/KEY 200",
        "POST /api/v1/api_keys/KEY/unlock 200",
        "GET /api/v1/openapi.json 200 as KEY",
        "GET /api/v1/api_keys/KEY 200",
        "POST /api/v1/api_keys/import 409",
        "DELETE /api/v1/api_keys/KEY 204",
        "GET /api/v1/api_keys 200",
        "GET /api/v1/api_keys/KEY 404",
        "POST /api/v1/api_keys/import 201",
        "GET /api/v1/api_keys/KEY_2 200",
        "DELETE /api/v1/api_keys/KEY_2 204",
        "POST /api/v1/api_keys 201",
        "GET /api/v1/api_keys/KEY 200",
        "DELETE /api/v1/api_keys/KEY 204",
        "GET /api/v1/api_keys/KEY 404",
        "GET /api/v1/api_keys 200",
    ]
    create, edit, timeout = [each.body for each in hub.requests if each.method in ("POST", "PUT") and each.body][:3]
    assert create["roles"] == ["User"]
    assert create["reauthenticationTimeout"] == 1
    assert create["description"].startswith("keyspec contract probe ")
    assert (list(edit), timeout) == (["description"], {"reauthenticationTimeout": 2})
    assert verdicts(ran) == {}
    assert ran.json["denied_after_s"] < 1
    assert ran.json["capabilities"] == {
        "etag": False,
        "created_locked": False,
        "import_takes_id": True,
        "ids_reusable": True,
    }


def test_the_other_dialect_gets_exactly_these_requests(lab):
    hub = start_other(lab)
    write_sandbox(lab, contract=OTHER)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert sent(hub, ran) == [
        "GET /admin/v2/roles 200",
        "GET /admin/v2/keys 200",
        "POST /admin/v2/keys 202",
        "GET /admin/v2/keys/KEY 200",
        "GET /admin/v2/keys 200",
        "PATCH /admin/v2/keys/KEY 202",
        "GET /admin/v2/keys/KEY 200",
        "PATCH /admin/v2/keys/KEY 202",
        "GET /admin/v2/keys/KEY 200",
        "PATCH /admin/v2/keys/KEY 412",
        "GET /admin/v2/roles 403 as KEY",
        "GET /admin/v2/keys 403 as KEY",
        "GET /admin/v2/openapi.json 200 as KEY",
        "PATCH /admin/v2/keys/KEY 202",
        "GET /admin/v2/keys 200",
        "GET /admin/v2/openapi.json 401 as nobody",
        "GET /admin/v2/keys/KEY 200",
        "PATCH /admin/v2/keys/KEY 202",
        "GET /admin/v2/openapi.json 200 as KEY",
        "GET /admin/v2/keys/KEY 200",
        "POST /admin/v2/keys:import 409",
        "DELETE /admin/v2/keys/KEY 204",
        "GET /admin/v2/keys 200",
        "GET /admin/v2/keys/KEY 404",
        "POST /admin/v2/keys:import 202",
        "GET /admin/v2/keys/KEY_2 200",
        "DELETE /admin/v2/keys/KEY_2 204",
        "POST /admin/v2/keys 202",
        "GET /admin/v2/keys/KEY 200",
        "DELETE /admin/v2/keys/KEY 204",
        "GET /admin/v2/keys/KEY 404",
        "GET /admin/v2/keys 200",
    ]
    assert verdicts(ran) == {}
    assert ran.json["capabilities"]["etag"] is True
    assert read_overlay(lab).capabilities.etag is True
    matched = [each.headers.get("if-match") for each in hub.requests if each.method in ("PATCH", "DELETE")]
    assert matched[2] == '"keyspec-contract-probe"'
    assert all(tag is None or re.fullmatch(r'"\d+"', tag) for tag in matched[:2] + matched[3:])


def announced(text):
    """Give the requests that are told before the question: method, path, body, and whether they may be left out."""
    found = []
    for line in text.splitlines():
        if match := re.search(r" {2}(GET|POST|PUT|PATCH|DELETE) (/\S+)(?: (\{.*\}))?$", line):
            found.append([(match[1], match[2], json.loads(match[3] or "null")), False])
        elif found and line.startswith("      ") and "only if" in line:
            found[-1][1] = True
    return found


@pytest.mark.parametrize("dialect", ["cipherinsights", "other"])
def test_what_is_sent_was_told_before_in_this_order(lab, dialect, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    hub = start_other(lab, dialect)
    write_sandbox(lab, contract=OTHER if dialect == "other" else None)
    ran = probe(lab)
    told = announced(ran.err.replace("(its value)", "<redacted>"))
    uses = {(method, path) for (method, path, _), _ in told[: len(told) // 2]}
    for each in hub.requests[2:]:
        request = (each.method, each.path.partition("?")[0], each.body)
        if each.key_id != "keyspec_ci":
            assert request[:2] in uses
            continue
        while told[0][0] != request:
            line, may_miss = told.pop(0)
            assert may_miss or line[1].endswith(("/roles", "/api_keys", "/keys", "/openapi.json")), (request, line)
        told.pop(0)
    assert told == []


def test_the_overlay_is_a_contract_that_plans_and_applies(lab, hub):
    write_sandbox(lab)
    assert probe(lab).code == 0
    text = 'keys: {ci_new: {roles: [User], store: "file:secrets/{key}"}, stranger: {roles: [Operator]}}\n'
    write_sandbox(lab, text=text, contract=None)
    lab.write(text, labels="{env: sandbox}", contract="./seen.yaml")
    ran = lab.run("apply", "--yes", "--format", "json")
    assert ran.code == 0, ran.out
    assert ran.steps() == ["create lab/ci_new applied", "edit lab/stranger applied"]
    assert lab.run("plan", "--exit-code").code == 0
    assert lab.run("contract", "show", "--hub", "lab").out.startswith("cipherinsights-v1-lab  seen.yaml")


def test_a_hub_can_be_probed_by_the_contract_of_a_former_probe(lab, hub):
    write_sandbox(lab)
    assert probe(lab).code == 0
    (lab.folder / "seen.yaml").rename(lab.folder / "first.yaml")
    lab.write("", labels="{env: sandbox}", contract="./first.yaml")
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert 'extends: "./first.yaml"\nname: "cipherinsights-v1-lab"\n' in (lab.folder / "seen.yaml").read_text()
    assert read_overlay(lab).capabilities.ids_reusable is True


# On hubs that do not


def test_ids_that_cannot_be_used_again_are_seen(lab, hub):
    hub.set_knobs(ids_reusable=False)
    write_sandbox(lab)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert verdicts(ran) == {"ids_reusable": "the ID of a deleted key is refused"}
    assert read_overlay(lab).capabilities.ids_reusable is False


@pytest.mark.parametrize("dialect", ["cipherinsights", "other"])
def test_an_import_under_an_id_of_the_hubs_own_is_seen_and_removed(lab, dialect):
    hub = start_other(lab, dialect)
    hub.set_knobs(import_takes_id=False)
    write_sandbox(lab, contract=OTHER if dialect == "other" else None)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert verdicts(ran) == {"import_takes_id": "the hub makes up an ID"}
    assert read_overlay(lab).capabilities.import_takes_id is False
    assert hub.keys().keys() == {"keyspec_ci"}


def test_an_import_that_takes_the_value_twice_is_seen(lab, hub):
    def twist(call, answer):
        if is_request(call, "POST", "/api_keys/import"):
            body = json.loads(call.body)
            hub = lab.hubs["lab"]
            hub.seed_key(body["keyId"], description=body["description"], reauthentication_timeout=1)
            return answer_json(201, {"keyId": body["keyId"]})
        return answer()

    hub = start_twisted(lab, "lab", twist)
    write_sandbox(lab)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert verdicts(ran) == {}
    assert verdicts(ran, "agrees")["import_takes_id"] == "an imported key gets the ID that is asked for"
    assert sum(each.path.endswith("/import") for each in hub.requests) == 1


def test_a_new_key_that_is_locked_is_seen_and_unlocked(lab):
    def twist(call, answer):
        due = answer()
        if is_request(call, "POST", "/api_keys"):
            content = json.loads(due.body)
            lab.hubs["lab"].lock_key(content["keyId"])
            return answer_json(201, content | {"locked": True})
        return due

    hub = start_twisted(lab, "lab", twist)
    write_sandbox(lab)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert verdicts(ran) == {"created_locked": "a new key is locked"}
    assert read_overlay(lab).capabilities.created_locked is True
    assert ran.json["denied_after_s"] is not None


def test_an_edit_that_resets_what_it_does_not_name_is_written_as_whole_and_then_heals(lab):
    def twist(call, answer):
        due = answer()
        if call.method == "PUT":
            body, key_id = json.loads(call.body), call.path.rpartition("/")[2]
            lab.hubs["lab"].edit_key(
                key_id,
                description=body.get("description", ""),
                reauthentication_timeout=body.get("reauthenticationTimeout", 60),
            )
        return due

    hub = start_twisted(lab, "lab", twist)
    hub.seed_key("ci_a", description="kept", reauthentication_timeout=90)
    write_sandbox(lab)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert verdicts(ran)["edited"].endswith(", and so did description")
    assert read_overlay(lab).operations.edit_key.sends == "whole"
    lab.write("keys: {ci_a: {roles: [Operator]}}\n", contract="./seen.yaml")
    assert lab.run("apply", "--yes").code == 0
    assert (hub.keys()["ci_a"]["description"], hub.keys()["ci_a"]["reauthentication_timeout"]) == ("kept", 90)


def test_a_lock_that_bites_late_is_measured(lab, hub):
    hub.set_knobs(lock_delay_ms=1500)
    write_sandbox(lab)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert 1.5 <= ran.json["denied_after_s"] <= 2.5
    assert re.fullmatch(
        r"denied with 401 after [12]\.\d s; its timeout is 2 s", verdicts(ran, "agrees")["use until denied"]
    )


def test_a_lock_that_bites_after_the_timeout_differs(lab, hub):
    hub.set_knobs(lock_delay_ms=4000)
    write_sandbox(lab)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert verdicts(ran)["use until denied"].startswith("denied with 401 after 4.")
    assert "use until denied (GET /api/v1/openapi.json): denied" in (lab.folder / "seen.yaml").read_text()


def test_a_locked_key_that_gets_403_is_told_from_a_live_one(lab):
    class Forbids(Twisted):
        def answer_error(self, status, code, message, *, headers=()):
            return super().answer_error(403 if status == 401 else status, code, message, headers=headers)

    hub = start_other(lab, Forbids(lambda _, answer: answer()))
    write_sandbox(lab)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert verdicts(ran, "agrees")["use until denied"].startswith("denied with 403 at once")


def test_another_status_of_success_differs_and_is_no_failure(lab):
    def twist(call, answer):
        due = answer()
        changed = {201: 200, 200: 203} if call.method != "GET" else {}
        return Answer(changed.get(due.status, due.status), due.body, due.media_type, due.headers)

    hub = start_twisted(lab, "lab", twist)
    write_sandbox(lab)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert verdicts(ran) | {"create": "200; the contract says 201", "lock": "203; the contract says 200"} == verdicts(
        ran
    )
    assert ran.json["capabilities"]["ids_reusable"] is True


def test_a_value_that_stands_elsewhere_is_not_known_and_nothing_shows_it(lab):
    def move(content):
        content["description"] = content["token"] = content.pop("apiKey")

    def twist(call, answer):
        if call.method == "PUT":
            return answer_json(422, {"error": {"code": "no", "message": "what the hub says"}})
        return change_answer("POST", "/api_keys", move)(call, answer)

    hub = start_twisted(lab, "lab", twist)
    write_sandbox(lab)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert verdicts(ran)["value"] == "the answer has no value at `apiKey`"
    assert verdicts(ran, "unknown")["use"] == "the key cannot be tried: its value is not known"
    assert "what the hub says" not in ran.out
    assert ran.json["denied_after_s"] is None


def test_etags_that_are_not_told_are_taken_out_of_what_sends_them(lab):
    class Untagged(Other):
        def answer(self, hub, call, caller):
            due = Other.answer(self, hub, call, caller)
            headers = tuple(pair for pair in due.headers if pair[0] != "etag")
            return Answer(due.status, due.body, due.media_type, headers)

    hub = start_other(lab, Untagged())
    write_sandbox(lab, contract=OTHER)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert verdicts(ran, "unknown")["delete"] == "not sent: the contract wants If-Match, and the hub told no ETag"
    contract = read_overlay(lab)
    assert contract.capabilities.etag is False
    assert not any(getattr(contract.operations, name).if_match for name in ("edit_key", "lock_key", "delete_key"))
    (lab.folder / "seen.yaml").rename(lab.folder / "untagged.yaml")
    lab.write("", labels="{env: sandbox}", contract="./untagged.yaml")
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert verdicts(ran) == {}


def test_a_wrong_etag_that_is_taken_differs(lab):
    class Careless(Other):
        def answer(self, hub, call, caller):
            headers = {name: value for name, value in call.headers.items() if name != "if-match"}
            return Other.answer(self, hub, type(call)(call.method, call.path, call.query, headers, call.body), caller)

    hub = start_other(lab, Careless())
    write_sandbox(lab, contract=OTHER)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert verdicts(ran) == {"edit, wrong ETag": "202; a wrong ETag is not refused"}


def test_fields_that_are_read_otherwise_than_they_were_sent_differ(lab):
    def change(content):
        content["reauthenticationTimeout"] = 60

    def twist(call, answer):
        due = answer()
        if call.method == "GET" and "/api_keys/" in call.path and due.status == 200:
            content = json.loads(due.body)
            change(content)
            return answer_json(200, content)
        return due

    hub = start_twisted(lab, "lab", twist)
    write_sandbox(lab)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert verdicts(ran)["fields"] == "differs: reauth_timeout 60 s instead of 1 s"
    assert verdicts(ran)["list"] == "the list tells other fields than the key itself"
    assert verdicts(ran)["edited"] == "reauth_timeout did not change"


def test_the_shortest_timeout_that_the_hub_takes_is_found(lab):
    def twist(call, answer):
        if is_request(call, "POST", "/api_keys") and json.loads(call.body)["reauthenticationTimeout"] < 30:
            return answer_json(422, {"error": {"code": "invalid", "message": "at least 30"}})
        return answer()

    hub = start_twisted(lab, "lab", twist)
    write_sandbox(lab)
    ran = lab.run("contract", "probe", "--hub", "lab", "--out", "seen.yaml", "--yes", "--format", "json")
    check_clean(lab, hub, ran)
    asked = [
        each.body["reauthenticationTimeout"] for each in hub.requests if each.path == f"{BASE}/api_keys" and each.body
    ]
    assert asked == [5, 30, 30]
    ran = probe(lab)
    assert ran.code == 1
    assert verdicts(ran)["create"] == "422"
    assert not (lab.folder / "seen.yaml").exists()


def test_operations_that_the_contract_lacks_are_left_out_and_said(lab, hub):
    text = re.sub(r"  (get_key|import_key|edit_key|lock_key):\n(?:    .*\n)+", "", BUILT_IN)
    write_sandbox(lab, contract=text)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert verdicts(ran, "unknown") == {
        "lock": "not sent: the contract has no `lock_key`",
        "import again": "not sent: the contract has no `import_key`",
    }
    assert {each.method for each in hub.requests} == {"GET", "POST", "DELETE"}
    assert ran.json["capabilities"] == {"created_locked": False, "ids_reusable": True}


def test_a_hub_that_is_not_proved_gets_no_import(lab, hub, monkeypatch):
    write_sandbox(lab)
    monkeypatch.setattr("keyspec.probing.is_proved", lambda _: False)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    why = "not sent: a value is sent only to a hub that is known by verified TLS"
    assert verdicts(ran, "unknown")["import again"] == why
    assert not any(each.path.endswith("/import") for each in hub.requests)


# Nobody else's keys


def test_an_answer_that_names_another_key_touches_nothing_of_it(lab):
    hub = start_twisted(
        lab, "lab", change_answer("POST", "/api_keys/import", lambda content: content.update(keyId="stranger"))
    )
    hub.seed_key("stranger", description="mine")
    before = hub.keys()["stranger"]
    write_sandbox(lab)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert verdicts(ran)["copy"] == "the hub answers with an ID that may be another key's: it is left alone"
    assert hub.keys()["stranger"] == before
    assert not any("stranger" in each.path for each in hub.requests)


def test_keys_that_look_like_a_probes_but_are_not_journalled_stay(lab, hub):
    hub.seed_key("keyspec_probe_0123456789abcdef", description="keyspec contract probe 0: a throw-away key")
    write_sandbox(lab)
    ran = probe(lab)
    assert ran.code == 0
    assert "keyspec_probe_0123456789abcdef" in hub


@pytest.mark.parametrize(("method", "way"), [("POST", "/lock"), ("DELETE", "")])
def test_a_write_that_harms_other_keys_is_told_at_once_and_never_sent_again(lab, hub, method, way):
    def twist(call, answer):
        due = answer()
        if call.method == method and "keyspec_probe_" in call.path and call.path.endswith(way):
            if way:
                hub.lock_key("stranger")
            else:
                hub.delete_key("stranger")
        return due

    hub = start_twisted(lab, "lab", twist)
    hub.seed_key("stranger")
    hub.seed_key("other")
    write_sandbox(lab)
    ran = probe(lab)
    assert ran.code == 3
    said = "it was active, and is locked" if way else "it is gone"
    assert ran.json["harmed"] == {"stranger": said}
    assert f"keyspec: NOT A KEY OF THE PROBE, on {hub.url}: stranger: {said}\n" in ran.err
    writes = [each.method for each in hub.requests if each.path.endswith(way) and each.method == method]
    assert len(writes) == 1
    assert [each.method for each in hub.requests].count("DELETE") == (0 if way else 1)
    assert not (lab.folder / "seen.yaml").exists()
    assert ran.json["overlay"] is None
    assert "ids_reusable" not in ran.json["capabilities"]


def test_a_list_that_cannot_be_read_after_a_delete_ends_the_probe(lab):
    def twist(call, answer):
        blind = any(each.method == "DELETE" for each in hub.requests) and is_request(call, "GET", "/api_keys")
        return answer_json(403, {}) if blind else answer()

    hub = start_twisted(lab, "lab", twist)
    write_sandbox(lab)
    ran = probe(lab)
    assert ran.code == 1
    assert [each.method for each in hub.requests].count("DELETE") == 1
    assert ran.json["harmed"] == {}


def test_a_key_that_is_still_there_after_its_delete_ends_the_probe(lab):
    deletes = []

    def twist(call, answer):
        if call.method == "DELETE":
            deletes.append(call.path)
            if len(deletes) == 1:
                return Answer(204)
        return answer()

    hub = start_twisted(lab, "lab", twist)
    write_sandbox(lab)
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert verdicts(ran)["gone"] == "200"
    assert "ids_reusable" not in ran.json["capabilities"]
    assert [each.path for each in hub.requests if each.method == "POST"].count(f"{BASE}/api_keys") == 1


# What goes wrong


def test_hostile_text_is_disarmed(lab, forms_of):
    hostile = "".join(TEXTS.values())

    def twist(call, answer):
        if call.method == "PUT" or call.path.endswith("/lock"):
            return answer_json(422, {"error": {"code": hostile, "message": hostile}})
        return answer()

    hub = start_twisted(lab, "lab", twist)
    hub.add_role(f"A{hostile[:50]}", permissions=())
    write_sandbox(lab)
    for words in ((), ("--format", "text"), ("--format", "text", "--color", "always")):
        ran = probe(lab, *words)
        assert ran.code == 0, ran.err
        assert not find_harm(ran.out, coloured=True)
        assert not find_harm(ran.err)
        assert not find_harm((lab.folder / "seen.yaml").read_text())
        assert read_overlay(lab).name == "cipherinsights-v1-lab"


@pytest.mark.parametrize(
    "fault", ["before:status:500", "after:drop", "after:html", "before:status:403", "after:truncate"]
)
def test_a_fault_at_any_request_leaves_nothing_or_says_what_is_left(lab, hub, campaign, fault):
    write_sandbox(lab, timeout="2s")
    step = 1 if campaign == "full" else 5
    for number in range(1 + len(fault) % step, 30, step):
        hub.set_knobs(faults=parse_faults(f"* ** {number} {fault}"))
        ran = probe(lab)
        assert ran.code in (0, 1), ran.err
        assert "Traceback" not in ran.err
        hub.set_knobs(faults=())
        left = probe_keys(hub)
        if left:
            assert ran.code == 1
            assert all(key_id in ran.json["left"] for key_id in left)
            assert "run the same command again, which removes it first" in ran.err
        assert bool(journals(lab.folder)) is bool(ran.out and ran.json.get("left"))
        if left or journals(lab.folder):
            ran = probe(lab)
            check_clean(lab, hub, ran)


def test_a_key_that_cannot_be_deleted_is_locked_told_and_removed_by_the_next_probe(lab, hub):
    hub.set_knobs(faults=parse_faults("DELETE ** * before:status:403"))
    write_sandbox(lab)
    ran = probe(lab)
    assert ran.code == 1
    (key_id,) = ran.json["left"]
    assert hub.keys()[key_id]["locked"] is True
    assert (
        f"left on {hub.url}: {key_id}: it is locked, and could not be deleted: lab: delete key: answered 403" in ran.err
    )
    assert (lab.folder / "seen.yaml").exists()
    again = probe(lab)
    assert again.code == 1
    assert again.json["observations"] == []
    assert list(again.json["left"]) == [key_id]
    hub.set_knobs(faults=())
    ran = probe(lab)
    check_clean(lab, hub, ran)
    assert f"  clean up             DELETE /api/v1/api_keys/{key_id}" in ran.err


def test_what_another_hub_may_have_left_is_said(lab, hub):
    hub.set_knobs(faults=parse_faults("DELETE ** * before:status:403"))
    write_sandbox(lab)
    assert probe(lab).code == 1
    (fresh,) = lab.start("other")
    write_sandbox(lab)
    ran = lab.run("contract", "probe", "--hub", "other", "--out", "other.yaml", "--timeout", "1s", "--yes")
    assert ran.code == 0
    assert f"keyspec: an earlier probe may have left keys on {hub.url}: probe that hub again\n" in ran.err
    assert len(probe_keys(hub)) == 1
    assert probe_keys(fresh) == set()
