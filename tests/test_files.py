from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from keyspec.errors import SpecError, UsageError
from keyspec.files import gather_spec, read_contract, read_document, read_spec, write_file
from keyspec.source import Source

HEAD = "keyspec: 1\n"


@pytest.fixture
def spec(tmp_path, monkeypatch):
    """A folder to work in; `spec(path, text)` puts a file there."""
    monkeypatch.chdir(tmp_path)

    def put(path, text=HEAD):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
        return path

    return put


def including(*patterns):
    return f"{HEAD}include: [{', '.join(repr(pattern) for pattern in patterns)}]\n"


def names(*paths):
    return [reading.document.file for reading in read_spec(paths)]


def problems(*paths):
    with pytest.raises(SpecError) as caught:
        read_spec(paths)
    return [(str(problem.source), problem.code) for problem in caught.value.problems]


def test_paths_stay_as_they_were_given(spec, tmp_path):
    spec("a.yaml", including("teams/*.yaml"))
    spec("teams/b.yaml")
    assert names("a.yaml") == ["a.yaml", "teams/b.yaml"]
    assert names("./a.yaml") == ["./a.yaml", "./teams/b.yaml"]
    assert names(f"{tmp_path}/a.yaml") == [f"{tmp_path}/a.yaml", f"{tmp_path}/teams/b.yaml"]


def test_a_folder_means_its_own_visible_yaml_files_sorted(spec):
    for name in ("b.yaml", "a.yml", "c.txt", ".hidden.yaml", "deep/d.yaml", "folder.yaml/e.yaml"):
        spec(f"specs/{name}")
    readings = read_spec(["specs"])
    assert [reading.document.file for reading in readings] == ["specs/a.yml", "specs/b.yaml"]
    assert all(reading.named for reading in readings)


def test_a_folder_without_a_spec_is_told(spec, tmp_path):
    (tmp_path / "empty").mkdir()
    assert problems("empty") == [("empty:1:1", "file-missing")]


def test_named_files_come_first_and_stay_named(spec):
    spec("a.yaml", including("b.yaml", "c.yaml"))
    spec("b.yaml")
    spec("c.yaml")
    readings = read_spec(["a.yaml", "c.yaml", "a.yaml"])
    assert [(reading.document.file, reading.named) for reading in readings] == [
        ("a.yaml", True),
        ("c.yaml", True),
        ("b.yaml", False),
    ]


def test_a_file_reached_twice_is_read_once(spec, tmp_path):
    spec("a.yaml", including("*.yaml", "b.yaml", "./b.yaml"))
    spec("b.yaml", including("a.yaml"))
    (tmp_path / "link.yaml").symlink_to("b.yaml")
    assert names("a.yaml") == ["a.yaml", "b.yaml"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("teams/*.yaml", ["teams/a.yaml", "teams/b.yaml"]),
        ("teams/[!a].yaml", ["teams/b.yaml"]),
        ("teams/?.yaml", ["teams/a.yaml", "teams/b.yaml"]),
        ("*/*.yaml", ["teams/a.yaml", "teams/b.yaml"]),
        ("**/*.yaml", ["teams/a.yaml", "teams/b.yaml", "teams/x/y/c.yaml"]),
        ("**/**/c.yaml", ["teams/x/y/c.yaml"]),
        ("teams/**", ["teams/a.yaml", "teams/b.yaml", "teams/x/y/c.yaml"]),
        ("teams/**/y/*", ["teams/x/y/c.yaml"]),
        ("./teams//a.yaml", ["teams/a.yaml"]),
        (".dot/*", [".dot/d.yaml"]),
        ("teams/.*.yaml", ["teams/.hidden.yaml"]),
    ],
)
def test_patterns_match_below_the_folder(spec, pattern, found):
    for name in ("teams/a.yaml", "teams/b.yaml", "teams/.hidden.yaml", "teams/x/y/c.yaml", ".dot/d.yaml"):
        spec(name)
    spec("root.yaml", including(pattern))
    assert names("root.yaml") == ["root.yaml", *found]


def test_patterns_start_from_the_folder_of_the_including_file(spec):
    spec("a.yaml", including("teams/b.yaml"))
    spec("teams/b.yaml", including("c.yaml"))
    spec("teams/c.yaml")
    spec("c.yaml")
    assert names("a.yaml") == ["a.yaml", "teams/b.yaml", "teams/c.yaml"]


def test_a_pattern_that_matches_nothing_is_told_where_it_stands(spec):
    spec("a.yaml", f"{HEAD}include:\n  - b.yaml\n  - teams/*.yaml\n  - gone.yaml\n")
    spec("b.yaml")
    assert problems("a.yaml") == [("a.yaml:4:5", "include-unmatched"), ("a.yaml:5:5", "include-unmatched")]


@pytest.mark.parametrize("pattern", ["/etc/*.yaml", "../b.yaml", "teams/../../b.yaml", "teams/../b.yaml"])
def test_a_pattern_that_leads_out_is_refused(spec, tmp_path, pattern):
    spec("teams/x.yaml")
    spec("b.yaml")
    spec("deep/a.yaml", including(pattern))
    assert problems("deep/a.yaml") == [("deep/a.yaml:2:11", "include-outside")]


@pytest.mark.parametrize("pattern", ["out.yaml", "*.yaml", "folder/*.yaml", "folder/b.yaml"])
def test_a_link_that_leads_out_is_refused(spec, tmp_path, pattern):
    spec("outside/b.yaml", "precious: content\n")
    spec("specs/a.yaml", including(pattern))
    (tmp_path / "specs" / "out.yaml").symlink_to(tmp_path / "outside" / "b.yaml")
    (tmp_path / "specs" / "folder").symlink_to(tmp_path / "outside")
    assert problems("specs/a.yaml") == [("specs/a.yaml:2:11", "include-outside")]


def test_a_link_that_stays_inside_is_followed(spec, tmp_path):
    spec("teams/b.yaml")
    spec("a.yaml", including("link/b.yaml"))
    (tmp_path / "link").symlink_to("teams")
    assert names("a.yaml") == ["a.yaml", "link/b.yaml"]


def test_links_in_circles_end(spec, tmp_path):
    spec("a.yaml", including("**/*.yaml", "self.yaml"))
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "self.yaml").symlink_to("self.yaml")
    assert [code for _, code in problems("a.yaml")] == ["file-unreadable"]


def test_what_is_in_the_way_is_told_without_waiting(spec, tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "fifo.yaml")
    (tmp_path / "broken.yaml").symlink_to("gone.yaml")
    spec("a.yaml", f"{HEAD}include:\n- folder.yaml\n- fifo.yaml\n- broken.yaml\n")
    assert problems("a.yaml", "fifo.yaml", "gone.yaml", "a.yaml/b", "/dev/zero", "") == [
        (":1:1", "file-missing"),
        ("/dev/zero:1:1", "file-unreadable"),
        ("a.yaml:3:3", "file-unreadable"),
        ("a.yaml:5:3", "file-missing"),
        ("a.yaml/b:1:1", "file-unreadable"),
        ("fifo.yaml:1:1", "file-unreadable"),
        ("gone.yaml:1:1", "file-missing"),
    ]


def test_a_broken_link_is_told_where_it_is_included(spec, tmp_path):
    (tmp_path / "broken.yaml").symlink_to("gone.yaml")
    spec("a.yaml", including("*.yaml"))
    assert problems("a.yaml") == [("a.yaml:2:11", "file-missing")]


def test_a_file_over_the_limit_is_told_and_not_read(spec, tmp_path):
    spec("a.yaml", including("b.yaml"))
    with (tmp_path / "b.yaml").open("wb") as file:
        file.truncate(1 << 40)
    assert problems("a.yaml") == [("a.yaml:2:11", "too-large")]
    assert problems("b.yaml") == [("b.yaml:1:1", "too-large")]


def test_every_problem_of_every_file_is_found_in_one_run(spec):
    spec("a.yaml", f"{HEAD}include: [b.yaml, none/*.yaml, c.yaml]\n")
    spec("b.yaml", "a: [\n")
    spec("c.yaml", f"{HEAD}a: 1\na: 2\n")
    found = problems("a.yaml", "gone.yaml")
    assert [place.split(":")[0] for place, _ in found] == ["a.yaml", "b.yaml", "c.yaml", "gone.yaml"]


def test_what_could_be_read_is_given_beside_the_problems(spec):
    spec("a.yaml", including("b.yaml", "gone.yaml"))
    spec("b.yaml")
    readings, found = gather_spec(["a.yaml"])
    assert [reading.document.file for reading in readings] == ["a.yaml", "b.yaml"]
    assert [problem.code for problem in found] == ["include-unmatched"]


@pytest.mark.parametrize("text", ["include: [gone.yaml]\n", f"{HEAD}include: gone.yaml\n", f"{HEAD}include: [1, '']\n"])
def test_only_the_patterns_of_a_spec_are_followed(spec, text):
    spec("a.yaml", text)
    assert names("a.yaml") == ["a.yaml"]


def test_a_document_is_read_by_its_path(spec):
    spec("trusted.yaml", "keyspec-trusted: 1\n")
    assert read_document("trusted.yaml").root == {"keyspec-trusted": 1}
    with pytest.raises(SpecError, match="4:5: file-missing"):
        read_document("gone.yaml", source=Source("a.yaml", 4, 5))


def test_a_contract_is_keyspec_s_own_or_a_file_beside_the_spec(spec):
    assert read_contract("cipherinsights-v1", file="a.yaml").root["name"] == "cipherinsights-v1"
    spec("specs/mine.yaml", "keyspec-contract: 1\nname: mine\n")
    for path in ("mine.yaml", "./mine.yaml"):
        document = read_contract(path, file="specs/a.yaml")
        assert (document.root["name"], document.file) == ("mine", "specs/mine.yaml")


@pytest.mark.parametrize("name", ["no-such", "..", "", "a\0b"])
def test_a_contract_nobody_knows_is_told_with_those_known(name):
    with pytest.raises(
        SpecError, match=r"a.yaml:3:4: unknown-contract: .*known are adyen-management-v3, cipherinsights-v1;"
    ):
        read_contract(name, file="a.yaml", source=Source("a.yaml", 3, 4))


def test_a_contract_file_that_is_missing_is_told(spec):
    with pytest.raises(SpecError, match=r"file-missing: `specs/gone\.yaml` does not exist"):
        read_contract("gone.yaml", file="specs/a.yaml", source=Source("specs/a.yaml", 1, 1))


def mode(path):
    return stat.S_IMODE(Path(path).stat().st_mode)


def test_a_file_is_written_whole_and_nothing_else_is_left(spec, tmp_path):
    write_file("plan.json", b"one", private=False)
    write_file(str(tmp_path / "plan.json"), b"two", private=False)
    assert Path("plan.json").read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_a_private_file_is_for_its_owner_and_another_keeps_its_mode(spec):
    before = os.umask(0o022)
    try:
        write_file("private", b"", private=True)
        write_file("open", b"", private=False)
        Path("kept").write_text("")
        Path("kept").chmod(0o640)
        write_file("kept", b"", private=False)
        Path("closed").write_text("")
        Path("closed").chmod(0o644)
        write_file("closed", b"", private=True)
    finally:
        os.umask(before)
    assert [mode(name) for name in ("private", "open", "kept", "closed")] == [0o600, 0o644, 0o640, 0o600]


@pytest.mark.parametrize("name", ["file", "file.tmp"])
def test_nothing_is_written_through_a_link(spec, name):
    Path("aim").write_text("precious")
    Path(name).symlink_to("aim")
    with pytest.raises(UsageError, match="file cannot be written: a link stands in the way"):
        write_file("file", b"new", private=True)
    assert Path("aim").read_text() == "precious"
    assert Path(name).is_symlink()


def test_what_cannot_be_written_is_told(spec):
    Path("folder").mkdir()
    os.mkfifo("fifo")
    for path, why in (
        ("folder", "it is a folder"),
        ("fifo", "no regular file"),
        ("gone/file", "no such file or folder"),
        ("folder/", "names no file"),
        ("", "names no file"),
        ("a\0b", "names no file"),
        ("x" * 300, "the name is too long"),
    ):
        with pytest.raises(UsageError, match=why):
            write_file(path, b"", private=False)
    assert sorted(path.name for path in Path().iterdir()) == ["fifo", "folder"]
