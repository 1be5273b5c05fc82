"""A hub's own description of its API: read, drafted into a contract, and held against one. Pure.

    bytes ── document ──> Api ── survey ──> what each operation is for ── draft ──> a contract ── drafttext ──> YAML
                           └── comparison ──> what a contract says, and whether the document says so, too

schemas                   what a schema comes to: names and types, references followed
words, vocabulary         identifiers as words, and what these mean; plain: what certainly locks, unlocks, deletes
places, fields            where things stand in an answer, and which field of a key means what
paging, credential        how lists are cut, how a caller says who it is
writing, lists, deeds     operations as a contract has them, lists, and changes; bodies: what can be sent
verdict, payloads         bodies of a contract held against schemas; sounding: against what a hub answered
"""
