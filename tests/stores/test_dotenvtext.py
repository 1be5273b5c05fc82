from __future__ import annotations

import io
import shutil
import subprocess

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from keyspec.stores.dotenvtext import decode_value, empty_line, encode_value, find_lines, put_value

PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
HARD = [
    PRINTABLE,
    PRINTABLE[::-1],
    *PRINTABLE,
    "${HOME}",
    "${HOME:-x}$$",
    "$(echo ran)`echo ran`",
    "it's $HOME",
    "a\\",
    "\\\\",
    "\\'",
    "'$'`\"\\",
    "}${')}",
    "a #b",
    " a ",
    "~/x",
    "!!",
    "-",
    "=",
    "x" * 4096,
    "$`'" * 999,
    "$" * 4095 + "'",
]
TRICKY = st.text("$`'\"\\{}()?+:-#!~ aZ0\t", min_size=1, max_size=40).filter(lambda text: "\t" not in text)


def read_by_dotenv(text):
    return dotenv_values(stream=io.StringIO(text))


def read_by_shell(text, tmp_path, shell="sh"):
    file = tmp_path / "file.env"
    file.write_text(text)
    script = 'set -eu; set -a; . "$0"; exec env -0'
    environ = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run([*shell.split(), "-c", script, str(file)], capture_output=True, env=environ, check=True)
    assert done.stderr == b""
    return dict(pair.decode().split("=", 1) for pair in done.stdout.split(b"\0") if pair)


def write_lines(values):
    return "".join(f"V{number}={encode_value(value.encode()).decode()}\n" for number, value in enumerate(values))


@pytest.mark.parametrize("shell", ["sh", "dash", "bash", "bash --posix", "busybox sh"])
def test_a_shell_reads_what_was_written(tmp_path, shell):
    if shutil.which(shell.split()[0]) is None:
        pytest.skip(f"{shell} is not installed")
    got = read_by_shell(write_lines(HARD), tmp_path, shell)
    assert [got[f"V{number}"] for number in range(len(HARD))] == HARD


def test_python_dotenv_reads_what_was_written():
    got = read_by_dotenv(write_lines(HARD))
    assert [got[f"V{number}"] for number in range(len(HARD))] == HARD


@given(st.lists(TRICKY, min_size=20, max_size=40))
def test_shell_and_python_dotenv_agree_on_any_value(tmp_path_factory, values):
    text = write_lines(values)
    shell = read_by_shell(text, tmp_path_factory.getbasetemp())
    assert [shell[f"V{number}"] for number in range(len(values))] == values
    assert [read_by_dotenv(text)[f"V{number}"] for number in range(len(values))] == values


@given(TRICKY)
def test_what_was_written_is_read_back(value):
    assert decode_value(encode_value(value.encode())) == value.encode()


def test_what_would_be_too_much_for_a_shell_is_refused():
    with pytest.raises(ValueError, match="too many"):
        encode_value(b"$'" * 2000)


def test_values_are_written_as_plainly_as_can_be():
    assert encode_value(b"AKIA/x+y=") == b"AKIA/x+y="
    assert encode_value(b"a$b#c") == b"'a$b#c'"
    assert encode_value(b"it's") == b'"it\'s"'


@pytest.mark.parametrize(
    "text", [b"$HOME", b"a b", b"'a\\'b'", b"'${HOME}'", b'"$HOME"', b'"`x`"', b'"\\n"', b"'a'b", b'"a', b"~"]
)
def test_what_readers_take_differently_is_not_guessed(text):
    assert decode_value(text) is None


FILE = b"""# A=in a comment
  export  FIRST = one # said
A_LONGER=1
A='x' # kept
MULTI="begin
A=inside
end"
OTHER=it's
 B=
C=# taken
bare
\xff\xfe=bytes"""


@pytest.mark.parametrize(
    ("name", "text"), [("FIRST", b"one"), ("A", b"'x'"), ("B", b""), ("OTHER", b"it's"), ("C", b"# taken")]
)
def test_the_line_of_a_name_is_found(name, text):
    (line,) = find_lines(FILE)[name]
    assert FILE[line.value_begin : line.value_end] == text


def test_a_name_in_a_comment_a_longer_name_or_a_quoted_value_is_not_its_line():
    (line,) = find_lines(FILE)["A"]
    assert FILE[line.begin :].startswith(b"A='x'")
    assert set(find_lines(FILE)) == {"FIRST", "A_LONGER", "A", "MULTI", "OTHER", "B", "C"}


def test_every_line_of_a_name_is_found():
    assert len(find_lines(b"A=1\nexport A=2\nA=\n")["A"]) == 3


def test_all_else_stays_byte_for_byte():
    (line,) = find_lines(FILE)["A"]
    emptied = empty_line(FILE, line, "A")
    assert emptied == FILE.replace(b"A='x' # kept", b"A='' # kept")
    (line,) = find_lines(emptied)["A"]
    assert put_value(emptied, line, "A", b"new") == FILE.replace(b"'x'", b"new")
    (line,) = find_lines(FILE)["FIRST"]
    assert put_value(FILE, line, "FIRST", b"1") == FILE.replace(b"FIRST = one", b"FIRST=1")
    assert put_value(FILE, None, "NEW", b"v") == FILE + b"\nNEW=v\n"
    assert put_value(b"", None, "NEW", b"v") == b"NEW=v\n"
    crlf = b"A=1\r\nB=2\r\n"
    assert empty_line(crlf, find_lines(crlf)["A"][0], "A") == b"A=\r\nB=2\r\n"


@given(st.binary(max_size=200), st.sampled_from(["A", "B_1", "export"]))
def test_no_bytes_are_too_strange_to_add_a_line_to(data, name):
    lines = find_lines(data).get(name, ())
    if not lines:
        added = put_value(data, None, name, b"value")
        assert added.startswith(data)
        assert added.endswith(f"{name}=value\n".encode())
    for line in lines:
        assert data[line.begin :].startswith(line.lead + name.encode())
