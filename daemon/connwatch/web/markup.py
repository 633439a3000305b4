"""HTML that can't be got wrong: whatever isn't made by `element` is text, and is escaped."""

from __future__ import annotations

from html import escape
from typing import Final

_VOID: Final = frozenset({"link", "meta"})


class Markup(str):
    """Text that is HTML already. Only `element` and the page's own constants are."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str) -> Markup:
    """An element with its children. Attributes are written as Python can: `class_`, `aria_label`."""
    pairs = "".join(f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"' for name, value in attributes.items())
    end = "" if tag in _VOID else f"</{tag}>"
    return Markup(f"<{tag}{pairs}>{joined(*children)}{end}")


def joined(*children: str) -> Markup:
    """Children one after another."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in children))
