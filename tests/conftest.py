"""What every test stands on: a clean environment, loopback only, hypothesis profiles, and two options.

--campaign full    laws and campaigns at length; by default a small fixed sample
--update-golden    write what golden tests compare with, instead of comparing
"""

from __future__ import annotations

import ipaddress
import os
import signal
import socket

import pytest
from hypothesis import HealthCheck, settings

_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

settings.register_profile(
    "sample", max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=_SLOW
)
settings.register_profile("full", max_examples=1_000, deadline=None, suppress_health_check=_SLOW)


def pytest_addoption(parser):
    parser.addoption("--campaign", choices=("sample", "full"), default="sample", help="how long laws are tried")
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


def pytest_configure(config):
    settings.load_profile(config.getoption("--campaign"))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # of a job in the background; its children inherit that
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in tuple(os.environ):
        if name.startswith("KEYSPEC_") or name.lower() in _PROXIES or name in ("NO_COLOR", "FORCE_COLOR"):
            del os.environ[name]


@pytest.fixture(autouse=True, scope="session")
def _loopback_only():
    """Refuse connections to anywhere but this machine."""
    with pytest.MonkeyPatch.context() as patch:
        for method in ("connect", "connect_ex"):
            patch.setattr(socket.socket, method, _guard(getattr(socket.socket, method)))
        yield


def _guard(connect):
    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise AssertionError(f"a test wants to connect to {address[0]}")
        return connect(self, address)

    return guarded


def _is_loopback(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session")
def campaign(request):
    """How long to try: `sample` or `full`."""
    return request.config.getoption("--campaign")


@pytest.fixture(scope="session")
def update_golden(request):
    """Whether golden files are written anew."""
    return request.config.getoption("--update-golden")
