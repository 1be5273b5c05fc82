"""A walk through keyspec on three local hubs: plan, apply, plan again; nothing is left behind.

The commands run as processes of their own, as at a prompt, over real HTTP. Nothing of the client side is imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keyspec.devhub import DevHub

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HUBS: Final[Mapping[str, str]] = {"prod_eu": "prod", "prod_us": "prod", "lab": "lab"}
"""The demo's hubs, with their `env` label."""

SPEC: Final = """\
keyspec: 1
hubs:
{hubs}
defaults: {{reauth_timeout: 60s, store: "file:secrets/{{hub}}/{{key}}"}}
profiles:
  pipeline: {{roles: [Operator], reauth_timeout: 5m}}
ownership: {{key_ids: ["ci_*"]}}
guards: {{max_change_share: 50%}}
keys:
  ci_deployer:
    extends: pipeline
    description: Deploys from the release pipeline
    roles: [Operator, User]
  ci_scanner: {{roles: [User], description: Nightly scans}}
  ci_reporter: {{roles: [User], per_hub: {{"env=prod": {{reauth_timeout: 10m}}}}}}
  ci_smoke: {{roles: [User], hubs: [lab]}}
  ci_backup: {{extends: pipeline, hubs: ["env=prod"], description: Backs the hub up}}
  ci_standby: {{extends: pipeline, hubs: ["env=prod"], state: locked}}
  ci_legacy: {{state: absent}}
  break_glass: {{roles: [Administrator], protected: true}}
"""
_HUB: Final = '  {name}: {{url: "{url}", auth: "env:{variable}", auth_key_id: keyspec_ci, labels: {{env: {label}}}}}'


def run_demo(say: Callable[[str], None]) -> int:
    """Walk through the demo, telling each step; give 0 if every command ended as it should."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="keyspec-demo-")))
        hubs = [stack.enter_context(DevHub(name)) for name in HUBS]
        for hub in hubs:
            _let_drift(hub)
        (folder / "keyspec.yaml").write_text(_write_spec(hubs), encoding="utf-8")
        environ = {**_clean_environ(), **{_variable(hub.name): str(hub.admin_value) for hub in hubs}}
        environ |= {"XDG_STATE_HOME": str(folder / "state")}
        say("Three hubs run on this machine. Their keys have drifted from this spec, keyspec.yaml:\n")
        say((folder / "keyspec.yaml").read_text(encoding="utf-8"))
        for why, words, wanted in _STORY:
            say(f"# {why}\n$ keyspec {' '.join(words)}")
            if _run(words, folder, environ) != wanted:
                say("This is not how the demo should end. Please report it.")
                return 1
            say("")
        values = sorted(path.relative_to(folder) for path in folder.glob("secrets/*/*") if path.suffix != ".keyspec")
        say(f"{len(values)} key values are in the store, each in a file of its own: {values[0]}, ...")
        say(f"{sum(len(hub.requests) for hub in hubs)} requests were sent. The hubs stop and the folder goes now.")
    return 0


_STORY: Final = (
    ("What differs?", ("plan",), 0),
    ("Make it so. Nothing is deleted before a run has read it as locked.", ("apply", "--yes", "--quiet"), 0),
    ("What is left is held: it is done only if you say so.", ("plan",), 0),
    ("Say so.", ("apply", "--yes", "--quiet", "--allow-delete"), 0),
    ("Nothing differs any more, so the exit code is 0 and not 2.", ("plan", "--exit-code"), 0),
)
"""What the demo does and why, and the exit code each command must end with."""


def _let_drift(hub: DevHub) -> None:
    hub.seed_key("break_glass", roles=("Administrator",))
    hub.seed_key("ci_deployer", description="deploys", roles=("User",), reauthentication_timeout=60)
    hub.seed_key("ci_scanner", description="Nightly scans", roles=("User",))
    hub.seed_key("ci_legacy", roles=("Operator",))
    hub.seed_key("somebody_else", roles=("User",))
    if hub.name == "prod_eu":
        hub.seed_key("ci_reporter", roles=("User", "Operator"), reauthentication_timeout=600)
        hub.seed_key("ci_forgotten", roles=("User",))


def _write_spec(hubs: list[DevHub]) -> str:
    lines = [
        _HUB.format(name=hub.name, url=hub.url, variable=_variable(hub.name), label=HUBS[hub.name]) for hub in hubs
    ]
    return SPEC.format(hubs="\n".join(lines))


def _variable(name: str) -> str:
    return f"HUB_{name.upper()}_KEY"


def _clean_environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KEYSPEC_")}


def _run(words: tuple[str, ...], folder: Path, environ: Mapping[str, str]) -> int:
    sys.stdout.flush()
    return subprocess.run([sys.executable, "-m", "keyspec", *words], cwd=folder, env=environ, check=False).returncode
