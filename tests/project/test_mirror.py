from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]

TESTED_ELSEWHERE = {
    "keyspec/__init__.py": "tests/project/test_public_api.py",
    "keyspec/__main__.py": "tests/test_cli.py",
    "keyspec/commands/__init__.py": "tests/project/test_commands.py",
    "keyspec/commands/fitted.py": "tests/commands/test_contract_check.py",
    "keyspec/commands/options.py": "tests/project/test_commands.py",
    "keyspec/commands/report_merge.py": "tests/stories/test_rollout_story.py",
    "keyspec/commands/running.py": "tests/commands/test_apply.py",
    "keyspec/commands/screen.py": "tests/commands/test_apply.py",
    "keyspec/contracts/__init__.py": "tests/test_contract.py",
    "keyspec/devhub/__init__.py": "tests/devhub/test_devhub.py",
    "keyspec/openapi/__init__.py": "tests/laws/test_openapi_laws.py",
    "keyspec/openapi/deeds.py": "tests/openapi/test_draft.py",
    "keyspec/openapi/lists.py": "tests/openapi/test_draft.py",
    "keyspec/openapi/payloads.py": "tests/openapi/test_comparison.py",
    "keyspec/openapi/verdict.py": "tests/openapi/test_comparison.py",
    "keyspec/openapi/vocabulary.py": "tests/openapi/test_survey.py",
    "keyspec/openapi/writing.py": "tests/openapi/test_draft.py",
    "keyspec/render/__init__.py": "tests/render/test_text.py",
    "keyspec/stores/__init__.py": "tests/stores/test_stores.py",
    "keyspec/stores/awssecrets.py": "tests/stores/test_aws_sm.py",
    "keyspec/stores/entryfiles.py": "tests/stores/test_file.py",
    "keyspec/stores/kv2.py": "tests/stores/test_vault.py",
    "keyspec/stores/labelled.py": "tests/stores/test_aws_sm.py",
    "keyspec/stores/standing.py": "tests/stores/test_stores.py",
    "keyspec/stores/wholefile.py": "tests/stores/test_file.py",
    "keyspec/tree.py": "tests/test_document.py",
    "keyspec/trial.py": "tests/stories/test_probe_story.py",
    "keyspec/version.py": "tests/test_cli.py",
}
"""Modules whose behaviour is another's: packages by what they hold, the shell by the commands that use it."""

OF_SEVERAL = {"tests/test_golden.py", "tests/stores/test_service_crashes.py"}
"""Tests of what several modules do together."""


def modules():
    return sorted(path.relative_to(ROOT) for path in ROOT.glob("keyspec/**/*.py"))


def mirror_of(module):
    return Path("tests", *module.parts[1:-1], f"test_{module.name}")


def test_every_module_has_its_test():
    missing = [
        str(module)
        for module in modules()
        if str(module) not in TESTED_ELSEWHERE and not (ROOT / mirror_of(module)).exists()
    ]
    assert missing == []


def test_what_is_tested_elsewhere_is_there_and_needs_to_be_listed():
    for module, test in TESTED_ELSEWHERE.items():
        assert (ROOT / test).exists()
        assert not (ROOT / module).exists() or not (ROOT / mirror_of(Path(module))).exists()


def test_every_test_of_a_module_has_its_module():
    folders = [ROOT / "tests", *(path.parent for path in ROOT.glob("keyspec/*/__init__.py"))]
    named = {*(str(mirror_of(module)) for module in modules()), *TESTED_ELSEWHERE.values(), *OF_SEVERAL}
    gone = [
        str(test.relative_to(ROOT))
        for folder in folders
        for test in (ROOT / "tests" / folder.name if folder.name != "tests" else folder).glob("test_*.py")
        if str(test.relative_to(ROOT)) not in named
    ]
    assert gone == []
