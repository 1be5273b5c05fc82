"""The builder, and then the documents of both dialects: valid, and kept by real hubs whatever they are sent."""

import json
import subprocess
import sys

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from keyspec.devhub import PERMISSIONS, DevHub, Knobs
from keyspec.devhub.cipherinsights import CipherInsights
from keyspec.devhub.exchange import Answer
from keyspec.devhub.model import Caller
from keyspec.devhub.openapi import ERROR_TEXTS, Description, build_document
from keyspec.devhub.operations import Operation
from keyspec.devhub.other import Other
from keyspec.devhub.rest import STATUS

VALUE = "what-the-stranger-has"
STRANGERS = {CipherInsights: ("x-api-key", VALUE), Other: ("Authorization", f"Bearer {VALUE}")}
EXAMPLES = {"sample": 5, "full": 200}
DESCRIPTION = Description(
    title="Third",
    version="3",
    summary="Another dialect",
    base="/v3",
    schemas={"Thing": {"type": "object"}, "Problem": {"type": "object"}},
    security={"bearer": {"type": "http", "scheme": "bearer"}},
    error=("application/problem+json", "Problem"),
    error_headers={401: "WWW-Authenticate"},
    common=(401,),
    placeholder_texts={"id": "Which"},
)


def test_a_dialect_is_described_by_its_table_alone():
    handler = lambda *_: Answer(200)  # noqa: E731
    asked = lambda knobs: ({"name": "n", "in": "query", "schema": {"maximum": knobs.max_limit}},)  # noqa: E731
    table = [
        Operation(
            *("show", "GET", "/things/{id}", "Show", handler, (200, "Thing"), frozenset({"Login"}), asked),
            headers=("ETag",),
            errors=(404,),
        ),
        Operation("drop", "DELETE", "/things/{id}", "Drop", handler, (204, None), body="Thing"),
    ]
    document = build_document(table, DESCRIPTION, Knobs(max_limit=7))
    OpenAPIV31SpecValidator(document).validate()
    shown, dropped = document["paths"]["/things/{id}"]["get"], document["paths"]["/things/{id}"]["delete"]
    assert (set(shown["responses"]), set(dropped["responses"])) == ({"200", "401", "404"}, {"204", "401"})
    assert "content" not in dropped["responses"]["204"]
    assert shown["description"] == "Needs the permission Login."
    assert [parameter["name"] for parameter in shown["parameters"]] == ["id", "n"]
    assert shown["parameters"][1]["schema"] == {"maximum": 7}
    assert set(shown["responses"]["200"]["headers"]) == {"ETag"}
    assert document["security"] == [{"bearer": []}]
    assert set(document["components"]["responses"]) == {"Error401", "Error404"}
    assert set(document["components"]["responses"]["Error401"]["content"]) == {"application/problem+json"}
    assert set(document["components"]["responses"]["Error401"]["headers"]) == {"WWW-Authenticate"}


def test_every_status_of_a_refusal_is_described_but_a_failure():
    assert set(STATUS.values()) - set(ERROR_TEXTS) == {500}


@pytest.fixture(params=STRANGERS, ids=lambda dialect: dialect.__name__)
def hub(request):
    """A hub that also knows somebody who is no key, and so can never lock itself out or delete itself."""

    class Hospitable(request.param):
        def identify(self, hub, call):
            name, credential = STRANGERS[request.param]
            if call.headers.get(name.lower()) == credential:
                return Caller("stranger", frozenset(PERMISSIONS))
            return super().identify(hub, call)

    with DevHub(dialect=Hospitable()) as started:
        started.seed_keys(f"k{number}" for number in range(5))
        yield started


def test_a_served_document_is_valid(hub, open_client):
    for knobs in (Knobs(), Knobs(import_takes_id=False, max_limit=10, extra_fields=True, omit_total=True)):
        hub.set_knobs(knobs)
        OpenAPIV31SpecValidator(open_client(hub).get("/openapi.json").json()).validate()


def tell(document, hub, client):
    """Put into a document what only a hub knows: its role IDs, its cursors, and that any version will do."""
    for name in ("NewKey", "ImportedKey", "KeyEdit"):
        fields = document["components"]["schemas"][name]["properties"]
        for field, names in (("roles", [*hub.roles()]), ("role_ids", [role.role_id for role in hub.roles().values()])):
            if field in fields:
                fields[field]["items"]["enum"] = names
    for path, methods in document["paths"].items():
        for parameter in (found for method in methods.values() for found in method["parameters"]):
            if parameter["name"] == "cursor":
                parameter["schema"]["enum"] = [client.get(path, params={"limit": 1}).json()["meta"]["next"]]
            if parameter["name"] == "If-Match":
                parameter["schema"]["enum"] = ["*"]


def test_a_hub_keeps_to_its_document_whatever_it_is_sent(hub, open_client, tmp_path, campaign):
    client = open_client(hub)
    document = client.get("/openapi.json").json()
    tell(document, hub, client)
    tmp_path.joinpath("openapi.json").write_text(json.dumps(document), encoding="utf-8")
    header = ": ".join(next(STRANGERS[known] for known in STRANGERS if isinstance(hub.dialect, known)))
    command = [sys.executable, "-W", "error", "-m", "schemathesis.cli", "run", "openapi.json"]
    command += ["--url", f"{hub.url}{hub.dialect.base}", "--header", header, "--checks", "all"]
    command += ["--generation-deterministic", "--continue-on-failure", "--max-examples", str(EXAMPLES[campaign])]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(hub.requests) > 300
