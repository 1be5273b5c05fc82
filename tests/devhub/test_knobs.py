from dataclasses import fields

import pytest

from keyspec.devhub import KnobError, Knobs, Portal, parse_faults, parse_knobs
from keyspec.devhub import knobs as module


def test_without_settings_it_is_a_good_day():
    assert parse_knobs([]) == Knobs()


def test_every_knob_can_be_turned_by_text():
    turned = parse_knobs(
        [
            "latency_ms=12.5",
            "requests_per_second=0.5",
            "max_limit=50",
            "page_cap=10",
            "max_body_bytes=100",
            "ids_reusable=false",
            "import_takes_id=false",
            "lock_delay_ms=50",
            "omit_total=true",
            "extra_fields=true",
            "portal=everywhere",
            "fault=POST /api_keys 1 after:drop",
            "fault=GET ** * before:status:503",
        ]
    )
    faults = parse_faults("POST /api_keys 1 after:drop", "GET ** * before:status:503")
    expected = Knobs(
        latency_ms=12.5,
        requests_per_second=0.5,
        max_limit=50,
        page_cap=10,
        max_body_bytes=100,
        ids_reusable=False,
        import_takes_id=False,
        lock_delay_ms=50,
        omit_total=True,
        extra_fields=True,
        portal=Portal.EVERYWHERE,
        faults=faults,
    )
    assert turned == expected
    assert all(getattr(turned, field.name) != field.default for field in fields(Knobs))


def test_every_knob_is_documented():
    for field in fields(Knobs):
        assert f"    {field.name.removesuffix('s') if field.name == 'faults' else field.name}=" in module.__doc__


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("latency=5", "there is none; one of latency_ms"),
        ("latency_ms=-5", "a number"),
        ("latency_ms=", "a number"),
        ("latency_ms=1e3", "a number"),
        ("page_cap=1.5", "a whole number"),
        ("page_cap=٣", "a whole number"),
        ("page_cap=0", "1 or more"),
        ("requests_per_second=0", "more than 0"),
        ("omit_total=yes", "true or false"),
        ("portal=somewhere", "off, outside, everywhere"),
        ("fault=x", "expected METHOD PATH"),
        ("", "there is none"),
    ],
)
def test_what_cannot_be_read_is_said(setting, says):
    with pytest.raises(KnobError) as caught:
        parse_knobs([setting])
    assert says in str(caught.value)


def test_a_knob_is_turned_once_and_all_problems_are_said():
    with pytest.raises(KnobError) as caught:
        parse_knobs(["page_cap=1", "page_cap=2", "nothing=1", "fault=x"])
    assert len(caught.value.problems) == 3
