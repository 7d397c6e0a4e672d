"""Reads what a statement's document is made of; from there on nothing asks the database."""

from revshare.exports.statement_document import Document, DocumentCycle, DocumentLine
from revshare.pools.models import Pool
from revshare.statements.queries import PUBLISHED, Explained
from revshare.statements.rules import content_sha256

FACTS = (
    "table", "model", "dataset_version", "part", "net_micros", "carried_in_micros", "deducted_micros", "commons_micros",
    "released_micros",
)  # fmt: skip


def document(explained: Explained) -> Document:
    """The statement with its pools' net sales and what they carried in. One query, if the cycle is there."""
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
    """One query; without objects, since there may be ten thousand."""
    statement = explained.statement
    pools = Pool.objects.filter(cycle_id=statement.cycle_id, currency=statement.currency, kind=Pool.Kind.SALES)
    facts = {
        (table, model, version, part): micros for table, model, version, part, *micros in pools.values_list(*FACTS)
    }
    return [
        DocumentLine(
            line, statement.currency, share, rule, *facts[line.table, line.model, line.dataset_version, line.part]
        )
        for line, share, rule in zip(explained.content.lines, explained.shares, explained.rules, strict=True)
    ]
