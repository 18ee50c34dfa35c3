"""The operations that are played in pairs: the SQL of each, and the same for the reference model. {n} is 1 for the session
that begins and 2 for the other, so that two of one kind differ."""

# What is there before each pair. chat and talk are set, and materialized where that is asked for; spare is neither.
GROUPS = {"a": None, "b": "a", "c": "a", "e": None}
PROJECTS = {"1": "b", "2": "b", "3": "c", "4": None}
TYPES = {"chat": {"properties": {"all": {}}}, "talk": {}, "spare": {}}
SET = ["chat", "talk"]


class Operation:
    """materializes: it may change which types are. hides: what the other one has found, or is to find, seems to be missing."""

    def __init__(self, name, sql, model, materializes=False, hides=False):
        self.name, self.sql, self.model = name, sql, model
        self.materializes, self.hides = materializes, hides

    def may_miss(self, other):
        """Whether it may find, after `other`, that there is nothing to do, or be refused, whatever the model says: it has
        read before it waited, or under an old snapshot."""
        return other.hides or (self.name, other.name) in MISSES


MISSES = {("use", "T rename"), ("view", "T rename"), ("view", "tG empty"), ("view", "t truncate"), ("tG rename", "t add"),
          ("tG empty", "t move")}


def call(function, *arguments):
    return f"SELECT integration_defaults.{function}({', '.join(arguments)})"


def setting(name, kind, integration="chat", **given):
    """A function that sets something. Values of settings and fields are the number of the session."""
    def literal(key, value):
        if isinstance(value, list):
            return f"{key} => ARRAY[{', '.join(map(quoted, value))}]"
        if isinstance(value, set):
            return f"{key} => jsonb_build_object({', '.join(quoted(v) + ', {n}' for v in value)})"
        return f"{key} => {quoted(value)}"

    def model(on, verdict, n):
        given_ = {k: {f.format(n=n): n for f in v} if isinstance(v, set) else v for k, v in given.items()}
        getattr(on, kind)(verdict, integration=integration, **given_)
    arguments = [quoted(integration)] + [literal(k, v) for k, v in given.items()]
    return Operation(name, call(kind, *arguments), model)


def modelled(name, sql, kind, /, **given):
    """Anything else that the model has an operation for."""
    return Operation(name, sql, lambda on, verdict, n: getattr(on, kind)(verdict, **given))


def quoted(value):
    return "'" + value + "'"


# ---- what the model has no operation for

def write_view(on, verdict, n):
    seen = "chat" in on.types and on.exists(("project", "3")) and on.resolve(("project", "3"), "chat")
    if seen:
        on.view_update(verdict, ("project", "3"), "chat", {"settings": {**seen["settings"], "three": n}})


def rename_type(on, verdict, n):
    if "chat" in on.types:
        on.types["chat2"] = on.types.pop("chat")
        for scope, name in list(on.rows):
            if name == "chat":
                on.rows[scope, "chat2"] = on.rows.pop((scope, name))


def schema(on, verdict, n):
    on.register_integration(verdict, "chat", {"properties": {"s": {"default": n}}})


def again(on, verdict, n):
    """A group that goes and comes elsewhere in one transaction."""
    on.tree_delete(verdict, "group", ["b"])
    on.tree_insert(verdict, "group", [("b", "c")])


def nothing(on, verdict, n):
    pass


def known(on, verdict, n):
    if "chat" not in on.types:
        verdict.refuse("42704")


OPERATIONS = [
    # what is set
    setting("instance", "set_default", settings={"all"}),
    setting("group", "set_default", settings={"b"}, group_id="b"),
    setting("group e", "set_default", settings={"e"}, group_id="e"),
    setting("lock", "lock_fields", fields=["all"], group_id="a"),
    setting("custom", "set_custom", project_id="1", settings={"one"}),
    setting("override", "override_fields", fields={"two{n}"}, project_id="2"),
    setting("use", "use_default", project_id="2"),
    Operation("view", "UPDATE integration_defaults.project_integrations"
              " SET settings = settings || jsonb_build_object('three', {n})"
              " WHERE project_id = '3' AND integration = 'chat'", write_view),
    setting("spare", "set_default", "spare", settings={"q"}),
    # the tree
    modelled("add", call("add_project", "'5'", "'b'"), "add_project", project_id="5", group_id="b"),
    modelled("add e", call("add_project", "'6'", "'e'"), "add_project", project_id="6", group_id="e"),
    modelled("move", call("move_project", "'1'", "'c'"), "move_project", project_id="1", group_id="c"),
    modelled("move e", call("move_project", "'3'", "'e'"), "move_project", project_id="3", group_id="e"),
    modelled("remove", call("remove_project", "'1'"), "remove_project", project_id="1"),
    modelled("rename", "UPDATE integration_defaults.projects SET id = 'one' WHERE id = '1'", "tree_rename",
             level="project", old="1", new="one"),
    modelled("G add", call("add_group", "'f'", "'b'"), "add_group", group_id="f", parent_id="b"),
    modelled("G move", call("move_group", "'b'", "'c'"), "move_group", group_id="b", parent_id="c"),
    modelled("G under", call("move_group", "'c'", "'b'"), "move_group", group_id="c", parent_id="b"),
    # As with any table: who waits for a row that goes and comes again does not find it.
    Operation("G again", "DELETE FROM integration_defaults.groups WHERE id = 'b';"
              " INSERT INTO integration_defaults.groups VALUES ('b', 'c')", again, hides=True),
    modelled("G remove", call("remove_group", "'e'"), "remove_group", group_id="e"),
    modelled("G delete", "DELETE FROM integration_defaults.groups WHERE id = 'e'", "tree_delete", level="group", ids=["e"]),
    modelled("G rename", "UPDATE integration_defaults.groups SET id = 'f' WHERE id = 'b'", "tree_rename", level="group",
             old="b", new="f"),
    modelled("G onto", "UPDATE integration_defaults.groups SET id = 'f' WHERE id = 'e'", "tree_rename", level="group",
             old="e", new="f"),
    # types
    Operation("schema", call("register_integration", "'chat'", "jsonb_build_object('properties', jsonb_build_object("
              "'s', jsonb_build_object('default', {n})))"), schema),
    modelled("allow", call("allow_integrations", "ARRAY['talk']"), "allow_integrations", names=["talk"]),
    modelled("register", call("register_integration", "'late'"), "register_integration", name="late", schema={}),
    modelled("leave", call("unregister_integration", "'spare'"), "unregister_integration", name="spare"),
    Operation("T rename", "UPDATE integration_defaults.integrations SET name = 'chat2' WHERE name = 'chat'", rename_type, True),
    Operation("mat", call("materialize", "'chat'"), known, True),
    Operation("demat", call("dematerialize", "'chat'"), known, True),
]


# ---- through tables of the app's, without foreign keys of its own

def app(name, sql, change):
    def model(on, verdict, n):
        change(on, verdict)
        on._sync()
    return Operation(name, sql, model)


def put(level, new, parent):
    def change(on, verdict):
        table = on.app[level]
        if new in table:
            verdict.refuse("23505")
        else:
            table[new] = (parent, True)
    return change


def place(level, scope_id, parent):
    def change(on, verdict):
        if scope_id in on.app[level]:
            on.app[level][scope_id] = (parent, True)
    return change


def name_anew(level, old, new):
    def change(on, verdict):
        table, ours = on.app[level], (on.groups, on.projects)[level]
        if old in table and new in table:
            verdict.refuse("23505")
        elif old in table:
            table[new], ours[new] = table.pop(old), ours.pop(old)
            on._rename_rows(("group", "project")[level], old, new)
    return change


def gone(*scopes):
    def change(on, verdict):
        for level, scope_id in scopes:
            if on.app[level].pop(scope_id, None):
                on._drop_rows(("group", "project")[level], scope_id)
    return change


def name_group_anew(on, verdict):
    name_anew(0, "b", "f")(on, verdict)
    if verdict.must:
        return
    for project, (group, _) in on.app[1].items():
        if group == "b":
            on.app[1][project] = ("f", True)


def empty_group(on, verdict):
    gone(*((1, p) for p, (group, _) in on.app[1].items() if group == "c"), (0, "c"))(on, verdict)


TRACKED = [
    app("t add", "INSERT INTO apps VALUES ('5', 'b')", put(1, "5", "b")),
    app("t move", "UPDATE apps SET group_id = 'c' WHERE id = '1'", place(1, "1", "c")),
    app("t remove", "DELETE FROM apps WHERE id = '1'", gone((1, "1"))),
    app("t rename", "UPDATE apps SET id = 'one' WHERE id = '1'", name_anew(1, "1", "one")),
    app("t truncate", "TRUNCATE apps", lambda on, verdict: gone(*((1, p) for p in on.app[1]))(on, verdict)),
    app("tG add", "INSERT INTO teams VALUES ('f', 'b')", put(0, "f", "b")),
    app("tG move", "UPDATE teams SET parent_id = 'c' WHERE id = 'b'", place(0, "b", "c")),
    app("tG under", "UPDATE teams SET parent_id = 'b' WHERE id = 'c'", place(0, "c", "b")),
    app("tG remove", "DELETE FROM teams WHERE id = 'e'", gone((0, "e"))),
    app("tG rename", "UPDATE teams SET id = 'f' WHERE id = 'b'; UPDATE apps SET group_id = 'f' WHERE group_id = 'b'",
        name_group_anew),
    app("tG empty", "DELETE FROM apps WHERE group_id = 'c'; DELETE FROM teams WHERE id = 'c'", empty_group),
]
# Who meets them; the tree can't be written by hand then.
MEET_TRACKED = [o for o in OPERATIONS if o.name in (
    "instance", "group", "lock", "custom", "override", "use", "view", "schema", "allow", "mat", "demat")]
