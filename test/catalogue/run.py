#!/usr/bin/python3
"""Compares the catalogue of GitLab's types with the facts, field by field.

facts.json says what GitLab 18.9's own model classes have: a type's title, category and levels; each field with its
kind, choices, default, whether it is a secret, must be there, may be blank, and what it is checked for (`longest`,
`url`, `format`: all of the text); its events with their defaults, and those that are no switches; the fields that decide
where the secrets are sent; and what an active one can't be without.

    run.py         what load_catalog() registers, and then the verdicts on values of each field; the server is found
                   through PG* variables
    run.py FILE    the file of the catalogue alone, without a server

The last line is `N passed, N failed`.
"""
import json
import pathlib
import re
import sys

FACTS = json.loads((pathlib.Path(__file__).parent / "facts.json").read_text())
TYPES = {"text": "string", "textarea": "string", "password": "string", "select": "string", "checkbox": "boolean", "number": "integer", "string_array": "array"}

# What is not among the facts, as it does not come with the fields of a model, or is decided here.
KEYS = {("apple_app_store", "app_store_private_key"), ("google_play", "service_account_key")}  # shown to nobody, either
SECRETS = KEYS | {("gitlab_slack_application", "webhook")} | {("discord", name) for name in FACTS["discord"]["fields"] if name.endswith("_channel")}
BOOLEAN = {("jira", "issues_enabled")}
FURTHER = {"jira": {"jira_issue_transition_automatic": False, "comment_on_event_enabled": True, "comment_detail": "standard"}}
DEFAULTS = {("jira", "jira_auth_type"): 0, ("jira", "issues_enabled"): False, ("jira", "vulnerabilities_enabled"): False}
MANAGED = {"gitlab_slack_application", "jira_cloud_app"}
TRANSITIONS = r"\s*|(?s:.*[0-9].*)"
FORMATS = {("jira", "jira_issue_transition_id"): TRANSITIONS,
           ("confluence", "confluence_url"): r"https?://[^\s/?#]+\.atlassian\.net(:\d+)?/wiki(/[^\s?#]*)?([?#]\S*)?",
           ("datadog", "datadog_tags"): r"\s*(?:[\w-]+:.*\S.*)?(?:\n(?:\s*|[\w-]+:.*\S.*))*"}

# Fields that are only needed beside something. What is set: what is missing then.
NEEDS = {
    "jira": [({}, {"username"}), ({"jira_auth_type": 0}, {"username"}), ({"jira_auth_type": 1}, set()),
             ({"username": "me", "vulnerabilities_enabled": True}, {"project_key", "vulnerabilities_issuetype"}),
             ({"username": "me", "vulnerabilities_enabled": True, "project_key": "A"}, {"vulnerabilities_issuetype"}),
             ({"username": "me", "vulnerabilities_enabled": False}, set())],
    "jenkins": [({}, set()), ({"username": "me"}, {"password"}), ({"password": "p"}, {"username"}), ({"username": ""}, set())],
    "datadog": [({}, set()), ({"datadog_site": ""}, {"api_url"}), ({"datadog_site": "", "api_url": "https://a.example"}, set())],
    "jira_cloud_app": [({"jira_cloud_app_enable_deployment_gating": True}, {"jira_cloud_app_deployment_gating_environments"}),
                       ({"jira_cloud_app_enable_deployment_gating": False}, set())],
}
CONDITIONAL = {name: set().union(*(missing for _, missing in cases)) for name, cases in NEEDS.items()}

# Values that are tried for every field of text; which of them fit is worked out from the facts.
TEXTS = ["", " ", "x", "x y", "X1", "1", "-12", "1.5", "a1-b2.c3", "deploy", "datadoghq.eu", "us5.datadoghq.com:443", "datadoghq", "com.example.app", "example",
         "12345678", "a:1,b=2", "prod,staging", "31,41;51", "close", "team:web\nenv:ci", "team", "team:", "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f", "ABC123", "ABC",
         "https://example.com", "http://example.com:8080/a/b?c=:id#d", "https://user@[::1]:3000/", "https://b\u00fccher.example/\u00fc", "https://discord.com/api/webhooks/1/a",
         "https://discord.community/", "https://linear.app/my-team", "https://linear.app/my-team/", "https://linear.app/x", "https://a.atlassian.net/wiki",
         "https://a.atlassian.net/wiki/x", "https://a.atlassian.net/browse", "https://a.example.net/wiki", "example.com", "//example.com", "ftp://example.com",
         "javascript:alert(1)", "https://", "https:///x", "https://?a", "https://example.com:port/", "https://exa mple.com", "https://example.com/a b", " https://example.com"]
URL = re.compile(r"https?://(?:[^\s/?#@]*@)?(?:\[[0-9a-fA-F:.]+\]|[^\s/?#@:\[\]]+)(?::\d{1,5})?(?:[/?#]\S*)?")

passed = failed = 0


def verdict(good, *what):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print("FAILED:", *what)


def same(found, wanted, *what):
    verdict(found == wanted and type(found) is type(wanted), *what, "| is", json.dumps(found, default=sorted), "| should be", json.dumps(wanted, default=sorted))


# ---- what the schemas say -------------------------------------------------------------------------------------------

def required(name):
    fields = FACTS[name]["fields"]
    demanded = {n for n in FACTS[name]["demanded"] if "default" not in fields[n] and (name, n) not in DEFAULTS}
    return (demanded | {n for n, f in fields.items() if f.get("blank") is False}) - CONDITIONAL.get(name, set())


def atomic(name):
    facts = FACTS[name]
    secrets = {n for n, f in facts["fields"].items() if f.get("secret")}
    if not secrets or "exposing" not in facts:
        return None
    return secrets | set(facts["exposing"]) | ({"enable_ssl_verification"} & set(facts["fields"]))


def compare(name, title, category, schema):
    facts = FACTS[name]
    fields = facts["fields"]
    events = {n: v for n, v in facts.get("events", {}).items() if n not in fields}
    properties = schema["properties"]
    same(title, facts["title"], name, "title")
    same(category, facts["category"], name, "category")
    same(schema.get("x-levels", ["instance", "group", "project"]), facts["levels"], name, "x-levels")
    same(schema.get("x-managed-by-app", False), name in MANAGED, name, "x-managed-by-app")
    same(schema.get("x-exclusive"), "issue tracker" if facts["category"] == "issue_tracker" else None, name, "x-exclusive")
    same([sorted(group) for group in schema.get("x-atomic", [])], [sorted(atomic(name))] if atomic(name) else [], name, "x-atomic")
    same(schema["additionalProperties"], False, name, "additionalProperties")
    same(set(schema.get("required", [])), required(name), name, "required")
    same(set(properties), set(fields) | set(events) | set(FURTHER.get(name, {})), name, "properties")
    verdict(not set(facts.get("no_switches", [])) & set(properties), name, "has events that are no switches")
    for n, property in properties.items():
        verdict(property.get("title") and property.get("description", "").endswith("."), name, n, "title and description")
    for n, value in events.items():
        same(properties.get(n, {}).get("type"), "boolean", name, n, "type")
        same(properties.get(n, {}).get("default"), value, name, n, "default")
    for n, value in FURTHER.get(name, {}).items():
        same(properties[n]["default"], value, name, n, "default")
    for n, facts_of in fields.items():
        property = properties.get(n, {})
        choices = facts_of.get("choices")
        kind = "boolean" if (name, n) in BOOLEAN else TYPES[facts_of["type"]]
        if choices and isinstance(choices[0], int):
            kind = "integer"
        same(property.get("type"), [kind, "null"] if choices and None in choices else kind, name, n, "type")
        same(property.get("enum"), choices, name, n, "choices")
        same(property.get("default"), facts_of.get("default", DEFAULTS.get((name, n), facts["events"].get(n) if n.endswith("_events") else None)), name, n, "default")
        same(property.get("writeOnly", False), facts_of.get("secret", False) or (name, n) in SECRETS, name, n, "secret")
        same(property.get("x-api-only", False), facts_of.get("api_only", False), name, n, "x-api-only")
        same(property.get("x-group-only", False), facts_of.get("group_only", False), name, n, "x-group-only")
        same(property.get("maxItems" if kind == "array" else "maxLength"), facts_of.get("longest"), name, n, "length")
        if kind == "string" and not choices:
            blank = facts_of.get("blank", True) or n in CONDITIONAL.get(name, set())
            same(property.get("minLength"), None if blank else 1, name, n, "minLength")


# ---- what a server says of values -----------------------------------------------------------------------------------

def fits(name, n, text):
    """Whether a field of text takes it."""
    facts = FACTS[name]["fields"][n]
    optional = facts.get("blank", True) or n in CONDITIONAL.get(name, set())
    if (name, n) == ("jira", "username"):
        optional = False  # with basic authentication, which is the default
    if text.strip() == "":
        if not optional:
            return False
        if text == "" or (name, n) in FORMATS:
            return True
    if len(text) > facts.get("longest", len(text)):
        return False
    format = facts.get("format", FORMATS.get((name, n)))
    if format and not re.fullmatch(format, text, re.ASCII):
        return False
    return not facts.get("url") or URL.fullmatch(text) is not None


def values(name, n):
    """Values to try for a field, and whether they fit."""
    facts = FACTS[name]["fields"][n]
    kind = TYPES[facts["type"]]
    others = {"string": "x", "boolean": True, "integer": 7, "array": [], "null": None, "object": {}}
    if "choices" in facts:
        for value in facts["choices"]:
            yield value, True
        for value in ("other", "", 99, "0", None, True, []):
            if not any(value == each and type(value) is type(each) for each in facts["choices"]):
                yield value, False
        return
    if (name, n) in BOOLEAN:
        kind = "boolean"
    for other, value in others.items():
        if other != kind:
            yield value, False
    if kind == "boolean":
        yield from ((True, True), (False, True))
    elif kind == "integer":
        yield from ((7, True), (7.5, False))
    elif kind == "array":
        yield from (([], True), (["A", "B"], True), (["A"] * facts["longest"], True), (["A"] * (facts["longest"] + 1), False), ([1], False))
    else:
        texts = TEXTS + (["a" * facts["longest"], "a" * (facts["longest"] + 1)] if "longest" in facts else [])
        for text in texts:
            yield text, fits(name, n, text)


def a_value(name, n):
    """One that fits the field."""
    return next(value for value, good in values(name, n) if good and value not in ("", " "))


class Server:
    def __init__(self, db):
        self.db = db

    def refusal(self, function, name, settings, active):
        """SQLSTATE, constraint and DETAIL of a write that is undone, or nothing. Where it is made: the type's lowest level."""
        import psycopg
        level = FACTS[name]["levels"][-1]
        scope = {"instance": "", "group": ", group_id => 1", "project": ", project_id => 1" if function == "override_fields" else ""}[level]
        if level == "project" and function == "set_default":
            function, scope = "set_custom", ", project_id => 1"
        argument = "fields" if function == "override_fields" else "settings"
        with self.db.transaction(force_rollback=True):
            try:
                with self.db.transaction():
                    self.db.execute(f"SELECT integration_defaults.{function}(%s, {argument} => %s, active => %s{scope})", [name, json.dumps(settings), active])
            except psycopg.Error as error:
                return error.sqlstate, error.diag.constraint_name, error.diag.message_detail or ""
        return None

    def expect(self, refused, function, name, settings, active, *what):
        """refused: the constraint, or nothing."""
        found = self.refusal(function, name, settings, active)
        verdict((found[1] if found else None) == refused, name, *what, "|", function, json.dumps(settings)[:300], "| active", active, "| should be refused by", refused, "| is", found)
        return found


def try_fields(server):
    for name, facts in FACTS.items():
        for n in facts["fields"]:
            for value, good in values(name, n):
                server.expect(None if good else "setting_matches_schema", "override_fields", name, {n: value}, False, n)
        for n in list(facts.get("events", {})):
            for value, good in ((True, True), (False, True), ("true", False), (1, False), (None, False)):
                server.expect(None if good else "setting_matches_schema", "override_fields", name, {n: value}, False, n)
        for n in facts.get("no_switches", []) + [n.replace("issues_", "issue_").replace("requests_", "request_") for n in facts.get("events", {}) if "ues_" in n or "sts_" in n]:
            server.expect("setting_matches_schema", "override_fields", name, {n: True}, False, n)


def try_completeness(server):
    for name in FACTS:
        base = {n: a_value(name, n) for n in sorted(required(name))}
        cases = NEEDS.get(name, [({}, set())])
        for given, missing in cases:
            found = server.expect("setting_is_complete" if missing else None, "set_default", name, {**base, **given}, True, "complete")
            if missing:
                same({n for n in FACTS[name]["fields"] if found and f'must have "{n}"' in found[2]}, missing, name, json.dumps(given), "missing")
                server.expect(None, "set_default", name, {**base, **given}, False, "complete, inactive")
                server.expect(None, "set_default", name, {**base, **{n: a_value(name, n) for n in missing}, **given}, True, "completed")
                server.expect("setting_matches_schema", "set_default", name, {**base, **given, **{n: "" for n in missing}}, True, "blank")
        whole = next(({**base, **given} for given, missing in cases if not missing), base)
        for n in sorted(required(name)):
            found = server.expect("setting_is_complete", "set_default", name, {key: value for key, value in whole.items() if key != n}, True, "without", n)
            verdict(found and f'must have "{n}"' in found[2], name, n, "is what is missing", found)


def main():
    if len(sys.argv) > 1:
        for name, entry in json.loads(pathlib.Path(sys.argv[1]).read_text()).items():
            compare(name, entry["title"], entry["category"], entry["schema"])
    else:
        import psycopg
        with psycopg.connect(autocommit=True) as db:
            types = db.execute("SELECT integration_defaults.load_catalog()").fetchone()[0]
            same(types, len(FACTS), "number of types")
            found = db.execute("SELECT name, title, category, schema FROM integration_defaults.integrations ORDER BY name").fetchall()
            same([row[0] for row in found], sorted(FACTS), "types")
            for row in found:
                compare(*row)
            db.execute("SELECT integration_defaults.add_group(1), integration_defaults.add_project(1, 1)")
            server = Server(db)
            with db.transaction(force_rollback=True):  # one transaction, of savepoints
                try_fields(server)
                try_completeness(server)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
