"""On which line each key of a TOML text stands; the standard parser does not say. Pure."""

import re
import tomllib

_PIECE = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'  # basic string over several lines
    r"|'''.*?'{3,5}"  # literal string over several lines
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[A-Za-z0-9_-]+"
    r"|.",
    re.DOTALL,
)


def key_lines(text: str) -> dict[str, int]:
    """Return the 1-based line of each table and key of `text`, by dotted path.

    Args:
        text: TOML that `tomllib` has already accepted.

    Keys inside an inline table or an array are not listed: the key that holds it is.
    """
    lines: dict[str, int] = {}
    table: list[str] = []
    for line, pieces in _statements(text):
        path = _path(pieces)
        if pieces[0] == "[":
            table = path
            lines.setdefault(".".join(table), line)
        else:
            lines[".".join(table + path)] = line
    return lines


def line_of(lines: dict[str, int], key: str) -> int:
    """Return the line of `key`, or of the nearest table or key that holds it."""
    while key not in lines and "." in key:
        key = key.rpartition(".")[0]
    return lines.get(key, 1)


def _statements(text: str) -> list[tuple[int, list[str]]]:
    """Return each statement's first line and pieces; one in brackets goes on over line ends."""
    statements: list[tuple[int, list[str]]] = []
    pieces: list[str] = []
    line, first, depth = 1, 1, 0
    for piece in _PIECE.findall(text + "\n"):
        if piece == "\n" and depth == 0:
            if pieces:
                statements.append((first, pieces))
            pieces = []
        elif not piece.isspace() and not piece.startswith("#"):
            first = first if pieces else line
            pieces.append(piece)
            depth += (piece in "[{") - (piece in "]}")
        line += piece.count("\n")
    return statements


def _path(pieces: list[str]) -> list[str]:
    """Return the dotted path that a header or an assignment begins with."""
    parts: list[str] = []
    for piece in pieces:
        if piece == "=":
            break
        if piece[0] in "\"'":
            parts.append(tomllib.loads(f"key = {piece}")["key"])
        elif piece not in "[].":
            parts.append(piece)
    return parts
