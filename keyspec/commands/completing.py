"""What a shell offers after -f, -l and -k: paths, and the hubs, labels and Key IDs that the spec declares.

The spec is only parsed: nothing is validated, resolved or asked, and nothing heavy is imported. What cannot be read
offers nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import rich_click as click
    from click.shell_completion import CompletionItem

    from keyspec.document import Map


def complete_paths(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Leave paths to the shell."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def complete_hubs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Offer hub names and label=value, after a comma too."""
    head, comma, last = incomplete.rpartition(",")
    return _offer((head + comma + word for word in _selectors(ctx) if word.startswith(last)), incomplete)


def complete_keys(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Offer the declared Key IDs."""
    return _offer((key_id for root in _roots(ctx) for key_id in _map(root, "keys")), incomplete)


def _offer(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(word) for word in sorted(set(words)) if word.startswith(incomplete)]


def _selectors(ctx: click.Context) -> Iterator[str]:
    for root in _roots(ctx):
        hubs = _map(root, "hubs")
        yield from hubs
        for name in hubs:
            labels = _map(hubs[name], "labels")
            yield from (f"{label}={labels[label]}" for label in labels)


def _roots(ctx: click.Context) -> Iterator[Map]:
    from keyspec.files import gather_documents

    documents, _ = gather_documents(ctx.params.get("files") or ("keyspec.yaml",))
    return (document.root for document, _ in documents)


def _map(node: Any, name: str) -> Map | dict[str, Any]:
    from keyspec.document import Map

    found = node.get(name) if isinstance(node, Map) else None
    return found if isinstance(found, Map) else {}
