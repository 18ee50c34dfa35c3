"""Values of every type: sensible ones, nonsense, huge and deep ones; as SQL."""


def literal(text):
    return "'" + text.replace("'", "''").replace("\x00", "") + "'"


class Values:
    INTEGRATIONS = ("chat", "free", "gitlab", "none", "new", "")
    FIELDS = ("webhook", "channel", "limit", "on", "list", "url", "token", "active", "*", "", "nothing", "a")
    IDS = ("1", "2", "3", "4", "5", "20", "99", "new", "", "01", " 1", "\x01aside", "ä" * 100, "x" * 300)

    def __init__(self, rng):
        self.rng = rng

    def text(self):
        rng = self.rng
        return rng.choice((
            lambda: rng.choice(self.INTEGRATIONS), lambda: rng.choice(self.FIELDS), lambda: rng.choice(self.IDS),
            lambda: "".join(chr(rng.choice((rng.randrange(1, 128), rng.randrange(160, 0x2FFF)))) for _ in range(rng.randrange(30))),
            lambda: "x" * rng.choice((63, 64, 255, 256, 10000, 300000)), lambda: "%s%n'\"\\" * rng.randrange(5)))()

    def json(self, depth=0):
        rng = self.rng
        kind = rng.randrange(9 if depth < 4 else 5)
        if kind == 0:
            return "null"
        if kind == 1:
            return rng.choice(("true", "false"))
        if kind == 2:
            return rng.choice(("0", "-1", "1.50", "1e300", "1e-300", "9" * 40, "2147483648"))
        if kind in (3, 4):
            return '"' + "".join(c for c in self.text()[:2000] if c not in '"\\' and ord(c) >= 32) + '"'
        if kind == 5:
            return "[" + ", ".join(self.json(depth + 1) for _ in range(rng.randrange(4))) + "]"
        if kind == 6 and depth == 0:
            return rng.choice(("[" * 3000 + "]" * 3000, '{"a": ' * 3000 + "1" + "}" * 3000,
                               "{" + ", ".join(f'"k{n}": {n}' for n in range(3000)) + "}"))
        return "{" + ", ".join(f'"{rng.choice(self.FIELDS)}": {self.json(depth + 1)}' for _ in range(rng.randrange(5))) + "}"

    def settings(self):
        rng = self.rng
        values = {"webhook": '"w"', "channel": '"#c"', "limit": "5", "on": "true", "list": "[1]", "url": '"u"', "token": '"t"'}
        return "{" + ", ".join(f'"{key}": {value}' for key, value in values.items() if rng.random() < 0.4) + "}"

    def schema(self):
        rng = self.rng
        words = ("type", "properties", "items", "required", "enum", "const", "pattern", "minimum", "maxLength", "allOf", "anyOf", "not", "$ref",
                 "format", "default", "writeOnly", "x-atomic", "x-levels", "additionalProperties", "patternProperties", "if", "definitions", "dependencies")
        values = ('"string"', '"integer"', '["url", "token"]', '[["url", "token"], ["token", "on"]]', "{}", "true", "5", '"^(a|b)*$"', '"#"', '"#/definitions/a"',
                  '["instance", "project"]', '{"a": {"$ref": "#"}}', '{"a": {"type": "string", "default": 5}}', '[{"type": "integer"}, {"not": {}}]', '"([a-z]+)+$"')
        return "{" + ", ".join(f'"{rng.choice(words)}": {rng.choice(values)}' for _ in range(rng.randrange(6))) + "}"

    def of(self, kind, name=""):
        """An argument of a type, by the parameter's name where that says more."""
        rng = self.rng
        if rng.random() < 0.08:
            return f"NULL::{kind}" if rng.random() < 0.8 else rng.choice(("NULL", "DEFAULT", "'x'", "1", "(SELECT 1)", "ARRAY[1]", "row(1)", "'{}'::jsonb"))
        if name in ("integration", "name") and rng.random() < 0.7:
            return literal(rng.choice(("chat", "chat", "free", "new")))
        if kind == "text":
            if name == "filter":
                return rng.choice(("NULL", literal("kind = 'Group'"), literal("true"), literal("(SELECT true)"), literal("id / 0 = 1"), literal("); DROP TABLE x; --"),
                                   literal("pg_sleep(0.01) IS NULL"), literal(self.text())))
            return literal(self.text())
        if kind.endswith("external_id"):
            return rng.choice((literal(rng.choice(self.IDS)), str(rng.randrange(25)), "'5'::integration_defaults.external_id", "3::smallint", "1.50::numeric",
                               "1e30::numeric", "'NaN'::numeric", "'11111111-1111-1111-1111-111111111111'::uuid", "'2'::char(5)", "integration_defaults.not_given()",
                               literal(self.text()) + "::varchar"))
        if kind == "jsonb":
            return literal(rng.choice((self.settings, self.settings, self.schema if name == "schema" else self.settings, self.json))()) + "::jsonb"
        if kind == "text[]":
            return rng.choice(("'{}'::text[]", "'{NULL}'::text[]", "'{{channel,limit},{url,token}}'::text[]", "'[5:6]={a,b}'::text[]",
                               "ARRAY(SELECT 'f' || n FROM generate_series(1, 20000) n)",
                               "ARRAY[" + ", ".join(literal(rng.choice(self.FIELDS)) for _ in range(rng.randrange(1, 5))) + "]"))
        if kind == "boolean":
            return rng.choice(("true", "false"))
        if kind == "regclass":
            return literal(rng.choice(("app.groups", "app.projects", "pg_class", "integration_defaults.projects", "integration_defaults.project_integrations", "0", "99999999",
                                       "r1", "r2", "r3"))) + "::regclass"
        if kind == "name":
            return literal(rng.choice(("id", "parent_id", "group_id", "name", "kind", "ctid", "xmin", "nothing", ""))) + "::name"
        if kind in ("smallint", "integer", "bigint"):
            return f"{rng.choice((0, 1, 2, 5, 32767, -32768))}::{kind}"
        if kind == "numeric":
            return rng.choice(("1.50", "'NaN'::numeric", "'Infinity'::numeric", "1e1000", "-0.0", "1e-1000", "9" * 300)) + ("" if rng.random() < 0.5 else "::numeric")
        if kind == "uuid":
            return "'11111111-1111-1111-1111-111111111111'::uuid"
        if kind in ("cstring", "character", "character varying"):
            return literal(self.text()) + "::" + kind
        return f"NULL::{kind}"

    def column(self, kind):
        """A value for a column."""
        rng = self.rng
        if rng.random() < 0.15:
            return "NULL"
        return {
            "bigint": lambda: str(rng.choice((1, 2, 7, 4294967296, 72340172838076673, -1))),
            "integer": lambda: str(rng.choice((1, 2, 7, 2147483647))), "boolean": lambda: "true", "text": lambda: literal(self.text()),
            "jsonb": lambda: literal(self.settings()), "text[]": lambda: self.of("text[]"), "timestamptz": lambda: "now()",
            "uuid": lambda: "'00000000-0100-0050-0000-010000000000'", "numeric": lambda: self.of("numeric"), "name": lambda: "'n'",
            "bytea": lambda: rf"'\x{rng.randrange(256):02x}00ff'", "point": lambda: "'(1,2)'", "integer[]": lambda: "'{1,2,3}'",
            "double precision": lambda: "'-Infinity'", "date": lambda: "'2000-01-01'", "char(5)": lambda: "'ab'", "interval": lambda: "'1 day'",
            "integration_defaults.external_id": lambda: literal(rng.choice(("1", "x", "77"))), "oid": lambda: "12345",
        }.get(kind, lambda: "NULL")()
