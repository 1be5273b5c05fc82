import httpx
import pytest

from keyspec.devhub import DevHub, Knobs, Portal
from keyspec.devhub.dialects import DIALECTS
from keyspec.devhub.errors import Reason, Refusal
from keyspec.devhub.rest import STATUS, answer_refusal

KEYS = {"cipherinsights": "/api_keys", "other": "/keys"}
BODIES = {"cipherinsights": {"keyId": "ci", "roles": []}, "other": {"id": "ci", "role_ids": []}}


@pytest.fixture(params=DIALECTS)
def dialect(request):
    return request.param


def test_every_reason_has_a_status():
    assert set(STATUS) == set(Reason)


def test_every_refusal_has_its_status_and_headers_in_every_dialect(dialect):
    for reason in Reason:
        refusal = Refusal(reason, "no", headers=[("retry-after", "1")])
        answer = answer_refusal(DIALECTS[dialect], refusal)
        assert answer.status == STATUS[reason]
        assert ("retry-after", "1") in answer.headers


def test_a_request_is_judged_in_order(dialect, open_client):
    keys = KEYS[dialect]
    with DevHub(dialect=dialect) as hub:
        value = hub.seed_key("ci", roles=["User"])
        nobody, user, admin = open_client(hub, "unknown"), open_client(hub, value), open_client(hub)
        assert nobody.post("/nowhere").status_code == 401
        assert user.post("/nowhere").status_code == 404
        assert user.put(keys).status_code == 405
        assert user.post(keys, content=b"no json").status_code == 403
        assert admin.post(keys, content=b"no json").status_code == 400
        assert admin.post(keys, json=BODIES[dialect]).status_code == 422


def test_the_portal_answers_where_its_knob_says(dialect, open_client):
    cases = [(Portal.OUTSIDE, 200, 404), (Portal.EVERYWHERE, 200, 200), (Portal.OFF, 404, 404)]
    for portal, outside, inside in cases:
        with DevHub(knobs=Knobs(portal=portal), dialect=dialect) as hub:
            page = httpx.get(f"{hub.url}/login")
            assert page.status_code == outside
            assert page.headers["content-type"].startswith("text/html") == (outside == 200)
            assert open_client(hub).get("/nothing").status_code == inside
