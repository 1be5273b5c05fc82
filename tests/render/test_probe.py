from __future__ import annotations

import json

from builders import default_contract
from stories.hostile_text import TEXTS, find_harm

from keyspec.contract import parse_contract
from keyspec.document import parse_document
from keyspec.files import read_contract
from keyspec.foreseen import Setting, foresee
from keyspec.overlay import lay_over
from keyspec.probe import Capability, Observation, Probed
from keyspec.render.probe import (
    render_foreseen,
    render_overlay,
    render_probed,
    render_probed_json,
    say_harmed,
    say_left,
)

HOSTILE = "".join(TEXTS.values())
ROWS = (
    Observation("create", "POST /api/v1/api_keys", "201", "agrees"),
    Observation("edit", "PUT /api/v1/api_keys/{key_id}", f"422; it says: {HOSTILE}", "differs"),
    Observation("use", "", "no answer", "unknown"),
    Observation("use", "GET /roles", "403", "noted"),
)
SEEN = (Capability("etag", False, "a key is read without an ETag header"), Capability("ids_reusable", False, "refused"))


def probed(**more):
    fields = {
        "hub": "lab",
        "url": "https://h.example",
        "contract": "cipherinsights-v1",
        "role": HOSTILE,
        "key_id": "keyspec_probe_1",
        "created": True,
        "observations": ROWS,
        "capabilities": SEEN,
    }
    return Probed(**fields | more)


def overlay(base="cipherinsights-v1", **more):
    return render_overlay(default_contract(), probed(**more), base, made_at="2026-01-02T03:04:05+00:00", version="1.2")


def test_every_observation_is_one_row_with_its_verdict():
    text = render_probed(probed(), color=False, width=100)
    assert text.startswith("agrees   create  POST /api/v1/api_keys          201\n")
    last = "4 observations of hub lab against `cipherinsights-v1`: 1 as the contract says, 1 otherwise, 1 could not be told, 1"
    assert last in " ".join(text.split())
    assert not find_harm(text)
    assert not find_harm(render_probed(probed(), color=True, width=60), coloured=True)
    assert render_probed(probed(observations=()), color=False, width=100).startswith("0 observations of hub lab")


def test_the_contract_that_is_written_is_one_whatever_the_hub_said():
    text = overlay(sends_whole=True)
    assert not find_harm(text)
    base = read_contract("cipherinsights-v1", file="")
    contract = parse_contract(lay_over(base, parse_document(text.encode(), "seen.yaml")))
    assert (contract.capabilities.etag, contract.capabilities.ids_reusable) == (False, False)
    assert contract.operations.edit_key.sends == "whole"
    assert "# What `keyspec contract probe` saw on 2026-01-02T03:04:05+00:00, with keyspec 1.2:\n" in text
    assert "  etag: false  # a key is read without an ETag header\n" in text
    assert "#   could not be told: use: no answer\n" in text


def test_a_base_with_any_name_is_written_as_text():
    for base in ("./a b.yaml", './"quoted".yaml', "./yes.yaml", "./ü#: {x}.yaml"):
        assert parse_document(overlay(base).encode(), "seen.yaml").root["extends"] == base


def test_json_holds_all_and_no_text_for_people():
    document = json.loads(render_probed_json(probed(denied_after_s=1.5, left={"k": "why"}), None))
    assert [row["verdict"] for row in document["observations"]] == ["agrees", "differs", "unknown", "noted"]
    assert document["capabilities"] == {"etag": False, "ids_reusable": False}
    assert (document["denied_after_s"], document["left"], document["overlay"]) == (1.5, {"k": "why"}, None)
    assert not find_harm(render_probed_json(probed(), "out.yaml"))


def test_what_is_left_is_said_with_what_to_do():
    lines = list(say_left(probed(left={"keyspec_probe_1": HOSTILE, HOSTILE: "still there"})))
    assert lines[0].startswith("left on https://h.example: keyspec_probe_1: ")
    assert lines[-1] == "run the same command again, which removes it first, or delete it in the portal"
    assert not any(find_harm(line) for line in lines)
    assert list(say_left(probed())) == []


def test_keys_of_others_that_changed_are_said_loudly():
    lines = list(say_harmed(probed(harmed={"stranger": "it is gone", HOSTILE: HOSTILE})))
    assert lines[0] == "NOT A KEY OF THE PROBE, on https://h.example: stranger: it is gone"
    assert lines[-1].startswith("the probe stopped: look whether `cipherinsights-v1` changes more than the key")
    assert not any(find_harm(line) for line in lines)
    assert list(say_harmed(probed())) == []
    assert not probed(harmed={"stranger": "it is gone"}).whole
    assert json.loads(render_probed_json(probed(harmed={"k": "gone"}), None))["harmed"] == {"k": "gone"}


def test_what_will_be_sent_is_told_within_the_width():
    setting = Setting("lab", "https://h.example", default_contract(), HOSTILE, {}, (5, 30), "0" * 32, True)
    text = render_foreseen(setting, foresee(setting), width=100)
    assert not find_harm(text)
    assert "again with the timeout 30s, if the hub refuses so short a one\n" in text
