"""Probes of devhubs: a lab whose hub is a sandbox, what a probe saw there, and the contract that it wrote."""

from __future__ import annotations

from pathlib import Path

from keyspec.contract import parse_contract
from keyspec.files import read_contract

OTHER = (Path(__file__).parent / "contracts" / "other-v2.yaml").read_text(encoding="utf-8")
BUILT_IN = (Path(__file__).parents[1] / "keyspec" / "contracts" / "cipherinsights-v1.yaml").read_text(encoding="utf-8")
SANDBOX = "{env: sandbox}"
QUICK = ("contract", "probe", "--hub", "lab", "--out", "seen.yaml", "--timeout", "1s")


def write_sandbox(lab, *, contract=None, text="", labels=SANDBOX, **more):
    """Write a spec whose hubs may be probed; `contract` is the text of one of its own."""
    if contract is not None:
        (lab.folder / "ours.yaml").write_text(contract, encoding="utf-8")
        more["contract"] = "./ours.yaml"
    lab.write(text, labels=labels, **more)


def probe(lab, *words, yes=True):
    """Probe the lab's hub anew; give how it ended."""
    (lab.folder / "seen.yaml").unlink(missing_ok=True)
    return lab.run(*QUICK, *(("--yes",) if yes else ()), "--format", "json", *words)


def read_overlay(lab):
    """Read the contract that a probe wrote."""
    return parse_contract(read_contract("./seen.yaml", file=str(lab.folder / "keyspec.yaml")))


def verdicts(ran, verdict="differs"):
    """Give the steps with a verdict, and what was seen."""
    return {row["step"]: row["seen"] for row in ran.json["observations"] if row["verdict"] == verdict}


def probe_keys(hub):
    """Give the IDs of a probe's keys on a hub."""
    return {
        key_id
        for key_id, key in hub.keys().items()
        if key_id.startswith("keyspec_probe_") or key["description"].startswith("keyspec contract probe")
    }


def journals(folder):
    """Give the journals that lie in the state folder of a test."""
    return sorted((folder / "state" / "keyspec" / "probe").glob("*.json"))
