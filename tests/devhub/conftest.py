from collections.abc import Callable, Iterator

import httpx
import pytest

from keyspec.devhub import DevHub

Client = Callable[..., httpx.Client]


@pytest.fixture
def hub() -> Iterator[DevHub]:
    with DevHub("dev") as started:
        yield started


@pytest.fixture
def other() -> Iterator[DevHub]:
    with DevHub("dev", dialect="other") as started:
        yield started


@pytest.fixture
def open_client() -> Iterator[Client]:
    """A client of a hub's API, by default with the admin's value; closed at the end."""
    opened: list[httpx.Client] = []

    def open_one(hub: DevHub, value: str | None = None) -> httpx.Client:
        told = hub.admin_value if value is None else value
        bearer = hub.dialect.base == "/admin/v2"
        headers = {"authorization": f"Bearer {told}"} if bearer else {"x-api-key": told}
        client = httpx.Client(base_url=f"{hub.url}{hub.dialect.base}", headers=headers, timeout=5, trust_env=False)
        opened.append(client)
        return client

    yield open_one
    for client in opened:
        client.close()


@pytest.fixture
def api(hub: DevHub, open_client: Client) -> httpx.Client:
    return open_client(hub)


@pytest.fixture
def other_api(other: DevHub, open_client: Client) -> httpx.Client:
    return open_client(other)
