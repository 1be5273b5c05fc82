"""What only the `exec:` store promises: which programs run, what they are told, and what of theirs is shown."""

from __future__ import annotations

import json
import os
import sys

import pytest
from stores.benches import install_program

from keyspec.desired import Entry
from keyspec.errors import StoreConflict, StoreError, StoreForeign
from keyspec.model import Key
from keyspec.record import Content, Mark, Record, dump_note
from keyspec.secret import Reference, Secret
from keyspec.stores.exec import ExecStore, open_exec

VALUE = "Canary7Value0abcdefXYZ"
MARK = Content(Mark("hub", Key("key", "", ("User",), 60, "active"), "plan", "run-1"))
RECORD = Content(Record("hub", "key", ("hub",), "fp"), Secret(VALUE))
ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/home/x", "TOKEN": "not for children"}


@pytest.fixture
def make(tmp_path):
    """A store and an entry of a program that does what `body` says with its `request`."""

    def make(body, timeout_s=20.0):
        file = tmp_path / "keep"
        head = "import json, os, sys, time\nrequest = json.load(sys.stdin)\nvalue = request.get('value', '')"
        file.write_text(f"#!{sys.executable} -IS\n{head}\n{body}\n")
        file.chmod(0o700)
        return ExecStore((str(file),), ENVIRON, timeout_s=timeout_s), entry_of(tmp_path)

    return make


def entry_of(folder, rest="./keep#hub/key"):
    return Entry(Reference("exec", rest), str(folder / "keyspec.yaml"))


def every_act(store, entry):
    return (
        lambda: store.preflight(entry),
        lambda: store.look(entry),
        lambda: raise_any(store.look_all([entry])[entry]),
        lambda: store.read(entry),
        lambda: store.put_if_absent(entry, RECORD),
        lambda: store.replace(entry, "v1", MARK),
        lambda: store.set_aside(entry, "v1"),
        lambda: store.clear(entry, "v1"),
        lambda: store.delete(entry, "v1"),
    )


def raise_any(found):
    if isinstance(found, StoreError):
        raise found


def test_only_programs_named_outside_of_the_spec_run(tmp_path):
    program = install_program(tmp_path / "program")
    allowed = str(program)
    for rest in (f"{program}x#a", "keep#a", "program/../program/other#a", "#a"):
        for act in every_act(ExecStore((allowed,), ENVIRON), entry_of(tmp_path, rest)):
            with pytest.raises(StoreError, match="not allowed to run"):
                act()
    for act in every_act(ExecStore((), ENVIRON), entry_of(tmp_path, f"{program}#a")):
        with pytest.raises(StoreError, match="--allow-exec"):
            act()
    assert not (tmp_path / "program" / "seen").exists()


@pytest.mark.parametrize("rest", ["program/keep#a", "./program/x/../keep#a", "program/keep"])
def test_a_path_is_allowed_as_the_path_it_means(tmp_path, monkeypatch, rest):
    install_program(tmp_path / "program")
    monkeypatch.chdir(tmp_path)
    ExecStore(("./program/keep",), ENVIRON).preflight(entry_of(tmp_path, rest))


def test_a_bare_name_is_looked_up_on_path_and_is_no_file_beside_the_spec(tmp_path):
    program = install_program(tmp_path / "program")
    environ = {**ENVIRON, "PATH": f"{program.parent}:{ENVIRON['PATH']}"}
    ExecStore(("keep",), environ).preflight(entry_of(tmp_path, "keep#a"))
    with pytest.raises(StoreError, match="not allowed"):
        ExecStore((str(program),), environ).preflight(entry_of(tmp_path, "keep#a"))


def test_the_environment_may_name_programs(tmp_path, monkeypatch):
    program = install_program(tmp_path / "program")
    monkeypatch.setenv("KEYSPEC_ALLOW_EXEC", f"/no/such/program {program}")
    open_exec().preflight(entry_of(tmp_path, f"{program}#a"))
    with pytest.raises(StoreError, match="not allowed"):
        open_exec(()).preflight(entry_of(tmp_path, f"{program}#a"))


def test_values_go_by_stdin_never_by_argument_or_environment(tmp_path):
    program = install_program(tmp_path / "program")
    store, entry = ExecStore((str(program),), ENVIRON), entry_of(tmp_path, f"{program}#hub/key")
    store.replace(entry, store.put_if_absent(entry, MARK), RECORD)
    assert store.read(entry).reveal() == VALUE
    for line in (program.parent / "seen").read_text().splitlines():
        seen = json.loads(line)
        assert seen["argv"] == [str(program)]
        assert set(seen["environ"]) - {"LC_CTYPE"} == {"PATH", "HOME"}
        assert VALUE not in line


def test_a_request_says_what_is_wanted_and_no_more(make, tmp_path):
    log = tmp_path / "log"
    body = f"open({str(log)!r}, 'a').write(json.dumps(request) + '\\n'); print(json.dumps(dict(version='v2')))"
    store, entry = make(body)
    store.replace(entry, "v1", RECORD)
    store.set_aside(entry, "v2")
    store.read(entry)
    requests = [json.loads(line) for line in log.read_text().splitlines()]
    note = dump_note(RECORD.note).decode().strip()
    head = {"format": "keyspec-store/1", "entry": "hub/key"}
    assert requests == [
        {**head, "operation": "replace", "version": "v1", "note": note, "value": VALUE},
        {**head, "operation": "set_aside", "version": "v2"},
        {**head, "operation": "read"},
    ]


def test_many_entries_are_looked_at_in_few_runs(tmp_path):
    program = install_program(tmp_path / "program")
    store = ExecStore((str(program),), ENVIRON)
    entries = [entry_of(tmp_path, f"{program}#{number}") for number in range(1500)]
    store.put_if_absent(entries[7], MARK)
    refused = entry_of(tmp_path, "other#1")
    found = store.look_all([*entries, refused])
    assert found[entries[7]].note == MARK.note
    assert sum(kept.note is not None for kept in found.values() if not isinstance(kept, StoreError)) == 1
    assert isinstance(found[refused], StoreError)
    assert len((program.parent / "seen").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    "body",
    [
        "print('garbage')",
        "print('[]')",
        "print('{} {}')",
        "print('[' * 100000)",
        "sys.stdout.buffer.write(b'\\xff\\xfe')",
        "pass",
        "sys.exit(1)",
        "os.kill(os.getpid(), 11)",
        "for _ in range(100): print('x' * 1_000_000)",
        "print(json.dumps({'error': {}}))",
        "print(json.dumps({'error': 'x'}))",
        "print(json.dumps({'error': {'code': 7, 'message': 8}}))",
    ],
)
def test_a_program_that_does_not_answer_well_is_an_error_each_time(make, body):
    store, entry = make(body)
    for act in every_act(store, entry):
        with pytest.raises(StoreError, match=r"^exec:\./keep#hub/key: ") as caught:
            act()
        assert VALUE not in str(caught.value)


def test_a_program_that_hangs_is_ended(make):
    store, entry = make("time.sleep(60)", timeout_s=0.3)
    with pytest.raises(StoreError, match=r"preflight: the program took longer than 0\.3 s"):
        store.preflight(entry)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"note": None, "has_value": 1, "version": None},
        {"note": None, "has_value": True, "version": None},
        {"note": None, "has_value": False, "version": "v1"},
        {"note": None, "has_value": True, "version": ""},
        {"note": None, "has_value": True, "version": "a\nb"},
        {"note": None, "has_value": True, "version": "x" * 1025},
        {"note": None, "has_value": True, "version": 7},
    ],
)
def test_a_state_that_makes_no_sense_is_an_error(make, answer):
    store, entry = make(f"print(json.dumps({answer!r}))")
    with pytest.raises(StoreError):
        store.look(entry)


@pytest.mark.parametrize("note", ["garbage", 7, "", "\ud800"])
def test_a_note_that_keyspec_did_not_write_is_foreign(make, note):
    answer = json.dumps({"note": note, "has_value": False, "version": "v1"})
    store, entry = make(f"print({answer!r})")
    assert store.look(entry).foreign


@pytest.mark.parametrize("value", ["", "a\nb", "ü", "x" * 4097, 7, ["a"]])
def test_what_is_no_value_is_not_read_and_not_shown(make, value):
    store, entry = make(f"print(json.dumps({{'value': {value!r}}}))")
    with pytest.raises(StoreError, match=r"no value of a key$"):
        store.read(entry)


@pytest.mark.parametrize(
    ("code", "kind"),
    [("conflict", StoreConflict), ("foreign", StoreForeign), ("failed", StoreError), ("x", StoreError)],
)
def test_failures_are_told_apart(make, code, kind):
    store, entry = make(f"print(json.dumps({{'error': {{'code': {code!r}, 'message': 'why'}}}}))")
    with pytest.raises(StoreError, match="why") as caught:
        store.preflight(entry)
    assert type(caught.value) is kind


LEAK = "print({0} if request['operation'] == 'read' else value, file=sys.stderr); sys.exit(1)"
TELL = "print(json.dumps({{'error': {{'code': 'failed', 'message': value or {0}}}}}))"


@pytest.mark.parametrize("body", [LEAK, TELL])
def test_what_a_program_says_is_not_shown_where_a_value_may_be_in_it(make, body):
    store, entry = make(body.format(f"'{VALUE}'"))
    acts = every_act(store, entry)
    for act in (acts[3], acts[4], acts[6], acts[8], lambda: store.replace(entry, "v1", RECORD)):
        with pytest.raises(StoreError) as caught:
            act()
        assert VALUE not in str(caught.value)
        assert VALUE not in repr(caught.value.__cause__)


def test_what_is_shown_is_disarmed(make):
    store, entry = make("print('\\x1b[31m::error::\\n' * 100, file=sys.stderr); sys.exit(1)")
    with pytest.raises(StoreError, match=r"exit code 1\): \\x1b\[31m:") as caught:
        store.look(entry)
    assert "\x1b" not in str(caught.value)
    assert "::" not in str(caught.value).removeprefix("exec:")
    assert len(str(caught.value)) < 400
