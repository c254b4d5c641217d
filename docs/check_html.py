"""Check built pages: python docs/check_html.py FOLDER [--list].

They load nothing from another host, and what they link to in the folder is there, with the place on
the page.  Links to other hosts are not followed; --list prints them.
"""

import argparse
import re
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Attributes whose address a browser fetches by itself when it shows a page.
FETCHED = {
    "audio": ["src"],
    "embed": ["src"],
    "iframe": ["src"],
    "img": ["src", "srcset"],
    "input": ["src"],
    "link": ["href"],
    "object": ["data"],
    "script": ["src"],
    "source": ["src", "srcset"],
    "track": ["src"],
    "video": ["src", "poster"],
}
#: Links that only say how pages belong together.
NOT_FETCHED = {"author", "canonical", "help", "index", "license", "next", "prev", "search"}
ELSEWHERE = re.compile(r"(?:^|[\s,])((?:https?:)?//[^\s,]+)")
IN_STYLES = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\s\"')]+)")


class Page(HTMLParser):
    """What a page has.

    Attributes
    ----------
    fetched : list of str
        Addresses on other hosts that a browser fetches by itself.
    links : list of str
        Where links and whatever is fetched lead.
    places : set of str
        What the part of an address after # may be.
    """

    def __init__(self, text):
        super().__init__()
        self.fetched, self.links, self.places = [], [], set()
        self._in_style = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self._in_style = tag == "style"
        self.fetched += IN_STYLES.findall(attrs.get("style") or "")
        self.places |= {attrs.get("id"), attrs.get("name") if tag == "a" else None}
        self.links += [attrs[name] for name in ("href", "src") if attrs.get(name)]
        if tag == "link" and set((attrs.get("rel") or "").split()) <= NOT_FETCHED:
            return
        for name in FETCHED.get(tag, []):
            self.fetched += ELSEWHERE.findall(attrs.get(name) or "")

    def handle_data(self, data):
        if self._in_style:
            self.fetched += IN_STYLES.findall(data)


@cache
def page_of(path):
    """Return what a file in HTML has."""
    return Page(path.read_text(encoding="utf-8"))


def find_elsewhere(path):
    """Return the addresses on other hosts that a page or a style sheet fetches."""
    if path.suffix == ".css":
        return IN_STYLES.findall(path.read_text(encoding="utf-8"))
    return page_of(path).fetched


def find_broken(path):
    """Return the links of a page to files or places that are not there."""
    broken = []
    for link in page_of(path).links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = path.parent / unquote(parts.path) if parts.path else path
        target = target / "index.html" if target.is_dir() else target
        place = unquote(parts.fragment)
        there = target.is_file()
        if there and place and target.suffix == ".html":
            there = place in page_of(target.resolve()).places
        if not there:
            broken.append(link)
    return broken


def outgoing(pages):
    """Return the addresses on other hosts that pages link to, sorted."""
    links = {link for path in pages for link in page_of(path).links}
    return sorted(link for link in links if urlsplit(link).netloc)


def main(folder, *, listed=False):
    """Print what is fetched from elsewhere and which links are broken; return the exit status."""
    folder = folder.resolve()
    paths = [path for ending in ("html", "css") for path in sorted(folder.rglob(f"*.{ending}"))]
    # Templates of the theme lie among its styles.
    pages = [path for path in paths if path.suffix == ".html" and "_static" not in path.parts]
    if not pages:
        print(f"no pages in {folder}")
        return 1
    lines = [f"{path}: fetches {link}" for path in paths for link in find_elsewhere(path)]
    lines += [f"{path}: leads nowhere: {link}" for path in pages for link in find_broken(path)]
    print("\n".join(lines) or f"{len(paths)} pages and style sheets load nothing from elsewhere")
    others = outgoing(pages)
    print(f"{len(others)} links to other hosts, which are not followed")
    if listed:
        print("\n".join(others))
    return bool(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--list", action="store_true", help="print links to other hosts")
    given = parser.parse_args()
    sys.exit(main(given.folder, listed=given.list))
