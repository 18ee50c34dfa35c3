#!/usr/bin/env python3
"""Finds look-ups in the catalogs while a relation's triggers are held as the relation cache has them. Whatever looks up may
hear that somebody has changed the relation, and have the cache read it anew: the triggers it had before are freed then.

    trigdesc.py          what is found; fails if there is anything
    trigdesc.py --test   finds in texts what is wrong in them, and nothing else
"""
import glob
import os
import re
import sys

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
HELD = re.compile(r"=\s*[\w>.-]+->trigdesc;|\bfind_trigger\(")
LOOKS_UP = re.compile(r"\b(own_trigger_function|find_trigger|follow_function|qualified_name|table_oid|look_up|regclass_name|"
                      r"(?:get|lookup)_\w+|SearchSysCache\w*|(?:table|relation|try_relation|index)_open|LockRelationOid)\s*\(")


def found_in(text):
    """(line, what looks up), from where the triggers are taken to the end of the function."""
    found, held = [], False
    for number, line in enumerate(text.split("\n"), 1):
        code = line.split("//")[0]
        if line.startswith("}"):
            held = False
        if held:
            found += [(number, match.group(1)) for match in LOOKS_UP.finditer(code) if not HELD.search(code)]
        held = held or line.startswith(" ") and bool(HELD.search(code))
    return found


def test():
    good = bad = 0
    for text, wanted in [
        ("void f() {\n    TriggerDesc *t = relation->trigdesc;\n    g(own_trigger_function(\"x\"));\n}", [(3, "own_trigger_function")]),
        ("void f() {\n    Oid x = own_trigger_function(\"x\");\n    TriggerDesc *t = data->tg_relation->trigdesc;\n    g(x);\n}", []),
        ("void f() {\n    const Trigger *t = find_trigger(r, \"x\");\n    h(get_rel_name(o), t->tgname);\n}\nvoid g() {\n    get_rel_name(o);\n}",
         [(3, "get_rel_name")]),
        ("void f() {\n    t = r->trigdesc; // get_rel_name() would free it\n    SearchSysCache1(A, b);\n}", [(3, "SearchSysCache1")]),
    ]:
        right = found_in(text) == wanted
        good, bad = good + right, bad + (not right)
        if not right:
            print(f"{text}\n{found_in(text)}, not {wanted}")
    print(f"{good} passed, {bad} failed")
    return bad > 0


def main():
    if sys.argv[1:] == ["--test"]:
        return test()
    found = False
    for path in sorted(glob.glob(os.path.join(ROOT, "src", "**", "*.[ch]pp"), recursive=True)):
        with open(path, encoding="utf-8") as file:
            for number, what in found_in(file.read()):
                found = True
                print(f"{os.path.relpath(path, ROOT)}:{number}: {what}() while triggers of the relation cache are held")
    print(f"{int(not found)} passed, {int(found)} failed")
    return found


if __name__ == "__main__":
    sys.exit(main())
