"""What every HTML page of ours holds to."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from xml.etree import ElementTree

NARROW, WIDE = 0.35, 0.63
"""Mean widths of letters in font sizes, of NARROWS and others, in the widest font that browsers show plots in (DejaVu
Sans): a sixth more than plots are laid out for."""
NARROWS = frozenset("fijlrtI .,:;/-()'")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str | None] = []

    def handle_starttag(self, tag, attrs):
        if tag != "meta":
            self.open.append(tag)
        self.links += [value for name, value in attrs if name in {"src", "href"} and (value or "")[:1] != "#"]

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_whole(page: str) -> None:
    """Every element is closed, and nothing is loaded or run."""
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.links == []
    assert "<script" not in page


def plots_of(page: str) -> list[str]:
    return re.findall(r"<svg.*?</svg>", page, re.DOTALL)


def labels_of(plot: str) -> list[str]:
    """All texts of a plot, once it is sure that none is cut: neither by a limit, nor by the plot's edges."""
    root = ElementTree.fromstring(plot)
    found = list(_texts(root, 0.0))
    for text, left, right in found:
        assert "…" not in text
        assert left >= 0 and right <= float(root.attrib["width"]), text
    return [text for text, *_ in found]


def _texts(node: ElementTree.Element, x: float) -> Iterator[tuple[str, float, float]]:
    """Texts with their left and right ends, in pixels; a slanted one as if it were level and narrow."""
    transform = node.get("transform", "")
    if moved := re.search(r"translate\(([-\d.]+)", transform):
        x += float(moved[1])
    if node.tag.endswith("text"):
        text = node.text or ""
        size = 0.0 if "rotate" in transform else float(node.attrib["font-size"].removesuffix("px"))
        width = size * sum(NARROW if letter in NARROWS else WIDE for letter in text)
        left = x - width * {"end": 1.0, "middle": 0.5}.get(node.get("text-anchor", "start"), 0.0)
        yield text, left, left + width
    for child in node:
        yield from _texts(child, x)
