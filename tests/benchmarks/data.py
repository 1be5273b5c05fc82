"""Hubs, keys and specs, made by rule: key number 0 of every hub is keyspec's own, the others are declared.

The server shows what a spec without `edits` declares; the first `edits` keys are declared with another description.
"""

from __future__ import annotations

OWN = "keyspec_ci"
CREDENTIAL = "the-value-of-keyspecs-own-key"
ROLES = (
    ("Administrator", ("Application", "Audit", "Login", "Sensor Status", "Shell", "User Management")),
    ("Operator", ("Application", "Issue Configuration", "Login", "Sensor Status")),
    ("User", ("Application", "Login", "Sensor Status")),
)
_KEYS_PER_FILE = 20_000
"""A file of a spec has at most 10 MiB."""


def hub_name(hub):
    return f"h{hub:04}"


def key_id(number):
    return f"k{number:06}" if number else OWN


def key_row(number):
    """Give a key as the hub shows it."""
    return {
        "keyId": key_id(number),
        "description": f"Deploys number {number} from the release pipeline",
        "roles": ["Operator", "User"] if number else ["Administrator"],
        "reauthenticationTimeout": 300,
        "locked": False,
    }


def numbers_of(hub, *, hubs, keys, own):
    """Give the numbers of a hub's keys, in the order of their IDs."""
    declared = range(1, keys)
    return (*(declared[(hub - 1) % hubs :: hubs] if own else declared), 0)


def role_row(name, permissions):
    return {"name": name, "description": "", "permissions": list(permissions)}


def edited(number):
    return f"Deploys number {number} from the new pipeline"


def write_spec(folder, urls, *, keys, edits=0, more="", own=False, timeout_s=60, rate=None):
    """Write a spec for hubs that have `keys` keys each, or, with `own`, share `keys` keys out among them.

    One of the keys is keyspec's own and lies on every hub; `more` are lines of the top level; `rate` is in requests
    per second.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "keyspec.yaml").open("w") as spec:
        spec.write(f'keyspec: 1\ninclude: ["keys-*.yaml"]\nguards: {{max_change_share: 100%}}\n{more}hubs:\n')
        for hub, url in enumerate(urls):
            settings = f'url: "{url}", auth: "env:HUB_KEY", auth_key_id: {OWN}, timeout: {timeout_s}s'
            settings += f", requests_per_second: {rate}" if rate else ""
            spec.write(f"  {hub_name(hub)}: {{{settings}}}\n")
    numbers = range(1, keys)
    for part in range(0, keys, _KEYS_PER_FILE):
        with (folder / f"keys-{part // _KEYS_PER_FILE:03}.yaml").open("w") as file:
            file.write("keyspec: 1\nkeys:\n")
            for number in numbers[part : part + _KEYS_PER_FILE]:
                hubs = f", hubs: [{hub_name(number % len(urls))}]" if own else ""
                file.write(_declare(number, edits=edits, hubs=hubs))
    return folder


def _declare(number, *, edits, hubs):
    text = edited(number) if number <= edits else key_row(number)["description"]
    return (
        f'  {key_id(number)}: {{description: "{text}", roles: [Operator, User], reauth_timeout: 5m,'
        f" state: active{hubs}}}\n"
    )
