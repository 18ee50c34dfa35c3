"""What the model knows of JSON and of a type's schema: jsonb equality, units of fields, and the few keywords that the
random types use (type, required, enum, minimum, maxLength, additionalProperties: false, default, writeOnly, x-atomic,
x-levels). Written from the design alone, so that it is a second opinion; it favours plain words over speed."""

LEVELS = ("instance", "group", "project")


def same(a, b):
    """Equality as jsonb has it: 1 is 1.0, true is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    return a == b


def kind_of(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "integer" if value == int(value) else "number"
    return {str: "string", list: "array", dict: "object"}[type(value)]


def fits(value, schema):
    """The rules of a property's schema that a value breaks."""
    broken = []
    allowed = schema.get("type")
    if allowed is not None:
        allowed = allowed if isinstance(allowed, list) else [allowed]
        kind = kind_of(value)
        if kind not in allowed and not (kind == "integer" and "number" in allowed):
            broken.append("type")
    if "enum" in schema and not any(same(value, option) for option in schema["enum"]):
        broken.append("enum")
    if "minimum" in schema and kind_of(value) in ("integer", "number") and value < schema["minimum"]:
        broken.append("minimum")
    if "maxLength" in schema and isinstance(value, str) and len(value) > schema["maxLength"]:
        broken.append("maxLength")
    return broken


class Type:
    """A type of integration."""

    def __init__(self, schema, allowed=True):
        self.schema = schema
        self.allowed = allowed
        self.properties = schema.get("properties", {})
        self.defaults = {k: p["default"] for k, p in self.properties.items() if "default" in p}
        self.secrets = {k for k, p in self.properties.items() if p.get("writeOnly")}
        self.levels = set(schema.get("x-levels", LEVELS))
        self.required = schema.get("required", [])
        self.atomic = []  # disjoint sets of fields
        for group in schema.get("x-atomic", []):
            merged = set(group)
            apart = []
            for other in self.atomic:
                if other & merged:
                    merged |= other
                else:
                    apart.append(other)
            self.atomic = apart + [merged]

    def with_allowed(self, allowed):
        return Type(self.schema, allowed)

    def unit(self, field):
        """The fields that move together with this one, itself included."""
        for group in self.atomic:
            if field in group:
                return group
        return {field}

    def units(self, fields):
        return set().union(*(self.unit(field) for field in fields)) if fields else set()

    def knows(self, name):
        return name in self.properties or name in ("active", "*")

    def check_field(self, key, value):
        """Violations of one key against its property's schema, as (path, rule)."""
        if key in self.properties:
            return {("/" + key, rule) for rule in fits(value, self.properties[key])}
        if self.schema.get("additionalProperties", True) is False:
            return {("/" + key, "additionalProperties")}
        return set()

    def check_whole(self, settings, active):
        """Violations of effective settings against the whole schema; the root's required only while active."""
        broken = set().union(*(self.check_field(k, v) for k, v in settings.items())) if settings else set()
        if active:
            broken |= {("", "required " + k) for k in self.required if k not in settings}
        return broken
