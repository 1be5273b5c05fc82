"""TLS to hubs and proxies: whom we trust, who we are, and in words what went wrong.

TLS 1.2 or newer, always. `SSL_CERT_FILE` stands in for the system's file of authorities and `SSL_CERT_DIR` for its
folder, as OpenSSL has it, so neither pins; what else other clients obey, as `REQUESTS_CA_BUNDLE` or `CURL_CA_BUNDLE`,
does not count, and least of all `SSLKEYLOGFILE`, by which whoever taps the wire gets every value.
"""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keyspec.disk import explain, read_file
from keyspec.errors import HubError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyspec.spec import Tls

_MOST_BYTES: Final = 16 * 1024 * 1024
_UNKNOWN_AUTHORITY: Final = (2, 18, 19, 20, 21)
_EXPIRED: Final = 10
_OTHER_NAME: Final = (62, 64)
_NO_CERTIFICATE: Final = ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_HANDSHAKE_FAILURE")
_BAD_CERTIFICATE: Final = (
    "SSLV3_ALERT_BAD_CERTIFICATE",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    "SSLV3_ALERT_CERTIFICATE_REVOKED",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
    "TLSV1_ALERT_UNKNOWN_CA",
    "TLSV1_ALERT_ACCESS_DENIED",
    "TLSV1_ALERT_DECRYPT_ERROR",
)
_NO_VERSION: Final = ("TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION")
_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")


def make_tls(tls: Tls, environ: Mapping[str, str]) -> ssl.SSLContext:
    """Give the TLS context of a hub's `tls`, whose paths are resolved; it takes time, so share it where they are equal.

    Without `ca_file` the system's file and folder of authorities are trusted, `SSL_CERT_FILE` instead of that file and
    `SSL_CERT_DIR` instead of that folder; where there is none of all these, certifi's. With it, nothing else: any
    certificate in it will do, of a root or not.

    Raises:
        HubError: if a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # ssl.create_default_context would obey SSLKEYLOGFILE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False  # a name counts where names stand, as browsers have it
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    if tls.ca_file is None:
        _load_authorities(context, environ)
    else:
        _load_ca_file(context, tls.ca_file, "`tls.ca_file`")
    if tls.client_cert is not None and tls.client_key is not None:
        _load_own(context, tls.client_cert, tls.client_key)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def trust_nobody() -> ssl.SSLContext:
    """Give a TLS context for where there is to be no TLS; 12 KB, so share it."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def find_system_error(error: BaseException) -> OSError | None:
    """Give the operating system's error at the root, without the frames that hold the request."""
    inner: BaseException | None = error
    while inner is not None and not isinstance(inner, OSError):
        inner = inner.__cause__ or inner.__context__
    if inner is None:
        return None
    inner.__cause__ = inner.__context__ = None
    return inner.with_traceback(None)


def is_refusal(error: OSError | None) -> bool:
    """Tell whether the other side refused our certificate, or that there is none: it looked at no request.

    With TLS 1.3 it says so after the handshake is done on our side.
    """
    return isinstance(error, ssl.SSLError) and error.reason in (*_NO_CERTIFICATE, *_BAD_CERTIFICATE)


def is_passing(error: OSError | None) -> bool:
    """Tell whether a connection failed as it does where a server starts, is full or gone, and may work soon."""
    return isinstance(error, ConnectionError | TimeoutError | ssl.SSLEOFError | ssl.SSLZeroReturnError)


def explain_failure(error: OSError) -> str:
    """Say why a connection failed: the system's words, or what TLS wants and what to do about it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_certificate(error)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "the other side closed the connection in the middle of TLS"
    if isinstance(error, ssl.SSLError):
        return _explain_tls(error)
    return error.strerror or type(error).__name__


def _explain_certificate(error: ssl.SSLCertVerificationError) -> str:
    what = error.verify_message.rstrip(".")
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return f"{what}; if its authority is a private one, declare that authority's certificate as `tls.ca_file`"
    if error.verify_code == _EXPIRED:
        return f"{what}; the hub needs a new one"
    if error.verify_code in _OTHER_NAME:
        return f"{what}; `url` must have a name that stands in the certificate"
    return what


def _explain_tls(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if reason in _NO_CERTIFICATE:
        return "the other side broke off the TLS handshake, as it does where it wants a `tls.client_cert`"
    if reason in _BAD_CERTIFICATE:
        return f"the other side does not accept `tls.client_cert` ({_name_alert(reason)})"
    if reason in _NO_VERSION:
        return "the other side speaks no TLS 1.2 or newer, and nothing older is trusted"
    if reason in _NO_TLS:
        return "the other side does not speak TLS"
    return _name_alert(reason) or "TLS failed"


def _name_alert(reason: str) -> str:
    return reason.rpartition("ALERT_")[2].replace("_", " ").lower()


def _load_authorities(context: ssl.SSLContext, environ: Mapping[str, str]) -> None:
    """Trust those of the environment, of the system, or, where both have none, certifi's."""
    usual = ssl.get_default_verify_paths()
    file, folders = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if folders and not any(Path(folder).is_dir() for folder in folders.split(os.pathsep)):
        raise HubError("SSL_CERT_DIR cannot be used: it names no folder")
    has_file, has_folder = Path(usual.openssl_cafile).is_file(), _holds_any(usual.openssl_capath)
    if file:
        _load_ca_file(context, file, "SSL_CERT_FILE")
    elif has_file:
        _load_ca_file(context, usual.openssl_cafile, "the system's file of authorities")
    if folders or has_folder:
        context.load_verify_locations(capath=folders or usual.openssl_capath)
    if not (file or folders or has_file or has_folder):
        import certifi

        _load_ca_file(context, certifi.where(), "certifi")


def _holds_any(folder: str) -> bool:
    with suppress(OSError):
        return any(Path(folder).iterdir())
    return False


def _load_ca_file(context: ssl.SSLContext, path: str, what: str) -> None:
    _check_file(path, what)
    try:
        context.load_verify_locations(cafile=path)
    except OSError as error:
        raise HubError(f"{what} cannot be used: {path} holds no certificate in PEM") from error


def _load_own(context: ssl.SSLContext, cert: str, key: str) -> None:
    _check_file(cert, "`tls.client_cert`")
    _check_file(key, "`tls.client_key`")
    try:
        context.load_cert_chain(cert, key, password=_refuse_password)
    except OSError as error:  # ssl.SSLError is one
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            raise HubError(f"`tls.client_key` cannot be used: {key} is not the key of {cert}") from error
        what = f"{cert} and {key} must hold a certificate and its key, in PEM"
        raise HubError(f"`tls.client_cert` and `tls.client_key` cannot be used: {what}") from error


def _check_file(path: str, what: str) -> None:
    """Name the file that cannot be read: OpenSSL does not."""
    try:
        read_file(path, limit=_MOST_BYTES, follow_links=True)
    except (OSError, ValueError) as error:
        why = explain(error) if isinstance(error, OSError) else "no file can have this name"
        raise HubError(f"{what} cannot be used: {path}: {why}") from error


def _refuse_password() -> str:
    raise HubError("`tls.client_key` cannot be used: it is encrypted, and keyspec has no way to ask for its password")
