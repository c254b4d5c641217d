"""Settings of the documentation: sphinx-build -W --keep-going -b html docs docs/_build/html."""

import re
from pathlib import Path

import sklearn_aae

HERE = Path(__file__).parent

project = "sklearn_aae"
author = "The sklearn_aae developers"
copyright = f"2026, {author}"
version = release = sklearn_aae.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    # Its own MathJax beside the pages, in place of one from a content delivery network.
    "sphinx-mathjax-offline",
]
templates_path = ["_templates"]
exclude_patterns = [
    "_build",
    # Sources of the gallery, which sphinx-gallery turns into pages.
    "examples",
    "auto_examples/**.ipynb",
    "auto_examples/**.py",
    # A table of running times that belongs to no page.
    "sg_execution_times.rst",
    "auto_examples/**sg_execution_times.rst",
]
default_role = "code"

autosummary_generate = True
autodoc_preserve_defaults = True
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False

#: The gallery's folders, in the order of its page.
SECTIONS = ["codes", "new_rows", "odd_rows", "classes", "tables"]

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sklearn_aae",),
    "reference_url": {"sklearn_aae": None},
    "filename_pattern": r"/plot_",
    "subsection_order": [f"examples/{name}" for name in SECTIONS],
    "within_subsection_order": "ExampleTitleSortKey",
    "parallel": 2,
    "min_reported_time": 5,
    "show_signature": False,
}

# Buttons copy what is typed: no prompts and no output of doctests.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = f"sklearn_aae {version}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_theme_options = {
    "github_url": "https://github.com/sklearn-aae/sklearn_aae",
    "logo": {"text": "sklearn_aae"},
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
#: Pages without pages below them.
html_sidebars = {page: [] for page in ("index", "install", "quickstart", "promises", "changelog")}


def markdown_to_rst(text):
    """Convert the Markdown that the changelog uses: headings, lists, code and links."""
    underlines = {1: "=", 2: "-", 3: "~"}
    lines = []
    for line in text.splitlines():
        heading = re.match(r"(#{1,3}) (.+)", line)
        if heading:
            title = heading[2].strip("[]")
            lines += [title, underlines[len(heading[1])] * len(title)]
            continue
        line = re.sub(r"`([^`]+)`", r"``\1``", line)
        lines.append(re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r"`\1 <\2>`__", line))
    return "\n".join(lines) + "\n"


def include_changelog(app, docname, source):
    """Make CHANGELOG.md the body of the changelog page."""
    if docname == "changelog":
        path = HERE.parent / "CHANGELOG.md"
        app.env.note_dependency(str(path))
        source[0] = markdown_to_rst(path.read_text(encoding="utf-8"))


def skip_inherited_from_others(app, what, name, obj, skip, options):
    """Leave out members that scikit-learn, skorch or torch define and document."""
    function = getattr(obj, "fget", None) or obj
    module = getattr(function, "__module__", None) or "sklearn_aae"
    return True if module.partition(".")[0] != "sklearn_aae" else None


def setup(app):
    """Connect the functions above to Sphinx."""
    app.connect("source-read", include_changelog)
    app.connect("autodoc-skip-member", skip_inherited_from_others)
