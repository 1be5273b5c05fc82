import shutil
import ssl
import subprocess

import httpx
import pytest

from keyspec.devhub import DevHub

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for 127.0.0.1 that is its own authority, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-subj", "/CN=devhub", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([*command, *subject, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def test_https_is_served(certificate):
    cert, key = certificate
    context = ssl.create_default_context(cafile=str(cert))
    with DevHub(tls_cert=cert, tls_key=key) as hub:
        assert hub.url.startswith("https://127.0.0.1:")
        assert httpx.get(hub.url, verify=context).status_code == 200
        with pytest.raises(httpx.ConnectError):
            httpx.get(hub.url)


def test_a_client_certificate_may_be_required(certificate):
    cert, key = certificate
    stranger = ssl.create_default_context(cafile=str(cert))
    known = ssl.create_default_context(cafile=str(cert))
    known.load_cert_chain(cert, key)
    with DevHub(tls_cert=cert, tls_key=key, tls_client_ca=cert) as hub:
        assert httpx.get(hub.url, verify=known).status_code == 200
        with pytest.raises(httpx.TransportError):
            httpx.get(hub.url, verify=stranger)


def test_a_wrong_certificate_is_an_error_at_the_start(tmp_path):
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nonsense")
    with pytest.raises(ssl.SSLError), DevHub(tls_cert=wrong, tls_key=wrong):
        pass
