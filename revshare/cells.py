"""Text cells of files that people open in a spreadsheet.

Pure: no Django, no I/O.
"""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(text: str) -> str:
    """The text, with an apostrophe before it if a spreadsheet would take it for a formula. Never used on numbers."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
