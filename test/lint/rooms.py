#!/usr/bin/env python3
"""Finds what points upwards: a room, a folder of src, may use only those before it in the Makefile's ROOMS.

    rooms.py [FOLDER]   of FOLDER/Makefile and FOLDER/src: what is found, and how much; fails if there is anything
    rooms.py --test     finds in the folder rooms what its lines say, and nothing else

A table, view, type or function of ours belongs to the room whose *.sql creates it (a table that is made later: whose SQL
in C++ does). Beside includes and names it finds functions that another room declares in SQL than defines them, that a
header declares and the .cpp of its name does not define, and types of a header that another room has too. A function
that no SQL of today declares must be one that SQL of a released version, in upgrade, does.
"""
import glob
import os
import re
import sys

from sql_names import CPP, MESSAGES, strings_of

# What is right all the same, and why: file, and what is found.
EXCEPTIONS = [
    # boundary.hpp is all templates, and comes before the statements whose texts are cut.
    ("postgres/boundary.hpp", "shorten_own_statements() is not defined in postgres/boundary.cpp"),
    # A key of a stored secret has the name that the function has.
    ("secrets/secret.cpp", "uses mask, of resolve/resolve.sql"),
]

CREATES = re.compile(r"CREATE (?:\w+ )?(?:TABLE|VIEW|TYPE|FUNCTION) integration_defaults\.(\w+)")
NAMES = re.compile(r"integration_defaults\.(\w+)")


def sources(folder):
    for parent, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            if name.endswith((".cpp", ".hpp", ".sql")):
                path = os.path.join(parent, name)
                with open(path, encoding="utf-8") as file:
                    yield os.path.relpath(path, folder), file.read()


def sql_of(text):
    """Without comments, which stay as empty lines."""
    return re.sub(r"--[^\n]*", "", text)


def strings(text):
    """Strings that are no messages, each with its line."""
    for piece, places, calls, _ in strings_of(text):
        if not MESSAGES & set(calls):
            yield places[0][1], piece


def declarations(text):
    """What stands in no block but namespaces: (line, text, whether a block follows)."""
    plain = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m.group().count("\n"), text, flags=re.M)
    plain = CPP.sub(lambda m: m.group() if m.group("word") or m.group("sign") or m.group("line") else
                    "\n" * m.group().count("\n") if m.group("comment") else '""', plain)
    depth, begin = 0, 0
    for at, sign in enumerate(plain):
        if sign not in "{};":
            continue
        said = plain[begin:at].strip()
        first = begin + len(plain[begin:at]) - len(plain[begin:at].lstrip())
        outside = re.match(r'(inline )?namespace\b|extern ""$', said)
        if depth == 0 and said and not outside and sign != "}":
            yield plain.count("\n", 0, first) + 1, " ".join(said.split()), sign == "{"
        if sign == "{":
            depth += depth > 0 or not outside
        elif sign == "}" and depth > 0:
            depth -= 1
        begin = at + 1


def declared_name(said):
    """Of a function, or of a variable that is defined elsewhere; None of anything else."""
    if re.match(r"(using|typedef|template|friend|static_assert|struct|class|enum|constexpr|inline|static)\b|\W", said.replace("[[noreturn]] ", "")) \
            or "=" in said:
        return None
    function = re.search(r"(\w+)\(", said)
    variable = re.match(r"extern .*?(?:\(\*)?(\w+)(?:\)\(.*|\[.*)?$", said)
    return (variable or function).group(1) if variable or function else None


class Lint:
    SYMBOL = re.compile(r"'MODULE_PATHNAME', 'intd_(\w+)'")

    def __init__(self, folder):
        with open(os.path.join(folder, "Makefile"), encoding="utf-8") as file:
            self.rooms = re.search(r"^ROOMS = (.*)$", file.read(), re.M).group(1).split()
        self.texts = dict(sources(os.path.join(folder, "src")))
        self.found = []
        self.owner, self.declared, self.released = {}, {}, set()
        for path in glob.glob(os.path.join(folder, "upgrade", "*.sql")):
            with open(path, encoding="utf-8") as file:
                self.released.update(self.SYMBOL.findall(file.read()))
        for file, text in self.texts.items():
            created = CREATES.findall(sql_of(text) if file.endswith(".sql") else " ".join(s for _, s in strings(text)))
            for name in created:
                self.owner.setdefault(name, file)
                if self.level(file) < self.level(self.owner[name]):
                    self.owner[name] = file
            if file.endswith(".sql"):
                self.declared.update((symbol, file) for symbol in self.SYMBOL.findall(text))

    def level(self, file):
        room = file.split("/")[0]
        return self.rooms.index(room) if room in self.rooms else len(self.rooms)

    def report(self, file, line, what):
        if (file, what) not in EXCEPTIONS:
            self.found.append((file, line, what))

    def use(self, file, line, name):
        if name in self.owner and self.level(self.owner[name]) > self.level(file):
            self.report(file, line, f"uses {name}, of {self.owner[name]}")

    def run(self):
        types = {} # of headers
        for file, text in self.texts.items():
            lines = (sql_of(text) if file.endswith(".sql") else text).split("\n")
            for number, line in enumerate(lines, 1):
                if file.endswith(".sql"):
                    for name in NAMES.findall(line):
                        self.use(file, number, name)
                elif match := re.match(r'#include "(\w+/\w+\.hpp)"', line):
                    if self.level(match.group(1)) > self.level(file):
                        self.report(file, number, f"includes {match.group(1)}")
                elif match := re.match(r"INTD_(?:STRICT_)?FUNCTION\((\w+)\)", line):
                    if match.group(1) not in self.declared and match.group(1) in self.released:
                        continue
                    if self.level(self.declared.get(match.group(1), "")) != self.level(file):
                        self.report(file, number, f"{match.group(1)}() is declared in {self.declared.get(match.group(1), 'no .sql')}")
            if not file.endswith(".sql"):
                for number, piece in strings(text):
                    for name in NAMES.findall(piece) + [piece]:
                        self.use(file, number, name)
            if file.endswith(".hpp"):
                self.header(file, text, types)
        for file, text in self.texts.items():
            for number, said, body in declarations(text) if not file.endswith(".sql") else ():
                if (name := self.type_name(said, body)) in types and self.level(types[name]) != self.level(file):
                    self.report(file, number, f"{name} is a type of {types[name]} too")
        return sorted(set(self.found))

    @staticmethod
    def type_name(said, body):
        match = re.match(r"(?:template <.*?> )?(?:struct|class|enum class|enum|union) (\w+)(?: final)?(?: :.*)?$", said) if body else \
            re.match(r"using (\w+) =", said)
        return match.group(1) if match else None

    def header(self, file, text, types):
        source = file[:-4] + ".cpp"
        defined = [said for _, said, _ in declarations(self.texts.get(source, ""))]
        for number, said, body in declarations(text):
            if name := self.type_name(said, body):
                types.setdefault(name, file)
            elif not body and (name := declared_name(said)) and not any(re.search(rf"\b{name}\b", each) for each in defined):
                self.report(file, number, f"{name}{'' if said.startswith('extern') else '()'} is not defined in {source}")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    if sys.argv[1:] == ["--test"]:
        return test(os.path.join(here, "rooms"))
    lint = Lint(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", ".."))
    found = lint.run()
    for file, line, what in found:
        print(f"src/{file}:{line}: {what}")
    right = not found and len(lint.texts) > 50 and len(lint.owner) > 50
    print(f"{len(lint.rooms)} rooms, {len(lint.texts)} files, {len(lint.owner)} names in SQL")
    print(f"{int(right)} passed, {int(not right)} failed")
    return not right


def test(folder):
    """The files say behind each line what is to be found there."""
    lint = Lint(folder)
    wanted = {(file, number, what.strip()) for file, text in lint.texts.items() for number, line in enumerate(text.split("\n"), 1)
              for all_of_it in re.findall(r"(?://|--) finds: (.*)$", line) for what in all_of_it.split(";")}
    got = set(lint.run())
    for file, line, what in sorted(wanted ^ got):
        print(f"{file}:{line}: {'not found' if (file, line, what) in wanted else 'found, and should not be'}: {what}")
    print(f"{len(wanted & got)} passed, {len(wanted ^ got)} failed")
    return bool(wanted ^ got) or not wanted


if __name__ == "__main__":
    sys.exit(main())
