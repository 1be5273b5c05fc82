"""Worlds: a spec, what is live, what the stores hold, and what a run allows.

Few names, so that they meet. Worlds are made by a generator from a seed: dense with what matters, and a hundred times
faster than drawn choice by choice. Specs have every kind of `value`, on one to three hubs; records fit what is live or
contradict it, and an entry that several hubs share stands in `records` for each of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from random import Random

from builders import FOREIGN, ROLES, hub_of, mark, plan_of, record, spec_of
from hypothesis import settings
from hypothesis import strategies as st

from keyspec.entries import entry_identity
from keyspec.model import Key
from keyspec.ownership import Policy
from keyspec.record import Kept
from keyspec.sharing import owner_of

KEY_IDS = ("ci_a", "ci_b", "ci_c", "ci_d", "ci_lost", "own", "spare", "theirs")
HUBS = ("lab", "prod", "edge")
UNREAD = Kept(None, has_value=False, version="v1", foreign=True)
"""An entry with no more than a note that cannot be read."""

_ROLE_SETS = (("User",), ("Operator",), ("Operator", "User"), ("Auditor",), ("Administrator",))
_ALONE = (
    "hub",
    "hub",
    "hub",
    "generated",
    "file:given/{hub}/{key}",
    "file:none/{hub}/{key}",
    "file:{hub}/{key}",
    "none",
)
_SHARED = ("hub", "hub", "hub", "generated", "file:given/{key}", "file:none/{key}", "file:shared/{key}", "none")


@dataclass(frozen=True, repr=False)
class World:
    """Everything a plan is made from; `spec` is the document that `desired` was resolved from.

    `only` are the hubs that the run selects; the others are in `live` where they were looked at, too. `outcomes` are
    those of the run that made the world what it is.
    """

    spec: dict
    desired: object
    live: dict
    records: dict
    policy: dict
    only: frozenset = frozenset()
    seed: int = 0
    outcomes: dict = field(default_factory=dict)

    def plan(self, **policy):
        return plan_of(self.desired, *self.live.values(), records=self.records, **{**self.policy, **policy})

    def resolve(self, document):
        """Give what another document means for the hubs that the run selects."""
        return spec_of(json.dumps(document)).only_hubs(self.only)

    def selects(self, key_id):
        return Policy(keys=self.policy["keys"]).selects(key_id)

    def wanted(self, step):
        """Give what the spec says of a step's key; None if nothing."""
        return self.desired.hubs[step.hub].keys.get(step.key_id)

    def kept(self, step):
        return self.records.get((step.hub, step.key_id))

    def live_key(self, step):
        return (self.live[step.hub].keys or {}).get(step.key_id)

    def __repr__(self):
        return f"seed = {self.seed}\nspec = {json.dumps(self.spec)}\nlive = {self.live}\nrecords = {self.records}\npolicy = {self.policy}\nonly = {set(self.only)}"

    def _repr_pretty_(self, printer, _cycle):  # what hypothesis asks for
        printer.text(repr(self))


def thorough(test):
    """Try a law on ten times the worlds that the profile asks for: worlds are cheap."""
    return settings(max_examples=10 * settings().max_examples)(test)


def worlds(*, told=True, records=True):
    """Build a spec, hubs, stores and a policy that have much to do with each other.

    `told` False: hubs may leave out fields of a key. `records` False: nothing is known of the stores.
    """
    seeds = st.integers(min_value=0, max_value=2**40)
    return seeds.map(lambda seed: world_of(seed, told=told, records=records))


def world_of(seed, *, told=True, records=True):
    """Make the world of a seed: the same again from what a failing law prints."""
    return replace(_Maker(Random(seed), told=told).make(records=records), seed=seed)


class _Maker:
    def __init__(self, random, *, told):
        self.random, self.told = random, told

    def make(self, *, records):
        spec = self.spec()
        desired = spec_of(json.dumps(spec))
        live = {name: self.hub(name) for name in desired.hubs}
        only = frozenset(self.some(live, at_least=1) if self.rarely() else live)
        for name in live.keys() - only if self.rarely(3) else ():
            del live[name]
        desired = desired.only_hubs(only)
        return World(spec, desired, live, self.records(desired, live) if records else {}, self.policy(), only)

    def rarely(self, one_in=8):
        return self.random.randrange(one_in) == 0

    def often(self):
        return self.random.random() < 0.5

    def some(self, names, at_least=0):
        names = sorted(names)
        return sorted(self.random.sample(names, self.random.randint(at_least, len(names))))

    def fields(self, *names, chance=0.4):
        made = {
            "description": lambda: self.random.choice(("", "one")),
            "roles": lambda: list(self.random.choice(_ROLE_SETS)),
            "reauth_timeout": lambda: self.random.choice((30, 60, 300)),
            "state": lambda: self.random.choice(("active", "locked", "absent")),
        }
        return {name: make() for name, make in made.items() if name in names and self.random.random() < chance}

    # The spec

    def spec(self):
        names = HUBS[: self.random.choice((1, 2, 2, 3))]
        return {
            "keyspec": 1,
            "hubs": {name: self.hub_document(name) for name in names},
            "defaults": {"store": "file:{hub}/{key}", **self.fields("description", "reauth_timeout", chance=0.2)},
            "profiles": {"pipe": self.fields("description", "roles", "reauth_timeout")},
            "ownership": {
                "key_ids": self.random.choice((["ci_*"], ["ci_*"], ["*"], ["own", "ci_a"], [])),
                "unlisted": self.random.choice(("report", "lock", "delete")),
            },
            "guards": {"unlock": self.rarely(), "max_deletes": 100},
            "keys": {key_id: self.key_document(names) for key_id in self.declared()},
        }

    def hub_document(self, name):
        return {
            "url": f"https://{name}.example",
            "auth": "env:A",
            "auth_key_id": ["own", "spare"],
            "labels": {"env": name},
        }

    def declared(self):
        return [
            key_id
            for key_id in KEY_IDS
            if (self.rarely() if key_id in ("own", "spare") else self.random.random() < 0.6)
        ]

    def key_document(self, names):
        document = {"roles": list(self.random.choice(_ROLE_SETS))} | self.fields(
            "description", "reauth_timeout", "state"
        )
        if self.rarely(3):
            document["extends"] = "pipe"
        if self.rarely():
            document["protected"] = True
        hubs = names
        if self.rarely(4):
            hubs = self.some(names, at_least=1)
            document["hubs"] = [self.random.choice((name, f"env={name}")) for name in hubs]
        if self.rarely(4):
            document["per_hub"] = {
                self.random.choice((*names, "*")): self.fields("description", "roles", "reauth_timeout", "state")
            }
        document |= self.value_document(hubs)
        if "store" in document and self.often():  # what becomes of a shared key on one hub matters to the others
            state = {"state": self.random.choice(("active", "locked", "absent"))}
            document["per_hub"] = document.get("per_hub", {}) | {self.random.choice(names): state}
        return document

    def value_document(self, hubs):
        if not self.rarely(3):
            source = self.random.choice(_ALONE)
            return {} if source == "hub" and self.often() else {"value": {"from": source}}
        value = {"from": self.random.choice(_SHARED), "shared": True, "trust": list(HUBS)}
        if value["from"] == "hub":
            value["origin"] = self.random.choice(hubs)
        return {"value": value, "store": "file:shared/{key}"}

    # What is live

    def hub(self, name):
        if self.rarely(20):
            return hub_of(name=name, error="no route")
        held = [key_id for key_id in (*KEY_IDS, "not a name") if key_id != "own" and self.random.random() < 0.6]
        roles = None if self.rarely(4) else ROLES
        return hub_of(*(self.key(key_id) for key_id in held), name=name, own=not self.rarely(), roles=roles)

    def key(self, key_id):
        key = Key(
            key_id,
            self.random.choice(("", "one", "two")),
            self.random.choice(_ROLE_SETS),
            self.random.choice((30, 60, 300)),
            self.random.choice(("active", "active", "locked")),
        )
        hidden = ("description", "roles", "reauth_timeout_s", "state")
        return key if self.told or not self.rarely(3) else replace(key, **{self.random.choice(hidden): None})

    # What the stores hold

    def records(self, desired, live):
        """Make what stands at each entry, and tell it for every hub that has its key there."""
        held, records = {}, {}
        for name, hub in desired.hubs.items():
            for key_id, wanted in hub.keys.items():
                entry = hub.entry(wanted)
                where = entry_identity(entry.reference, entry.file)
                if where not in held:
                    held[where] = self.entry(owner_of(wanted.value, name), wanted, live)
                if held[where] is not None:
                    records[name, key_id] = held[where]
        return records

    def entry(self, owner, wanted, live):
        hubs = wanted.hubs if wanted.value.shared else (owner,)
        keys = [live[name].keys.get(wanted.key_id) for name in (owner, *hubs) if name in live and live[name].keys]
        image = next(filter(None, keys), None) or Key(wanted.key_id, "", ("User",), 60, "active")
        image = replace(
            image,
            description=image.description or "",
            roles=image.roles or ("User",),
            reauth_timeout_s=image.reauth_timeout_s or 60,
        )
        make = self.random.choice((self.nothing, self.recorded, self.recorded, self.marked, self.marked, self.others))
        return make(owner, image, hubs)

    def nothing(self, _owner, _image, _hubs):
        return None

    def recorded(self, owner, image, hubs):
        known = hubs if self.often() else self.some(hubs)
        asked = self.some(hubs) if self.rarely(4) else ()
        value, locked = not self.rarely(5), self.rarely(5)
        kept = record(image.key_id, value=value, owner=owner, hubs=known, asked=asked, locked_by_keyspec=locked)
        stands_for = "old" if self.rarely(4) else "given"
        return replace(kept, note=replace(kept.note, fingerprint=f"hmac-sha256:n0:{stands_for}"))

    def marked(self, owner, image, _hubs):
        if self.rarely(3):
            image = replace(image, **self.random.choice(({"description": "one"}, {"roles": ("User",)})))
        return mark(image, owner, busy=self.rarely(4), value=self.rarely(4))

    def others(self, owner, image, hubs):
        return self.random.choice(
            (
                FOREIGN,
                UNREAD,
                record(image.key_id, owner="elsewhere", hubs=self.some((*hubs, "elsewhere"))),
                record("ci_other", owner=owner, hubs=self.some(hubs)),
                mark(image, "elsewhere", busy=self.often(), value=self.often()),
                "denied",
            )
        )

    # What the run allows

    def policy(self):
        return {
            "allow_delete": self.often(),
            "allow_unlock": self.often(),
            "allow_reimport": self.rarely(3),
            "keys": tuple(sorted(self.random.sample((*KEY_IDS, "ci_*"), 3))) if self.rarely(4) else (),
            "take_over": tuple(sorted(self.random.sample(KEY_IDS, 2))) if self.rarely(3) else (),
        }
