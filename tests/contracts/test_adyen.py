"""Adyen's Management API by its contract: held against an extract of the published document, and spoken on a wire.

The extract is under the licence of the document, which it carries; what it leaves out is said there.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import jsonschema
import pytest
from fakes.hub import CREDENTIAL, FakeTime
from ruamel.yaml import YAML

from keyspec.contract import contract_schema, parse_contract
from keyspec.document import parse_document
from keyspec.errors import AnswerLost
from keyspec.fitting import load_api, load_named
from keyspec.hub import Endpoint, Hub
from keyspec.model import Key
from keyspec.openapi.comparison import compare_contract
from keyspec.secret import Secret

NAME = "adyen-management-v3"
DOCUMENT = Path(__file__).with_name(f"{NAME}.openapi.json")
URL = "https://management-test.adyen.com/v3/companies/TestCompany"
PATH = "/v3/companies/TestCompany/apiCredentials"
PATTERN = "/companies/{companyId}/apiCredentials"
ROLES = ["Checkout webservice role"]


@pytest.fixture(scope="module")
def usage():
    return load_named(NAME)


@pytest.fixture(scope="module")
def document():
    return json.loads(DOCUMENT.read_text(encoding="utf-8"))


def test_it_is_valid_and_says_that_nobody_has_tried_it(usage):
    jsonschema.validate(YAML(typ="safe", pure=True).load(usage.data), contract_schema())
    assert (usage.contract.name, usage.contract.verified) == (NAME, False)
    assert parse_contract(parse_document(usage.data, "c.yaml")) == usage.contract


@pytest.mark.parametrize("account", ["companies/{companyId}", "merchants/{merchantId}"])
def test_all_that_it_says_stands_in_the_document_of_companies_and_of_merchants(usage, account):
    rows = compare_contract(usage.document.root | {"base": f"/v3/{account}"}, load_api(str(DOCUMENT)))
    assert len(rows) > 30
    # An expression cannot be followed in a document: its two fields are looked for below. Where Adyen documents an empty
    # answer beside the full one, a read of it would be no answer.
    known = {("answer", "description || username"), ("status", "200")}
    assert {(row.part, row.name) for row in rows if row.verdict != "found"} <= known
    assert {row.operation for row in rows} == {"auth", *usage.document.root["operations"]}


def test_what_its_expressions_read_is_in_the_document(document):
    schemas = document["components"]["schemas"]
    for name in ("ApiCredential", "CompanyApiCredential", "CreateApiCredentialResponse"):
        assert {"description", "username"} <= set(schemas[name]["properties"])
        assert {"id", "username", "roles", "active"} <= set(schemas[name]["required"])


class Adyen:
    """Some credentials of a company, as the document has them: what comes and what goes is valid by its schemas."""

    def __init__(self, document):
        self.document = document
        self.rows = []
        self.told = []
        self.lost = None

    def add(self, description, **fields):
        number = f"S2-{len(self.rows) + 1:08}"
        row = {"id": number, "username": f"ws_{number}@Company.TestCompany", "clientKey": "test_x", "roles": ROLES}
        row |= {"allowedIpAddresses": [], "active": True, **({"description": description} if description else {})}
        self.rows.append(row | fields)
        return self.rows[-1]

    def check(self, schema, content):
        resolver = {"components": self.document["components"], "$ref": f"#/components/schemas/{schema}"}
        jsonschema.validate(content, resolver)
        return content

    def handle(self, request):
        assert request.headers["x-api-key"] == CREDENTIAL
        path, body = request.url.path, json.loads(request.content) if request.content else None
        self.told.append((request.method, request.url.raw_path.decode().removeprefix(PATH), body))
        if request.method == self.lost:
            self.answer(request, path, body)
            raise httpx.ReadTimeout("lost", request=request)
        return self.answer(request, path, body)

    def answer(self, request, path, body):
        found = next((row for row in self.rows if path == f"{PATH}/{row['id']}"), None)
        if request.method == "GET" and path == PATH:
            query = {name: int(part) for name, (part,) in parse_qs(request.url.query.decode()).items()}
            start = (query["pageNumber"] - 1) * query["pageSize"]
            page = self.rows[start : start + query["pageSize"]]
            content = {
                "data": page,
                "itemsTotal": len(self.rows),
                "pagesTotal": -(-len(self.rows) // query["pageSize"]),
            }
            return httpx.Response(200, json=self.check("ListCompanyApiCredentialsResponse", content))
        if request.method == "POST" and path == PATH:
            row = self.add(**self.check("CreateCompanyApiCredentialRequest", body))
            secrets = {"apiKey": f"AQE-v4lue-{row['id']}", "password": "p4ss", "associatedMerchantAccounts": []}
            return httpx.Response(200, json=self.check("CreateCompanyApiCredentialResponse", row | secrets))
        if found is not None and request.method == "PATCH":
            found |= self.check("UpdateCompanyApiCredentialRequest", body)
        if found is None:
            problem = {"type": "x", "errorCode": "00_404", "title": "gone", "detail": "no such one", "status": 404}
            return httpx.Response(404, json=self.check("RestServiceError", problem))
        return httpx.Response(200, json=self.check("CompanyApiCredential", found))


@pytest.fixture
def adyen(document):
    return Adyen(document)


@pytest.fixture
def hub(adyen, usage):
    transport = httpx.MockTransport(adyen.handle)
    with Hub(Endpoint("adyen", URL), usage.contract, Secret(CREDENTIAL), world=FakeTime().world(), transport=transport) as hub:  # fmt: skip
        yield hub


def test_credentials_are_read_page_by_page_and_called_by_description_or_username(adyen, hub):
    for number in range(120):
        adyen.add(f"ci_{number:03}", active=number != 7)
    adyen.add("")
    keys = {key.key_id: key for key in hub.list_keys()}
    assert len(keys) == 121
    assert keys["ci_007"] == Key("ci_007", None, tuple(ROLES), None, "locked", handle="S2-00000008")
    assert keys["ws_S2-00000121@Company.TestCompany"].state == "active"
    assert [target for _, target, _ in adyen.told] == [f"?pageNumber={page}&pageSize=100" for page in (1, 2)]


def test_a_key_is_created_edited_locked_and_unlocked_by_the_id_that_adyen_gave_it(adyen, hub):
    created = hub.create_key(Key("ci_new", None, ("Checkout webservice role",)))
    assert (created.value.reveal(), created.key_error) == ("AQE-v4lue-S2-00000001", None)
    hub.edit_key("ci_new", {"roles": ("API PCI Payments role",)})
    hub.lock_key("ci_new")
    hub.unlock_key("ci_new")
    assert adyen.told == [
        ("POST", "", {"description": "ci_new", "roles": ROLES}),
        ("PATCH", "/S2-00000001", {"roles": ["API PCI Payments role"]}),
        ("PATCH", "/S2-00000001", {"active": False}),
        ("PATCH", "/S2-00000001", {"active": True}),
    ]
    assert not hub.contract.supports("delete_key")
    assert not hub.contract.supports("import_key")


def test_a_credential_whose_create_was_lost_is_found_in_the_list(adyen, hub):
    adyen.lost = "POST"
    with pytest.raises(AnswerLost):
        hub.create_key(Key("ci_new", None, tuple(ROLES)))
    found = hub.get_key("ci_new")
    assert found is not None
    hub.lock_key(found)
    assert adyen.told[-1] == ("PATCH", "/S2-00000001", {"active": False})
    assert adyen.rows[0]["active"] is False
