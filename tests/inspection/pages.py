"""A reader of the page in HTML."""

from __future__ import annotations

import json
from html.parser import HTMLParser


class Page(HTMLParser):
    """What a page holds: ids, links, sources, text, tables and data."""

    def __init__(self, html):
        super().__init__()
        self.ids, self.links, self.sources, self.texts = [], [], [], []
        self.policy, self._json, self._inside = "", "", []
        self._tables, self._table = {}, None
        self.feed(html)
        self.data = json.loads(self._json)
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag not in ("meta", "link", "input", "br", "path", "rect"):
            self._inside.append((tag, given))
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given["href"])
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        self.sources += [given[name] for name in ("src", "href", "data") if name in given]
        if tag == "table":
            self._table = self._tables.setdefault(given.get("id"), [])
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._table[-1].append("")

    def handle_endtag(self, tag):
        while self._inside and self._inside[-1][0] != tag:
            self._inside.pop()
        if self._inside:
            self._inside.pop()
        if tag == "table":
            self._table = None

    def handle_data(self, data):
        tag, given = self._inside[-1] if self._inside else ("", {})
        if tag == "script":
            self._json += data if given.get("type") == "application/json" else ""
        elif tag != "style":
            self.texts.append(data)
            if self._table and self._table[-1]:
                self._table[-1][-1] += data

    def rows(self, name):
        """Return the rows of a table as texts of its cells."""
        return [[" ".join(cell.split()) for cell in row] for row in self._tables[name]]
