"""Whom a hub must prove to be, and by which way it is reached: real TLS, a real proxy, everything on loopback."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import ssl
import subprocess
import warnings

import pytest
from tls import Authority, Front, TestProxy, serve_tls

from keyspec.devhub import DevHub, parse_faults

KEYS = 'defaults: {store: "file:secrets/{hub}/{key}"}\nkeys: {ci_a: {roles: [User]}}\n'
NAMES = ("127.0.0.1", "::1", "localhost", "hub.test")
VERIFY = "{verify: false}"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), "Another authority")


@pytest.fixture(scope="module")
def pair(authority):
    return authority.issue("server", *NAMES)


@pytest.fixture
def behind(lab):
    """A plain hub that only a front or a proxy leads to; its credential stands in HUB_KEY."""
    lab.hubs["prod"] = hub = lab.stack.enter_context(DevHub("prod"))
    lab.patch.setenv("HUB_KEY", hub.admin_value)
    return hub


@pytest.fixture
def front(lab, pair, behind):
    """TLS before that hub."""
    return lab.stack.enter_context(Front(serve_tls(pair), int(behind.url.rpartition(":")[2])))


def declare(lab, url, *, keys=KEYS, **fields):
    """Write a spec with one hub."""
    more = "".join(f", {name}: {value}" for name, value in fields.items())
    hub = f'{{url: "{url}", auth: "env:HUB_KEY", auth_key_id: keyspec_ci, timeout: 3s{more}}}'
    (lab.folder / "keyspec.yaml").write_text(f"keyspec: 1\nhubs:\n  prod: {hub}\n{keys}")


def ca(authority, **more):
    return json.dumps({"ca_file": str(authority.cert)} | more)


def is_done(lab, behind):
    """Plan, apply and plan again; tell whether the key is there and nothing is left to do."""
    assert lab.run("plan").code == 0
    applied = lab.run("apply", "--yes")
    assert applied.code == 0, applied.out + applied.err
    value = lab.value("prod", "ci_a")
    return behind.check_value(value) == "ci_a" and lab.run("plan", "--exit-code").code == 0


def refused(lab, behind, *words):
    """Check that no command gets to the hub, that it says why, and that there is no traceback; give what it said."""
    for command, code in (("plan", 1), ("apply", 1), ("list", 1), ("doctor", 1)):
        ran = lab.run(command, *(("--yes",) if command == "apply" else ()))
        said = " ".join((ran.out + ran.err).split())
        assert ran.code == code, said
        assert "Traceback" not in said
        assert all(word in said for word in words), said
        assert behind.admin_value not in said
        assert behind.requests == []
    return said


# Certificates


def test_a_private_authority_is_trusted_where_it_is_declared(lab, authority, behind, front):
    declare(lab, f"https://127.0.0.1:{front.port}", tls=ca(authority))
    assert is_done(lab, behind)
    assert set(front.versions) == {"TLSv1.3"}


def test_the_declared_file_is_found_beside_the_spec(lab, authority, behind, front):
    (lab.folder / "certs").mkdir()
    (lab.folder / "certs/ca.pem").write_bytes(authority.cert.read_bytes())
    declare(lab, f"https://127.0.0.1:{front.port}", tls="{ca_file: certs/ca.pem}")
    assert is_done(lab, behind)


def test_the_certificate_of_the_hub_itself_will_do_for_an_authority(lab, pair, behind, front):
    declare(lab, f"https://127.0.0.1:{front.port}", tls=json.dumps({"ca_file": str(pair.cert)}))
    assert is_done(lab, behind)


def test_an_authority_that_is_not_declared_is_not_trusted_and_the_error_says_what_to_do(lab, behind, front):
    declare(lab, f"https://127.0.0.1:{front.port}")
    refused(lab, behind, "no trust in the connection", "unable to get local issuer certificate", "`tls.ca_file`")


def test_a_declared_authority_is_the_only_one(lab, authority, stranger, behind, front):
    lab.patch.setenv("SSL_CERT_FILE", str(authority.cert))
    declare(lab, f"https://127.0.0.1:{front.port}", tls=ca(stranger))
    refused(lab, behind, "no trust in the connection", "`tls.ca_file`")


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_the_operator_may_name_the_systems_authorities(lab, authority, behind, front, name):
    folder = lab.folder.parent / "authorities"
    folder.mkdir()
    told = authority.cert
    if name == "SSL_CERT_DIR":
        if shutil.which("openssl") is None:
            pytest.skip("openssl, which names the files of such a folder, is not installed")
        told = folder
        (folder / f"{_hash_name(authority.cert)}.0").write_bytes(authority.cert.read_bytes())
    lab.patch.delenv("SSL_CERT_FILE", raising=False)
    lab.patch.delenv("SSL_CERT_DIR", raising=False)
    lab.patch.setenv(name, str(told))
    declare(lab, f"https://127.0.0.1:{front.port}")
    assert is_done(lab, behind)
    lab.patch.setenv(name, str(folder / "nothing"))
    refused(lab, behind, f"{name} cannot be used")


def _hash_name(cert):
    done = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", cert], check=True, capture_output=True)
    return done.stdout.decode().strip()


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_what_other_clients_are_told_of_authorities_does_not_count(lab, authority, behind, front, name):
    lab.patch.setenv(name, str(authority.cert))
    declare(lab, f"https://127.0.0.1:{front.port}")
    refused(lab, behind, "no trust in the connection")


def test_no_secrets_of_a_connection_are_logged(lab, authority, behind, front):
    lab.patch.setenv("SSLKEYLOGFILE", str(lab.folder / "keylog"))
    declare(lab, f"https://127.0.0.1:{front.port}", tls=ca(authority))
    assert is_done(lab, behind)
    assert not (lab.folder / "keylog").exists()


@pytest.mark.parametrize(
    ("names", "days", "words"),
    [
        (NAMES, (-10, -1), ("certificate has expired", "the hub needs a new one")),
        (NAMES, (1, 10), ("certificate is not yet valid",)),
        (("hub.example.com",), (-1, 10), ("IP address mismatch", "`url` must have a name")),
    ],
    ids=["expired", "not-yet", "name"],
)
def test_a_certificate_that_does_not_prove_the_hub_is_refused(lab, authority, behind, names, days, words):
    pair = authority.issue("bad", *names, days=days)
    with Front(serve_tls(pair), int(behind.url.rpartition(":")[2])) as front:
        declare(lab, f"https://127.0.0.1:{front.port}", tls=ca(authority))
        refused(lab, behind, "no trust in the connection", *words)
        assert front.paths == []


def test_a_name_in_the_subject_alone_proves_nothing(lab, authority, behind):
    pair = authority.issue("subject", "localhost", alternatives=False)
    with Front(serve_tls(pair), int(behind.url.rpartition(":")[2])) as front:
        declare(lab, f"https://localhost:{front.port}", tls=ca(authority))
        refused(lab, behind, "no trust in the connection", "`url` must have a name that stands in the certificate")
        assert front.paths == []


def test_a_hub_that_speaks_only_old_tls_is_refused(lab, authority, pair, behind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
    try:
        context = serve_tls(pair, versions=old)
    except (ssl.SSLError, ValueError):
        pytest.skip("this OpenSSL speaks no TLS 1.1")
    with Front(context, int(behind.url.rpartition(":")[2])) as front:
        declare(lab, f"https://127.0.0.1:{front.port}", tls=ca(authority))
        refused(lab, behind, "no TLS 1.2 or newer")
        declare(lab, f"https://127.0.0.1:{front.port}", tls=VERIFY)
        refused(lab, behind, "no TLS 1.2 or newer")
        assert front.paths == []


def test_tls_1_2_is_spoken(lab, authority, pair, behind):
    context = serve_tls(pair, versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2))
    with Front(context, int(behind.url.rpartition(":")[2])) as front:
        declare(lab, f"https://127.0.0.1:{front.port}", tls=ca(authority))
        assert is_done(lab, behind)
        assert set(front.versions) == {"TLSv1.2"}


def test_https_to_a_plain_port_says_so(lab, behind):
    declare(lab, behind.url.replace("http:", "https:"))
    refused(lab, behind, "does not speak TLS")


def test_the_name_is_told_to_the_server_before_the_certificate(lab, authority, behind, front):
    declare(lab, f"https://localhost:{front.port}", tls=ca(authority))
    assert is_done(lab, behind)
    assert set(front.names) == {"localhost"}


# Client certificates


@pytest.fixture
def strict(lab, authority, pair, behind):
    """A front that wants a certificate of its authority."""
    context = serve_tls(pair, client_ca=authority.cert)
    return lab.stack.enter_context(Front(context, int(behind.url.rpartition(":")[2])))


def certificate(authority, pair):
    return ca(authority, client_cert=str(pair.cert), client_key=str(pair.key))


def test_a_client_certificate_is_shown_to_who_wants_one(lab, authority, behind, strict):
    declare(lab, f"https://127.0.0.1:{strict.port}", tls=certificate(authority, authority.issue("client", "keyspec")))
    assert is_done(lab, behind)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_without_one_nothing_is_sent_and_the_error_says_what_is_wanted(lab, authority, pair, behind, version):
    context = serve_tls(pair, client_ca=authority.cert, versions=(version, version))
    with Front(context, int(behind.url.rpartition(":")[2])) as front:
        declare(lab, f"https://127.0.0.1:{front.port}", tls=ca(authority))
        refused(lab, behind, "`tls.client_cert`")
        assert front.paths == []


def test_a_certificate_of_a_stranger_is_refused(lab, authority, stranger, behind, strict):
    declare(lab, f"https://127.0.0.1:{strict.port}", tls=certificate(authority, stranger.issue("client", "keyspec")))
    refused(lab, behind, "does not accept `tls.client_cert`")


def test_files_that_cannot_be_used_are_named_with_what_is_wrong(lab, authority, behind, strict):
    pair = authority.issue("client", "keyspec")
    other = authority.issue("other", "keyspec")
    sealed = authority.issue("sealed", "keyspec", password=b"a passphrase")
    nothing = lab.folder.parent / "nothing.pem"
    (junk := lab.folder.parent / "junk.pem").write_text("-----BEGIN PRIVATE KEY-----\nsecretsecretsecretsecret\n")
    cases = [
        ({"client_cert": pair.cert, "client_key": other.key}, "`tls.client_key` cannot be used", "is not the key of"),
        ({"client_cert": sealed.cert, "client_key": sealed.key}, "`tls.client_key`", "it is encrypted"),
        ({"client_cert": pair.cert, "client_key": nothing}, "`tls.client_key`", "nothing.pem: there is no such file"),
        ({"client_cert": nothing, "client_key": pair.key}, "`tls.client_cert`", "nothing.pem: there is no such file"),
        ({"client_cert": pair.cert, "client_key": junk}, "must hold a certificate and its key, in PEM"),
        ({"client_cert": lab.folder, "client_key": pair.key}, "`tls.client_cert`", "it is"),
        ({"ca_file": nothing}, "`tls.ca_file` cannot be used", "nothing.pem: there is no such file"),
        ({"ca_file": junk}, "`tls.ca_file` cannot be used", "holds no certificate in PEM"),
    ]
    for fields, *words in cases:
        tls = {"ca_file": authority.cert} | fields
        declare(lab, f"https://127.0.0.1:{strict.port}", tls=json.dumps({name: str(tls[name]) for name in tls}))
        said = refused(lab, behind, *words)
        assert "secretsecret" not in said
    assert strict.paths == []


# Where requests go


def test_a_hub_may_have_an_ipv6_address(lab, authority, pair, behind):
    try:
        front = Front(serve_tls(pair), int(behind.url.rpartition(":")[2]), host="::1")
    except OSError:
        pytest.skip("this machine has no ::1")
    with front:
        declare(lab, f"https://[::1]:{front.port}", tls=ca(authority))
        assert is_done(lab, behind)


def test_a_url_may_have_a_path_which_every_request_begins_with(lab, authority, pair, behind):
    with Front(serve_tls(pair), int(behind.url.rpartition(":")[2]), prefix="/hubs/eu") as front:
        declare(lab, f"https://127.0.0.1:{front.port}/hubs/eu/", tls=ca(authority))
        assert is_done(lab, behind)
    paths = [path.partition("?")[0] for path in front.paths]
    assert set(paths) == {"/hubs/eu/api/v1/roles", "/hubs/eu/api/v1/api_keys"}
    assert paths.count("/hubs/eu/api/v1/api_keys") > 3


@pytest.mark.parametrize("where", ["http", "https"])
def test_a_redirect_to_elsewhere_is_not_followed(lab, behind, front, authority, where):
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0.1)
        place = f"{where}://127.0.0.1:{other.getsockname()[1]}/api/v1/api_keys"
        behind.set_knobs(faults=parse_faults(f"GET /api_keys * before:redirect:{place}"))
        declare(lab, f"https://127.0.0.1:{front.port}", tls=ca(authority))
        for command in (["plan"], ["apply", "--yes"], ["list"], ["doctor"]):
            ran = lab.run(*command)
            assert ran.code == 1
            assert "redirects are not followed with a key in hand" in " ".join((ran.out + ran.err).split())
            assert [one.path.partition("?")[0] for one in behind.requests] == ["/api/v1/roles", "/api/v1/api_keys"]
        with pytest.raises(TimeoutError):
            other.accept()


def test_plain_http_goes_to_this_machine_only_unless_the_spec_says_so(lab):
    lab.patch.setenv("HUB_KEY", "not-a-value")
    declare(lab, "http://hub.test:8080")
    ran = lab.run("validate")
    assert ran.code == 5
    assert "plain-http" in ran.err
    assert "allow_http: true" in ran.err
    declare(lab, "http://hub.test:8080", allow_http="true")
    assert lab.run("validate").code == 0


# Proxies

HUB = "https://hub.test:8443"


@pytest.fixture
def proxy(lab, front, behind):
    """A proxy behind which hub.test:8443 is the hub with TLS, and hub.test:8080 the one without."""
    ports = {8443: front.port, 8080: int(behind.url.rpartition(":")[2]), 443: front.port}
    return lab.stack.enter_context(TestProxy(ports=ports))


def url_of(proxy, *, login="", scheme="http"):
    return f"{scheme}://{login}127.0.0.1:{proxy.port}"


def heard(proxy, behind):
    """Check that a proxy was asked for tunnels only, and was told nothing else."""
    for head in proxy.heads:
        first, *headers = head.rstrip(b"\r\n").split(b"\r\n")
        assert first.startswith(b"CONNECT "), first
        assert first.endswith(b" HTTP/1.1")
        assert [header.partition(b":")[0] for header in headers] in ([b"Host"], [b"Host", b"Proxy-Authorization"])
    assert behind.admin_value.encode() not in b"".join(proxy.heads)
    return proxy.targets


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_the_environments_proxy_is_asked_for_a_tunnel(lab, authority, behind, front, proxy, variable):
    lab.patch.setenv(variable, url_of(proxy))
    declare(lab, HUB, tls=ca(authority))
    assert is_done(lab, behind)
    assert set(heard(proxy, behind)) == {"hub.test:8443"}
    assert behind.admin_value.encode() not in proxy.tunnelled
    assert set(front.names) == {"hub.test"}
    assert f"through the proxy http://127.0.0.1:{proxy.port} ({variable})" in lab.run("doctor").out
    assert f"through the proxy http://127.0.0.1:{proxy.port} ({variable}): prod" in lab.run("plan", "-v").err


def test_a_declared_proxy_goes_before_the_environments_and_no_proxy(lab, authority, behind, proxy):
    lab.patch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    lab.patch.setenv("NO_PROXY", "*")
    declare(lab, HUB, tls=ca(authority), proxy=json.dumps(url_of(proxy)))
    assert is_done(lab, behind)
    assert set(heard(proxy, behind)) == {"hub.test:8443"}
    assert f"through the proxy http://127.0.0.1:{proxy.port} (`proxy`)" in lab.run("doctor").out


def test_a_trusted_file_pins_the_declared_proxy_and_lets_the_operators_be(lab, authority, behind, proxy):
    lab.patch.setenv("HTTPS_PROXY", url_of(proxy))
    declare(lab, HUB, tls=ca(authority))
    pinned = f'{{url: "{HUB}", auth: "env:HUB_KEY", auth_key_id: keyspec_ci, tls: {ca(authority)}}}'
    trusted = f'keyspec-trusted: 1\nhubs: {{prod: {pinned}}}\nreferences: ["file:secrets/*/*"]\n'
    (lab.folder / "trusted.yaml").write_text(trusted)
    assert lab.run("plan", "--trusted", "trusted.yaml").code == 0
    assert proxy.targets
    del proxy.heads[:]
    declare(lab, HUB, tls=ca(authority), proxy=json.dumps(url_of(proxy)))
    assert lab.run("plan", "--trusted", "trusted.yaml").code == 4
    assert proxy.heads == []


def test_a_proxy_by_https_proves_itself_and_never_sees_the_hubs_settings(lab, authority, stranger, pair, behind, front):
    ports = {8443: front.port}
    with TestProxy(tls=serve_tls(stranger.issue("proxy", "127.0.0.1")), ports=ports) as proxy:
        lab.patch.setenv("HTTPS_PROXY", url_of(proxy, scheme="https"))
        declare(lab, HUB, tls=VERIFY)
        refused(lab, behind, "the proxy https://127.0.0.1", "(HTTPS_PROXY) cannot be trusted")
        assert proxy.heads == []
        lab.patch.setenv("SSL_CERT_FILE", str(stranger.cert))
        declare(lab, HUB, tls=ca(authority))
        assert is_done(lab, behind)
        assert set(heard(proxy, behind)) == {"hub.test:8443"}


def test_an_ipv6_hub_is_named_to_the_proxy_with_brackets(lab, authority, behind, front, proxy):
    pair = authority.issue("six", "2001:db8::1")
    with Front(serve_tls(pair), int(behind.url.rpartition(":")[2])) as six:
        proxy._ports[9443] = six.port
        lab.patch.setenv("HTTPS_PROXY", url_of(proxy))
        declare(lab, "https://[2001:db8::1]:9443", tls=ca(authority))
        assert is_done(lab, behind)
    assert set(heard(proxy, behind)) == {"[2001:db8::1]:9443"}


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_an_http_hub_is_reached_through_a_tunnel_too(lab, behind, proxy, variable):
    lab.patch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    lab.patch.setenv(variable, url_of(proxy))
    declare(lab, "http://hub.test:8080", allow_http="true")
    assert is_done(lab, behind)
    assert set(heard(proxy, behind)) == {"hub.test:8080"}
    assert "keyspec's key goes there unencrypted" in lab.run("doctor").out


def test_this_machine_is_never_asked_through_a_proxy(lab, authority, behind, front, proxy):
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        lab.patch.setenv(variable, url_of(proxy))
    declare(lab, f"https://127.0.0.1:{front.port}", tls=ca(authority))
    assert is_done(lab, behind)
    declare(lab, f"https://localhost:{front.port}", tls=ca(authority), proxy=json.dumps(url_of(proxy)))
    ran = lab.run("plan")
    assert ran.code == 5
    assert "proxy-on-loopback" in ran.err
    assert proxy.heads == []


def test_no_proxy_leads_past_it(lab, authority, behind, front, proxy):
    lab.patch.setenv("HTTPS_PROXY", url_of(proxy))
    lab.patch.setenv("NO_PROXY", "other.test, .test")
    lab.patch.setattr(socket, "getaddrinfo", _lead_to_loopback(socket.getaddrinfo))
    declare(lab, f"https://hub.test:{front.port}", tls=ca(authority))
    assert is_done(lab, behind)
    assert proxy.heads == []


def _lead_to_loopback(look_up):
    return lambda host, *args, **more: look_up("127.0.0.1" if host == "hub.test" else host, *args, **more)


def test_who_we_are_to_the_proxy_is_shown_to_it_and_to_nobody_else(lab, authority, behind, front):
    with TestProxy(login="gate:p@ss word-hush", ports={8443: front.port}) as proxy:
        lab.patch.setenv("HTTPS_PROXY", url_of(proxy, login="gate:p%40ss%20word-hush@"))
        declare(lab, HUB, tls=ca(authority))
        assert is_done(lab, behind)
        assert set(heard(proxy, behind)) == {"hub.test:8443"}
        told = base64.b64encode(b"gate:p@ss word-hush")
        assert all(b"Proxy-Authorization: Basic " + told in head for head in proxy.heads)
        lab.run("doctor")
        lab.run("plan", "-v")
        lab.patch.setenv("HTTPS_PROXY", url_of(proxy, login="gate:wrong-hush@"))
        refused(lab, behind, "the proxy http://127.0.0.1", "does not accept the user and password (407)")
        lab.patch.setenv("HTTPS_PROXY", url_of(proxy))
        refused(lab, behind, "wants a user and a password (407)", "USER:PASSWORD@HOST")
    assert not any(secret in said for said in lab.said for secret in ("hush", "gate:", told.decode()))


def test_a_proxy_password_of_any_bytes_is_told_to_it(lab, authority, behind, front):
    with TestProxy(ports={8443: front.port}) as proxy:
        lab.patch.setenv("HTTPS_PROXY", url_of(proxy, login="gate:\udcffhush@"))
        declare(lab, HUB, tls=ca(authority))
        assert lab.run("plan").code == 0
        told = base64.b64encode(b"gate:\xffhush")
        assert all(b"Proxy-Authorization: Basic " + told + b"\r\n" in head for head in proxy.heads)


@pytest.mark.parametrize(("status", "times"), [(403, 1), (407, 1), (500, 1), (502, 4), (503, 4), (504, 4)])
def test_what_a_proxy_may_do_better_soon_is_asked_of_it_again(lab, behind, status, times):
    with TestProxy(status=status) as proxy:
        lab.patch.setenv("HTTPS_PROXY", url_of(proxy))
        declare(lab, HUB)
        assert lab.run("openapi").code == 1
        assert len(proxy.heads) == times


@pytest.mark.parametrize("status", [403, 502])
def test_a_proxy_that_does_not_lead_there_is_named(lab, behind, status):
    with TestProxy(status=status) as proxy:
        lab.patch.setenv("HTTPS_PROXY", url_of(proxy))
        declare(lab, HUB)
        refused(lab, behind, f"the proxy http://127.0.0.1:{proxy.port} (HTTPS_PROXY) did not connect", str(status))


def test_a_proxy_that_is_not_there_is_named(lab, behind):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    lab.patch.setenv("HTTPS_PROXY", f"http://user:hush@127.0.0.1:{port}")
    declare(lab, HUB)
    said = refused(lab, behind, f"no connection through the proxy http://127.0.0.1:{port} (HTTPS_PROXY): Connection")
    assert "hush" not in said


def test_a_hub_without_trust_is_refused_through_a_proxy_too(lab, behind, proxy, stranger):
    lab.patch.setenv("HTTPS_PROXY", url_of(proxy))
    declare(lab, HUB, tls=ca(stranger))
    refused(lab, behind, "no trust in the connection through the proxy", "`tls.ca_file`")
    assert behind.admin_value.encode() not in proxy.tunnelled


@pytest.mark.parametrize(
    "text",
    ["socks5://u:hush@127.0.0.1:1080", "http://u:hush@", "http://u:hush@host:99999", "http://u:hush@h/path", "::hush::",
     "ftp://u:hush@h", "http://u:hush@ho st", "http://[::hush", "user:hush@http://h", "http://u:hush%ff@[zz]"],
)  # fmt: skip
def test_a_variable_that_names_no_proxy_is_an_error_that_does_not_show_it(lab, behind, text):
    lab.patch.setenv("HTTPS_PROXY", text)
    declare(lab, HUB)
    said = refused(lab, behind, "HTTPS_PROXY is no proxy that can be used")
    assert "hush" not in said


@pytest.mark.parametrize("text", ["socks5://p.test:1", "http://user:hush@p.test", "http://p.test/path", "p.test:3128"])
def test_a_declared_proxy_that_is_none_is_told_where_it_stands(lab, text):
    lab.patch.setenv("HUB_KEY", "not-a-value")
    declare(lab, HUB, proxy=json.dumps(text))
    for command in (["validate"], ["plan"], ["apply", "--yes"]):
        ran = lab.run(*command)
        assert ran.code == 5
        assert "keyspec.yaml:3:" in ran.err
        assert "Traceback" not in ran.err
        assert "hush" not in ran.out + ran.err
        assert "hush" not in lab.run(*command, "--format", "json").out


# Without proof


def loud(text):
    return "not verified" in text and "prod" in text


@pytest.fixture
def doubtful(lab, behind, front):
    declare(lab, f"https://127.0.0.1:{front.port}", tls=VERIFY, labels="{env: sandbox}")
    return behind


COMMANDS = [
    ["validate"], ["plan"], ["plan", "--exit-code"], ["apply", "--yes"], ["list"], ["doctor"],
    ["openapi", "--hub", "prod"], ["contract", "check", "--hub", "prod"], ["contract", "draft", "--hub", "prod"],
    ["contract", "probe", "--hub", "prod", "--out", "seen.yaml", "--timeout", "1s", "--yes"],
]  # fmt: skip


@pytest.mark.parametrize("options", [[], ["-q"], ["--format", "json"], ["-q", "--format", "json"], ["-v"]])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_hub_that_need_not_prove_itself_is_told_aloud_by_every_command(lab, doubtful, command, options):
    ran = lab.run(*command, *options)
    assert "keyspec: WARNING: prod: the certificate is not verified" in ran.err
    assert ran.err.count("WARNING") == 1
    if command[0] in ("plan", "apply", "doctor") or ("json" in options and command[0] in ("list", "validate")):
        assert loud(ran.out), ran.out
    if "json" in options and command[0] != "openapi":
        told = ran.json.get("findings") or ran.json.get("warnings") or ()
        assert command[0] == "doctor" or [(one["code"], one["hub"]) for one in told][-1:] == [
            ("tls-unverified", "prod")
        ]


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != ["validate"]], ids=" ".join)
def test_it_is_told_before_the_key_is_read(lab, doubtful, command):
    lab.patch.delenv("HUB_KEY")
    ran = lab.run(*command)
    assert ran.code == 1
    assert ran.err.startswith("keyspec: WARNING: prod: the certificate is not verified")
    assert ran.err.count("WARNING") == 1
    assert doubtful.requests == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_plain_http_to_another_machine_is_told_aloud_by_every_command(lab, behind, proxy, command):
    lab.patch.setenv("HTTP_PROXY", url_of(proxy))
    declare(lab, "http://hub.test:8080", allow_http="true", labels="{env: sandbox}")
    ran = lab.run(*command, "-q", "--format", "json")
    assert "keyspec: WARNING: prod: keyspec's key goes there unencrypted" in ran.err
    assert ran.err.count("WARNING") == 1
    if command[0] not in ("doctor", "openapi"):
        told = ran.json.get("findings") or ran.json.get("warnings") or ()
        assert [(one["code"], one["hub"]) for one in told][-1:] == [("plain-http", "prod")]


def test_settings_of_tls_on_http_are_a_problem(lab, authority):
    declare(lab, "http://127.0.0.1:8080", tls=ca(authority))
    ran = lab.run("validate")
    assert ran.code == 5
    assert "keyspec.yaml:3:" in ran.err
    assert "tls-on-http" in ran.err


def test_a_plan_that_was_saved_says_so_and_so_does_its_apply(lab, doubtful):
    assert lab.run("plan", "--out", "fleet.plan").code == 0
    assert loud((lab.folder / "fleet.plan").read_text())
    digest = json.loads((lab.folder / "fleet.plan").read_text())["digest"]
    ran = lab.run("apply", "--yes", "-q", "--format", "json", "fleet.plan")
    assert ran.code == 0
    assert loud(ran.out)
    assert ran.json["digest"] == digest
    assert loud(lab.run("apply", "--yes", "-q", "fleet.plan").out)


def test_a_plan_that_was_saved_before_verification_was_taken_out_says_so_when_it_is_applied(lab, authority, doubtful):
    doubtful_spec = (lab.folder / "keyspec.yaml").read_text()
    (lab.folder / "keyspec.yaml").write_text(doubtful_spec.replace(VERIFY, ca(authority)))
    assert lab.run("plan", "--out", "proved.plan").code == 0
    assert not loud((lab.folder / "proved.plan").read_text())
    (lab.folder / "keyspec.yaml").write_text(doubtful_spec)
    assert lab.run("plan", "--out", "doubtful.plan").code == 0
    assert loud(lab.run("apply", "--yes", "-q", "proved.plan").out)
    (lab.folder / "keyspec.yaml").write_text(doubtful_spec.replace(VERIFY, ca(authority)))
    assert not loud(lab.run("apply", "--yes", "-q", "doubtful.plan").out)


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"]], ids=" ".join)
def test_what_shards_have_said_is_said_of_the_whole(lab, doubtful, command):
    for number in (1, 2):
        (lab.folder / f"{number}.json").write_text(lab.run(*command, "--shard", f"{number}/2", "--format", "json").out)
    for options in ([], ["-q"], ["--format", "json"]):
        merged = lab.run("report", "merge", "1.json", "2.json", *options)
        assert merged.code == 0, merged.err
        assert merged.err.count("keyspec: WARNING: prod: the certificate is not verified") == 1
        assert loud(merged.out)


def test_a_hub_that_proves_itself_is_no_news(lab, authority, behind, front):
    declare(lab, f"https://127.0.0.1:{front.port}", tls=ca(authority))
    for command in COMMANDS:
        ran = lab.run(*command)
        assert "certificate is not verified" not in " ".join(ran.out.split())
        assert "WARNING" not in ran.err
