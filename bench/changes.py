"""Changes of a default, and of the tree."""

from timing import pgbench, rounds, seconds_of, several
from tree import MOVED, NEW_HOME, OLD_HOME

STEP = 10_000  # ids in one UPDATE of the copies
TRANSACTIONS = 100

# With each statement a commit of its own. A line is a statement.
SETTINGS = "jsonb_build_object('webhook', 'https://chat.example/' || :n, 'channel', '#general')"
OURS = f"""
\\set n random(1, 1000000000)
SELECT integration_defaults.reset_default('slack');
SELECT integration_defaults.set_default('slack', {SETTINGS});
SELECT integration_defaults.set_default('slack', {SETTINGS} || '{{"username": "robot"}}');
SELECT integration_defaults.set_active('slack', false);
SELECT integration_defaults.set_active('slack', true);
"""
ONE_ROW = f"""
\\set n random(1, 1000000000)
UPDATE plain.instance_settings SET settings = {SETTINGS}, updated_at = now() WHERE integration = 'slack';
"""
WORKS = RESET, FIRST, CHANGE, TOGGLE = ("reset of the default", "first default", "change of the instance default",
                                        "toggle active")
TARGET = ("≤", 2)


def one_row_changes(results, sizes, count):
    """Ours against a one-row UPDATE at every size, the sizes taking turns as well. The targets are for changes as they
    are made, whose commit waits for the disk; what they cost beside that is there to compare."""
    for label, options, target in (("", "", TARGET), (", commit not waited for", "-c synchronous_commit=off", None)):
        taken = rounds(count, {(data.name, who): _statements(data, script, options)
                               for data in sizes for who, script in (("ours", OURS), ("one row", ONE_ROW))})
        first, changes = sizes[0], {}
        for data in sizes:
            ours = by_work(taken[data.name, "ours"])
            one_row = [milliseconds[0] / 1e3 for milliseconds in taken[data.name, "one row"]]
            for work in WORKS:
                results.add(work + label, data.projects, "one-row UPDATE", ours[work], one_row, "ms", target)
            changes[data.name] = ours[CHANGE]
            if not label:
                results.point("change_by_projects", "integration_defaults", data.projects, changes[data.name])
                results.point("change_by_projects", "one-row UPDATE", data.projects, one_row)
        if len(sizes) > 1:
            results.add(f"{CHANGE}{label}, beside the same at {first.projects:,}",
                        sizes[-1].projects, f"itself at {first.projects:,}", changes[sizes[-1].name],
                        changes[first.name], "ms", target and ("≤", 1.2))


def _statements(data, script, options=""):
    return lambda: pgbench(data, script, transactions=TRANSACTIONS, options=options)[1]


def by_work(taken):
    """{work: [seconds each round]}, of the milliseconds of each statement of OURS in each round."""
    statements = [[each / 1e3 for each in statement] for statement in zip(*taken)]
    toggle = [(off + on) / 2 for off, on in zip(*statements[3:5])]
    return dict(zip(WORKS, statements[:3] + [toggle]))


def seen_at_once(data):
    """Each change is seen by the last project as soon as it is committed, by a session that has read before."""
    with data.connect() as writer, data.connect() as reader:
        for turn in range(5):
            webhook = f"https://chat.example/seen/{turn}"
            writer.execute("SELECT integration_defaults.set_default('slack', jsonb_build_object('webhook', %s::text))",
                           (webhook,))
            seen = reader.execute("SELECT integration_defaults.active_settings('slack', %s) ->> 'webhook'",
                                  (data.last,)).fetchone()[0]
            if seen != webhook:
                raise RuntimeError(f"project {data.last} has {seen}, not {webhook}")


class Copies:
    """What the contender does. Each gives its seconds."""

    def __init__(self, data):
        self.connection = data.connect()
        self.turn = 0

    def _run(self, sql, *parameters):
        return self.connection.execute(sql, parameters or None)

    def _root(self):
        return self._run("SELECT id FROM copy.integrations WHERE instance AND integration = 'slack'").fetchone()[0]

    def _ranges(self, table):
        last = self._run(f"SELECT max(id) FROM {table}").fetchone()[0]
        return ((low, low + STEP - 1) for low in range(1, last + 1, STEP))

    def _update(self, column, value):
        root = self._root()
        self._run(f"UPDATE copy.integrations SET {column} = %s, updated_at = now() WHERE id = %s", value, root)
        for low, high in self._ranges("copy.integrations"):
            self._run(f"UPDATE copy.integrations SET {column} = %s, updated_at = now()"
                      " WHERE inherit_from_id = %s AND id BETWEEN %s AND %s", value, root, low, high)

    def change(self):
        self.turn += 1
        self._update("settings", f'{{"webhook": "https://chat.example/{self.turn}", "channel": "#general"}}')

    def toggle(self):
        self.turn += 1
        self._update("active", self.turn % 2 == 0)

    def reset(self):
        self._run("DELETE FROM copy.integrations WHERE id = %s", self._root())

    def first(self):
        root = self._run("INSERT INTO copy.integrations (instance, integration, active, settings)"
                         " SELECT true, 'slack', true, settings FROM plain.instance_settings"
                         " WHERE integration = 'slack' RETURNING id").fetchone()[0]
        for kind in ("group", "project"):
            for low, high in self._ranges(f"app.{kind}s"):
                self._run(f"""INSERT INTO copy.integrations ({kind}_id, integration, active, settings, inherit_from_id)
                    SELECT s.id, d.integration, d.active, d.settings, d.id
                    FROM app.{kind}s s, copy.integrations d
                    WHERE d.id = %s AND s.id BETWEEN %s AND %s AND NOT EXISTS (SELECT FROM copy.integrations c
                        WHERE c.{kind}_id = s.id AND c.integration = 'slack')""", root, low, high)

    def move(self, old, new):
        """The moved group's copies that were the old home's become the new home's, in one transaction."""
        below = """WITH RECURSIVE below AS (SELECT %s::bigint AS id
                   UNION ALL SELECT g.id FROM app.groups g JOIN below b ON g.parent_id = b.id)"""
        update = """UPDATE copy.integrations c SET settings = n.settings, active = n.active, inherit_from_id = n.id,
                        updated_at = now()
                    FROM copy.integrations o, copy.integrations n
                    WHERE o.group_id = %s AND o.integration = 'slack' AND n.group_id = %s AND n.integration = 'slack'
                      AND c.integration = 'slack' AND c.inherit_from_id = o.id AND """
        with self.connection.transaction():
            self._run("UPDATE app.groups SET parent_id = %s WHERE id = %s", new, MOVED)
            self._run(below + update + "c.group_id IN (SELECT id FROM below)", MOVED, old, new)
            self._run(below + update + "c.project_id IN (SELECT p.id FROM app.projects p JOIN below b"
                      " ON p.group_id = b.id)", MOVED, old, new)

    def clean(self):
        self._run("VACUUM copy.integrations")
        self._run("CHECKPOINT")


def against_copy(results, data, count):
    """Ours against changing all copies."""
    copies = Copies(data)
    ours, theirs = [], {CHANGE: [], TOGGLE: [], RESET: [], FIRST: []}
    for _ in range(count):
        ours.append(_statements(data, OURS)())
        for work, function in zip(theirs, (copies.change, copies.toggle, copies.reset, copies.first)):
            copies.clean()
            theirs[work].append(seconds_of(function))
    for work, seconds in by_work(ours).items():
        target = ("≥", 1000) if data.projects >= 1_000_000 else None
        results.add(work, data.projects, "copy", seconds, theirs[work], "ms", target, faster=True)
    results.point("change_by_projects", "copy", data.projects, theirs[CHANGE])
    copies.connection.close()


def move(results, data, count):
    """A group with a tenth of all projects below it moves from one home to the other, and back."""
    homes = {who: [OLD_HOME, NEW_HOME] for who in ("ours", "one row", "copy")}

    def turned(who):
        homes[who].reverse()
        return homes[who]

    connection, copies = data.connect(), Copies(data)
    work = f"move of a group with {data.tree.moved_projects:,} projects below"
    connection.execute("CHECKPOINT")

    def moves(who, sql):
        def run():
            connection.execute(sql, {"group": MOVED, "home": turned(who)[0]}, prepare=True)
        return several(20, run)

    taken = rounds(count, {
        "ours": moves("ours", "SELECT integration_defaults.move_group(%(group)s, %(home)s)"),
        "one row": moves("one row", "UPDATE app.groups SET parent_id = %(home)s WHERE id = %(group)s")})
    results.add(work, data.projects, "one-row UPDATE", taken["ours"], taken["one row"], "ms", TARGET)

    def move_copies():
        new, old = turned("copy")
        copies.move(old, new)

    copies.clean()
    theirs = rounds(count, {"copy": move_copies}, warm_up=False)["copy"]
    results.add(work, data.projects, "copy", taken["ours"], theirs, "ms", faster=True)
    copies.connection.close()
    connection.close()
