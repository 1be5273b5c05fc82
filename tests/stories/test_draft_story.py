"""A contract drafted from a hub's own document, unedited, carries plan and apply through the life of its keys."""

from __future__ import annotations

import httpx
import pytest

from keyspec.devhub import DevHub
from keyspec.devhub.dialects import DIALECTS

STORE = 'defaults: {store: "file:secrets/{hub}/{key}"}\n'
PLACES = {"cipherinsights": ("/api/v1", "x-api-key", ""), "other": ("/admin/v2", "authorization", "Bearer ")}


@pytest.fixture(params=DIALECTS)
def hub(request, lab, monkeypatch):
    """A hub of each dialect, with a contract drafted from its document."""
    started = lab.stack.enter_context(DevHub("lab", dialect=request.param))
    lab.hubs["lab"] = started
    monkeypatch.setenv("HUB_LAB_KEY", started.admin_value)
    base, header, prefix = PLACES[request.param]
    document = httpx.get(
        f"{started.url}{base}/openapi.json", headers={header: prefix + started.admin_value}, trust_env=False
    )
    (lab.folder / "hub.json").write_bytes(document.content)
    assert lab.run("contract", "draft", "--openapi", "hub.json", "--out", "drafted.yaml").code == 0
    return started


def apply(lab, *words):
    ran = lab.run("apply", "--yes", "--format", "json", *words)
    return ran.code, ran.steps()


def test_plan_and_apply_run_whole_by_an_unedited_draft(lab, hub):
    hub.seed_key("ci_edit", roles=("User",))
    hub.seed_key("ci_gone", locked=True)
    text = (
        f"{STORE}keys:\n  ci_new: {{roles: [Operator, User], description: made, reauth_timeout: 5m}}\n"
        "  ci_born_locked: {roles: [User], state: locked}\n  ci_given: {roles: [User], value: {from: generated}}\n"
        "  ci_edit: {roles: [Operator], description: edited, reauth_timeout: 2m}\n  ci_gone: {state: absent}\n"
    )
    lab.write(text, contract="drafted.yaml")
    assert lab.run("plan").code == 0
    code, steps = apply(lab)
    assert code == 0
    assert sorted(steps) == [
        "create lab/ci_born_locked applied",
        "create lab/ci_new applied",
        "delete lab/ci_gone HELD",
        "edit lab/ci_edit applied",
        "import lab/ci_given applied",
        "lock lab/ci_born_locked applied",
    ]
    keys = hub.keys()
    assert keys["ci_new"] == {
        "description": "made",
        "roles": ["Operator", "User"],
        "reauthentication_timeout": 300,
        "locked": False,
    }
    assert keys["ci_edit"] == {
        "description": "edited",
        "roles": ["Operator"],
        "reauthentication_timeout": 120,
        "locked": False,
    }
    assert keys["ci_born_locked"]["locked"]
    assert {hub.check_value(lab.value("lab", name)) for name in ("ci_new", "ci_given")} == {"ci_new", "ci_given"}
    assert apply(lab, "--allow-delete") == (0, ["delete lab/ci_gone applied"])
    assert lab.run("plan", "--exit-code").code == 0

    hub.lock_key("ci_new")
    lab.write(text.replace("ci_new: {", "ci_new: {state: active, "), contract="drafted.yaml")
    assert apply(lab) == (0, ["unlock lab/ci_new HELD"])
    assert apply(lab, "--allow-unlock") == (0, ["unlock lab/ci_new applied"])
    lab.write(f"{STORE}keys: {{ci_new: {{state: absent}}}}\n", contract="drafted.yaml")
    assert apply(lab) == (0, ["lock lab/ci_new applied"])
    lab.check_custody(strangers=("ci_edit",))


def test_a_draft_is_found_in_the_document_and_on_the_hub(lab, hub):
    hub.seed_key("ci_one")
    lab.write("keys: {}\n", contract="drafted.yaml")
    assert lab.run("contract", "check", "--live").code == 0
    assert lab.run("openapi", "--out", "again.json").code == 0
    assert lab.run("contract", "draft", "--hub", "lab", "--out", "again.yaml").code == 0
    first, again = ((lab.folder / name).read_text(encoding="utf-8") for name in ("drafted.yaml", "again.yaml"))
    assert first.split("\n")[4:] == again.split("\n")[4:]
