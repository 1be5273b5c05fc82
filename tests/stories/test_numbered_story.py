"""Plan and apply on a hub that calls keys by numbers of its own: what was reviewed is done to that key, or not at all."""

from __future__ import annotations

import json

import pytest
from bench import Bench, told
from fakes.hub import URL
from fakes.numbered import NUMBERED_TEXT, NumberedHub

from keyspec.loader import load_desired, load_saved
from keyspec.planfile import dump_plan
from keyspec.reconcile import apply_run, plan_saved
from keyspec.report import apply_exit_code

HUB = f"""\
hubs:
  fake: {{url: "{URL}", auth: "env:HUB_KEY", auth_key_id: keyspec_ci, concurrency: 1, contract: ./numbered.yaml}}
"""
HEAD = 'keyspec: 1\ndefaults: {store: "file:secrets/{hub}/{key}"}\nguards: {max_change_share: 100%}\n'
SPEC = """\
keys:
  ci_born: {roles: [User], state: locked}
  ci_edit: {roles: [Operator, User], reauth_timeout: 5m}
  ci_gone: {state: absent}
  ci_lock: {roles: [User], state: locked}
  ci_new: {roles: [User]}
  ci_open: {roles: [User], state: active}
  ci_own: {roles: [User], state: locked, value: {from: generated}}
"""
EDIT = "keys: {ci_edit: {roles: [Operator]}}\n"
LOCK = "keys: {ci_lock: {roles: [User], state: locked}}\n"
OPERATOR, USER = [{"role": "Operator"}], [{"role": "User"}]


def make_hub():
    fake = NumberedHub()
    for name in ("keyspec_ci", "stranger", "ci_edit", "ci_gone", "ci_lock", "ci_open"):
        fake.add(name, suspended=name in ("ci_gone", "ci_open"))
    return fake


@pytest.fixture
def hub():
    return make_hub()


@pytest.fixture
def bench(tmp_path, hub):
    return Bench(tmp_path, hub)


def write(bench, text=SPEC, *changes):
    contract = NUMBERED_TEXT
    for old, new in changes:
        assert old in contract
        contract = contract.replace(old, new)
    (bench.folder / "numbered.yaml").write_text(contract)
    (bench.folder / "keyspec.yaml").write_text(HEAD + HUB + text)


def replace_row(hub, name, **fields):
    """Take a token away, and put another one with its name there."""
    hub.rows.remove(hub.row(name))
    return hub.add(name, **fields)


def test_a_plan_is_applied_verified_and_then_empty(bench, hub):
    write(bench)
    report = bench.run()
    assert told(report) == [
        "lock ci_lock applied",
        "create ci_born applied",
        "lock ci_born applied",
        "create ci_new applied",
        "import ci_own applied",
        "lock ci_own applied",
        "edit ci_edit applied",
        "unlock ci_open applied",
        "delete ci_gone applied",
    ]
    assert apply_exit_code(report) == 0
    assert hub.row("ci_edit") == {
        "num": 3,
        "name": "ci_edit",
        "grants": [*OPERATOR, *USER],
        "hold": 300,
        "suspended": False,
    }
    assert bench.value("ci_new") == f"v4lue-of-ci_new-{hub.row('ci_new')['num']}"
    assert [row["name"] for row in hub.rows] == [
        "keyspec_ci", "stranger", "ci_edit", "ci_lock", "ci_open", "ci_born", "ci_new", "ci_own",
    ]  # fmt: skip
    assert bench.plan().plan.steps == ()


def test_each_request_names_one_key_by_its_number_bulk_forms_and_queries_too(bench, hub):
    write(bench)
    bench.run()
    assert sorted(hub.told) == [
        "DELETE /v1/tokens?num=4",
        "POST /v1/tokens",
        "POST /v1/tokens",
        "POST /v1/tokens",
        "POST /v1/tokens/resume 6",
        "POST /v1/tokens/suspend 5",
        "POST /v1/tokens/suspend 7",
        "POST /v1/tokens/suspend 9",
        "PUT /v1/tokens/3",
    ]


def test_no_handle_stands_in_a_plan_nor_in_a_record(bench, hub):
    write(bench, "keys: {ci_edit: {roles: [Operator]}, ci_new: {roles: [User], state: locked}}\n")
    hub.row("ci_edit")["num"] = 987654
    planned = bench.plan()
    assert b"987654" not in dump_plan(planned.plan, created_at="2026-01-01T00:00:00+00:00")
    bench.run()
    kept = [path.read_text() for path in bench.folder.rglob("*") if path.is_file()]
    assert not any("987654" in text for text in kept)


@pytest.mark.parametrize("tells", [True, False])
def test_a_new_key_is_locked_by_its_own_number_told_or_looked_up(bench, hub, tells):
    hub.tells = tells
    write(bench, "keys: {ci_born: {roles: [User], state: locked}}\n")
    assert told(bench.run()) == ["create ci_born applied", "lock ci_born applied"]
    assert hub.told == ["POST /v1/tokens", "POST /v1/tokens/suspend 7"]


def test_an_answer_that_calls_a_new_key_by_an_older_one_s_number_locks_no_other(bench, hub):
    write(bench, "keys: {ci_born: {roles: [User], state: locked}}\n")
    hub.tells = False
    answer = hub._create

    def lie(body):
        made = answer(body)
        payload = made.json()
        payload["token"]["num"] = 2
        return type(made)(201, json=payload)

    hub._create = lie
    assert told(bench.run()) == ["create ci_born applied", "lock ci_born applied"]
    assert [row["name"] for row in hub.rows if row["suspended"]] == ["ci_gone", "ci_open", "ci_born"]


def test_two_keys_of_one_name_make_a_hub_unreadable(bench, hub):
    write(bench, EDIT)
    hub.add("ci_edit")
    (row,) = bench.plan().plan.hubs
    assert row.status == "unreadable"
    assert "shows `ci_edit` twice" in row.error


def test_a_handle_that_two_keys_share_makes_a_hub_unreadable(bench, hub):
    write(bench, EDIT, ("handle: num", "handle: hold"))
    (row,) = bench.plan().plan.hubs
    assert row.status == "unreadable"
    assert "have the same handle" in row.error


@pytest.mark.parametrize(
    ("spec", "operation"),
    [
        (EDIT, "edit_key"),
        (LOCK, "lock_key"),
        ("keys: {ci_open: {roles: [User], state: active}}\n", "unlock_key"),
        ("keys: {ci_gone: {state: absent}}\n", "delete_key"),
    ],
)
def test_a_step_on_a_key_whose_handle_is_not_told_is_refused_when_it_is_planned(bench, hub, spec, operation):
    write(bench, spec, ("handle: num", "handle: number"))
    (row,) = bench.plan().plan.hubs
    line = NUMBERED_TEXT[: NUMBERED_TEXT.index(f"  {operation}:")].count("\n") + 1
    assert row.status == "refused"
    assert f"numbered.yaml:{line}:3: " in row.error
    assert f"`{operation}` names a key by its handle, which the hub does not tell of this one" in row.error


def test_what_needs_no_handle_goes_on_without_one(bench, hub):
    write(bench, "keys: {ci_new: {roles: [User]}}\n", ("handle: num", "handle: number"))
    assert told(bench.run()) == ["create ci_new applied"]


# another key of the same name


@pytest.mark.parametrize("spec", [EDIT, LOCK, "keys: {ci_gone: {state: absent}}\n"])
def test_a_key_that_another_one_replaced_since_the_plan_is_a_conflict(bench, hub, spec):
    write(bench, spec)
    (step,) = bench.plan().plan.steps
    same = {field: part for field, part in hub.row(step.key_id).items() if field not in ("num", "name")}
    report = bench.run(between=lambda: replace_row(hub, step.key_id, **same), asked=True)
    assert told(report) == [f"{step.action} {step.key_id} conflict"]
    assert hub.writes == []


def test_a_key_that_was_replaced_behind_the_list_is_not_touched(bench, hub):
    write(bench, EDIT)
    report = bench.run(between=lambda: replace_row(hub, "ci_edit"))
    assert told(report) == ["edit ci_edit conflict"]
    assert hub.told == ["PUT /v1/tokens/3"]
    assert hub.row("ci_edit")["grants"] == USER


def save(bench):
    path = bench.folder / "fleet.plan"
    path.write_bytes(dump_plan(bench.plan().plan, created_at="2026-01-01T00:00:00+00:00"))
    return path


def apply_saved(bench, path):
    session, options = bench.session(), bench.options()
    planned = plan_saved(load_saved(str(path)), str(path), load_desired(options), options=options, session=session)
    return apply_run(planned, options, session)


def test_a_saved_plan_is_done_to_the_key_it_was_reviewed_against(bench, hub):
    write(bench, EDIT)
    path = save(bench)
    assert told(apply_saved(bench, path)) == ["edit ci_edit applied"]
    assert hub.row("ci_edit")["grants"] == OPERATOR


def test_a_saved_plan_meets_another_key_of_the_same_name_and_fields_as_a_conflict(bench, hub):
    write(bench, EDIT)
    path = save(bench)
    replace_row(hub, "ci_edit")
    assert told(apply_saved(bench, path)) == ["edit ci_edit conflict"]
    assert hub.writes == []


@pytest.mark.parametrize("path", ["/tokens/{handle}", "/tokens/{key_id}"])
def test_what_a_fresh_read_shows_is_the_reviewed_key_by_handle_or_by_id(bench, hub, path):
    etag = ("operations:", "capabilities: {etag: true}\noperations:")
    bound = ("    sends: whole", "    if_match: true\n    sends: whole")
    write(bench, EDIT, etag, bound, ("  get_key:\n    method: GET\n    path: /tokens/{handle}", f"  get_key:\n    method: GET\n    path: {path}"))  # fmt: skip
    asked = []

    def by_name(each):
        if each.path == "/v1/tokens/ci_edit":
            replace_row(hub, "ci_edit") if asked else asked.append(each)
            return hub._show(hub.row("ci_edit"))
        return None

    hub.before = by_name
    assert told(bench.run()) == ["edit ci_edit applied"]
    assert [each.if_match for each in hub.requests if each.method == "PUT"] == ['"60-1"']
    asked.append("again")
    hub.row("ci_edit")["grants"] = USER
    assert told(bench.run()) == [f"edit ci_edit {'applied' if 'handle' in path else 'conflict'}"]


# lost answers


@pytest.mark.parametrize(
    ("spec", "lost", "outcome"),
    [
        (EDIT, "PUT /v1/tokens/3", "edit ci_edit applied"),
        (LOCK, "POST /v1/tokens/suspend 5", "lock ci_lock applied"),
        ("keys: {ci_gone: {state: absent}}\n", "DELETE /v1/tokens?num=4", "delete ci_gone applied"),
    ],
)
def test_a_lost_answer_is_looked_up_by_handle_and_nothing_is_sent_twice(bench, hub, spec, lost, outcome):
    write(bench, spec)
    hub.loses = lambda asked: asked.method != "GET"
    assert told(bench.run()) == [outcome]
    number = lost.rpartition("=")[2].rpartition(" ")[2].rpartition("/")[2]
    assert hub.told == [lost, f"GET /v1/tokens/{number}"]


def test_what_was_lost_and_not_done_is_sent_once_more_to_the_same_key(bench, hub):
    write(bench, LOCK)
    answer, tries = hub._suspend, []

    def forget(numbers, *, suspended):
        tries.append(numbers)
        if len(tries) > 1:
            return answer(numbers, suspended=suspended)
        return answer([], suspended=suspended)

    hub._suspend = forget
    hub.loses = lambda asked: asked.method != "GET" and len(tries) == 1
    assert told(bench.run()) == ["lock ci_lock applied"]
    assert hub.told == ["POST /v1/tokens/suspend 5", "GET /v1/tokens/5", "POST /v1/tokens/suspend 5"]


def test_without_a_read_of_one_key_a_lost_answer_is_looked_up_in_the_list(bench, hub):
    part = NUMBERED_TEXT[NUMBERED_TEXT.index("  get_key:") : NUMBERED_TEXT.index("  create_key:")]
    write(bench, LOCK, (part, ""))
    hub.loses = lambda asked: asked.method != "GET"
    assert told(bench.run()) == ["lock ci_lock applied"]


def test_a_lost_lock_of_a_key_that_another_one_replaced_meanwhile_is_a_conflict(bench, hub):
    part = NUMBERED_TEXT[NUMBERED_TEXT.index("  get_key:") : NUMBERED_TEXT.index("  create_key:")]
    write(bench, LOCK, (part, ""))

    def lose(asked):
        if asked.method != "GET":
            replace_row(hub, "ci_lock", suspended=True)
        return asked.method != "GET"

    hub.loses = lose
    assert told(bench.run()) == ["lock ci_lock conflict"]


def test_a_key_whose_create_was_lost_is_found_by_name_and_locked_by_number(bench, hub):
    write(bench, "keys: {ci_new: {roles: [User]}}\n")
    hub.loses = lambda asked: asked.target == "/v1/tokens" and asked.method == "POST"
    report = bench.run()
    assert told(report) == ["create ci_new failed"]
    assert "its value reached nobody; the key is locked" in report.results[0].error
    assert hub.told == ["POST /v1/tokens", "POST /v1/tokens/suspend 7"]
    hub.loses = lambda _: False
    assert told(bench.run()) == ["delete ci_new applied", "create ci_new applied"]
    assert hub.told[2:] == ["DELETE /v1/tokens?num=7", "POST /v1/tokens"]
    assert bench.value("ci_new") == "v4lue-of-ci_new-8"


def test_a_lost_import_is_found_by_name_and_never_sent_twice(bench, hub):
    write(bench, "keys: {ci_own: {roles: [User], value: {from: generated}}}\n")
    hub.loses = lambda asked: asked.method == "POST"
    assert told(bench.run()) == ["import ci_own applied"]
    assert hub.values == {7: bench.value("ci_own")}


def test_a_lost_lock_of_a_new_key_is_looked_up_too(bench, hub):
    write(bench, "keys: {ci_born: {roles: [User], state: locked}}\n")
    hub.loses = lambda asked: asked.path.endswith("suspend")
    assert told(bench.run()) == ["create ci_born applied", "lock ci_born applied"]
    assert hub.told == ["POST /v1/tokens", "POST /v1/tokens/suspend 7", "GET /v1/tokens/7"]


def test_a_value_that_is_repeated_as_handle_is_not_put_into_a_url(bench, hub):
    write(bench, "keys: {ci_new: {roles: [User], state: locked}}\n")
    answer = hub._create

    def repeat(body):
        made = answer(body)
        payload = made.json()
        payload["token"]["num"] = payload["secret"]
        return type(made)(201, json=payload)

    hub._create = repeat
    report = bench.run()
    assert told(report) == ["create ci_new failed", "lock ci_new skipped"]
    assert "a field of it repeats the value; the key is locked" in report.results[0].error
    assert not any("v4lue" in json.dumps([each.target, each.json]) for each in hub.requests)


@pytest.mark.parametrize("lost", [False, True])
def test_whenever_all_keys_give_way_to_twins_no_twin_is_touched(tmp_path, lost):
    """Before each request after the plan's in turn, every key is replaced by one of its name and fields: a restore."""
    for number in range(3, 40):
        hub, twins, folder = make_hub(), set(), tmp_path / str(number)
        folder.mkdir()
        bench = Bench(folder, hub)
        write(bench)
        hub.before = lambda _, hub=hub, twins=twins, number=number: (
            restore(hub, twins) if len(hub.requests) == number else None
        )
        hub.loses = lambda each, hub=hub, number=number: lost and len(hub.requests) == number and each.method != "GET"
        bench.run()
        assert [each for each in hub.requests if names(each) & twins] == []
        if len(hub.requests) < number:
            assert number > 10
            return
    raise AssertionError("the run did not end")


def restore(hub, twins):
    hub._made, olds, hub.rows = 100, hub.rows, []
    for row in olds:
        twins.add(hub.add(**{name: part for name, part in row.items() if name != "num"})["num"])


def names(asked):
    """Give the numbers that a request names."""
    told = [asked.path.rpartition("/")[2], asked.target.rpartition("num=")[2]]
    return {int(each) for each in told if each.isdigit()} | set((asked.json or {}).get("nums", ()))
