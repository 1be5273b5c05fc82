"""Certificates made for a test, a TLS front before a plain server, and a proxy: what a real network has between us.

Everything listens on loopback, on free ports, and stops with its `with`.
"""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import re
import socket
import ssl
import threading
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = dt.timedelta(days=1)
REQUEST = re.compile(rb"(?:GET|POST|PUT|PATCH|DELETE) (\S+) HTTP/1\.1\r\n")


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    cert: Path
    key: Path


class Authority:
    """A private authority: `cert` is the file that whoever trusts it declares."""

    def __init__(self, folder, name="Test authority"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cert = self.folder / "ca.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        built = self._begin(self._name, self._key, days=(-2, 30)).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        built = built.add_extension(usage, critical=True)
        self.cert.write_bytes(built.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def issue(self, file, *names, days=(-1, 20), password=None, alternatives=True):
        """Make a certificate for names and addresses, good from and to so many days from now.

        Without alternatives, its subject alone has the first name, as certificates had it once.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        built = self._begin(_name(names[0]), key, days=days)
        if alternatives:
            built = built.add_extension(x509.SubjectAlternativeName(map(_alternative, names)), critical=False)
        built = built.add_extension(usages, critical=False)
        pair = Pair(self.folder / f"{file}.pem", self.folder / f"{file}.key")
        pair.cert.write_bytes(built.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))
        sealing = NoEncryption() if password is None else BestAvailableEncryption(password)
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealing))
        return pair

    def _begin(self, subject, key, *, days):
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now + days[0] * DAY).not_valid_after(now + days[1] * DAY)
        of_issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        return builder.add_extension(of_issuer, critical=False).add_extension(own, critical=False)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def serve_tls(pair, *, client_ca=None, versions=None):
    """Give a server's context; `versions` are the least and the most it speaks, old ones too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    if versions is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version, context.maximum_version = versions
    return context


class Listener:
    """A server with a thread for each connection; stopping ends all of them."""

    def __init__(self, host="127.0.0.1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port = self._listener.getsockname()[1]
        self._open = set()
        self._threads = []
        self._lock = threading.Lock()
        self._ended = False

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, *_exception):
        self._ended = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            still = tuple(self._open)
        for each in still:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in tuple(self._threads):
            thread.join(10)

    def _accept(self):
        while not self._ended:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._run, peer)

    def _run(self, peer):
        self._keep(peer)
        with peer, suppress(OSError):
            self.serve(peer)

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _keep(self, opened):
        with self._lock:
            self._open.add(opened)

    def pump(self, one, other, *, change=None):
        """Carry bytes both ways until one side ends; `change` sees what `one` sends."""
        self._keep(one)
        self._keep(other)
        back = threading.Thread(target=self._carry, args=(other, one), daemon=True)
        back.start()
        self._carry(one, other, change)
        back.join(10)

    def _carry(self, source, target, change=None):
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(change(data) if change else data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class Front(Listener):
    """TLS before a plain server on loopback; it has seen the names asked for, versions, and paths.

    `prefix` is taken off every path before the server gets it.
    """

    def __init__(self, context, port, *, host="127.0.0.1", prefix=""):
        super().__init__(host)
        self.names, self.versions, self.paths = [], [], []
        self._context, self._behind, self._prefix = context, port, prefix
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)

    def serve(self, peer):
        with self._context.wrap_socket(peer, server_side=True) as inner:
            self.versions.append(inner.version())
            with socket.create_connection(("127.0.0.1", self._behind)) as behind:
                self.pump(inner, behind, change=self._pass)

    def _pass(self, data):
        request = REQUEST.match(data)
        if request is None:
            return data
        self.paths.append(request[1].decode())
        return data.replace(b" " + self._prefix.encode(), b" ", 1)


class TestProxy(Listener):
    """A proxy for CONNECT that keeps what it was told, and connects to loopback whatever the name.

    `ports` says where a port that is asked for really is.
    """

    __test__ = False

    def __init__(self, *, login=None, tls=None, status=200, ports=None):
        super().__init__()
        self.heads, self.tunnelled = [], bytearray()
        self._wanted = None if login is None else base64.b64encode(login.encode()).decode()
        self._tls, self._status, self._ports = tls, status, ports or {}

    @property
    def targets(self):
        return [head.split(b" ")[1].decode() for head in self.heads]

    def serve(self, peer):
        if self._tls is None:
            self._answer(peer)
        else:
            with self._tls.wrap_socket(peer, server_side=True) as inner:
                self._answer(inner)

    def _answer(self, peer):
        head = b""
        while b"\r\n\r\n" not in head:
            part = peer.recv(65536)
            if not part:
                return
            head += part
        self.heads.append(head)
        if self._wanted is not None and f"Basic {self._wanted}".encode() not in head:
            peer.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            return
        if self._status != 200 or not head.startswith(b"CONNECT "):
            peer.sendall(
                b"HTTP/1.1 %d No\r\ncontent-length: 0\r\n\r\n" % (self._status if self._status != 200 else 405)
            )
            return
        port = int(head.split(b" ")[1].rpartition(b":")[2])
        with socket.create_connection(("127.0.0.1", self._ports.get(port, port))) as behind:
            peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self.pump(peer, behind, change=self._note)

    def _note(self, data):
        self.tunnelled += data
        return data
