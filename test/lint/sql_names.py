#!/usr/bin/env python3
"""Finds what SQL looks for along search_path: in each string of SQL in src/**/*.cpp and *.hpp and in each src/**/*.sql.

    sql_names.py [FOLDER]   what is found, and how much; fails if there is anything
    sql_names.py --test     finds in fixture.cpp and fixture.sql what these say, and nothing else
"""
import os
import re
import sys

# What is right all the same, and why: file, what is found, and the text it is found in.
EXCEPTIONS = [
    # Parsed with search_path fixed; read_binding() reads the clause that this becomes, and no other way of saying it.
    ("tracking/attach.cpp", "IS [NOT] DISTINCT FROM", "IS DISTINCT FROM"),
    # Compared with what the server says of a constraint; nothing runs it.
    ("tracking/bulk/insert.cpp", "a function without its schema", "octet_length ( id )"),
    ("tracking/bulk/insert.cpp", "an operator without OPERATOR(pg_catalog.…)", "( id ) <= 255"),
    ("tracking/bulk/insert.cpp", "an operator without OPERATOR(pg_catalog.…)", "( id ) >= 1"),
    # The access method of an operator class.
    ("store/role_name.sql", "USING", "USING btree AS OPERATOR"),
]

MESSAGES = {"errmsg", "errdetail", "errhint", "errmsg_internal", "errcontext", "elog", "Refusal", "hint", "detail", "refuse",
            "detail_plural", "warn", "PreventCommandIfReadOnly", "PreventCommandDuringRecovery", "AllocSetContextCreate"}
SQL = re.compile(r"\b(SELECT|INSERT INTO|DELETE FROM|UPDATE|WHERE|FROM|JOIN|AND|OR|ORDER BY|GROUP BY|CASE|WHEN|THEN|ELSE|UNION|RETURNING|VALUES|"
                 r"CREATE|ALTER|TRUNCATE|LATERAL|ANY|DISTINCT|BETWEEN|USING|COLLATE|NULLIF|IS|LIKE|SET|IN)\b|::|\bOPERATOR\(")

# Words that a parenthesis follows, or that stand where a name could, and are none.
WORDS = set("""
    abort action add after all alter always analyze and any array as asc atomic before begin between both by cascade case cast check collate column
    comment commit concurrently conflict constraint create cross current current_catalog current_date current_role current_time current_timestamp
    current_user data default deferrable deferred definer delete desc distinct do domain drop each else elsif elseif enable end except exception
    execute exists explain extension extract false fetch filter first for foreach foreign from full function grant group grouping handler having
    if immediate immutable in include index inherits initially inner insert instead intersect into invoker is isnull join key language last lateral
    leading leakproof left like limit local lock loop materialized merge natural new no not nothing notice notnull null nulls of off offset old on
    only operator or order outer over overriding owner parallel partition plpgsql policy preceding primary procedure raise range recursive
    references referencing release replace replica restricted return returning returns right role rollback row rows rule safe schema security
    select sequence session_user set setof share similar some stable statement statistics storage strict symmetric table tables temp temporary
    then to trailing trigger true truncate type unbounded union unique unlogged unsafe update user using values variadic view volatile when where
    window with within without nowait skip locked disable identity cycle coalesce greatest least row nullif declare else
""".split())
OPERATOR = re.compile(r"[-+*/<>=~!@#%^&|`?]+")
TOKEN = re.compile(r"""
    (?P<space>\s+|--[^\n]*|/\*.*?\*/) | (?P<dollar>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$) | (?P<string>[EeBbXx]?'(?:[^'\\]|''|\\.)*') |
    (?P<quoted>"(?:[^"]|"")*") | (?P<hole>\x00|%(?:\d+\$)?[-\d.*l]*[sILdiu]|\$\d+|:'?\w+'?(?=\W)) | (?P<number>\d+(?:\.\d+)?) |
    (?P<word>[A-Za-z_@][\w@]*) | (?P<cast>::|:=|=>|\.\.) | (?P<operator>[-+*/<>=~!#%^&|`?]+) | (?P<sign>.)
""", re.X | re.S)


class Token:
    def __init__(self, kind, text, line):
        self.kind, self.text, self.line = kind, text, line
        self.low = text.lower() if kind == "word" else text


def tokens_of(text, line):
    found = []
    for match in TOKEN.finditer(text):
        if match.lastgroup != "space" and match.group("space") is None:
            kind = next(k for k in ("dollar", "string", "quoted", "hole", "number", "word", "cast", "operator", "sign") if match.group(k) is not None)
            found.append(Token(kind, match.group(), line(match.start())))
    return found


class Check:
    """One piece of SQL."""

    def __init__(self, tokens, script, common, report):
        self.t, self.script, self.common, self.report = tokens, script, common, report

    def low(self, i):
        return self.t[i].low if 0 <= i < len(self.t) else ""

    def kind(self, i):
        return self.t[i].kind if 0 <= i < len(self.t) else ""

    def is_name(self, i):
        return self.kind(i) == "quoted" or (self.kind(i) == "word" and self.low(i) not in WORDS)

    def found(self, i, what):
        self.report(self.t[i].line, what, " ".join(token.text[:40] for token in self.t[max(0, i - 3):i + 4]))

    def run(self):
        inside = []  # of parentheses: what stands before each
        assigns = [False]  # in the list of SET
        for i, token in enumerate(self.t):
            if token.text == "(":
                defines = self.script and any(
                    self.low(j) in ("type", "aggregate") or (self.low(j) == "operator" and self.low(j - 1) == "create")
                    for j in range(max(0, i - 4), i))
                inside.append("with" if defines else self.low(i - 1))
                assigns.append(False)
                self.parenthesis(i)
            elif token.text == ")" and inside:
                inside.pop()
                assigns.pop()
            elif token.kind == "operator":
                self.operator(i, inside, assigns[-1])
            elif token.kind == "word":
                if token.low == "set" and self.low(i - 1) not in ("column", "default"):
                    assigns[-1] = True
                elif token.low in ("where", "from", "returning", "when"):
                    assigns[-1] = False
                self.word(i)
            elif token.text == "::":
                self.type_at(i + 1)
            elif token.kind == "string":
                self.string(i)

    def operator(self, i, inside, assigns):
        text, before, after = self.t[i].text, self.low(i - 1), self.low(i + 1)
        if (inside and inside[-1] == "operator") or before == ".": # where one is made: its schema is written out
            return
        if text == "=" and (assigns or (inside and inside[-1] in ("with", "set"))): # settings of what is created or altered
            return
        if text == "*" and (before in ("select", "(", ".", ",", "returning", "distinct") or after in ("from", ")")):
            return
        if text in ("-", "+") and self.kind(i + 1) == "number" and (before in ("(", ",", "[") or (before in WORDS and self.kind(i - 1) == "word")
                                                                   or self.after_operator(i)):
            return
        self.found(i, "an operator without OPERATOR(pg_catalog.…)")

    def after_operator(self, i):
        return self.low(i - 1) == ")" and any(self.low(j) == "operator" and self.low(j + 1) == "(" for j in (i - 4, i - 6))

    def parenthesis(self, i):
        if self.is_name(i - 1) and self.low(i - 2) != "." and self.kind(i - 2) not in ("hole", "cast"):
            before = self.low(i - 2)
            # a list of columns: AS given (id), WITH x (a), INSERT INTO t (a) is a table's rule
            if before in ("as", "with", "recursive", "conflict", "into", "table", "on") or self.low(i - 1) in self.common or self.is_alias(i - 1):
                return
            self.found(i - 1, "a function without its schema")
        elif self.low(i - 1) == "in" and self.low(i - 2) not in ("foreach", "for"):
            self.found(i - 1, "IN (…)")

    def is_alias(self, i):
        # unnest(…) given (id), t (id, name)
        return self.low(i - 1) == ")" or (self.kind(i - 1) == "word" and self.low(i - 1) not in WORDS and self.low(i - 2) in (".", "from", "join"))

    def word(self, i):
        low, after, before = self.t[i].low, self.low(i + 1), self.low(i - 1)
        if low in ("between", "nullif", "like", "ilike", "similar", "natural"):
            self.found(i, low.upper())
        elif low == "using" and not (self.script and after == "index"):
            self.found(i, "USING")
        elif low == "distinct" and after == "from":
            self.found(i, "IS [NOT] DISTINCT FROM")
        elif low == "case" and after != "when" and before != "end" and self.t[i].text == "CASE":
            self.found(i, "CASE x WHEN")
        elif low == "collate" and self.low(i + 2) != ".":
            self.found(i, "a collation without its schema")
        elif low in ("from", "join", "into") or (low == "update" and before not in ("for", "do", "key", "or", "before", "after", "of")) or \
                (low == "table" and before in ("truncate", "alter", "create", "drop", "lock", "on")) or (low == "truncate" and after not in ("on", "or", "table")):
            self.table(i)
        elif low == "as" and self.inside_cast(i):
            self.type_at(i + 1)
        elif self.is_name(i) and self.kind(i + 1) == "string" and before != "." and self.low(i + 1)[0] == "'" and before not in ("language", "as"):
            self.found(i, "a type without its schema")
        elif self.script:
            self.of_script(i, low, after, before)

    def inside_cast(self, i):
        depth = 0
        for j in range(i, -1, -1):
            depth += (self.t[j].text == ")") - (self.t[j].text == "(")
            if depth < 0:
                return self.low(j - 1) == "cast"
        return False

    def table(self, i):
        at = i + 1
        while self.low(at) in ("only", "if", "exists", "table", "lateral"):
            at += 1
        if self.low(at) in ("rows",) or not self.is_name(at) or self.low(i - 1) == "distinct" or self.low(at) in self.common:
            return
        if self.low(at + 1) != ".":
            function = self.low(at + 1) == "(" and self.low(i) in ("from", "join")
            self.found(at, "a function without its schema" if function else "a table without its schema")

    def type_at(self, i):
        if self.kind(i) in ("word", "quoted") and self.low(i + 1) != ".":
            self.found(i, "a type without its schema")

    def string(self, i):
        if self.low(i + 1) == "::" and "regclass" in (self.low(i + 2), self.low(i + 4)) and "." not in self.t[i].text:
            self.found(i, "a name without its schema in a literal")

    def of_script(self, i, low, after, before):
        if low == "or" and after == "replace":
            self.found(i, "CREATE OR REPLACE")
        elif low == "if" and after == "not" and self.low(i + 2) == "exists":
            self.found(i, "IF NOT EXISTS")
        elif low in ("grant", "revoke") and before in ("", ";", "begin", "loop", "then"):
            self.found(i, low.upper())
        elif low in ("function", "view", "type", "aggregate", "sequence", "domain", "procedure", "extension") and before in ("create", "alter", "drop", "execute", "with", "on") \
                and self.is_name(i + 1) and self.low(i + 2) not in (".", "(") and low != "extension":
            self.found(i + 1, "a name without its schema")
        elif low == "on" and self.is_name(i + 1) and self.low(i + 2) != "." and self.low(i - 1) not in ("join", ")") \
                and any(self.low(j) in ("trigger", "index") for j in range(max(0, i - 12), i)):
            self.found(i + 1, "a table without its schema")
        elif low == "external_id" and before not in (".", "function", "type") and after != ".":
            self.found(i, "a type without its schema")


def common_tables(text):
    """Names of WITH queries, and of what a FROM clause names itself."""
    return {name.lower() for name in re.findall(r"\b(\w+)(?:\s*\([\w, ]*\))?\s+AS\s+(?:NOT\s+)?(?:MATERIALIZED\s+)?\(", text)}


# --- C++

CPP = re.compile(r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<raw>R"(?P<tag>\w*)\(.*?\)(?P=tag)")|(?P<string>"(?:[^"\\]|\\.)*")|(?P<character>'(?:[^'\\]|\\.)*')|
                     (?P<word>[A-Za-z_]\w*)|(?P<line>\\\n|\s+)|(?P<sign>.)""", re.X | re.S)
ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "'": "'"}


def strings_of(text):
    """Each string with those that are joined to it, macros between them as \\0: the text, where its pieces begin in it and
    the lines they are from, and the names of the calls that it is an argument of."""
    found, piece, places, calls, last, hole, is_raw = [], "", [], [], "", False, False

    def finish():
        nonlocal piece, places, hole, is_raw
        if piece:
            found.append((piece, places, list(calls), is_raw))
        piece, places, hole, is_raw = "", [], False, False

    for match in CPP.finditer(text):
        kind = match.lastgroup
        if match.group("comment") or match.group("line"):
            continue
        value = match.group()
        if match.group("string") or match.group("raw"):
            raw = match.group("raw")
            is_raw = is_raw or raw is not None
            plain = value[value.index("(") + 1:value.rindex(")")] if raw else re.sub(r"\\(.)", lambda m: ESCAPES.get(m.group(1), m.group(1)), value[1:-1])
            if hole:
                piece += "\x00"
            hole = False
            places.append((len(piece), text.count("\n", 0, match.start()) + 1))
            piece += plain
        elif match.group("word") and piece and re.match(r'(?:\\\n|\s)*"', text[match.end():match.end() + 200]):
            hole = True # a macro, or a parameter of one
        else:
            finish()
            if value == "(":
                calls.append(last)
            elif value == ")" and calls:
                calls.pop()
            elif value in ";{}":
                calls.clear()
        last = value if match.group("word") else ""
    finish()
    return found


def common_of(strings):
    return common_tables(" ".join(piece for piece, *_ in strings))


def check_cpp(text, report):
    strings = strings_of(text)
    common = common_of(strings)
    for header in re.findall(r'#include "([a-z_/]+/subtree\.hpp)"', text): # whose macros are the beginning of a WITH
        with open(f"src/{header}", encoding="utf-8") as file:
            common |= common_of(strings_of(file.read()))
    for piece, places, calls, raw in strings:
        if MESSAGES & set(calls) or not SQL.search(piece):
            continue

        def line(offset):
            start, number = [place for place in places if place[0] <= offset][-1]
            return number + (piece.count("\n", start, offset) if len(places) == 1 and raw else 0)

        Check(tokens_of(piece, line), False, common, report).run()


def check_sql(text, report, first=1):
    common = common_tables(text)

    def line(offset):
        return first + text.count("\n", 0, offset)

    tokens = tokens_of(text, line)
    # \echo
    skipped = {number for number, content in enumerate(text.split("\n"), first) if content.startswith("\\")}
    Check([token for token in tokens if token.line not in skipped], True, common, report).run()
    for token in tokens:
        if token.kind == "dollar":
            inner = re.match(r"\$\w*\$(.*)\$\w*\$$", token.text, re.S).group(1)
            check_sql(inner, report, token.line)
        elif token.kind == "string" and re.search(r"\b(CREATE|ALTER|SELECT|EXECUTE|INSERT)\b.*\b(ON|FROM|INTO|TABLE)\b", token.text, re.S) \
                and "%" in token.text: # what a DO block runs by format()
            check_sql(token.text[1:-1].replace("''", "'"), report, token.line)


def check(path, name):
    found = []

    def report(line, what, text):
        if not any(name.endswith(file) and what == kind and part in text for file, kind, part in EXCEPTIONS):
            found.append((line, what, text))

    with open(path, encoding="utf-8") as file:
        text = file.read()
    (check_sql if path.endswith(".sql") else check_cpp)(text, report)
    return sorted(set(found))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    if sys.argv[1:] == ["--test"]:
        return test(here)
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "..", "src")
    files = count = 0
    for parent, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            if name.endswith((".cpp", ".hpp", ".sql")):
                path = os.path.join(parent, name)
                shown = os.path.relpath(path, os.path.dirname(folder.rstrip("/")))
                files += 1
                for line, what, text in check(path, shown):
                    count += 1
                    print(f"{shown}:{line}: {what}: … {text} …")
    print(f"{files} files")
    print(f"{int(count == 0 and files > 50)} passed, {int(count > 0 or files <= 50)} failed")
    return count > 0


def test(here):
    """The fixtures say behind each line what is to be found there."""
    good = bad = 0
    for name in ("fixture.cpp", "fixture.sql"):
        path = os.path.join(here, name)
        wanted = []
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                for what in re.findall(r"(?://|--) finds: (.*)$", line):
                    wanted += [(number, kind.strip()) for kind in what.split(";")]
        got = [(line, what) for line, what, _ in check(path, name)]
        for finding in sorted(set(wanted) | set(got)):
            right = got.count(finding) >= 1 and finding in wanted
            good, bad = good + right, bad + (not right)
            if not right:
                print(f"{name}:{finding[0]}: {'not found: ' if finding in wanted else 'found, and should not be: '}{finding[1]}")
    print(f"{good} passed, {bad} failed")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
