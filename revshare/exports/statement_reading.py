"""Reads what a statement's document is made of; from there on nothing asks the database."""

from revshare.exports.statement_document import Document, DocumentCycle, DocumentLine
from revshare.statements.queries import PUBLISHED, Explained
from revshare.statements.rules import content_sha256


def document(explained: Explained) -> Document:
    """The statement with its pools' net sales and what they carried in. No query, if the cycle is there."""
    statement = explained.statement
    cycle = statement.cycle
    return Document(
        content=explained.content,
        cycle=DocumentCycle(
            key=cycle.key, starts_on=cycle.starts_on, ends_on=cycle.ends_on, starts_at=cycle.starts_at,
            ends_at=cycle.ends_at, timezone=cycle.timezone, policy=f"{cycle.policy.name}@{cycle.policy.version}",
            published_at=cycle.published_at if cycle.state in PUBLISHED else None,
        ),
        name=statement.contributor.name,
        recorded_sha256=content_sha256(explained.content),
        lines=tuple(document_lines(explained)),
    )  # fmt: skip


def document_lines(explained: Explained) -> list[DocumentLine]:
    currency = explained.content.currency
    told = zip(explained.content.lines, explained.shares, explained.rules, explained.pools_micros, strict=True)
    return [DocumentLine(line, currency, share, rule, *micros) for line, share, rule, micros in told]
