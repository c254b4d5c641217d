"""Check that built pages load nothing from another host: python docs/check_html.py FOLDER."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

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


class Addresses(HTMLParser):
    """Collect the addresses on other hosts that a page makes a browser fetch."""

    def __init__(self):
        super().__init__()
        self.found = []
        self._in_style = False

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self._in_style = tag == "style"
        self.found += IN_STYLES.findall(attrs.get("style") or "")
        if tag == "link" and set((attrs.get("rel") or "").split()) <= NOT_FETCHED:
            return
        for name in FETCHED.get(tag, []):
            self.found += ELSEWHERE.findall(attrs.get(name) or "")

    def handle_data(self, data):
        if self._in_style:
            self.found += IN_STYLES.findall(data)


def find_elsewhere(path):
    """Return the addresses on other hosts that a page or a style sheet fetches."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".css":
        return IN_STYLES.findall(text)
    parser = Addresses()
    parser.feed(text)
    return parser.found


def main(folder):
    """Print what is fetched from elsewhere, and return the exit status."""
    paths = [path for ending in ("html", "css") for path in sorted(folder.rglob(f"*.{ending}"))]
    if not any(path.suffix == ".html" for path in paths):
        print(f"no pages in {folder}")
        return 1
    lines = [f"{path}: {address}" for path in paths for address in find_elsewhere(path)]
    print("\n".join(lines) or f"{len(paths)} pages and style sheets load nothing from elsewhere")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
