from openapi_spec_validator import OpenAPIV31SpecValidator

from keyspec.devhub.exchange import Answer
from keyspec.devhub.openapi import Description, build_document
from keyspec.devhub.operations import Operation

DESCRIPTION = Description(
    title="Other",
    version="2",
    summary="Another dialect",
    base="/v2",
    schemas={"Thing": {"type": "object"}, "Problem": {"type": "object"}},
    security={"bearer": {"type": "http", "scheme": "bearer"}},
    error_schema="Problem",
    error_texts={401: "Who?", 404: "Where?"},
    common=(401,),
    placeholder_texts={"id": "Which"},
)


def test_another_dialect_is_described_by_its_table_alone():
    handler = lambda *_: Answer(200)  # noqa: E731
    table = [
        Operation("show", "GET", "/things/{id}", "Show", handler, (200, "Thing"), frozenset({"Login"}), errors=(404,)),
        Operation("drop", "DELETE", "/things/{id}", "Drop", handler, (204, None), body="Thing"),
    ]
    document = build_document(table, DESCRIPTION)
    OpenAPIV31SpecValidator(document).validate()
    shown, dropped = document["paths"]["/things/{id}"]["get"], document["paths"]["/things/{id}"]["delete"]
    assert (set(shown["responses"]), set(dropped["responses"])) == ({"200", "401", "404"}, {"204", "401"})
    assert "content" not in dropped["responses"]["204"]
    assert shown["description"] == "Needs the permission Login."
    assert document["security"] == [{"bearer": []}]
