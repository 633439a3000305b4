"""A document in Markdown, taken apart as far as a test has to know: headings, tables, fenced blocks, words as code, links."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).parents[2]
_FENCE: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
_SPAN: Final = re.compile(r"`([^`\n]+)`")
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CELL_END: Final = re.compile(r"(?<!\\)\|")


class Document:
    """A file at the top of the repository."""

    def __init__(self, name: str) -> None:
        self.text: Final = (TOP / name).read_text(encoding="utf-8")
        self.prose: Final = _FENCE.sub("", self.text)
        """What is not in a fenced block."""

    def blocks(self, *languages: str) -> Sequence[str]:
        """What is in the fenced blocks of these languages."""
        return [body for language, body in _FENCE.findall(self.text) if language in languages]

    def lines(self, *languages: str) -> Iterator[str]:
        """Their lines; one that ends in a backslash goes on in the next."""
        for block in self.blocks(*languages):
            yield from block.replace("\\\n", " ").splitlines()

    def spans(self) -> Sequence[str]:
        """Words as code within the prose."""
        return _SPAN.findall(self.prose)

    def headings(self) -> Sequence[str]:
        """The headings, in order."""
        return _HEADING.findall(self.prose)

    def anchors(self) -> frozenset[str]:
        """What a link into the document can lead to, as GitHub makes it from the headings."""
        return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in self.headings())

    def links(self) -> Sequence[str]:
        """Where links lead, in order."""
        return _LINK.findall(self.prose)

    def under(self, heading: str) -> str:
        """What stands between a heading and the next one, of whatever depth. Raises ValueError if there is none."""
        found = list(_HEADING.finditer(self.prose))
        for one, after in zip(found, [*found[1:], None], strict=True):
            if one[1] == heading:
                return self.prose[one.end() : after.start() if after else None]
        raise ValueError(f"there is no heading {heading}")

    def table(self, heading: str) -> Mapping[str, Sequence[str]]:
        """The first table under a heading: the other cells of each row by the first one, which has no backticks any more.

        Raises ValueError if a row is there twice.
        """
        lines = self.under(heading).strip().splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith("|"))
        rows: dict[str, Sequence[str]] = {}
        for line in lines[start + 2 :]:
            if not line.startswith("|"):
                break
            first, *others = (cell.strip() for cell in _CELL_END.split(line)[1:-1])
            if first.strip("`") in rows:
                raise ValueError(f"{first} is there twice")
            rows[first.strip("`")] = others
        return rows


def spans(text: str) -> Sequence[str]:
    """Words as code within a text."""
    return _SPAN.findall(text)
