from __future__ import annotations

from html import escape, unescape
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from connwatch.web.markup import Markup, element, joined


class Reader(HTMLParser):
    """Tags with their attributes, and text, as a browser would find them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def as_read(html: str) -> Reader:
    """HTML as it is understood."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


@settings(deadline=None)
@given(st.text(), st.text())
def test_text_stays_text(text: str, value: str) -> None:
    """Whatever a provider calls something, it opens no tag, ends no attribute, and is read as it was meant."""
    made = element("p", text, title=value)
    start, _, rest = made.partition(">")
    assert unescape(start) == f'<p title="{value}"'
    assert start.count('"') == 2
    assert rest.count("<") == 1
    assert unescape(rest.removesuffix("</p>")) == unescape(escape(text))


def test_elements_are_nested_as_they_are() -> None:
    """What is HTML already isn't escaped twice."""
    made = element("a", "1 < 2", joined("&", element("b", "x")), href="?a=1&b=2", aria_label="more", class_="soft")
    assert made == '<a href="?a=1&amp;b=2" aria-label="more" class="soft">1 &lt; 2&amp;<b>x</b></a>'
    assert isinstance(made, Markup)


def test_an_empty_element_has_no_end() -> None:
    """Elements that can't hold anything are not closed."""
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'
