"""The text of a PDF as a reader program copies it: strings of the content streams through each font's ToUnicode map.

Only what the typesetter writes: plain objects, Flate streams, two-byte codes.
"""

import re
import zlib

OBJECT = re.compile(rb"(\d+) 0 obj\s*")
END = re.compile(rb"stream\r?\n|endobj")
TOKEN = re.compile(rb"/(f\d+) [\d.]+ Tf|\(", re.DOTALL)
PIECE = re.compile(rb"\\.|[()]", re.DOTALL)
ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def pdf_text(content: bytes) -> str:
    """All text in the order it is drawn, without line breaks, page by page."""
    objects = _objects(content)
    out = []
    for body, _ in [objects[number] for number in sorted(objects)]:
        if re.search(rb"/Type\s*/Page\b", body):
            shared = re.search(rb"/Resources (\d+) 0 R", body)
            fonts = re.search(rb"/Font\s*<<(.*?)>>", objects[int(shared[1])][0] if shared else body, re.DOTALL)
            assert fonts, body
            maps = {
                name.decode(): _unicode_map(objects[_reference(objects[int(number)][0], b"ToUnicode")][1])
                for name, number in re.findall(rb"/(f\d+) (\d+) 0 R", fonts[1])
            }
            out.append(_shown(objects[_reference(body, b"Contents")][1], maps))
    return "".join(out)


def _objects(content: bytes) -> dict[int, tuple[bytes, bytes]]:
    """Number: (dictionary, stream unpacked)."""
    found, at = {}, 0
    while start := OBJECT.search(content, at):
        end = END.search(content, start.end())
        assert end, "an object that does not end"
        body, stream, at = content[start.end() : end.start()], b"", end.end()
        if end[0] != b"endobj":
            length = re.search(rb"/Length (\d+)", body)
            assert length, body
            stream = content[at : at + int(length[1])]
            at += int(length[1])
            if b"FlateDecode" in body:
                stream = zlib.decompress(stream)
        found[int(start[1])] = (body, stream)
    return found


def _reference(body: bytes, name: bytes) -> int:
    found = re.search(rb"/" + name + rb"\s*\[?\s*(\d+) 0 R", body)
    assert found, (name, body[:200])
    return int(found[1])


def _unicode_map(cmap: bytes) -> dict[int, str]:
    found = {}
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for code, text in re.findall(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            found[int(code, 16)] = bytes.fromhex(text.decode()).decode("utf-16-be")
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", cmap, re.DOTALL):
        for first, last, text in re.findall(rb"<(\w+)>\s*<(\w+)>\s*<(\w+)>", block):
            start = int(text, 16)
            found |= {code: chr(start + code - int(first, 16)) for code in range(int(first, 16), int(last, 16) + 1)}
    return found


def _shown(stream: bytes, fonts: dict[str, dict[int, str]]) -> str:
    font: dict[int, str] = {}
    out, at = [], 0
    while token := TOKEN.search(stream, at):
        at = token.end()
        if token[1]:
            font = fonts[token[1].decode()]
            continue
        end = _end_of_string(stream, at)
        codes = _unescape(stream[at:end])
        out += [font.get(codes[i] << 8 | codes[i + 1], "") for i in range(0, len(codes) - 1, 2)]
        at = end + 1
    return "".join(out)


def _end_of_string(stream: bytes, start: int) -> int:
    """Where the bracket closes; balanced brackets inside need no backslash."""
    depth = 1
    for piece in PIECE.finditer(stream, start):
        depth += {b"(": 1, b")": -1}.get(piece[0], 0)
        if depth == 0:
            return piece.start()
    raise AssertionError("a string that does not end")


def _unescape(text: bytes) -> bytes:
    def plain(match: re.Match[bytes]) -> bytes:
        sign = match[1]
        return bytes([int(sign, 8)]) if sign.isdigit() else ESCAPES.get(sign, sign)

    return re.sub(rb"\\([0-7]{1,3}|.)", plain, text, flags=re.DOTALL)
