"""Keyrings for tests: one in memory, one in a folder that several processes share."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import keyring.backend
import keyring.errors


class MemoryKeyring(keyring.backend.KeyringBackend):
    priority = 0.1

    def __init__(self):
        super().__init__()
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        if (service, username) not in self.kept:
            raise keyring.errors.PasswordDeleteError("not there")
        del self.kept[service, username]


class FolderKeyring(keyring.backend.KeyringBackend):
    priority = 0.1

    def path(self, service, username):
        name = hashlib.sha256(f"{service}\0{username}".encode()).hexdigest()
        return Path(os.environ["TEST_KEYRING_FOLDER"]) / name

    def get_password(self, service, username):
        try:
            return self.path(service, username).read_text()
        except FileNotFoundError:
            return None

    def set_password(self, service, username, password):
        self.path(service, username).write_text(password)

    def delete_password(self, service, username):
        self.path(service, username).unlink()
