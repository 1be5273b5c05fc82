"""Texts that a hub may hold against whoever reads them, and what of them may never reach a screen or a CI log."""

from __future__ import annotations

import re
import unicodedata
from itertools import islice

TEXTS = {
    "colour": "\x1b[31mred\x1b[0m",
    "screen": "\x1b[2J\x1b[1;1Hnothing to see",
    "title": "\x1b]0;owned\x07 \x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "C1": "\x9b31mred\x9d0;owned\x9c\x85next",
    "controls": "a\x00b\x07c\x08\x08\x08d\x7f",
    "return": "all is well\r::error::not at all",
    "lines": "one\n::error file=a.py,line=1::two\n##[error]three\r\n##vso[task.complete result=Failed]four",
    "GitHub": "::set-output name=x::y",
    "GitHub, indented": " \t ::add-mask::x",
    "GitHub, stopped": "::stop-commands::pause",
    "Azure": "##vso[task.setvariable variable=x]y ##[section]z ###[error]",
    "TeamCity": "##teamcity[buildStatus text='x']",
    "GitLab": "\x1b[0Ksection_start:1560896352:evil\r\x1b[0Khidden",
    "bidi": "user\u202enimda\u202c \u2066x\u2069 \u061c\u200e\u200f",
    "zero width": "ad\u200bmin\u200c\u200d\u2060\ufeff\u00ad\u180e\u034f\u3164\u2800\ufe0f",
    "breaks": "one\u2028two\u2029three\x0bfour\x0cfive\x1c\x1d\x1esix\tseven",
    "tags": "x\U000e0001\U000e0041\U000e007f\ue000\U000e0100\U0010ffff",
    "quotes": 'a" \u2192 "b\\',
    "colons": ":" * 7,
}
MEGABYTE = 1_000_000
LONG = {
    "one word": "A" * MEGABYTE,
    "escapes": "\x1b[31m" * (MEGABYTE // 5),
    "commands": "::error::x " * (MEGABYTE // 11),
    "lines": f"{'l' * 99}\n" * (MEGABYTE // 100),
}

LONGEST_LINE = 2_500
"""The most characters that any line of text for people has: no error is shown longer than 2000."""
LONGEST_TEXT = 100_000

_HIDDEN = ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp")
# Characters that take no room or look like a blank, although Unicode files them under letters and marks.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_OWN_COLOURS = re.compile(r"\x1b\[(?:0|1|2|31|32|33|35|36)m")
_OWN_PROGRESS = re.compile(r"\r\x1b\[K(?:(?:hubs read|steps done): \d+ of \d+)?")
# GitHub Actions and GitLab look at the beginning of a line, Azure Pipelines and TeamCity anywhere in it.
_COMMANDS = (re.compile(r"^\s*::", re.MULTILINE), re.compile(r"##\w*\["))


def find_harm(text, *, coloured=False, progress=False, bounded=True):
    """Say what of an output could harm whoever reads it; keyspec's own colours and progress are let be where asked."""
    if progress:
        text = _OWN_PROGRESS.sub("", text)
    if coloured:
        text = _OWN_COLOURS.sub("", text)
    harm = [f"U+{ord(character):04X}" for character in sorted({*text} - {"\n"}) if _is_hidden(character)]
    harm += [repr(text[found.start() :][:60]) for command in _COMMANDS for found in islice(command.finditer(text), 3)]
    if bounded:
        harm += [f"a line of {len(line)}: {line[:60]!r}" for line in text.split("\n") if len(line) > LONGEST_LINE][:3]
        harm += [f"{len(text)} characters in all"] if len(text) > LONGEST_TEXT else []
    return harm


def _is_hidden(character):
    return unicodedata.category(character) in _HIDDEN or _BLANK.match(character) is not None
