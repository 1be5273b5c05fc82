from __future__ import annotations

import shutil
import subprocess

import pytest
from processes import clean_environ, keyspec_command, run_keyspec

SHELLS = ("bash", "zsh", "fish")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_gets_a_script_that_it_can_read(shell, tmp_path):
    ran = run_keyspec("completion", shell, cwd=tmp_path)
    assert ran.code == 0
    assert "_KEYSPEC_COMPLETE" in ran.out
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    check = subprocess.run([shell, "-n"], input=ran.out, text=True, check=False, capture_output=True)
    assert (check.returncode, check.stderr) == (0, "")


def test_bash_completes_what_the_spec_declares(folder, tmp_path):
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    script = folder.run("completion", "bash").out
    program = tmp_path / "bin" / "keyspec"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {" ".join(keyspec_command())} "$@"\n')
    program.chmod(0o755)
    call = (
        f"PATH={program.parent}:$PATH\n{script}\n"
        'COMP_WORDS=(keyspec plan -k ci_); COMP_CWORD=3\n_keyspec_completion keyspec\necho "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "-c", call], cwd=folder.path, env=clean_environ(), capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["ci_deployer", "ci_old"]
