"""Every kind of role tries every operation on every scope. What may is said here once more, by a rule of its own; the rest
is refused with 42501, and changes nothing. Then attacks by a role that has access to one group only, and may write the
app's tables.
"""
import os

import psycopg

DATABASE = "tries_access"

# Group 1 has group 2 in it, which has project 10. Group 3 has project 30.
BELOW_1 = {("group", 1), ("group", 2), ("project", 10)}
INSTANCE = ("instance", None)
SCOPES = [INSTANCE, ("group", 1), ("group", 2), ("project", 10), ("group", 3), ("project", 30)]

# role: what it was given, and on which group; None: nothing. "all" is what our owner and superusers have.
ROLES = {
    "t_none": (None, None),
    "t_reads": ("read", None),
    "t_uses": ("use", None),
    "t_writes": ("write", None),
    "t_admins": ("admin", None),
    "t_uses_in": ("use", 1),
    "t_writes_in": ("write", 1),
    "t_admins_in": ("admin", 1),
    "t_heir": ("write", 1),      # a member of t_writes_in
    "t_no_heir": (None, None),   # the same without its rights
    "t_caller": ("write", 1),    # calls a SECURITY DEFINER function of t_writes_in's
    "t_owner": ("all", None),
    "t_member": ("all", None),   # a member of our owner
    "postgres": ("all", None),
}


def may(role, need, scopes):
    """Whether a role may do what needs this access to all these scopes."""
    level, group = ROLES[role]
    if level == "all":
        return True
    if level is None:
        return False
    if need == "read":
        return True
    enough = {"use": ("use",), "write": ("write", "admin"), "admin": ("admin",)}[need]
    return level in enough and (group is None or all(scope in BELOW_1 for scope in scopes))


def argument(scope):
    kind, number = scope
    return "" if kind == "instance" else f", {kind}_id => {number}"


def view(scope):
    return f"integration_defaults.{scope[0]}_integrations"


def key(scope):
    return "integration = 'chat'" + ("" if scope == INSTANCE else f" AND {scope[0]}_id = '{scope[1]}'")


I = "integration_defaults."
OPERATIONS = []  # (what it calls, statement, what it needs, on which scopes)


def add(name, call, need, *scopes):
    OPERATIONS.append((name, call, need, scopes))


for name, arguments in {
    "resolve": "'chat', 30", "resolve_all": "30", "explain": "'chat', 30", "tree": "'chat'",
    "projects_using_custom_settings": "'chat'", "projects_using_default": "'chat'", "invalid_settings": "",
    "redundant_overrides": "'chat'", "validate_settings": "'chat', '{}'", "settings_at": "'30', '3', true",
    "resolve_at": "pg_catalog.clock_timestamp(), 'chat', 30", "explain_at": "pg_catalog.clock_timestamp(), 'chat', 30",
    "may_read": "", "compare": "'chat', 10, 30", "status": "", "create_view": "'chat'", "create_general_view": "",
    "read_tracked_tables": "", "read_materialized_types": "", "shown_change": "'chat', '{}', true, '{}'",
}.items():
    add(name, f"SELECT * FROM {I}{name}({arguments})", "read")
add("preview", f"SELECT * FROM {I}preview('SELECT 1')", "read")
# what is not there, and NULL, tell nobody anything either
add("resolve", f"SELECT * FROM {I}resolve('nothing', 77)", "read")
add("active_settings", f"SELECT {I}active_settings(NULL, 77)", "read")
for name in ("instance_integrations", "group_integrations", "project_integrations", "all_project_integrations", "tracked_tables",
             "own_settings", "materialized_types", "server_locks", "history"):
    add(None, f"SELECT count(*) FROM {I}{name}", "read")
    add(None, f"SELECT FROM {I}{name} LIMIT 1", "read")
for scope in SCOPES:
    add("active_settings", f"SELECT {I}active_settings('chat'{argument(scope)})", "use", scope)
    add("all_active_settings", f"SELECT * FROM {I}all_active_settings({argument(scope)[2:]})", "use", scope)
    kind, number = scope
    if kind != "project":
        add("set_default", f"SELECT {I}set_default('chat', '{{\"url\": \"new\"}}'{argument(scope)})", "write", scope)
        add("reset_default", f"SELECT {I}reset_default('chat'{argument(scope)})", "write", scope)
        add("reset_below", f"SELECT {I}reset_below('chat'{argument(scope)})", "write", scope)
        add("drop_redundant", f"SELECT {I}drop_redundant('chat'{argument(scope)})", "write", scope)
        add("lock_fields", f"SELECT {I}lock_fields('chat', '{{url}}'{argument(scope)})", "write", scope)
        add("unlock_fields", f"SELECT {I}unlock_fields('chat', NULL{argument(scope)})", "write", scope)
    else:
        add("set_custom", f"SELECT {I}set_custom('chat', {number}, '{{\"url\": \"new\"}}')", "write", scope)
    if kind != "instance":
        add("use_default", f"SELECT {I}use_default('chat'{argument(scope)})", "write", scope)
    add("override_fields", f"SELECT {I}override_fields('chat', '{{\"room\": \"new\"}}'{argument(scope)})", "write", scope)
    add("inherit_fields", f"SELECT {I}inherit_fields('chat', '{{room}}'{argument(scope)})", "write", scope)
    add("set_active", f"SELECT {I}set_active('chat', true{argument(scope)})", "write", scope)
    add(None, f"UPDATE {view(scope)} SET settings = settings || '{{\"room\": \"new\"}}' WHERE {key(scope)}", "write", scope)
    add(None, f"DELETE FROM {view(scope)} WHERE {key(scope)}", "write", scope)
    id_column, id_value = ("", "") if kind == "instance" else (f"{kind}_id, ", f"'{number}', ")
    add(None, f"INSERT INTO {view(scope)} ({id_column}integration, settings) VALUES ({id_value}'chat', '{{}}')", "write", scope)
add("unregister_integration", f"SELECT {I}unregister_integration('spare')", "admin", INSTANCE)
add("register_integration", f"SELECT {I}register_integration('chat', '{{}}')", "admin", INSTANCE)
add("load_catalog", f"SELECT {I}load_catalog()", "admin", INSTANCE)
add("allow_integrations", f"SELECT {I}allow_integrations('{{spare}}')", "admin", INSTANCE)
add("mask", f"SELECT {I}mask('chat', 'token', '1')", "use", INSTANCE)
add("seal_secrets", f"SELECT {I}seal_secrets()", "admin", INSTANCE)
add("keep_history", f"SELECT {I}keep_history(false)", "admin", INSTANCE)
add("notify_changes", f"SELECT {I}notify_changes(true)", "admin", INSTANCE)
add("forget_history", f"SELECT {I}forget_history(pg_catalog.now())", "admin", INSTANCE)
# what build() did last, of its own, on each of these scopes
add("undo", f"SELECT {I}undo(undone) FROM public.marks WHERE name = 'group 2'", "write", ("group", 2))
add("undo", f"SELECT {I}undo(undone) FROM public.marks WHERE name = 'project 30'", "write", ("project", 30))
add("undo", f"SELECT {I}undo(undone) FROM public.marks WHERE name = 'both'", "write", ("group", 1), ("group", 3))
add("materialize", f"SELECT {I}materialize('chat')", "admin", INSTANCE)
add("dematerialize", f"SELECT {I}dematerialize('chat')", "admin", INSTANCE)
add("grant_access", f"SELECT {I}grant_access('t_none', 'use', 2)", "admin", INSTANCE)
add("grant_access", f"SELECT {I}grant_access('t_admins_in', 'admin')", "admin", INSTANCE)
add("revoke_access", f"SELECT {I}revoke_access('t_writes', 'write')", "admin", INSTANCE)
# each has a table of its own there
for name in ("track_groups", "track_projects"):
    add(name, f"SELECT {I}{name}('mine', 'id', 'parent')", "admin", INSTANCE)
add("resync", f"SELECT {I}resync('mine')", "admin", INSTANCE)
add("untrack", f"SELECT {I}untrack('mine')", "admin", INSTANCE)
for parent in (("group", 1), ("group", 2), ("group", 3), INSTANCE):
    number = "NULL" if parent == INSTANCE else parent[1]
    add("add_group", f"SELECT {I}add_group(99, {number})", "admin", parent)
    add("add_project", f"SELECT {I}add_project(99, {number})", "admin", parent)
    add("move_group", f"SELECT {I}move_group(4, {number})", "admin", ("group", 1), parent)  # 4 is in 1
    add("move_group", f"SELECT {I}move_group(5, {number})", "admin", ("group", 3), parent)  # 5 is in 3
    add("move_project", f"SELECT {I}move_project(10, {number})", "admin", ("group", 2), parent)
    add("move_project", f"SELECT {I}move_project(30, {number})", "admin", ("group", 3), parent)
add("move_group", f"SELECT {I}move_group(1, 4)", "admin", INSTANCE, ("group", 4))
add("remove_group", f"SELECT {I}remove_group(1)", "admin", INSTANCE)
add("remove_group", f"SELECT {I}remove_group(4)", "admin", ("group", 1))
add("remove_group", f"SELECT {I}remove_group(5)", "admin", ("group", 3))
add("remove_project", f"SELECT {I}remove_project(10)", "admin", ("group", 2))
add("remove_project", f"SELECT {I}remove_project(30)", "admin", ("group", 3))
for table in ("integrations", "groups", "projects", "instance_settings", "group_settings", "project_settings", "access", "generations", "mask_keys",
              "history_changes", "history_transactions", "history_since", "change_notifications"):
    add(None, f"SELECT FROM {I}{table}", "owner")
for table in ("project_settings", "access"):
    add(None, f"DELETE FROM {I}{table}", "owner")
add(None, f"INSERT INTO {I}access VALUES (current_user::{I}role_name, 'admin')", "owner")
add("publish_defaults", f"SELECT {I}publish_defaults('t_publication')", "owner")
add("subscribe_defaults", f"CALL {I}subscribe_defaults('host=nowhere')", "superuser") # since 16 other roles can be let, too
add("unsubscribe_defaults", f"CALL {I}unsubscribe_defaults()", "superuser")
add("enable_citus", f"CALL {I}enable_citus()", "owner")
add("resync_node", f"CALL {I}resync_node()", "owner")

# These read no table of ours, but what they are given; of the last one the table's own rights decide.
ASK_NOTHING = {"external_id", "external_id_send", "not_given", "effective_differs", "role_name_send", "role_name_lt", "role_name_le",
               "role_name_eq", "role_name_ne", "role_name_ge", "role_name_gt", "role_name_cmp", "is_dumped", "read_tracked",
               "lock_key"}

SETUP = """
CREATE EXTENSION integration_defaults;
SELECT integration_defaults.register_integration('chat',
        '{"properties": {"url": {"type": "string"}, "room": {"type": "string"}, "token": {"type": "string", "writeOnly": true}}}'),
    integration_defaults.register_integration('spare');
SELECT integration_defaults.add_group(1), integration_defaults.add_group(2, 1), integration_defaults.add_group(3),
    integration_defaults.add_group(4, 1), integration_defaults.add_group(5, 3), integration_defaults.add_project(10, 2),
    integration_defaults.add_project(30, 3);
SELECT integration_defaults.set_default('chat', '{"url": "all", "token": "secret"}'), integration_defaults.override_fields('chat', '{"room": "1"}', group_id => 1),
    integration_defaults.override_fields('chat', '{"room": "2"}', group_id => 2), integration_defaults.override_fields('chat', '{"room": "3"}', group_id => 3),
    integration_defaults.override_fields('chat', '{"room": "10"}', 10), integration_defaults.override_fields('chat', '{"room": "30"}', 30);
"""

# What undo() is tried on.
UNDONE = {
    "group 2": "SELECT integration_defaults.override_fields('chat', '{\"url\": \"2\"}', group_id => 2)",
    "project 30": "SELECT integration_defaults.override_fields('chat', '{\"url\": \"30\"}', 30)",
    "both": "SELECT integration_defaults.override_fields('chat', '{\"url\": \"1\"}', group_id => 1), "
            "integration_defaults.override_fields('chat', '{\"url\": \"3\"}', group_id => 3)",
}

DIGEST = " UNION ALL ".join(
    f"SELECT '{table}', md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {I}{table} t"
    for table in ("integrations", "groups", "projects", "instance_settings", "group_settings", "project_settings", "access", "generations"))

passed, failures = 0, []


def check(good, what):
    global passed
    if good:
        passed += 1
    else:
        failures.append(what)
        print("not ok:", what, flush=True)


def connect(user, database=DATABASE):
    connection = psycopg.connect(dbname=database, user=user, autocommit=True)
    connection.execute("SET client_min_messages = error")
    return connection


def state_of(connection, sql):
    try:
        connection.execute(sql)
        return "none"
    except psycopg.Error as error:
        return error.sqlstate


def build(control):
    for role in ROLES:
        if role != "postgres":
            control.execute(f"CREATE ROLE {role} LOGIN")
    control.execute("GRANT t_writes_in TO t_heir; GRANT t_owner TO t_member")
    if control.info.server_version >= 160000:
        control.execute("GRANT t_writes_in TO t_no_heir WITH INHERIT FALSE")
    else:
        control.execute("ALTER ROLE t_no_heir NOINHERIT; GRANT t_writes_in TO t_no_heir")
    control.execute(f"CREATE DATABASE {DATABASE} OWNER t_owner")
    with connect("t_owner") as owner:
        owner.execute(SETUP)
        for role, (level, group) in ROLES.items():
            if level not in (None, "all") and role not in ("t_heir", "t_caller"):
                owner.execute(f"SELECT {I}grant_access('{role}', '{level}'{'' if group is None else f', {group}'})")
        owner.execute("CREATE TABLE public.marks (name text, undone bigint); GRANT SELECT ON public.marks TO PUBLIC")
        for name, change in UNDONE.items():
            owner.execute(change)
            owner.execute(f"INSERT INTO public.marks SELECT %s, max(transaction) FROM {I}history", (name,))
        # privileges alone are of no use: what opens the door is open to all
        owner.execute("GRANT USAGE ON SCHEMA integration_defaults TO PUBLIC")
        for name in ("instance_integrations", "group_integrations", "project_integrations", "all_project_integrations", "tracked_tables",
             "own_settings", "materialized_types", "server_locks", "history"):
            owner.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {I}{name} TO PUBLIC")
    with connect("postgres") as superuser:
        superuser.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        for role in ROLES:
            superuser.execute(f"CREATE SCHEMA {role}_own AUTHORIZATION {role}")
        for role in ROLES:
            if role != "t_caller":
                superuser.execute(f"CREATE TABLE {role}_own.mine (id int PRIMARY KEY, parent int); ALTER TABLE {role}_own.mine OWNER TO {role}")
        superuser.execute("CREATE TABLE t_caller_own.mine (id int PRIMARY KEY, parent int); ALTER TABLE t_caller_own.mine OWNER TO t_writes_in; "
                          "GRANT ALL ON SCHEMA t_caller_own TO t_writes_in")
    with connect("t_writes_in") as definer:
        definer.execute("""CREATE FUNCTION public.call(statement text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = t_caller_own
            AS $$ BEGIN EXECUTE statement; END $$""")


def try_all(judge):
    before = judge.execute(DIGEST).fetchall()
    for role in ROLES:
        with connect(role) as session:
            session.execute(f"SET search_path = {role}_own")
            for _, sql, need, scopes in OPERATIONS:
                statement = f"SELECT public.call($call${sql}$call$)" if role == "t_caller" else sql
                allowed = role == "postgres" if need == "superuser" else ROLES[role][0] == "all" if need == "owner" else may(role, need, scopes)
                if allowed:
                    session.execute("BEGIN")
                    state = state_of(session, statement)
                    session.execute("ROLLBACK")
                    check(state != "42501", f"{role} may: {sql}")
                else:
                    state = state_of(session, statement)
                    check(state == "42501", f"{role} may not, but gets {state}: {sql}")
        check(judge.execute(DIGEST).fetchall() == before, f"nothing has changed by {role}")


def covers_all_functions(judge):
    """A new function has to say what it needs."""
    known = {name for name, _, _, _ in OPERATIONS} | ASK_NOTHING
    for (name,) in judge.execute("""SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'integration_defaults'::regnamespace
            AND prorettype <> 'trigger'::regtype AND prorettype <> 'cstring'::regtype
            AND NOT proargtypes::oid[] && ARRAY['internal'::regtype::oid, 'cstring'::regtype::oid]"""):
        check(name in known, f"{name}() is tried here")


# What t_writes_in does, who also may write all of the app's tables, to change what is set on project 30, which is not in
# its group. One transaction each; they end with project 30 as it was, or in an error.
APP = """
CREATE SCHEMA app;
CREATE TABLE app.groups (id int PRIMARY KEY, parent_id int);
CREATE TABLE app.projects (id int PRIMARY KEY, group_id int, archived bool DEFAULT false);
INSERT INTO app.groups VALUES (1, NULL), (2, 1), (3, NULL), (4, 1), (5, 3);
INSERT INTO app.projects VALUES (10, 2), (30, 3), (31, 5);
SELECT integration_defaults.track_groups('app.groups'), integration_defaults.track_projects('app.projects', filter => 'NOT archived');
GRANT USAGE ON SCHEMA app TO t_writes_in;
GRANT ALL ON app.groups, app.projects TO t_writes_in;
"""
EVIL = "SELECT integration_defaults.override_fields('chat', '{\"room\": \"evil\"}', %s)"
ATTACKS = {
    "a move there and back": ["UPDATE app.projects SET group_id = 2 WHERE id = 30", EVIL % 30, "UPDATE app.projects SET group_id = 3 WHERE id = 30"],
    "its group there and back": ["UPDATE app.groups SET parent_id = 1 WHERE id = 3", EVIL % 30, "UPDATE app.groups SET parent_id = NULL WHERE id = 3"],
    "taking back what is set": ["UPDATE app.projects SET group_id = 2 WHERE id = 30", "SELECT integration_defaults.use_default('chat', 30)",
                                "UPDATE app.projects SET group_id = 3 WHERE id = 30"],
    "with a preview in between, which looks ahead at the commit": [
        "UPDATE app.projects SET group_id = 2 WHERE id = 30", EVIL % 30, "SELECT * FROM integration_defaults.preview('SELECT 1')",
        "UPDATE app.projects SET group_id = 3 WHERE id = 30"],
    "with a preview that is refused": [
        "UPDATE app.projects SET group_id = 2 WHERE id = 30", EVIL % 30, "UPDATE app.projects SET group_id = 3 WHERE id = 30",
        "DO $$BEGIN PERFORM FROM integration_defaults.preview('SELECT 1'); EXCEPTION WHEN insufficient_privilege THEN END$$"],
    "through the view": ["UPDATE app.projects SET group_id = 2 WHERE id = 30",
                         "UPDATE integration_defaults.project_integrations SET settings = settings || '{\"room\": \"evil\"}' WHERE project_id = '30'",
                         "UPDATE app.projects SET group_id = 3 WHERE id = 30"],
    "under another id": ["UPDATE app.projects SET group_id = 2, id = 77 WHERE id = 30", EVIL % 77, "UPDATE app.projects SET group_id = 3, id = 30 WHERE id = 77"],
    "by a new project that takes its id": ["INSERT INTO app.projects VALUES (78, 2)", EVIL % 78, "DELETE FROM app.projects WHERE id = 30",
                                           "UPDATE app.projects SET id = 30, group_id = 3 WHERE id = 78"],
    "archived meanwhile": ["UPDATE app.projects SET group_id = 2 WHERE id = 30", EVIL % 30,
                           "UPDATE app.projects SET group_id = 3, archived = true WHERE id = 30"],
    "archived, deleted and there again": ["UPDATE app.projects SET group_id = 2 WHERE id = 30", EVIL % 30, "DELETE FROM app.projects WHERE id = 30",
                                          "INSERT INTO app.projects VALUES (30, 3)"],
    "ids that are swapped": [EVIL % 10, "UPDATE app.projects SET id = -1 WHERE id = 30", "UPDATE app.projects SET id = 30 WHERE id = 10",
                             "UPDATE app.projects SET id = 10 WHERE id = -1"],
    "inside savepoints": ["UPDATE app.projects SET group_id = 2 WHERE id = 30", "SAVEPOINT a", "SAVEPOINT b", EVIL % 30, "RELEASE b", "RELEASE a",
                          "SAVEPOINT c", "UPDATE app.projects SET group_id = 3 WHERE id = 30", "RELEASE c"],
    "all constraints immediate": ["UPDATE app.projects SET group_id = 2 WHERE id = 30", EVIL % 30, "SET CONSTRAINTS ALL IMMEDIATE",
                                  "UPDATE app.projects SET group_id = 3 WHERE id = 30", "SET CONSTRAINTS ALL DEFERRED"],
    "a dump's setting": ["SET LOCAL check_function_bodies = off", EVIL % 30],
    "a dump's setting, by plain SQL": ["SET LOCAL check_function_bodies = off", "UPDATE integration_defaults.project_settings SET settings = '{}'"],
    "no triggers": ["SET LOCAL session_replication_role = replica", EVIL % 30],
    "a view of its own": ["CREATE VIEW t_writes_in_own.v AS TABLE integration_defaults.project_integrations",
                          "UPDATE t_writes_in_own.v SET settings = settings || '{\"room\": \"evil\"}' WHERE project_id = '30'"],
    "a typed view of its own": ["CREATE VIEW t_writes_in_own.w AS SELECT 30 AS id, true AS active, false AS inherited, ''::text AS source_level, ''::text AS source_id, "
                                "'{}'::text[] AS locked, 'x'::text AS room",
                                "CREATE TRIGGER w INSTEAD OF UPDATE ON t_writes_in_own.w FOR EACH ROW EXECUTE FUNCTION integration_defaults.write_typed('chat', 'room')",
                                "UPDATE t_writes_in_own.w SET room = 'evil'"],
    "a general view of its own": ["CREATE VIEW t_writes_in_own.x AS SELECT 30 AS id, 'chat'::text AS integration, true AS active, '{}'::jsonb AS settings, "
                                  "false AS inherited, ''::text AS source_level, ''::text AS source_id",
                                  "CREATE TRIGGER x INSTEAD OF UPDATE ON t_writes_in_own.x FOR EACH ROW EXECUTE FUNCTION integration_defaults.write_integrations('project')",
                                  "UPDATE t_writes_in_own.x SET settings = '{\"room\": \"evil\"}'"],
    "its own rights": ["INSERT INTO integration_defaults.access VALUES ('t_writes_in', 'write')"],
    "a table of its own": ["CREATE TABLE t_writes_in_own.p (id int PRIMARY KEY, group_id int)", "SELECT integration_defaults.track_projects('t_writes_in_own.p')"],
    "triggers of a tracked table": [
        "CREATE TABLE t_writes_in_own.q (id int PRIMARY KEY, group_id int)",
        "CREATE TRIGGER integration_defaults_projects_insert AFTER INSERT ON t_writes_in_own.q REFERENCING NEW TABLE AS new_rows "
        "FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.follow_projects()",
        "INSERT INTO t_writes_in_own.q VALUES (30, 2)"],
    "a group that takes the group's id": ["UPDATE app.groups SET id = 50 WHERE id = 3", "UPDATE app.groups SET id = 3 WHERE id = 4", EVIL % 30,
                                          "UPDATE app.groups SET id = 4 WHERE id = 3", "UPDATE app.groups SET id = 3 WHERE id = 50"],
}


def attack(judge):
    what_is_set = "SELECT s.settings, p.group_id FROM integration_defaults.project_settings s LEFT JOIN integration_defaults.projects p ON p.id = s.project_id WHERE s.project_id = '30'"
    with connect("t_owner") as owner:
        owner.execute(APP)
    before = judge.execute(what_is_set).fetchall()
    for name, statements in ATTACKS.items():
        with connect("t_writes_in") as session:
            session.execute("BEGIN")
            try:
                for statement in statements:
                    session.execute(statement)
                session.execute("COMMIT")
                state = "none"
            except psycopg.Error as error:
                state = error.sqlstate
                session.execute("ROLLBACK")
        check(state == "42501", f"attack: {name}: {state}")
        check(judge.execute(what_is_set).fetchall() == before, f"attack: {name}: project 30 is as it was")
    with connect("t_writes_in") as session: # and what it may still do
        session.execute("BEGIN; UPDATE app.projects SET group_id = 2 WHERE id = 31")
        session.execute(EVIL % 31)
        session.execute("COMMIT")
        session.execute("BEGIN; SELECT integration_defaults.override_fields('chat', '{\"room\": \"4\"}', group_id => 4); DELETE FROM app.groups WHERE id = 4; COMMIT")
        check(True, "what stays in its group it writes")


def main():
    control = connect("postgres", "postgres")
    build(control)
    with connect("postgres") as judge:
        covers_all_functions(judge)
        try_all(judge)
        attack(judge)
    control.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
    control.execute("DROP ROLE " + ", ".join(role for role in ROLES if role != "postgres"))
    print(f"{passed} passed, {len(failures)} failed")


main()
