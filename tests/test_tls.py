from __future__ import annotations

import ssl

import pytest
from tls import Authority

from keyspec.errors import HubError
from keyspec.spec import Tls
from keyspec.tls import explain_failure, find_system_error, is_passing, is_refusal, make_tls, trust_nobody


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def names(context):
    return [dict(part[0] for part in each["subject"])["commonName"] for each in context.get_ca_certs()]


def test_tls_is_1_2_or_newer_and_verifies():
    context = make_tls(Tls(), {})
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert not context.hostname_checks_common_name


def test_verification_is_off_only_when_said():
    context = make_tls(Tls(verify=False), {})
    assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_NONE)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_declared_authority_is_the_only_one(authority):
    assert names(make_tls(Tls(ca_file=str(authority.cert)), {})) == ["Test authority"]
    assert names(make_tls(Tls(ca_file=str(authority.cert)), {"SSL_CERT_FILE": "/nowhere"})) == ["Test authority"]


def test_the_environment_names_the_systems_authorities(authority):
    told = {"SSL_CERT_FILE": str(authority.cert), "SSL_CERT_DIR": str(authority.folder)}
    assert names(make_tls(Tls(), told)) == ["Test authority"]


def test_where_the_system_has_no_authorities_certifis_are_trusted(monkeypatch, tmp_path):
    paths = ssl.get_default_verify_paths()
    nothing = paths._replace(openssl_cafile=str(tmp_path / "no.pem"), openssl_capath=str(tmp_path / "no"))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nothing)
    assert len(make_tls(Tls(), {}).get_ca_certs()) > 50


@pytest.mark.parametrize("environ", [{"SSL_CERT_FILE": "/nowhere.pem"}, {"SSL_CERT_DIR": "/nowhere:/nor/here"}])
def test_authorities_that_are_named_and_not_there_are_an_error_and_no_others_are_trusted(environ):
    with pytest.raises(HubError, match=f"{next(iter(environ))} cannot be used"):
        make_tls(Tls(), environ)


def test_nothing_is_written_for_who_taps_the_wire(monkeypatch, tmp_path):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keylog"))
    assert make_tls(Tls(), {"SSLKEYLOGFILE": str(tmp_path / "keylog")}).keylog_filename is None
    assert trust_nobody().keylog_filename is None


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        ({"ca_file": "/nowhere/ca.pem"}, "`tls.ca_file` cannot be used: /nowhere/ca.pem: there is no such file"),
        ({"ca_file": "/dev/null"}, "it is no regular file"),
        ({"ca_file": "a\0b"}, "no file can have this name"),
        ({"client_cert": "/nowhere/c.pem", "client_key": "/nowhere/k.pem"}, "`tls.client_cert` cannot be used"),
        ({"ca_file": __file__}, "holds no certificate in PEM"),
        ({"client_cert": __file__, "client_key": __file__}, "must hold a certificate and its key, in PEM"),
    ],
)
def test_files_that_cannot_be_used_are_an_error(tls, words):
    with pytest.raises(HubError) as caught:
        make_tls(Tls(**tls), {})
    assert words in str(caught.value)


def test_a_key_that_is_encrypted_or_anothers_is_told(authority):
    ours, other = authority.issue("ours", "keyspec"), authority.issue("other", "keyspec")
    sealed = authority.issue("sealed", "keyspec", password=b"a passphrase")
    make_tls(Tls(client_cert=str(ours.cert), client_key=str(ours.key)), {})
    with pytest.raises(HubError, match="is not the key of"):
        make_tls(Tls(client_cert=str(ours.cert), client_key=str(other.key)), {})
    with pytest.raises(HubError, match="it is encrypted"):
        make_tls(Tls(client_cert=str(sealed.cert), client_key=str(sealed.key)), {})


def failure(reason):
    error = ssl.SSLError(1, f"[SSL: {reason}] words of OpenSSL (_ssl.c:1006)")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("reason", "refusal", "words"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", True, "`tls.client_cert`"),
        ("TLSV1_ALERT_UNKNOWN_CA", True, "does not accept `tls.client_cert` (unknown ca)"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", False, "no TLS 1.2 or newer"),
        ("WRONG_VERSION_NUMBER", False, "does not speak TLS"),
        ("TLSV1_ALERT_INTERNAL_ERROR", False, "internal error"),
        (None, False, "TLS failed"),
    ],
)
def test_what_tls_says_is_told_in_words_that_say_what_to_do(reason, refusal, words):
    assert is_refusal(failure(reason)) is refusal
    told = explain_failure(failure(reason))
    assert words in told
    assert "_ssl.c" not in told


def test_what_may_pass_is_a_broken_connection_and_not_what_is_wrong_with_it():
    eof = ssl.SSLEOFError(8, "EOF occurred in violation of protocol (_ssl.c:1006)")
    assert all(map(is_passing, (eof, ssl.SSLZeroReturnError(), ConnectionResetError(), TimeoutError())))
    assert not any(map(is_passing, (None, failure("TLSV1_ALERT_UNKNOWN_CA"), ssl.SSLCertVerificationError())))
    assert explain_failure(eof) == "the other side closed the connection in the middle of TLS"


def test_the_error_at_the_root_is_found_without_what_led_there():
    try:
        try:
            raise ConnectionResetError(104, "Connection reset by peer")
        except OSError as inner:
            raise ValueError("outer") from inner
    except ValueError as outer:
        found = find_system_error(outer)
    assert isinstance(found, ConnectionResetError)
    assert (found.__traceback__, found.__context__) == (None, None)
    assert find_system_error(ValueError("alone")) is None
    assert not is_refusal(None)
