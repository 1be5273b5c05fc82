"""Stores that fail: either the key is not made at all, or it is locked and its value waits. All is told by name.

plan    broken before the store is looked at        held, or failed in the preflight: no key
mark    broken between the plan and the mark        failed: no key
value   broken while the hub makes the key          failed, locked, spooled; stored as soon as the store is whole
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pytest
from stores import aws_server, kv2_server
from stores.faults import Fault
from stories.tongues import name_request
from stories.twisted import start_twisted

from keyspec import disk
from keyspec.devhub import parse_faults
from keyspec.session import Session
from keyspec.stores.vault import VaultStore

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.tongues("cipherinsights", "other")

LIST = "GET /api_keys"
READ = ("GET /roles", LIST)
SOMEBODYS = "somebodys-own-value"
HANG_S = 0.1

UNPRIVILEGED = """\
import ctypes, os, sys
for capability in (1, 2) if sys.platform == "linux" else ():  # by which root writes and reads what is closed to it
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP: not for what is run from here on
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@dataclass
class Story:
    """One hub, one store, one key; `breaks` has the ways to break the store, `heal` makes it whole again.

    `at` holds what happens, once, when the hub has done what it was asked for. `lasts` says that a dead run's mark
    stands until its lease is over.
    """

    lab: object
    template: str
    read: Callable[[str], str | None]
    breaks: dict[str, Callable[[str], None]]
    heal: Callable[[str], None]
    lasts: bool = True
    at: dict = field(default_factory=dict)
    hub: object = None
    key: str = "ci_a"
    hours: int = 0

    def begin(self):
        self.hub = start_twisted(self.lab, "lab", self.twist)
        self.declare("ci_a")
        return self

    def declare(self, key):
        self.key = key
        spec = f'defaults: {{store: "{self.template}"}}\nkeys: {{{key}: {{roles: [User]}}}}\n'
        self.lab.write(spec)

    def twist(self, call, answer):
        due = answer()
        self.at.pop(name_request(call), lambda: None)()
        return due

    def break_store(self, how, when):
        """Break the store, now or when the run has come so far."""
        act = partial(self.breaks[how], self.key)
        if when == "plan":
            act()
        else:
            self.at[{"mark": "GET /api_keys", "value": "POST /api_keys"}[when]] = act

    def wait_for_leases(self):
        """Let the leases of runs that are over be over, too."""
        if self.lasts:
            self.hours += 1
            later = partial(Session, now=lambda: time.time() + self.hours * 3600)
            self.lab.patch.setattr("keyspec.commands.running.Session", later)

    def apply(self, *words):
        return self.lab.run("apply", "--yes", *words)

    @property
    def reference(self):
        return self.template.format(hub="lab", key=self.key)

    def check_end(self):
        """Check that the key is there, open, with the value that is stored, and that nothing is left to do."""
        assert self.hub.check_value(self.read(self.key), usable=True) == self.key
        assert self.lab.spooled() == set()
        assert self.lab.run("plan", "--exit-code").code == 0


def make_file_story(lab):
    folder, away, fill = lab.folder / "secrets", lab.folder / "away", disk.fill

    def go_down(_):
        if folder.exists():
            folder.rename(away)
        folder.write_text("a file where a folder was")

    def plant(key):
        (folder / "lab").mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "lab" / key).write_text(SOMEBODYS)

    def fill_nothing(descriptor, data):
        if any(os.path.samestat(path.stat(), os.fstat(descriptor)) for path in folder.rglob("*")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fill(descriptor, data)

    def heal(key):
        lab.patch.setattr(disk, "fill", fill)
        if folder.is_file():
            folder.unlink()
        if away.exists():
            away.rename(folder)
        if lab.value("lab", key) == SOMEBODYS:
            (folder / "lab" / key).unlink()

    breaks = {"down": go_down, "foreign": plant, "full": lambda _: lab.patch.setattr(disk, "fill", fill_nothing)}
    return Story(lab, "file:secrets/{hub}/{key}", partial(lab.value, "lab"), breaks, heal, lasts=False)


def make_vault_story(lab):
    vault, address = kv2_server.start()
    vault.reset()
    lab.patch.setenv("VAULT_ADDR", address)
    lab.patch.setenv("VAULT_TOKEN", "writer")
    for name in ("VAULT_NAMESPACE", "VAULT_CACERT"):
        lab.patch.delenv(name, raising=False)
    lab.patch.setattr("keyspec.stores.vault.open_vault", lambda: VaultStore(os.environ, timeout_s=HANG_S))
    policies = kv2_server.POLICIES
    writer = policies["writer"]

    def find(key):
        return vault.data(f"lab/{key}") if ("secret", f"lab/{key}") in vault.secrets else {}

    def meet(kind, *requests):
        vault.wire.faults += [Fault(request, kind) for request in requests for _ in range(40)]

    def heal(key):
        vault.wire.faults.clear()
        vault.wire.dead_from = None
        vault.sealed = False
        lab.patch.setitem(policies, "writer", writer)
        if find(key).get("value") == SOMEBODYS:
            vault.put(f"lab/{key}", {name: value for name, value in find(key).items() if name != "value"})

    breaks = {
        "down": lambda _: setattr(vault.wire, "dead_from", len(vault.wire.lines)),
        "sealed": lambda _: setattr(vault, "sealed", True),
        "late": lambda _: meet("hang", "/v1/"),
        "full": lambda _: meet(507, "POST /v1/secret/data", "PATCH /v1/secret/data"),
        "read-only": lambda _: lab.patch.setitem(policies, "writer", policies["reader"]),
        "foreign": lambda key: vault.put(f"lab/{key}", {**find(key), "value": SOMEBODYS}),
    }
    return Story(lab, "vault:secret/{hub}/{key}#value", lambda key: find(key).get("value"), breaks, heal)


def make_aws_story(lab):
    aws, address = aws_server.start()
    aws.reset()
    aws_server.point_at(lab.patch, address)
    lab.patch.setattr("keyspec.stores.awssecrets._ATTEMPTS", 1)

    def read(key):
        return next(text for labels, text in aws.versions(f"lab/{key}").values() if "AWSCURRENT" in labels)

    def heal(_):
        aws.wire.dead_from = None
        lab.patch.setenv("AWS_ACCESS_KEY_ID", "WRITER")

    breaks = {
        "down": lambda _: setattr(aws.wire, "dead_from", len(aws.wire.lines)),
        "read-only": lambda _: lab.patch.setenv("AWS_ACCESS_KEY_ID", "READONLY"),
    }
    return Story(lab, "aws-sm:{hub}/{key}", read, breaks, heal)


MAKERS = {"file": make_file_story, "vault": make_vault_story, "aws-sm": make_aws_story}
NAMED = {
    ("file", "down"): "something that is not a folder stands in the way",
    ("file", "full"): "the disk is full",
    ("file", "foreign"): "store-foreign-entry",
    ("vault", "down"): "the server does not answer (ConnectionError)",
    ("vault", "sealed"): "the server is sealed (503)",
    ("vault", "late"): "the server does not answer (ReadTimeout)",
    ("vault", "full"): "the server answered 507",
    ("vault", "read-only"): "permission denied",
    ("vault", "foreign"): "store-foreign-entry",
    ("aws-sm", "down"): "DescribeSecret failed: ConnectionClosedError",
    ("aws-sm", "read-only"): "access denied",
}
"""What is said of each way in which a store fails."""
SEEN = ("down", "sealed", "late", "foreign")
"""What a plan sees, which only looks."""
CASES = [(*case, when) for case in NAMED for when in ("plan", "mark", "value")]
QUICK = [case for case in CASES if case[0] != "aws-sm"]


@pytest.fixture
def begin(lab):
    return lambda store: MAKERS[store](lab).begin()


def squeeze(text):
    return " ".join(text.split())


@pytest.mark.parametrize(("store", "how"), [case for case in NAMED if case[1] in SEEN and case[0] != "aws-sm"])
def test_a_store_that_a_plan_finds_broken_holds_the_create(begin, wire, store, how):
    story = begin(store)
    story.break_store(how, "plan")
    ran = story.apply("--format", "json")
    assert (ran.code, ran.steps()) == (0, ["create lab/ci_a HELD"])
    wire(story.hub, *READ)
    code = "store-foreign-entry" if how == "foreign" else "store-unread"
    (finding,) = ran.json["findings"]
    assert (finding["code"], finding["severity"]) == (code, "warning")
    said = squeeze(story.apply().out)
    wire(story.hub, *READ)
    assert f"warning {code} ci_a: " in said
    if how == "foreign":
        assert "held: not done without --take-over ci_a" in said
        assert story.read("ci_a") == SOMEBODYS
    else:
        assert f"{story.reference} cannot be looked at: {NAMED[store, how]}" in finding["message"]
        assert NAMED[store, how] in said
    check_healed(story, wire)


@pytest.mark.parametrize(
    ("store", "how", "when"),
    [case for case in QUICK if case[2] == "mark" or (case[2] == "plan" and case[1] not in SEEN)]
    + [("aws-sm", "read-only", "plan")],
)
def test_a_store_that_takes_no_mark_lets_no_key_be_made(begin, wire, store, how, when):
    story = begin(store)
    for form in ("json", "text"):
        story.break_store(how, when)
        ran = story.apply("--format", form)
        assert ran.code == 1
        wire(story.hub, *READ, LIST)
        said = ran.json["steps"][0]["error"] if form == "json" else squeeze(ran.out)
        assert story.reference in said
        assert NAMED[store, how] in said
        assert "; the key was not created" in said
        assert "ci_a" not in story.hub
        if how == "foreign":
            assert story.read("ci_a") == SOMEBODYS
        story.heal("ci_a")
    check_healed(story, wire)


def check_healed(story, wire):
    """Check that with a store that is whole the key is made as if nothing had been."""
    story.heal("ci_a")
    ran = story.apply("--format", "json")
    assert (ran.code, ran.steps()) == (0, ["create lab/ci_a applied"])
    wire(story.hub, *READ, "POST /api_keys ci_a", LIST)
    story.check_end()


@pytest.mark.parametrize(
    ("store", "how"), [(store, how) for store, how, when in QUICK if when == "value"] + [("aws-sm", "down")]
)
def test_a_store_that_does_not_take_the_value_leaves_the_key_locked_and_the_value_in_the_spool(begin, wire, store, how):
    story = begin(store)
    for form in ("json", "text")[: 1 if store == "aws-sm" else 2]:
        story.declare(f"ci_{form}")
        spooled = lose(story, wire, how, form)
        check_patience(story, form, spooled)
        story.heal(story.key)
        story.wait_for_leases()
        check_recovered(story, wire, spooled)


def lose(story, wire, how, form):
    """Let a store break while the hub makes the key; give the value that waits in the spool."""
    story.break_store(how, "value")
    ran = story.apply("--format", form)
    assert ran.code == 1
    wire(story.hub, *READ, f"POST /api_keys {story.key}", f"POST /api_keys/{story.key}/lock", LIST)
    if form == "json":
        assert ran.steps() == [f"create lab/{story.key} failed"]
    said = squeeze(ran.json["steps"][0]["error"] if form == "json" else ran.out)
    scheme = story.template.partition(":")[0]
    assert story.reference in said
    assert ("it has changed since it was looked at" if how == "foreign" else NAMED[scheme, how]) in said
    assert f"; the key is locked; the value waits in {story.lab.folder}/state/keyspec/spool/" in said
    assert said.count("the next apply stores it") == 1
    (value,) = story.lab.spooled()
    assert story.hub.check_value(value) == story.key
    assert story.hub.keys()[story.key]["locked"]
    return value


def check_patience(story, form, value):
    """Check that while the store stays broken nothing gets worse, and that it is told."""
    ran = story.apply("--format", form, "--allow-unlock")
    assert ran.code == 3
    assert story.reference in squeeze(ran.json["hubs"][0]["error"] if form == "json" else ran.out)
    assert {exchange.method for exchange in story.hub.requests} == {"GET"}
    assert story.lab.spooled() == {value}
    assert story.read(story.key) != value


def check_recovered(story, wire, value):
    """Check that with a store that is whole the value gets there, and the key is opened when that is allowed."""
    assert story.apply().code == 0
    assert (story.read(story.key), story.lab.spooled()) == (value, set())
    plan = story.lab.run("plan", "--format", "json")
    assert plan.steps() == [f"unlock lab/{story.key} HELD"]
    ran = story.apply("--format", "json", "--allow-unlock")
    assert (ran.code, ran.steps()) == (0, [f"unlock lab/{story.key} applied"])
    wire(story.hub, *READ, f"POST /api_keys/{story.key}/unlock", LIST)
    assert story.read(story.key) == value
    story.check_end()


def test_a_spooled_value_is_stored_as_soon_as_its_store_is_whole(begin, wire):
    story = begin("vault")
    value = lose(story, wire, "down", "text")
    story.heal("ci_a")
    assert story.apply().code == 0
    assert (story.read("ci_a"), story.lab.spooled()) == (value, set())


@pytest.fixture
def unprivileged(lab):
    """Run a command as somebody whom the modes of files bind, root or not."""

    def run(*words):
        for hub in lab.hubs.values():
            hub.clear_requests()
        process = subprocess.Popen(
            [sys.executable, "-c", UNPRIVILEGED, "-m", "keyspec", *words],
            cwd=lab.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            return lab.finish(process)

    (closed := lab.folder / "closed").mkdir(mode=0o500)
    probe = [sys.executable, "-c", UNPRIVILEGED, "-c", "import os; os.mkdir('closed/open')"]
    done = subprocess.run(probe, cwd=lab.folder, capture_output=True, check=False)
    closed.chmod(0o700)
    if done.returncode == 0:
        pytest.skip("no mode of a file binds this user")
    return run


def test_a_folder_that_is_read_only_takes_neither_mark_nor_value(begin, wire, unprivileged):
    story = begin("file")
    folder = story.lab.folder / "secrets/lab"
    folder.mkdir(mode=0o700, parents=True)
    folder.chmod(0o500)
    ran = unprivileged("apply", "--yes")
    assert ran.code == 1
    wire(story.hub, *READ, LIST)
    said = squeeze(ran.out)
    assert f"{story.reference} cannot be kept here: permission denied; the key was not created" in said

    folder.chmod(0o700)
    story.at["POST /api_keys"] = partial(folder.chmod, 0o500)
    ran = unprivileged("apply", "--yes", "--format", "json")
    assert ran.code == 1
    wire(story.hub, *READ, "POST /api_keys ci_a", "POST /api_keys/ci_a/lock", LIST)
    said = ran.json["steps"][0]["error"]
    assert f"{story.reference} cannot be written: permission denied; the key is locked; the value waits in" in said
    (value,) = story.lab.spooled()
    folder.chmod(0o700)
    check_recovered(story, wire, value)


@pytest.mark.parametrize("store", ["file", "vault"])
def test_of_two_runs_at_once_one_makes_the_key_and_the_other_says_so(begin, wire, wait_for, store):
    story = begin(store)
    story.hub.set_knobs(faults=parse_faults("POST /api_keys 1 before:status:503:retry-after=1"))
    first = story.lab.spawn("apply", "--yes", "--format", "json")
    assert wait_for(first, lambda: any(exchange.method == "POST" for exchange in story.hub.requests))
    first.send_signal(signal.SIGSTOP)
    for form in ("json", "text"):
        ran = story.apply("--format", form)
        assert ran.code == 0
        wire(story.hub, *READ)
        if form == "json":
            assert ran.steps() == ["create lab/ci_a HELD"]
            assert [found["code"] for found in ran.json["findings"]] == ["another-run"]
        else:
            assert "another-run ci_a: another run of keyspec is creating this key" in squeeze(ran.out)
            assert "not done without the end of the other run" in squeeze(ran.out)
    first.send_signal(signal.SIGCONT)
    ran = story.lab.finish(first)
    assert (ran.code, ran.steps()) == (0, ["create lab/ci_a applied"])
    ran = story.apply("--format", "json")
    assert (ran.code, ran.steps()) == (0, [])
    story.check_end()


@pytest.mark.parametrize("request_line", ["POST /v1/secret/data", "PATCH /v1/secret/data", "GET /v1/secret/data"])
def test_an_answer_of_a_store_that_comes_too_late_once_costs_nothing(begin, wire, request_line):
    story = begin("vault")
    vault, _ = kv2_server.start()
    vault.wire.faults.append(Fault(request_line, "hang"))
    ran = story.apply("--format", "json")
    assert (ran.code, ran.steps()) == (0, ["create lab/ci_a applied"])
    assert vault.wire.faults == []
    wire(story.hub, *READ, "POST /api_keys ci_a", LIST)
    story.check_end()


@pytest.mark.parametrize("store", ["file", "vault"])
def test_somebodys_entry_is_set_aside_only_if_that_is_allowed(begin, wire, store):
    story = begin(store)
    story.break_store("foreign", "plan")
    for _ in range(2):
        assert story.apply().code == 0
        assert story.read("ci_a") == SOMEBODYS
        wire(story.hub, *READ)
    assert story.apply("--take-over", "ci_b").code == 0
    wire(story.hub, *READ)
    assert story.apply("--take-over", "ci_a").code == 0
    wire(story.hub, *READ, "POST /api_keys ci_a", LIST)
    story.check_end()
