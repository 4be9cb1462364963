"""A page taken apart by a parser that forgives nothing."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input"}


@dataclass
class Element:
    """A tag with what is in it."""

    tag: str
    attributes: dict[str, str | None]
    children: list["Element"] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    def all(self, tag: str) -> list["Element"]:
        """Return the elements of a tag in this one, in their order."""
        return [e for child in self.children for e in ([child] if child.tag == tag else []) + child.all(tag)]

    @property
    def text(self) -> str:
        """Its text without superfluous space, of what is in it too."""
        return " ".join("".join(self.pieces).split())


class Page(HTMLParser):
    """The tree of a page.

    Raises:
        ValueError: If a tag is closed that is not the last one opened, or left open, or an attribute stands twice.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self._open = [self.root]
        self.feed(text)
        self.close()
        if len(self._open) > 1:
            raise ValueError(f"Expected all tags closed, got <{self._open[-1].tag}> left open")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        if len(dict(attrs)) < len(attrs):
            raise ValueError(f"Expected each attribute once, got {attrs} in <{tag}>")
        element = Element(tag, dict(attrs))
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        """Close the last element."""
        if self._open[-1].tag != tag:
            raise ValueError(f"Expected </{self._open[-1].tag}>, got </{tag}> at {self.getpos()}")
        self._open.pop()

    def handle_data(self, data: str) -> None:
        """Give text to all elements that it is in."""
        for element in self._open:
            element.pieces.append(data)
