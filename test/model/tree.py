"""Groups and projects: the functions, plain SQL on our two tables, and an app's own tables that are tracked."""

from reading import INSTANCE, Broken


class Tree:
    def _drop_rows(self, level, scope_id):
        """At commit, unless the scope is there again."""
        self.removed.add((level, scope_id))

    def goes(self, scope):
        """Whether what is set on a scope goes as things are now: the scope was removed and is not there, not even as a row
        that the app has and the filter leaves out."""
        level, scope_id = scope
        return (scope in self.removed and not self.exists(scope)
                and not (self.app is not None and scope_id in self.app[LEVEL_AT[level]]))

    def remove_leftovers(self):
        for key in [k for k in self.rows if self.goes(k[0])]:
            del self.rows[key]
        self.removed.clear()

    def _rename_rows(self, level, old, new):
        for key in [k for k in self.rows if k[0] == (level, new)]:
            del self.rows[key]
        for key in [k for k in self.rows if k[0] == (level, old)]:
            self.rows[((level, new), key[1])] = self.rows.pop(key)

    def tree_problems(self):
        """What a commit would refuse now."""
        found = set()
        for above in list(self.groups.values()) + list(self.projects.values()):
            if above is not None and above not in self.groups:
                found.add(("23503", "scope_parent_exists"))
        for group in self.groups:
            seen = set()
            while group is not None and group in self.groups and group not in seen:
                seen.add(group)
                group = self.groups[group]
            if group in seen:
                found.add(("23514", "scope_has_no_cycle"))
        if self.app is not None:
            groups, projects = self.app
            for above, _ in list(groups.values()) + list(projects.values()):
                if above is not None and above not in groups:
                    found |= {("23503", None)}
        return found

    # ---- functions

    def _new(self, v, table, new_id, parent):
        if new_id is None:
            v.refuse("22004")
        elif new_id in table:
            v.refuse("23505")
        if parent is not None and parent not in self.groups:
            v.refuse("23503", "scope_parent_exists")
        if not v.must:
            table[new_id] = parent

    def _refuse_tracked(self, v):
        if self.app is not None:
            v.refuse("55000")
            v.stop()

    def add_group(self, v, group_id, parent_id=None):
        self._refuse_tracked(v)
        if group_id is not None and group_id == parent_id:
            v.might("23514", "scope_has_no_cycle")
        self._new(v, self.groups, group_id, parent_id)

    def add_project(self, v, project_id, group_id=None):
        self._refuse_tracked(v)
        self._new(v, self.projects, project_id, group_id)

    def move_group(self, v, group_id, parent_id):
        self._refuse_tracked(v)
        self._need(v, group_id, self.groups)
        if parent_id is not None:
            if parent_id not in self.groups:
                v.refuse("23503", "scope_parent_exists")
            else:
                try:
                    if ("group", group_id) in self.chain(("group", parent_id)):
                        v.refuse("23514", "scope_has_no_cycle")
                except Broken:
                    v.might_any()
        if not v.must:
            self.groups[group_id] = parent_id

    def move_project(self, v, project_id, group_id):
        self._refuse_tracked(v)
        self._need(v, project_id, self.projects)
        if group_id is not None and group_id not in self.groups:
            v.refuse("23503", "scope_parent_exists")
        if not v.must:
            self.projects[project_id] = group_id

    def remove_group(self, v, group_id):
        self._refuse_tracked(v)
        self._need(v, group_id, self.groups)
        if group_id in list(self.groups.values()) + list(self.projects.values()):
            v.refuse("23503", "scope_parent_exists")
        if not v.must:
            del self.groups[group_id]
            self._drop_rows("group", group_id)

    def remove_project(self, v, project_id):
        self._refuse_tracked(v)
        self._need(v, project_id, self.projects)
        if not v.must:
            del self.projects[project_id]
            self._drop_rows("project", project_id)

    def _need(self, v, scope_id, table):
        if scope_id is None:
            v.refuse("22004")
        elif scope_id not in table:
            v.refuse("42704")
        if v.must:
            v.stop()

    # ---- plain SQL on groups and projects; parents are checked at commit

    def _plain_table(self, level):
        return self.groups if level == "group" else self.projects

    def tree_insert(self, v, level, rows):
        table = self._plain_table(level)
        for new_id, parent in rows:
            if new_id in table:
                v.refuse("23505")
            table[new_id] = parent

    def tree_move(self, v, level, ids, parent):
        table = self._plain_table(level)
        for scope_id in ids:
            if scope_id in table:
                table[scope_id] = parent

    def tree_rename(self, v, level, old, new):
        table = self._plain_table(level)
        if old not in table or old == new:
            return
        if new in table:
            v.refuse("23505")
            return
        table[new] = table.pop(old)
        self._rename_rows(level, old, new)
        if level == "group":
            for children in (self.groups, self.projects):
                for child, parent in children.items():
                    if parent == old:
                        children[child] = new

    def tree_delete(self, v, level, ids):
        table = self._plain_table(level)
        for scope_id in ids:
            if table.pop(scope_id, self) is not self:
                self._drop_rows(level, scope_id)

    # ---- an app's tables: id -> (parent, passes the filter); parents ON DELETE CASCADE, a project's group SET NULL

    def _sync(self):
        """Ours follow the app's: a parent that the filter leaves out counts as the instance."""
        groups, projects = self.app

        def above(parent):
            return None if parent in groups and not groups[parent][1] else parent

        for level, table, source in (("group", self.groups, groups), ("project", self.projects, projects)):
            for gone in [i for i in table if i not in source or not source[i][1]]:
                del table[gone]
                self._drop_rows(level, gone)
            for scope_id, (parent, passes) in source.items():
                if passes:
                    table[scope_id] = above(parent)

    def app_insert(self, v, level, rows):
        table = self.app[LEVEL_AT[level]]
        for new_id, parent, passes in rows:
            if new_id in table:
                v.refuse("23505")
            table[new_id] = (parent, passes)
        self._sync()

    def app_move(self, v, level, ids, parent):
        table = self.app[LEVEL_AT[level]]
        for scope_id in ids:
            if scope_id in table:
                table[scope_id] = (parent, table[scope_id][1])
        self._sync()

    def app_filter(self, v, level, ids, passes):
        table = self.app[LEVEL_AT[level]]
        for scope_id in ids:
            if scope_id in table:
                table[scope_id] = (table[scope_id][0], passes)
        self._sync()

    def app_rename(self, v, level, old, new):
        table = self.app[LEVEL_AT[level]]
        if old not in table or old == new:
            return
        if new in table:
            v.refuse("23505")
            return
        table[new] = table.pop(old)
        ours = self._plain_table(level)
        if old in ours:
            ours[new] = ours.pop(old)
        self._rename_rows(level, old, new)
        if level == "group":
            for children in self.app:
                for child, (parent, passes) in children.items():
                    if parent == old:
                        children[child] = (new, passes)
        self._sync()

    def app_delete(self, v, level, ids):
        groups, projects = self.app
        if level == "project":
            for scope_id in ids:
                projects.pop(scope_id, None)
                self._drop_rows("project", scope_id)
        else:
            going = [i for i in ids if i in groups]
            while going:
                gone = going.pop()
                groups.pop(gone, None)
                self._drop_rows("group", gone)
                going += [i for i, (parent, _) in groups.items() if parent == gone]
                for project, (parent, passes) in projects.items():
                    if parent == gone:
                        projects[project] = (None, passes)
        self._sync()

    def app_truncate_projects(self, v):
        v.might("55006")  # the app's own deferred constraints are still to be checked
        for scope_id in self.app[1]:
            self._drop_rows("project", scope_id)
        self.app[1].clear()
        self._sync()


LEVEL_AT = {"group": 0, "project": 1}
assert INSTANCE == ("instance", None)
