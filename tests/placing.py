"""An example of the repository, with a devhub in the place of each of its hubs."""

from __future__ import annotations

import re
import shutil

from keyspec.devhub import DevHub

URL = re.compile(r"https://[a-z0-9.-]+")
RECIPES = ("github-workflow.yaml", "kubernetes-job.yaml")


def spec_files(folder):
    """Give the files of an example that keyspec reads."""
    return [path for path in sorted(folder.rglob("*.yaml")) if path.name not in RECIPES]


def place(example, folder, stack, *, value):
    """Copy an example, start its hubs with this value for keyspec's own key, and give them by their names in URLs."""
    shutil.copytree(example, folder, dirs_exist_ok=True)
    hubs = {}
    for path in spec_files(folder):
        text = path.read_text(encoding="utf-8")
        for url in URL.findall(text):
            if url not in hubs:
                hubs[url] = stack.enter_context(DevHub(f"hub{len(hubs)}", admin_value=value))
        path.write_text(URL.sub(lambda match: hubs[match[0]].url, text), encoding="utf-8")
    return {url.removeprefix("https://").partition(".")[0]: hub for url, hub in hubs.items()}
