"""A hub that does as any other, but for what a test makes of some of its answers."""

from __future__ import annotations

import json

from keyspec.devhub import DevHub
from keyspec.devhub.cipherinsights import BASE, CipherInsights
from keyspec.devhub.exchange import answer_json


class Twisted(CipherInsights):
    """The default dialect, through a function of the call and of what would be answered: `twist(call, answer)`."""

    def __init__(self, twist):
        self.twist = twist

    def answer(self, hub, call, caller):
        return self.twist(call, lambda: CipherInsights.answer(self, hub, call, caller))


def start_twisted(lab, name, twist, *, admin_value=None):
    """Start one more hub of a lab, whose answers `twist` gives: `answer()` does what was asked."""
    lab.hubs[name] = hub = lab.stack.enter_context(DevHub(name, dialect=Twisted(twist), admin_value=admin_value))
    lab.patch.setenv(f"HUB_{name.upper()}_KEY", hub.admin_value)
    return hub


def is_request(call, method, path):
    """Tell whether a call is of this method and of this path below the base."""
    return (call.method, call.path) == (method, BASE + path)


def refuse_writes(status, code, message):
    """Make a twist that refuses every write with an error."""

    def twist(call, answer):
        if call.method == "GET":
            return answer()
        return answer_json(status, {"error": {"code": code, "message": message}})

    return twist


def change_answer(method, path, change):
    """Make a twist that hands the JSON of some answers to a function before they leave."""

    def twist(call, answer):
        due = answer()
        if not is_request(call, method, path):
            return due
        content = json.loads(due.body)
        change(content)
        return answer_json(due.status, content, headers=due.headers)

    return twist
