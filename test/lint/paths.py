#!/usr/bin/env python3
"""Finds names of files that are not there: in README.md, the other pages, and the comments of sources and scripts. In pages,
links that lead nowhere from where the page stands, or to a chapter that is not there, too.

    paths.py          what is found; fails if there is anything
    paths.py --test   finds in texts what is wrong in them, and nothing else
"""
import glob
import os
import re
import sys

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SKIPPED = {".git", "build", ".majors", "node_modules", "__pycache__"}

# A name with one of our endings, or a path that begins in one of our folders.
NAME = re.compile(r"(?<![\w/.<$~:}>-])(?:\.\./)*(?:[\w*-][\w*.-]*/)*[\w*-]+\.(?:cpp|hpp|sql|spec|pl|pm|py|sh|mjs|rb|md|psql|control)\b"
                  r"|(?<![\w/.<$~:}>-])(?:src|test|docs|bench|demo|sql|expected)/[\w*./-]*[\w*/]")
# Not in the tree: made by a build, or somebody else's.
MADE = re.compile(r"^integration_defaults--|^/|^build/|^src/test/") # the last are PostgreSQL's
CODE = (".cpp", ".hpp")
SCRIPTS = (".sh", ".py", ".pl", ".pm", ".sql", "Makefile", "dev")


LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")


def anchors_of(text):
    """What a link to a chapter of a page may say after the #."""
    anchors, fenced = set(), False
    for line in text.split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        heading = not fenced and re.match(r"#+ (.*)", line)
        if heading:
            anchors.add(re.sub(r"[^\w\- ]", "", heading.group(1).lower()).replace(" ", "-"))
    return anchors


def dead_links(name, text, read):
    """Links to what is not there. read(path) gives the text of a file, None where there is none."""
    for number, line in enumerate(text.split("\n"), 1):
        for page, anchor in LINK.findall(line):
            if "://" in page:
                continue
            path = os.path.normpath(os.path.join(os.path.dirname(name), page)) if page else name
            linked = read(path)
            if linked is None:
                yield number, page
            elif anchor and anchor not in anchors_of(linked):
                yield number, f"{page}#{anchor}"


def texts_of(name, text):
    """Pages as they are; of sources the comments, with the numbers of their lines."""
    if name.endswith(".md"):
        yield from enumerate(text.split("\n"), 1)
        return
    mark = r"//" if name.endswith(CODE) else r"--" if name.endswith(".sql") else r"#"
    for number, line in enumerate(text.split("\n"), 1):
        comment = re.search(r"(?:^|\s)" + mark + r"\s(.*)$", line)
        if comment:
            yield number, comment.group(1)


def problems(name, text, exists):
    for number, line in texts_of(name, text):
        for found in NAME.findall(line):
            if not MADE.search(found) and not exists(name, found):
                yield number, found


def files_of(root):
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(folder for folder in folders if folder not in SKIPPED)
        for name in sorted(names):
            yield os.path.relpath(os.path.join(parent, name), root)


class Tree:
    def __init__(self):
        self.files = list(files_of(ROOT))
        self.bare = {os.path.basename(file) for file in self.files}

    def exists(self, name, found):
        """As a path from the root, from src or from where the text stands, or as the name of any file."""
        if "/" not in found and found in self.bare:
            return True
        return any(glob.glob(os.path.normpath(os.path.join(ROOT, start, found))) for start in ("", "src", os.path.dirname(name)))


def test():
    there = {"docs/locking.md", "src/core/fold.cpp", "src/core", "fold.cpp"}
    cases = [
        ("a.md", "see docs/locking.md and `src/core`", []),
        ("a.md", "one\nsee docs/gone.md", [(2, "docs/gone.md")]),
        ("a.cpp", '#include "core/gone.hpp"\n// as fold.cpp has it\n// as gone.hpp has it', [(3, "gone.hpp")]),
        ("a.sql", "SELECT 'gone.sql'; -- like gone.sql", [(1, "gone.sql")]),
        ("a.sh", "# writes integration_defaults--1.0.sql, reads src/gone/", [(1, "src/gone/")]),
    ]
    good = bad = 0
    for name, text, wanted in cases:
        found = list(problems(name, text, lambda _, path: path in there))
        good, bad = good + (found == wanted), bad + (found != wanted)
        if found != wanted:
            print(f"{text!r}: {found}, not {wanted}")
    pages = {"a.md": "# One\n## `Two`, three: it's 4\n```\n# no heading\n```\n", "docs/b.md": "## Five\n"}
    cases = [
        ("a.md", "[x](#one) [x](#two-three-its-4) [x](docs/b.md#five) [x](https://x.example/#y)", []),
        ("a.md", "[x](#five)\n[x](#no-heading)", [(1, "#five"), (2, "#no-heading")]),
        ("docs/b.md", "[x](../a.md#one) [x](#one) [x](gone.md#one)", [(1, "#one"), (1, "gone.md")]),
        ("docs/b.md", "[x](docs/b.md) ![x](../a.md)\n`[](x)` [x](b.md)", [(1, "docs/b.md"), (2, "x")]),
    ]
    for name, text, wanted in cases:
        found = list(dead_links(name, text, pages.get))
        good, bad = good + (found == wanted), bad + (found != wanted)
        if found != wanted:
            print(f"{text!r}: {found}, not {wanted}")
    print(f"{good} passed, {bad} failed")
    return bad > 0


def read_page(path):
    try:
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            return file.read()
    except IsADirectoryError:
        return ""
    except OSError:
        return None


def main():
    if sys.argv[1:] == ["--test"]:
        return test()
    tree = Tree()
    count = read = 0
    for name in tree.files:
        if not name.endswith((".md",) + CODE + SCRIPTS) or name.startswith(("test/lint/paths.py", "test/lint/rooms/")): # what these name is an example
            continue
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            text = file.read()
        read += 1
        for number, found in problems(name, text, tree.exists):
            count += 1
            print(f"{name}:{number}: there is no {found}")
        for number, found in dead_links(name, text, read_page) if name.endswith(".md") and not name.endswith("_template.md") else (): # they are copied
            count += 1
            print(f"{name}:{number}: there is no {found}")
    print(f"{read} files")
    print(f"{int(count == 0)} passed, {int(count > 0)} failed")
    return count > 0


if __name__ == "__main__":
    sys.exit(main())
