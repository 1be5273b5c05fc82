"""keyspec: declare the API keys of your Analytics Hubs in YAML, see the plan, apply it.

Everything that `__all__` names can be imported from here and is what other programs may rely on. Each name is
imported when it is first used, so that `import keyspec` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyspec.version import __version__ as __version__

if TYPE_CHECKING:
    from keyspec.desired import Desired as Desired
    from keyspec.errors import HubError as HubError
    from keyspec.errors import KeyspecError as KeyspecError
    from keyspec.errors import Problem as Problem
    from keyspec.errors import RefusedError as RefusedError
    from keyspec.errors import SpecError as SpecError
    from keyspec.errors import StoreError as StoreError
    from keyspec.errors import UnresolvedError as UnresolvedError
    from keyspec.errors import UsageError as UsageError
    from keyspec.join import join_plans as join_plans
    from keyspec.join import join_reports as join_reports
    from keyspec.loader import load_desired as load_desired
    from keyspec.loader import load_parts as load_parts
    from keyspec.loader import load_saved as load_saved
    from keyspec.model import Key as Key
    from keyspec.ownership import Policy as Policy
    from keyspec.plan import Change as Change
    from keyspec.plan import Finding as Finding
    from keyspec.plan import Plan as Plan
    from keyspec.plan import Step as Step
    from keyspec.plandocument import plan_document as plan_document
    from keyspec.plandocument import report_document as report_document
    from keyspec.planfile import dump_plan as dump_plan
    from keyspec.reconcile import Planned as Planned
    from keyspec.reconcile import apply_run as apply_run
    from keyspec.reconcile import list_run as list_run
    from keyspec.reconcile import plan_desired as plan_desired
    from keyspec.reconcile import plan_run as plan_run
    from keyspec.reconcile import plan_saved as plan_saved
    from keyspec.render.outcome import render_report as render_report
    from keyspec.render.text import render_plan as render_plan
    from keyspec.report import ExitCode as ExitCode
    from keyspec.report import Report as Report
    from keyspec.report import apply_exit_code as apply_exit_code
    from keyspec.report import plan_exit_code as plan_exit_code
    from keyspec.session import Options as Options
    from keyspec.session import Session as Session
    from keyspec.shard import Shard as Shard
    from keyspec.source import Source as Source

_HOMES = {
    "desired": ("Desired",),
    "errors": (
        "HubError",
        "KeyspecError",
        "Problem",
        "RefusedError",
        "SpecError",
        "StoreError",
        "UnresolvedError",
        "UsageError",
    ),
    "model": ("Key",),
    "ownership": ("Policy",),
    "plan": ("Change", "Finding", "Plan", "Step"),
    "plandocument": ("plan_document", "report_document"),
    "planfile": ("dump_plan",),
    "join": ("join_plans", "join_reports"),
    "loader": ("load_desired", "load_parts", "load_saved"),
    "reconcile": ("Planned", "apply_run", "list_run", "plan_desired", "plan_run", "plan_saved"),
    "session": ("Options", "Session"),
    "render.outcome": ("render_report",),
    "render.text": ("render_plan",),
    "report": ("ExitCode", "Report", "apply_exit_code", "plan_exit_code"),
    "shard": ("Shard",),
    "source": ("Source",),
}
_HOME = {name: f"keyspec.{module}" for module, names in _HOMES.items() for name in names}

__all__ = [  # noqa: PLE0604 - a type checker reads the imports above
    "__version__",
    *_HOME,
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
