"""Which rows a list shows, in which order: a value, and its translation to SQL.

Rules:

* Column names come from the tables below and from nowhere else; every operand is a bound
  parameter. That is the whole defence against injection, so nothing else writes SQL from text.
* Conditions are joined by *and*. A search is a substring of any text column, ASCII case ignored.
* Order ends with the primary key, so it is total and a page never repeats a row of another one.
* `start` counts rows; `after` is the primary key of the row before the first, and wants no other order
  than that. Where a page begins changes nothing about how many rows match.
* Whether a request speaks of pages or cursors is its dialect's affair.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a column holds, and so how it is compared."""

    TEXT = "text"
    INTEGER = "integer"
    FLAG = "flag"
    NAMES = "names"


class Comparison(Enum):
    """How a filter compares a column with its operand."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    GT = "gt"
    CONTAINS = "contains"


Columns = Mapping[str, Kind]

KEY_COLUMNS: Columns = {
    "key_id": Kind.TEXT,
    "description": Kind.TEXT,
    "roles": Kind.NAMES,
    "reauthentication_timeout": Kind.INTEGER,
    "locked": Kind.FLAG,
}
ROLE_COLUMNS: Columns = {"name": Kind.TEXT, "description": Kind.TEXT, "permissions": Kind.NAMES}

COMPARISONS: Mapping[Kind, frozenset[Comparison]] = {
    Kind.TEXT: frozenset(Comparison),
    Kind.INTEGER: frozenset(Comparison) - {Comparison.CONTAINS},
    Kind.FLAG: frozenset({Comparison.EQ, Comparison.NE}),
    Kind.NAMES: frozenset({Comparison.CONTAINS}),
}
_OPERATORS = {Comparison.EQ: "=", Comparison.NE: "<>", Comparison.LT: "<", Comparison.GT: ">"}


@dataclass(frozen=True, slots=True)
class Sort:
    """One column to order by."""

    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition: column, comparison, operand."""

    column: str
    comparison: Comparison
    operand: str | int


@dataclass(frozen=True, slots=True)
class Query:
    """The rows from `start` on (or `after` a row), at most `limit`, that match, in order."""

    limit: int
    start: int = 0
    sorts: tuple[Sort, ...] = ()
    filters: tuple[Filter, ...] = ()
    search: str = ""
    after: str | None = None

    @property
    def selective(self) -> bool:
        """Say whether some rows may be left out."""
        return bool(self.filters or self.search)


def build_where(query: Query, columns: Columns, *, placed: bool = False) -> tuple[str, list[str | int]]:
    """Translate filters and search to a WHERE clause (or nothing) and its parameters; `placed`: and `after`."""
    clauses: list[str] = []
    operands: list[str | int] = []
    if placed and query.after is not None:
        clauses.append(f"{next(iter(columns))} > ?")
        operands.append(query.after)
    for condition in query.filters:
        clauses.append(_compare(condition, columns[condition.column]))
        operands.append(condition.operand)
    if query.search:
        texts = [name for name, kind in columns.items() if kind is Kind.TEXT]
        clauses.append("(" + " OR ".join(_contains(name) for name in texts) + ")")
        operands.extend([query.search] * len(texts))
    return (" WHERE " + " AND ".join(clauses) if clauses else ""), operands


def build_order(query: Query, columns: Columns) -> str:
    """Translate the sorts to an ORDER BY clause that ends with the table's first column."""
    primary = next(iter(columns))
    order = [f"{s.column} {'DESC' if s.descending else 'ASC'}" for s in query.sorts]
    if not any(s.column == primary for s in query.sorts):
        order.append(f"{primary} ASC")
    return " ORDER BY " + ", ".join(order)


def _compare(condition: Filter, kind: Kind) -> str:
    if condition.comparison is not Comparison.CONTAINS:
        return f"{condition.column} {_OPERATORS[condition.comparison]} ?"
    if kind is Kind.NAMES:
        return f"EXISTS (SELECT 1 FROM json_each({condition.column}) WHERE value = ?)"  # noqa: S608 - a column of ours
    return _contains(condition.column)


def _contains(column: str) -> str:
    return f"instr(lower({column}), lower(?)) > 0"
