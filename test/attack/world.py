"""What is attacked: a database of a plain owner's, with an app and settings of every kind; and who attacks."""
import psycopg

# What each may: nothing but the schema; the reading and administering roles of docs/permissions.md, with rights on the tables; the owner of
# the tracked tables, who may administer; one who has access to a group; one who has tables, but no rights; who writes the tracked tables; who may hang
# triggers on our tables; the database's owner. POWERLESS may change nothing of ours.
POWERLESS = ("outsider", "reader", "poor", "hanger")
ROLES = {
    "outsider": "GRANT USAGE ON SCHEMA integration_defaults TO outsider",
    "reader": "SELECT integration_defaults.grant_access('reader', 'use'); GRANT SELECT ON ALL TABLES IN SCHEMA integration_defaults TO reader",
    "admin": "SELECT integration_defaults.grant_access('admin', 'admin'), integration_defaults.grant_access('admin', 'use'); "
             "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA integration_defaults TO admin; "
             "GRANT ALL ON ALL TABLES IN SCHEMA public TO admin",
    "tracker": "SELECT integration_defaults.grant_access('tracker', 'admin'); "
               "GRANT SELECT, INSERT, UPDATE, DELETE ON integration_defaults.groups, integration_defaults.projects TO tracker",
    "lead": "SELECT integration_defaults.grant_access('lead', 'write', 2), integration_defaults.grant_access('lead', 'admin', 2)",
    "poor": "GRANT USAGE ON SCHEMA integration_defaults TO poor",
    "writer": "SELECT 1",
    "hanger": "GRANT USAGE ON SCHEMA integration_defaults TO hanger; "
              "GRANT SELECT, TRIGGER ON ALL TABLES IN SCHEMA integration_defaults TO hanger",
    "dbo": "SELECT 1",
}
TABLES = ("integrations", "groups", "projects", "instance_settings", "group_settings", "project_settings", "generations",
          "effective_settings", "access")

SETUP = """
CREATE EXTENSION integration_defaults;
CREATE SCHEMA app;
CREATE TABLE app.groups (id bigint PRIMARY KEY, parent_id bigint, kind text DEFAULT 'Group');
CREATE TABLE app.projects (id bigint PRIMARY KEY, group_id bigint, name text);
INSERT INTO app.groups VALUES (1, NULL), (2, 1), (3, 2), (4, NULL), (5, 4);
INSERT INTO app.projects SELECT n, 1 + n % 5, 'p' FROM generate_series(1, 20) n;
SELECT integration_defaults.track_groups('app.groups', filter => $$kind = 'Group'$$), integration_defaults.track_projects('app.projects');
SELECT integration_defaults.register_integration('chat',
    '{"properties": {"webhook": {"type": "string"}, "channel": {"type": "string"}, "limit": {"type": "integer", "minimum": 1, "default": 10},
      "on": {"type": "boolean"}, "list": {"type": "array"}, "url": {"type": "string"}, "token": {"type": "string", "writeOnly": true}},
      "required": ["webhook"], "x-atomic": [["url", "token"]]}'), integration_defaults.register_integration('free');
SELECT integration_defaults.set_default('chat', '{"webhook": "w", "url": "u", "token": "t"}'), integration_defaults.set_default('chat', '{"webhook": "2"}', 2),
    integration_defaults.set_default('free', '{"a": [1, 2.5]}'), integration_defaults.set_custom('chat', 3, '{"webhook": "mine"}'),
    integration_defaults.override_fields('chat', '{"channel": "#x"}', 4), integration_defaults.lock_fields('chat', '{limit}', 2);
SELECT integration_defaults.create_view('chat'), integration_defaults.create_general_view(), integration_defaults.materialize('chat');
"""


def build(control):
    for role in ROLES:
        control.execute(f"DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    control.execute("DROP DATABASE IF EXISTS attack_template")
    control.execute("CREATE DATABASE attack_template OWNER dbo")
    with psycopg.connect(dbname="attack_template", user="dbo", autocommit=True) as owner:
        owner.execute(SETUP)
        for role, grants in ROLES.items():
            owner.execute(grants)
    with psycopg.connect(dbname="attack_template", autocommit=True) as superuser:
        for role in ROLES:
            superuser.execute(f"CREATE SCHEMA of_{role} AUTHORIZATION {role}; GRANT USAGE ON SCHEMA app TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA app TO {role}")
        superuser.execute("GRANT tracker TO dbo; ALTER TABLE app.groups OWNER TO tracker; ALTER TABLE app.projects OWNER TO tracker; GRANT ALL ON app.groups, app.projects TO writer, dbo")


def digest(judge):
    """Of what is set, the tree, and how the extension's tables are watched by it."""
    found = {}
    for table in TABLES:
        found[table] = judge.execute(
            f"SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM integration_defaults.{table} t").fetchone()[0]
    found["functions"] = judge.execute(
        "SELECT md5(string_agg(p::text, chr(10) ORDER BY oid)) FROM pg_proc p WHERE pronamespace = 'integration_defaults'::regnamespace").fetchone()[0]
    found["triggers of tracked tables"] = judge.execute(
        "SELECT md5(string_agg(t::text, chr(10) ORDER BY oid)) FROM pg_trigger t WHERE tgrelid IN ('app.groups'::regclass, 'app.projects'::regclass)").fetchone()[0]
    return found


def rights(judge):
    return judge.execute("SELECT string_agg(concat(rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls), ' ' ORDER BY rolname), "
                         "(SELECT string_agg(concat(roleid, member), ' ' ORDER BY 1) FROM pg_auth_members) FROM pg_authid").fetchone()
