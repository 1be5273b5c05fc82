"""One account's secrets in AWS Secrets Manager: the requests, and what their answers mean.

    DescribeSecret            which labels are at which versions, no value
    GetSecretValue            one version
    CreateSecret              an empty secret, if there is none of this name
    PutSecretValue            a new version, under a label of its own: never AWSCURRENT, which it would take by force
    UpdateSecretVersionStage  move a label, if it is still where it was seen: the compare-and-set

boto3 repeats a request with the same ClientRequestToken, which is the new version's ID, so it is done once. Answers
are never quoted: they may repeat what was sent.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keyspec.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CURRENT: Final = "AWSCURRENT"
PREVIOUS: Final = "AWSPREVIOUS"
LABEL: Final = "KEYSPEC"
"""The label of the ledger."""

PARKED: Final = "KEYSPEC-NEXT"
"""The label of whatever is being put: a version without any might be removed by AWS."""

TIMEOUT_S: Final = 10.0
_ATTEMPTS: Final = 3
_POOL: Final = 16
_NOWHERE: Final = "keyspec-no-version-has-this-id-0000"
_DENIED: Final = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"})
_UNKNOWN: Final = frozenset(
    {"InternalServiceError", "InternalFailure", "ServiceUnavailable", "500", "502", "503", "504"}
)


class Unsure(StoreError):  # noqa: N818 - an outcome, named as one
    """Nobody knows whether a write was done."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Where a secret's labels are."""

    versions: Mapping[str, str]

    def at(self, label: str) -> str | None:
        """Give the version that has a label."""
        return self.versions.get(label)


@dataclass(frozen=True, slots=True)
class AwsSecrets:
    """The service, by boto3's client for it."""

    client: Any
    refused: type[Exception]
    broken: type[Exception]

    def labels(self, name: str) -> Labels | None:
        """Tell where the labels of a secret are; None if there is no such secret."""
        answer = self._ask("describe_secret", "DescribeSecret", may=("ResourceNotFoundException",), SecretId=name)
        if answer is None:
            return None
        if "DeletedDate" in answer:
            raise StoreError("the secret is scheduled for deletion: restore it first, or choose another name")
        stages = answer.get("VersionIdsToStages") or {}
        return Labels({label: version for version, labels in stages.items() for label in labels})

    def text(self, name: str, version: str) -> str | None:
        """Give the text of a version; None if it is not there, or not yet."""
        return self._text(name, VersionId=version)

    def ledger_text(self, name: str) -> tuple[str, str] | None:
        """Give the ledger's version and text, by its label alone: a policy may allow just that."""
        missing = ("ResourceNotFoundException",)
        answer = self._ask("get_secret_value", "GetSecretValue", may=missing, SecretId=name, VersionStage=LABEL)
        return None if answer is None else (answer["VersionId"], answer.get("SecretString", ""))

    def create(self, name: str) -> None:
        """Make an empty secret, if there is none."""
        what = "made by keyspec"
        self._ask("create_secret", "CreateSecret", may=("ResourceExistsException",), Name=name, Description=what)

    def put(self, name: str, version: str, text: str) -> None:
        """Put a new version, which nothing points at yet; the same one again is no other."""
        self._ask(
            "put_secret_value",
            "PutSecretValue",
            SecretId=name,
            ClientRequestToken=version,
            SecretString=text,
            VersionStages=[PARKED],
        )

    def move(self, name: str, label: str, *, seen_at: str | None, to: str | None) -> bool:
        """Move a label if it is still where it was seen, and tell whether it was."""
        ends = {"RemoveFromVersionId": seen_at, "MoveToVersionId": to}
        given = {end: version for end, version in ends.items() if version is not None}
        may = ("InvalidParameterException",)
        done = self._ask(
            "update_secret_version_stage",
            "UpdateSecretVersionStage",
            may=may,
            SecretId=name,
            VersionStage=label,
            **given,
        )
        return done is not None

    def check_may_write(self, name: str) -> None:
        """Raise StoreError unless labels may be moved: asks for a move that cannot be."""
        self._ask(
            "update_secret_version_stage",
            "UpdateSecretVersionStage",
            may=("InvalidParameterException", "ResourceNotFoundException", "InvalidRequestException"),
            SecretId=name,
            VersionStage=LABEL,
            RemoveFromVersionId=_NOWHERE,
            MoveToVersionId=_NOWHERE,
        )

    def _text(self, name: str, **which: str) -> str | None:
        answer = self._ask(
            "get_secret_value", "GetSecretValue", may=("ResourceNotFoundException",), SecretId=name, **which
        )
        if answer is not None and "SecretString" not in answer:
            raise StoreError("the secret is binary")
        return None if answer is None else str(answer["SecretString"])

    def _ask(self, method: str, action: str, *, may: tuple[str, ...] = (), **arguments: Any) -> Any:
        """Send a request; give its answer, None if it is one of the refusals in `may`."""
        send: Callable[..., Any] = getattr(self.client, method)
        try:
            return send(**arguments)
        except self.refused as error:
            code = _code(error)
            if code in may:
                return None
            if code in _DENIED:
                raise StoreError(f"access denied: the credentials do not allow secretsmanager:{action}") from None
            problem = Unsure if code in _UNKNOWN else StoreError
            raise problem(f"{action} was refused: {code}") from None
        except self.broken as error:
            problem = StoreError if _is_unsent(error) else Unsure
            raise problem(f"{action} failed: {type(error).__name__}{_advise(error)}") from None


def connect(environ: Mapping[str, str], timeout_s: float) -> AwsSecrets:
    """Make the client; credentials, region and endpoint are found as boto3 does.

    Raises:
        StoreError: the extra is not installed, or there is no region.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise StoreError(f"aws-sm: references need {error.name}: pip install 'keyspec[aws]'") from None
    # At DEBUG botocore logs the bodies of requests.
    logging.getLogger("botocore").setLevel(logging.INFO)
    config = Config(
        connect_timeout=timeout_s,
        read_timeout=timeout_s,
        max_pool_connections=_POOL,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
    )
    try:
        session = boto3.session.Session(region_name=environ.get("AWS_REGION") or None)
        client = session.client("secretsmanager", config=config)
    except (BotoCoreError, ValueError) as error:
        raise StoreError(f"AWS cannot be asked: {type(error).__name__}{_advise(error)}") from None
    return AwsSecrets(client, ClientError, BotoCoreError)


def _code(error: Exception) -> str:
    response = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", "")) or "an unknown error"


def _is_unsent(error: Exception) -> bool:
    names = (
        "NoCredentialsError",
        "NoRegionError",
        "EndpointConnectionError",
        "ParamValidationError",
        "ProxyConnectionError",
    )
    return type(error).__name__ in names


def _advise(error: Exception) -> str:
    match type(error).__name__:
        case "NoRegionError":
            return ": set AWS_REGION"
        case "NoCredentialsError" | "PartialCredentialsError":
            return ": there are no credentials in the environment, a profile or the instance's role"
        case "EndpointConnectionError" | "ConnectTimeoutError" | "ReadTimeoutError":
            return ": the service does not answer"
        case _:
            return ""
