"""A hub that does as any other, but for what a test makes of some of its answers."""

from __future__ import annotations

import json

from stories.tongues import StoryHub, name_request

from keyspec.devhub.cipherinsights import CipherInsights
from keyspec.devhub.exchange import answer_json
from keyspec.devhub.other import Other


class Twist:
    """A dialect, through a function of the call and of what would be answered: `twist(call, answer)`."""

    def __init__(self, twist):
        self.twist = twist

    def answer(self, hub, call, caller):
        return self.twist(call, lambda: super(Twist, self).answer(hub, call, caller))


class Twisted(Twist, CipherInsights):
    """The default dialect, twisted."""


class TwistedOther(Twist, Other):
    """The other one, twisted."""


TWISTED = {"cipherinsights": Twisted, "other": TwistedOther}


def start_twisted(lab, name, twist, *, admin_value=None):
    """Start one more hub of a lab, whose answers `twist` gives: `answer()` does what was asked."""
    dialect = TWISTED[lab.tongue.dialect](twist)
    hub = lab.stack.enter_context(StoryHub(name, lab.tongue, dialect=dialect, admin_value=admin_value))
    lab.hubs[name] = hub
    lab.patch.setenv(f"HUB_{name.upper()}_KEY", hub.admin_value)
    return hub


def is_request(call, method, path):
    """Tell whether a call is what a story calls so: a method, and a path below the base."""
    return name_request(call) == f"{method} {path}"


def refuse_writes(refusal):
    """Make a twist that answers every write with a refusal."""
    return lambda call, answer: answer() if call.method == "GET" else refusal


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
