"""What apply does to hubs and stores, without either: each step of a plan, the stores' entries, what earlier runs left.

after = apply_plan(world, plan)                    a world, and `outcomes` by step number
after = apply_plan(world, plan, steps)             a run that was stopped after these
after = apply_plan(world, plan, steps, crash=(step, "asked"))     and died in the middle of the next one

Written from custody's protocols, not from the code that follows them; `laws/test_simulation.py` holds one against the
other. One entry is seen by all hubs of a shared key. Which value stands somewhere is the end of its fingerprint:
`given` is what a reference gives, one below `none/` cannot be read, and what is made has a number.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from builders import record

from keyspec.entries import entry_identity
from keyspec.model import Key
from keyspec.order import CREATE
from keyspec.record import Kept, Mark, Record
from keyspec.sharing import owner_of
from keyspec.steps import change_key

NOTHING = Kept(None, has_value=False, version="v0")
CRASHES = {"create": ("marked", "born", "delivered"), "import": ("stored", "asked", "landed")}
"""How far a step that brings a key may have come when its process died."""


class NotDoneError(Exception):
    """A step was not done: its outcome."""


def apply_plan(world, plan, steps=None, *, crash=None):
    """Give the world after a run that did some steps of a plan; by default all, in an order that apply has them in."""
    run = _Run(world)
    run.settle()
    for step in order_of_work(plan) if steps is None else steps:
        run.do(step)
    if crash is not None:
        run.die_in(*crash)
    return run.world()


def order_of_work(plan, hubs=()):
    """Give the steps that are not held as apply does them: all creates before imports; `hubs` are done first."""
    imported = {(step.hub, step.key_id) for step in plan.steps if step.action == "import" and not step.held}
    rank = {name: place for place, name in enumerate(hubs)}

    def place_of(step):
        late = step.phase > CREATE or (step.phase == CREATE and (step.hub, step.key_id) in imported)
        return late, rank.get(step.hub, 0), step.number

    return sorted((step for step in plan.steps if not step.held), key=place_of)


def value_at(kept):
    """Name the value that a record tells of."""
    return kept.note.fingerprint.rpartition(":")[2]


def is_note_of(kept, owner, key_id):
    """Tell whether what stands at an entry is a note of this owner and key."""
    if not isinstance(kept, Kept) or kept.foreign or kept.note is None:
        return False
    named = kept.note.key.key_id if isinstance(kept.note, Mark) else kept.note.key_id
    return (kept.note.hub, named) == (owner, key_id)


def is_somebody_elses(kept, owner, key_id):
    """Tell whether something stands at an entry that keyspec did not write for this owner and key."""
    if not isinstance(kept, Kept):
        return False
    return kept.foreign or (not is_note_of(kept, owner, key_id) if kept.note else kept.has_value)


def is_given_there(hub, wanted):
    """Tell whether the value that a key is given stands at its own entry."""
    given, entry = hub.given(wanted), hub.entry(wanted)
    return given is not None and entry_identity(given.reference, given.file) == entry_identity(
        entry.reference, entry.file
    )


class _Run:
    """One run of apply."""

    def __init__(self, world):
        self.before = world
        self.hubs = world.desired.hubs
        self.keys = {name: dict(hub.keys or {}) for name, hub in world.live.items()}
        self.entries, self.entry_of = {}, {}
        for name, hub in self.hubs.items():
            for key_id, wanted in hub.keys.items():
                entry = hub.entry(wanted)
                self.entry_of[name, key_id] = where = entry_identity(entry.reference, entry.file)
                self.entries[where] = world.records.get((name, key_id)) or self.entries.get(where)
        self.planned, self.outcomes, self.broken, self.failed = {}, {}, set(), set()
        self.numbers = count(1)

    def world(self):
        live = {
            name: hub if hub.keys is None else replace(hub, keys=self.keys[name])
            for name, hub in self.before.live.items()
        }
        records = {at: kept for at, where in self.entry_of.items() if (kept := self.entries[where]) is not None}
        return replace(self.before, live=live, records=records, outcomes=self.outcomes)

    # Entries

    def look(self, at):
        kept = self.entries[self.entry_of[at]]
        if isinstance(kept, str):
            raise NotDoneError("failed")
        return kept or NOTHING

    def put(self, at, kept):
        self.entries[self.entry_of[at]] = kept

    def owner(self, at):
        return owner_of(self.hubs[at[0]].keys[at[1]].value, at[0])

    def ours(self, at):
        return is_note_of(self.look(at), self.owner(at), at[1])

    def noted(self, at, value, *, hubs=(), asked=()):
        kept = record(at[1], owner=self.owner(at), hubs=sorted(hubs), asked=sorted(asked))
        return replace(kept, note=replace(kept.note, fingerprint=f"hmac-sha256:n0:{value}"))

    # What earlier runs left

    def settle(self):
        for name, hub in self.hubs.items():
            for key_id in hub.keys if self.before.live[name].keys is not None else ():
                at = name, key_id
                if not self.before.selects(key_id) or isinstance(self.entries[self.entry_of[at]], str | None):
                    continue
                try:
                    self.settle_key(at, self.keys[name].get(key_id))
                except NotDoneError:
                    self.broken.add(at)
        for at, where in self.entry_of.items():
            self.planned[at] = self.entries[where]

    def settle_key(self, at, live):
        is_owner = self.owner(at) == at[0]
        note = self.look(at).note
        if is_owner and live is not None and live.state == "active":
            self.forget_lock(at)
        if isinstance(note, Record) and at[0] in note.asked and live is not None:
            self.note_hub(at, known=True)
        if is_owner and self.is_delivered(at):
            self.put(at, self.noted(at, "delivered", hubs=(self.owner(at),)))

    def is_delivered(self, at):
        kept = self.look(at)
        return isinstance(kept.note, Mark) and kept.has_value and not kept.busy and self.ours(at)

    def forget_lock(self, at):
        kept = self.look(at)
        if isinstance(kept.note, Record) and kept.has_value and kept.note.hub == self.owner(at):
            self.put(at, replace(kept, note=replace(kept.note, locked_by_keyspec=False)))

    def note_hub(self, at, *, known):
        kept = self.look(at)
        if not isinstance(kept.note, Record) or not self.ours(at):
            raise NotDoneError("failed")
        hubs = {*kept.note.hubs, *([at[0]] if known else [])}
        asked = {*kept.note.asked} - {at[0]} | ({at[0]} if not known else set())
        note = replace(kept.note, hubs=tuple(sorted(hubs)), asked=tuple(sorted(asked)))
        self.put(at, replace(kept, note=note))

    # Steps

    def do(self, step):
        at = step.hub, step.key_id
        if at in self.broken or (step.action == "delete" and step.hub in self.failed):
            outcome = "skipped"
        else:
            try:
                self.send(step, at)
                outcome = "applied"
            except NotDoneError as error:
                outcome = str(error)
        self.outcomes[step.number] = outcome
        if outcome != "applied":
            self.broken.add(at)
        if outcome == "failed":
            self.failed.add(step.hub)

    def send(self, step, at):
        keys = self.keys[step.hub]
        if step.recovery and self.look(at) != self.planned[at]:
            raise NotDoneError("conflict")
        match step.action:
            case "create":
                self.put(at, self.create(at))
                keys[step.key_id] = change_key(Key(step.key_id), step.changes)
            case "import":
                self.store(at)
                self.note_hub(at, known=False)
                keys[step.key_id] = change_key(Key(step.key_id), step.changes)
                self.note_hub(at, known=True)
            case "delete":
                del keys[step.key_id]
            case _:
                keys[step.key_id] = change_key(keys[step.key_id], step.changes)
        if step.action == "unlock" and step.key_id in self.hubs[step.hub].keys and self.owner(at) == step.hub:
            self.forget_lock_planned(at)

    def forget_lock_planned(self, at):
        kept = self.planned[at]
        if isinstance(kept, Kept) and isinstance(kept.note, Record) and kept.note.locked_by_keyspec:
            self.forget_lock(at)

    def create(self, at):
        """Give the record that a create leaves."""
        kept, key_id = self.look(at), at[1]
        foreign = is_somebody_elses(kept, self.owner(at), key_id)
        if (foreign and key_id not in self.before.policy["take_over"]) or (kept.busy and not foreign):
            raise NotDoneError("failed")
        unmade = not foreign and not kept.has_value and not isinstance(kept.note, Record)
        if not unmade and kept != self.planned[at]:
            raise NotDoneError("failed")
        return self.noted(at, f"made-{at[0]}-{next(self.numbers)}", hubs=at[:1])

    def store(self, at):
        """Bring the value that a hub is to get to its entry, and its record."""
        hub, wanted = self.hubs[at[0]], self.hubs[at[0]].keys[at[1]]
        kept, there = self.look(at), is_given_there(hub, wanted)
        given = self.given(hub, wanted, kept, there=there)
        foreign = is_somebody_elses(kept, self.owner(at), at[1])
        if isinstance(kept.note, Mark) and not foreign:
            if kept.busy or (not kept.has_value and self.owner(at) != at[0]):
                raise NotDoneError("skipped")
            if kept.has_value:
                self.put(at, kept := self.noted(at, given if there else "delivered", hubs=(self.owner(at),)))
        if foreign and at[1] not in self.before.policy["take_over"] and not (there and kept.note is None):
            raise NotDoneError("failed")
        stored = value_at(kept) if isinstance(kept.note, Record) and kept.has_value and not foreign else None
        if stored is not None and given in (None, stored):
            return
        if given is None and wanted.value.from_ == "generated":
            given = f"made-{at[0]}-{next(self.numbers)}"
        if given is None:
            raise NotDoneError("failed" if isinstance(kept.note, Record) and not foreign else "skipped")
        hubs, asked = self.holders(at, kept, given)
        self.put(at, self.noted(at, given, hubs=hubs, asked=asked))

    def given(self, hub, wanted, kept, *, there):
        if there:
            if not kept.has_value:
                raise NotDoneError("failed")
            return value_at(kept) if isinstance(kept.note, Record) else "there"
        given = hub.given(wanted)
        if given is not None and given.reference.rest.startswith("none/"):
            raise NotDoneError("failed")
        return None if given is None else "given"

    def holders(self, at, kept, value):
        """Give the hubs that have this value by an earlier record, or were asked; no other may be on another hub."""
        if not isinstance(kept.note, Record) or kept.note.hub != self.owner(at):
            return (), ()
        if value_at(kept) == value:
            return kept.note.hubs, kept.note.asked
        if {*kept.note.hubs, *kept.note.asked} - {at[0]}:
            raise NotDoneError("failed")
        return (), ()

    # Deaths

    def die_in(self, step, point):
        """Leave what a process leaves that died in a step that brings a key."""
        at, key = (step.hub, step.key_id), change_key(Key(step.key_id), step.changes)
        if at in self.broken:
            return
        try:
            if step.action == "create":
                self.create(at)
                self.put(at, Kept(Mark(at[0], key, "sha256:0", "n9"), has_value=point == "delivered", version="v1"))
            else:
                self.store(at)
                if point != "stored":
                    self.note_hub(at, known=False)
        except NotDoneError:
            return
        if point in ("born", "delivered", "landed"):
            self.keys[step.hub][step.key_id] = key
