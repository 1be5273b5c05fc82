"""Benches of the stores that are asked over a network: each a fresh state of a server on loopback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stores import aws_server, kv2_server

from keyspec.desired import Entry
from keyspec.secret import Reference
from keyspec.stores import open_store


@dataclass(frozen=True)
class ServiceBench:
    """Stores of one scheme; `server` is the state behind them."""

    folder: Any
    scheme: str
    template: str
    server: Any

    def open(self):
        return open_store(self.scheme)

    def entry(self, name="key"):
        return Entry(Reference(self.scheme, self.template.format(name=name)), str(self.folder / "keyspec.yaml"))


@dataclass(frozen=True)
class VaultBench(ServiceBench):
    def plant_foreign(self, entry):
        path, _, name = entry.reference.rest.removeprefix("secret/").partition("#")
        there = self.server.data(path) if ("secret", path) in self.server.secrets else {}
        self.server.put(path, {**there, name: "somebody's"})


@dataclass(frozen=True)
class AwsBench(ServiceBench):
    many = 12  # boto3 takes its time, in each store and process anew
    rounds = 1

    def plant_foreign(self, entry):
        import json

        name, mark, part = entry.reference.rest.partition("#")
        if not mark:
            self.server.put_by_hand(name, "somebody's")
            return
        secret = self.server.backend.secrets.get(name)
        version = secret and secret.versions.get(secret.default_version_id or "")
        there = (
            {} if not version or "AWSCURRENT" not in version["version_stages"] else json.loads(version["secret_string"])
        )
        there = {} if "format" in there else there
        self.server.put_by_hand(name, json.dumps({**there, part: "somebody's"}))


def make_vault(folder, monkeypatch, template="secret/hub/{name}#value"):
    server, address = kv2_server.start()
    server.reset()
    monkeypatch.setenv("VAULT_ADDR", address)
    monkeypatch.setenv("VAULT_TOKEN", "writer")
    for name in ("VAULT_NAMESPACE", "VAULT_CACERT"):
        monkeypatch.delenv(name, raising=False)
    return VaultBench(folder, "vault", template, server)


def make_vault_fields(folder, monkeypatch):
    """Many entries in one secret."""
    return make_vault(folder, monkeypatch, "secret/hub/keys#{name}")


def make_aws(folder, monkeypatch, template="hub/{name}"):
    server, address = aws_server.start()
    server.reset()
    aws_server.point_at(monkeypatch, address)
    return AwsBench(folder, "aws-sm", template, server)


def make_aws_fields(folder, monkeypatch):
    """Many entries in one secret."""
    return make_aws(folder, monkeypatch, "hub/keys#{name}")


SERVICE_BENCHES = {
    "aws-sm": make_aws,
    "aws-sm-fields": make_aws_fields,
    "vault": make_vault,
    "vault-fields": make_vault_fields,
}
