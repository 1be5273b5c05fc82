from __future__ import annotations

import json
import signal
import subprocess
import time

import pexpect
import pytest
from probes import QUICK, SANDBOX, journals, probe_keys
from processes import clean_environ, keyspec_command

from keyspec.contract import parse_contract
from keyspec.devhub import parse_faults
from keyspec.files import read_contract

SPEC = 'keyspec: 1\nhubs:\n  lab: {{url: "{url}", auth: "env:LAB_KEY", auth_key_id: keyspec_ci, labels: {labels}}}\n'


@pytest.fixture
def sandbox(folder):
    folder.spec(SPEC.format(url=folder.hub.url, labels=SANDBOX))
    return folder


def ask(folder, answer):
    child = pexpect.spawn(
        keyspec_command()[0],
        keyspec_command(*QUICK)[1:],
        cwd=folder.path,
        env=clean_environ(TERM="xterm", **folder.environ),
        encoding="utf-8",
        timeout=60,
        dimensions=(60, 160),
    )
    child.logfile_read = folder.heard
    child.expect("Send these requests to hub lab")
    told = child.before
    assert folder.writes == []
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, told, child.before


def test_a_probe_says_what_it_saw_and_writes_a_contract(sandbox):
    ran = sandbox.run(*QUICK, "--yes")
    assert ran.code == 0
    assert "agrees   created_locked" in ran.out
    assert "observations of hub lab against `cipherinsights-v1`: " in ran.out
    assert "wrote seen.yaml: read it, then name it as the hub's `contract:`" in ran.err
    assert parse_contract(read_contract("./seen.yaml", file=str(sandbox.path / "keyspec.yaml"))).name.endswith("-lab")
    assert probe_keys(sandbox.hub) == set()
    assert journals(sandbox.path) == []


def test_json_is_one_document(sandbox):
    document = json.loads(sandbox.run(*QUICK, "--yes", "-q", "--format", "json").out)
    assert document["format"] == "keyspec-probe/1"
    assert (document["role"], document["overlay"], document["left"]) == ("User", "seen.yaml", {})


@pytest.mark.parametrize("labels", ["{env: lab}", "{sandbox: env}", "{env: Sandbox}", "{}"])
def test_a_hub_that_is_no_sandbox_is_4_and_is_asked_nothing(folder, labels):
    folder.spec(SPEC.format(url=folder.hub.url, labels=labels))
    for words in ((), ("--format", "json")):
        ran = folder.run(*QUICK, "--yes", *words)
        assert ran.code == 4
        assert "not-a-sandbox: hub `lab` is not marked as one that may be probed: its label `env` is not" in ran.err
    assert folder.hub.requests == []
    assert not (folder.path / "seen.yaml").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (QUICK, "there is no terminal to ask at"),
        (("contract", "probe", "--out", "seen.yaml", "--yes"), "Missing option"),
        (("contract", "probe", "--hub", "lab", "--yes"), "Missing option"),
        ((*QUICK, "--yes", "--hub", "nothing"), "there is no such hub; there are lab"),
        ((*QUICK, "--yes", "--out", "keyspec.yaml"), "keyspec.yaml is there already; nothing was written"),
        ((*QUICK, "--yes", "--out", "no/where.yaml"), "its folder does not exist"),
        ((*QUICK, "--yes", "--out", "/proc/x.yaml"), "/proc/x.yaml cannot be written: "),
        ((*QUICK, "--yes", "--timeout", "soon"), "not a duration"),
    ],
)
def test_wrong_usage_is_64_and_asks_nothing(sandbox, words, says):
    ran = sandbox.run(*words)
    assert ran.code == 64
    assert says in ran.err
    assert sandbox.hub.requests == []


def test_only_yes_is_a_yes_and_anything_else_is_3(sandbox):
    code, told, _ = ask(sandbox, "y")
    assert code == 3
    assert sandbox.writes == []
    assert not (sandbox.path / "seen.yaml").exists()
    assert journals(sandbox.path) == []
    assert "POST /api/v1/api_keys/import" in told
    assert "apiKey" in told
    code, _, said = ask(sandbox, "yes")
    assert code == 0, said
    assert (sandbox.path / "seen.yaml").exists()


def test_a_role_of_the_spec_may_be_named(sandbox):
    text = SPEC.format(url=sandbox.hub.url, labels=SANDBOX).replace("labels:", "role_names: {ours: Operator}, labels:")
    sandbox.spec(text)
    ran = sandbox.run(*QUICK, "--yes", "--role", "ours", "--format", "json")
    assert (ran.code, json.loads(ran.out)["role"]) == (0, "Operator")
    assert sandbox.run(*QUICK, "--yes", "--role", "nobody", "--out", "b.yaml").code == 64
    assert not (sandbox.path / "b.yaml").exists()


def test_a_hub_that_does_not_tell_permissions_wants_a_role_to_be_named(sandbox):
    shown = sandbox.run("contract", "show", "cipherinsights-v1", "--yaml").out
    (sandbox.path / "ours.yaml").write_text(shown.replace("  permissions: permissions\n", ""))
    sandbox.spec(SPEC.format(url=sandbox.hub.url, labels=f"{SANDBOX}, contract: ./ours.yaml"))
    ran = sandbox.run(*QUICK, "--yes")
    assert ran.code == 4
    assert "so nobody knows the weakest: say --role" in ran.err
    assert sandbox.writes == []


def test_a_contract_by_which_nothing_can_be_removed_is_4(sandbox):
    shown = sandbox.run("contract", "show", "cipherinsights-v1", "--yaml").out
    before, _, rest = shown.partition("  delete_key:")
    (sandbox.path / "ours.yaml").write_text(f"{before}  list_roles:{rest.partition('  list_roles:')[2]}")
    sandbox.spec(SPEC.format(url=sandbox.hub.url, labels=f"{SANDBOX}, contract: ./ours.yaml"))
    ran = sandbox.run(*QUICK, "--yes")
    assert ran.code == 4
    assert (
        "cannot-probe: the contract `cipherinsights-v1` has no delete_key: nothing can be made and removed" in ran.err
    )
    assert sandbox.hub.requests == []


def test_a_hub_that_cannot_be_asked_is_1(sandbox):
    ran = sandbox.run(*QUICK, "--yes", LAB_KEY="wrong")
    assert ran.code == 1
    assert "answered 401" in ran.err


def test_a_key_that_cannot_be_made_is_1_and_nothing_is_written(sandbox):
    sandbox.hub.set_knobs(faults=parse_faults("POST ** * before:status:403"))
    ran = sandbox.run(*QUICK, "--yes")
    assert ran.code == 1
    assert "differs  create  POST /api/v1/api_keys reauth_timeout 1s  403" in ran.out
    assert not (sandbox.path / "seen.yaml").exists()
    assert journals(sandbox.path) == []


def test_a_contract_that_cannot_be_written_is_1_and_all_that_was_seen_is_still_said(sandbox):
    """The limit of a file's size stands for a full disk: the journal fits, the contract does not."""
    script = 'ulimit -f 1; exec "$@"'
    command = ["bash", "-c", script, "bash", *keyspec_command(*QUICK, "--yes", "-q", "--format", "json")]
    done = subprocess.run(
        command, cwd=sandbox.path, env=clean_environ(**sandbox.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "keyspec: seen.yaml cannot be written: " in done.stderr
    document = json.loads(done.stdout)
    assert document["overlay"] is None
    assert document["observations"] != []
    assert not (sandbox.path / "seen.yaml").exists()
    assert probe_keys(sandbox.hub) == set()


def start(folder, *words):
    return subprocess.Popen(
        keyspec_command(*QUICK, "--yes", *words),
        cwd=folder.path,
        env=clean_environ(**folder.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process, is_so):
    ends = time.monotonic() + 20
    while not is_so() and process.poll() is None and time.monotonic() < ends:
        time.sleep(0.005)
    assert is_so()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("path", ["/api/v1/api_keys", "/lock", "/import"])
def test_an_interrupt_cleans_up_and_is_130(sandbox, canary, number, path):
    sandbox.hub.set_knobs(latency_ms=60)
    process = start(sandbox)
    wait_for(process, lambda: any(each.path.endswith(path) for each in sandbox.writes))
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    canary.said.extend((out, err))
    assert process.returncode == 130, err
    assert probe_keys(sandbox.hub) == set()
    assert journals(sandbox.path) == []
    assert not (sandbox.path / "seen.yaml").exists()
    assert "keyspec: interrupted\n" in err
    assert "Traceback" not in err


def test_an_interrupt_ends_a_wait_for_a_denial(sandbox):
    sandbox.hub.set_knobs(lock_delay_ms=60_000)
    process = start(sandbox, "-q")
    wait_for(process, lambda: any(each.path.endswith("/lock") for each in sandbox.writes))
    time.sleep(0.5)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert time.monotonic() - began < 3
    assert process.returncode == 130
    assert probe_keys(sandbox.hub) == set()


def test_a_second_interrupt_stops_asking_and_says_what_is_left(sandbox):
    process = start(sandbox)
    sandbox.hub.set_knobs(faults=parse_faults("PUT ** 1 before:hang:1.5", "GET /api_keys 3-9 before:hang:1.5"))
    wait_for(process, lambda: any(each.method == "PUT" for each in sandbox.writes))
    process.send_signal(signal.SIGINT)
    time.sleep(0.4)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    (key_id,) = probe_keys(sandbox.hub)
    assert f"left on {sandbox.hub.url}: {key_id}: " in err
    sandbox.hub.set_knobs(faults=())
    assert sandbox.run(*QUICK, "--yes").code == 0
    assert probe_keys(sandbox.hub) == set()


def test_two_probes_of_one_user_do_not_run_at_once(sandbox):
    sandbox.hub.set_knobs(latency_ms=100)
    process = start(sandbox)
    wait_for(process, lambda: bool(sandbox.writes))
    ran = sandbox.run("contract", "probe", "--hub", "lab", "--out", "other.yaml", "--yes")
    assert (ran.code, ran.err) == (
        1,
        "keyspec: another `keyspec contract probe` of yours is running; nothing was sent\n",
    )
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_journal_that_cannot_be_read_stops_everything_and_says_what_to_do(sandbox):
    path = sandbox.path / "state" / "keyspec" / "probe"
    path.mkdir(parents=True)
    sandbox.hub.set_knobs(faults=parse_faults("DELETE ** * before:status:403"))
    assert sandbox.run(*QUICK, "--yes").code == 1
    (journal,) = journals(sandbox.path)
    assert journal.stat().st_mode & 0o777 == 0o600
    journal.write_text("{")
    sandbox.hub.clear_requests()
    ran = sandbox.run(*QUICK, "--yes", "--out", "b.yaml")
    assert ran.code == 1
    assert "cannot be read: look on the hub for keys that begin with keyspec_probe_, then remove this file" in ran.err
    assert sandbox.writes == []
