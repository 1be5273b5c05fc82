from __future__ import annotations

from keyspec.source import Source


def test_a_place_reads_as_editors_and_ci_systems_write_it():
    assert str(Source("teams/a.yaml", 3, 14)) == "teams/a.yaml:3:14"


def test_places_sort_by_file_line_and_column():
    places = [Source("b", 1, 1), Source("a", 10, 1), Source("a", 9, 2), Source("a", 9, 1)]
    assert sorted(places) == [Source("a", 9, 1), Source("a", 9, 2), Source("a", 10, 1), Source("b", 1, 1)]
