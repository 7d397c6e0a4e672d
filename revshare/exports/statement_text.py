"""One statement as its canonical text: the bytes under content_sha256."""

from revshare.exports.statement_document import Document
from revshare.statements.rules import canonical_text


def statement_text(doc: Document) -> bytes:
    """UTF-8. The SHA-256 of exactly these bytes is the statement's content_sha256."""
    return canonical_text(doc.content).encode()
