"""Moto's Secrets Manager over real HTTP, held to what AWS documents where moto is laxer, with faults and a reader.

- UpdateSecretVersionStage fails, and changes nothing, unless RemoveFromVersionId is where the label is.
- Requests run one after the other, as each is atomic at AWS.
- The access key READONLY may describe and get, PLANNER may get only what is labelled KEYSPEC.
"""

from __future__ import annotations

import io
import json
import re
import socket
import time
from functools import cache
from threading import Lock, Thread

from stores.faults import Wire

ACCOUNT, REGION = "123456789012", "eu-central-1"
READS = {"DescribeSecret", "GetSecretValue"}


class Aws:
    """The service: a WSGI application before moto's."""

    def __init__(self, app):
        self.app = app
        self.wire = Wire()
        self.lock = Lock()

    def reset(self):
        from moto.secretsmanager.models import secretsmanager_backends

        self.wire.reset()
        secretsmanager_backends.reset()

    @property
    def backend(self):
        from moto.secretsmanager.models import secretsmanager_backends

        return secretsmanager_backends[ACCOUNT][REGION]

    def versions(self, name):
        """Which labels are at which versions, and their texts."""
        return {
            version: (sorted(found["version_stages"]), found.get("secret_string"))
            for version, found in self.backend.secrets[name].versions.items()
        }

    def put_by_hand(self, name, text):
        """What somebody does at the console; a secret that is there gets a new version, labelled AWSCURRENT."""
        with self.lock:
            if name in self.backend.secrets:
                self.backend.put_secret_value(name, text, None, None, ["AWSCURRENT"])
            else:
                self.backend.create_secret(
                    name, secret_string=text, secret_binary=None, description=None, tags=None, kms_key_id=None,
                    client_request_token=None, replica_regions=[], force_overwrite=False,
                )  # fmt: skip

    def __call__(self, environ, start_response):
        data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        action = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        body = json.loads(data or b"{}")
        kind = self.wire.meet(f"{action} {body.get('VersionStage') or ''} {body.get('ClientRequestToken') or ''}")

        def act(respond=lambda *_: None):
            environ["wsgi.input"] = io.BytesIO(data)
            with self.lock:
                if (refused := self._refuse(environ, action, body)) is not None:
                    return refuse(*refused, respond)
                answer = b"".join(self.app(environ, respond))
                self._follow(action, body)
                return [answer]

        if isinstance(kind, int):
            return refuse(kind, "InternalServiceError", start_response)
        if kind is None:
            late, self.wire.late = self.wire.late, []
            answer = act(start_response)
            for other in late:
                other()
            self.wire.texts.append(f"{action} {b''.join(answer).decode()}")
            return answer
        if kind in ("lost", "hang"):
            act()
        if kind == "late":
            self.wire.late.append(act)
        if kind == "hang":
            time.sleep(1.0)
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return []

    def _refuse(self, environ, action, body):
        who = re.search(r"Credential=(\w+)/", environ.get("HTTP_AUTHORIZATION", ""))
        who = who[1] if who else ""
        unlabelled = action == "GetSecretValue" and body.get("VersionStage") != "KEYSPEC"
        if (who in ("READONLY", "PLANNER") and action not in READS) or (who == "PLANNER" and unlabelled):
            return 400, "AccessDeniedException"
        secret = self.backend.secrets.get(body.get("SecretId") or "-")
        if action != "UpdateSecretVersionStage" or secret is None:
            return None
        label, seen, to = body["VersionStage"], body.get("RemoveFromVersionId"), body.get("MoveToVersionId")
        at = next((version for version, found in secret.versions.items() if label in found["version_stages"]), None)
        if seen != at or (to is not None and to not in secret.versions) or (label == "AWSCURRENT" and to is None):
            return 400, "InvalidParameterException"
        return None

    def _follow(self, action, body):
        """Let a request for no version in particular find the one labelled AWSCURRENT."""
        secret = self.backend.secrets.get(body.get("SecretId") or "-")
        if action == "UpdateSecretVersionStage" and body["VersionStage"] == "AWSCURRENT" and secret:
            secret.set_default_version_id(body["MoveToVersionId"])


def refuse(status, code, respond):
    respond(f"{status} -", [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-errortype", code)])
    return [json.dumps({"__type": code, "message": "refused"}).encode()]


@cache
def start():
    """Start the server, once a process; give it and its address."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log(self, *_):
            pass

        def connection_dropped(self, error, environ=None):
            pass

    aws = Aws(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, aws, threaded=True, request_handler=Quiet)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    return aws, f"http://127.0.0.1:{server.server_port}"


def point_at(monkeypatch, address, who="WRITER"):
    """Let boto3 find the server, as `who`."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", who)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
