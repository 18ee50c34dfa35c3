#!/usr/bin/python3
"""Unit tests of the reference model itself, without a server: the sentences of the design and the pitfalls that other
inheritance systems fell into. The last line is `N passed, N failed`."""

import sys
import unittest

from model import INSTANCE, Broken, Model, Row, same
from shape import Type

HOOK = {"properties": {"url": {"type": "string", "default": "http://none"}, "token": {"type": "string", "writeOnly": True},
                       "room": {"type": "string", "maxLength": 5}, "level": {"type": "integer", "minimum": 0}},
        "required": ["room"], "x-atomic": [["url", "token"]]}
LOOSE = {"properties": {"a": {}, "b": {}, "c": {"default": 0}}}
NOT_LOCKED = ("23514", "setting_not_locked")
MATCHES = ("23514", "setting_matches_schema")
COMPLETE = ("23514", "setting_is_complete")
LEVEL = ("23514", "setting_level_allowed")


def P(project_id):
    return ("project", project_id)


def G(group_id):
    return ("group", group_id)


class Case(unittest.TestCase):
    """instance > top > middle > low > deep; straight hangs under the instance."""

    def setUp(self):
        self.m = Model()
        self.do("register_integration", name="t", schema=LOOSE)
        self.do("register_integration", name="hook", schema=HOOK)
        self.do("add_group", group_id="top")
        self.do("add_group", group_id="middle", parent_id="top")
        self.do("add_group", group_id="low", parent_id="middle")
        self.do("add_project", project_id="deep", group_id="low")
        self.do("add_project", project_id="beside", group_id="top")
        self.do("add_project", project_id="straight")

    def do(self, operation, /, **arguments):
        verdict = self.m.run(operation, arguments)
        self.assertEqual(verdict.must, set(), f"{operation} {arguments}")
        return verdict.result

    def refused(self, want, operation, /, **arguments):
        before = self.m.snapshot()
        verdict = self.m.run(operation, arguments)
        self.assertIn(want if isinstance(want, tuple) else (want, None), verdict.must)
        self.assertEqual(self.m.snapshot(), before)

    def settings(self, scope, name="t"):
        answer = self.m.resolve(scope, name)
        return answer and answer["settings"]

    def assertSettings(self, expected, *scopes, name="t"):
        for scope in scopes:
            self.assertEqual(self.settings(scope, name), expected, scope)

    def active(self, scope, name="t"):
        return self.m.resolve(scope, name)["active"]


class WhatTheRuleGives(Case):
    def test_nothing_is_configured_at_first(self):
        self.assertIsNone(self.m.resolve(P("deep"), "t"))
        self.assertEqual(self.m.resolve_all(INSTANCE), [])
        self.assertIsNone(self.m.active_settings(P("deep"), "t"))
        self.assertEqual(self.m.explain(P("deep"), "t"), [])

    def test_first_instance_default_reaches_those_without_a_row(self):
        self.do("set_custom", integration="t", project_id="beside", settings={"a": "own"})
        self.do("set_default", integration="t", settings={"a": 1})
        self.assertSettings({"a": 1, "c": 0}, INSTANCE, G("low"), P("deep"), P("straight"))
        self.assertSettings({"a": "own", "c": 0}, P("beside"))

    def test_later_change_reaches_new_scopes_too(self):
        self.do("set_default", integration="t", settings={"a": 1})
        self.do("add_group", group_id="new", parent_id="low")
        self.do("add_project", project_id="newest", group_id="new")
        self.do("set_default", integration="t", settings={"a": 2})
        self.assertSettings({"a": 2, "c": 0}, P("newest"), P("deep"))

    def test_nearest_group_default_wins(self):
        self.do("set_default", integration="t", settings={"a": "instance"})
        self.do("set_default", integration="t", group_id="top", settings={"a": "top"})
        self.do("set_default", integration="t", group_id="low", settings={"b": "low"})
        self.assertSettings({"b": "low", "c": 0}, P("deep"))
        self.assertSettings({"a": "top", "c": 0}, P("beside"), G("middle"))
        self.assertSettings({"a": "instance", "c": 0}, P("straight"))

    def test_nearest_wins_whether_active_or_not(self):
        self.do("set_default", integration="t", settings={"a": 1})
        self.do("set_default", integration="t", group_id="low", settings={}, active=False)
        self.assertFalse(self.active(P("deep")))
        self.assertIsNone(self.m.active_settings(P("deep"), "t"))
        self.assertEqual(self.m.active_settings(P("beside"), "t"), {"a": 1, "c": 0})

    def test_reset_gives_the_next_default_above_or_nothing(self):
        self.do("set_default", integration="t", settings={"a": 1})
        self.do("set_default", integration="t", group_id="low", settings={"a": 2})
        self.assertTrue(self.do("reset_default", integration="t", group_id="low"))
        self.assertSettings({"a": 1, "c": 0}, P("deep"))
        self.assertTrue(self.do("reset_default", integration="t"))
        self.assertIsNone(self.settings(P("deep")))
        self.assertFalse(self.do("reset_default", integration="t"))

    def test_use_default_takes_the_own_row(self):
        self.do("set_default", integration="t", settings={"a": 1})
        self.do("set_custom", integration="t", project_id="deep", settings={})
        self.assertTrue(self.do("use_default", integration="t", project_id="deep"))
        self.assertSettings({"a": 1, "c": 0}, P("deep"))
        self.refused("22023", "use_default", integration="t")

    def test_moves_take_the_subtree_along(self):
        self.do("set_default", integration="t", group_id="top", settings={"a": "top"})
        self.do("add_group", group_id="other")
        self.do("set_default", integration="t", group_id="other", settings={"a": "other"})
        self.do("move_group", group_id="middle", parent_id="other")
        self.assertSettings({"a": "other", "c": 0}, P("deep"), G("middle"))
        self.do("move_group", group_id="middle", parent_id=None)
        self.assertIsNone(self.settings(P("deep")))
        self.do("move_project", project_id="deep", group_id="top")
        self.assertSettings({"a": "top", "c": 0}, P("deep"))

    def test_removing_takes_own_rows_and_nobody_elses(self):
        self.do("set_default", integration="t", group_id="low", settings={"a": 1})
        self.do("set_custom", integration="t", project_id="deep", settings={"a": 2})
        self.refused(("23503", "scope_parent_exists"), "remove_group", group_id="low")
        self.do("remove_project", project_id="deep")
        self.assertEqual(list(self.m.rows), [(G("low"), "t")])
        self.do("remove_group", group_id="low")
        self.assertEqual(self.m.rows, {})

    def test_order_of_setting_does_not_matter(self):
        first = [("set_default", {"settings": {"a": 1}}), ("override_fields", {"group_id": "top", "fields": {"b": 2}}),
                 ("lock_fields", {"group_id": "middle", "fields": ["a"]}),
                 ("set_custom", {"project_id": "deep", "settings": {"c": 3}})]
        answers = []
        for order in (first, first[::-1], first[2:] + first[:2]):
            self.setUp()
            for name, arguments in order:
                self.do(name, integration="t", **arguments)
            answers.append(self.m.resolve(P("deep"), "t"))
        self.assertEqual(answers[0]["settings"], {"a": 1, "c": 3})
        self.assertEqual(answers.count(answers[0]), 3)


class Overrides(Case):
    def setUp(self):
        super().setUp()
        self.do("set_default", integration="t", settings={"a": 1, "b": 1})

    def test_takes_only_its_fields(self):
        self.do("override_fields", integration="t", project_id="deep", fields={"a": 2})
        self.do("set_default", integration="t", settings={"a": 5, "b": 5})
        self.assertSettings({"a": 2, "b": 5, "c": 0}, P("deep"))
        self.assertTrue(self.active(P("deep")))

    def test_null_and_false_are_values(self):
        self.do("override_fields", integration="t", project_id="deep", fields={"a": None, "b": False})
        self.assertSettings({"a": None, "b": False, "c": 0}, P("deep"))

    def test_equal_to_the_inherited_value_is_a_pin(self):
        self.do("override_fields", integration="t", project_id="deep", fields={"a": 1})
        self.do("set_default", integration="t", settings={"a": 2})
        self.assertSettings({"a": 1, "c": 0}, P("deep"))

    def test_inherit_gives_back_and_an_empty_row_goes(self):
        self.do("override_fields", integration="t", project_id="deep", fields={"a": 2, "b": 2}, active=False)
        self.do("inherit_fields", integration="t", project_id="deep", fields=["a", "c"])
        self.assertSettings({"a": 1, "b": 2, "c": 0}, P("deep"))
        self.do("inherit_fields", integration="t", project_id="deep", fields=["b", "active"])
        self.assertNotIn((P("deep"), "t"), self.m.rows)

    def test_only_fields_of_the_type_and_those_set_are_inherited_again(self):
        for scope in {"project_id": "deep"}, {"group_id": "low"}, {}:
            self.refused("22023", "inherit_fields", integration="t", fields=["a", "nobody"], **scope)
            self.refused("22023", "inherit_fields", integration="t", fields=["*"], **scope)
        self.do("inherit_fields", integration="t", project_id="beside", fields=["a", "active"])
        self.do("override_fields", integration="t", project_id="deep", fields={"nobody": 1})
        self.do("inherit_fields", integration="t", project_id="deep", fields=["nobody"])
        self.refused("22023", "inherit_fields", integration="t", project_id="deep", fields=["nobody"])

    def test_custom_inherits_nothing(self):
        self.do("set_custom", integration="t", project_id="deep", settings={"b": 3})
        self.refused("22023", "inherit_fields", integration="t", project_id="deep", fields=["b"])
        self.refused("22023", "set_active", integration="t", project_id="deep", active=None)
        self.do("override_fields", integration="t", project_id="deep", fields={"c": 4})
        self.assertTrue(self.m.rows[P("deep"), "t"].custom)
        self.assertSettings({"b": 3, "c": 4}, P("deep"))

    def test_disabled_and_enabled_above_comes_back_below(self):
        for active in (False, True):
            self.do("set_active", integration="t", active=active)
            self.assertEqual(self.active(P("deep")), active)

    def test_redundant_overrides(self):
        self.do("override_fields", integration="t", project_id="deep", fields={"a": 1, "b": 2, "c": 0}, active=True)
        self.assertEqual(self.m.redundant_overrides("t", G("top")),
                         [(P("deep"), "a"), (P("deep"), "c"), (P("deep"), "active")])
        self.do("reset_default", integration="t")
        self.assertEqual(self.m.redundant_overrides("t", INSTANCE), [(P("deep"), "c")])

    def test_lists(self):
        self.do("override_fields", integration="t", project_id="deep", fields={"a": 2})
        self.do("set_custom", integration="t", project_id="straight", settings={}, active=False)
        own = self.m.projects_using_custom_settings("t", INSTANCE)
        self.assertEqual(own, {"deep": {"custom": False, "active": True, "fields": ["a"]},
                               "straight": {"custom": True, "active": False, "fields": []}})
        self.assertEqual(list(self.m.projects_using_custom_settings("t", G("top"))), ["deep"])
        self.assertEqual(self.m.projects_using_default("t", INSTANCE),
                         {"beside": {"active": True, "source_level": "instance", "source_id": None}})

    def test_source_is_the_nearest_that_sets_something(self):
        self.do("lock_fields", integration="t", group_id="top", fields=["a"])
        self.assertEqual(self.m.resolve(P("beside"), "t")["source_level"], "instance")
        self.m.rows[P("beside"), "t"] = Row(False, None, {"a": 9})  # all of it shadowed
        answer = self.m.resolve(P("beside"), "t")
        self.assertEqual((answer["source_id"], answer["inherited"], answer["settings"]["a"]), ("beside", False, 1))


class Locks(Case):
    def setUp(self):
        super().setUp()
        self.do("set_default", integration="t", settings={"a": 1, "b": 1})

    def test_shadows_and_comes_back(self):
        self.do("set_custom", integration="t", project_id="deep", settings={"a": 2, "b": 2})
        self.do("lock_fields", integration="t", fields=["a"])
        self.assertSettings({"a": 1, "b": 2, "c": 0}, P("deep"))
        self.do("set_custom", integration="t", project_id="deep", settings={"b": 3})
        self.do("unlock_fields", integration="t", fields=["a"])
        self.assertSettings({"a": 2, "b": 3, "c": 0}, P("deep"))

    def test_binds_below_and_not_itself(self):
        self.do("lock_fields", integration="t", group_id="top", fields=["a"])
        self.do("set_default", integration="t", group_id="top", settings={"a": 5})
        self.assertSettings({"a": 5, "c": 0}, P("deep"))
        self.assertEqual(self.m.rows[G("top"), "t"].locked, {"a"})

    def test_refuses_other_values_and_accepts_the_effective_one(self):
        self.do("lock_fields", integration="t", fields=["a"])
        self.refused(NOT_LOCKED, "set_custom", integration="t", project_id="deep", settings={"a": 2})
        self.refused(NOT_LOCKED, "override_fields", integration="t", group_id="low", fields={"a": None})
        self.do("set_custom", integration="t", project_id="deep", settings={"a": 1.0, "b": 2})
        self.assertEqual(self.m.rows[P("deep"), "t"].settings, {"b": 2})
        self.refused(NOT_LOCKED, "set_custom", integration="t", project_id="deep", settings={"a": True})

    def test_a_locked_secret_is_refused_with_any_value(self):
        self.do("set_default", integration="hook", settings={"url": "u", "token": "s", "room": "r"})
        self.do("lock_fields", integration="hook", fields=["url"])
        self.refused(NOT_LOCKED, "override_fields", integration="hook", project_id="deep", fields={"token": "s"})
        self.do("override_fields", integration="hook", project_id="deep", fields={"url": "u"})
        self.assertNotIn((P("deep"), "hook"), self.m.rows)

    def test_that_a_value_is_secret_travels_with_it(self):
        def row():
            return self.m.rows[P("deep"), "hook"]
        self.do("set_custom", integration="hook", project_id="deep", settings={"url": "u", "token": "s", "room": "r"})
        self.assertEqual(row().secrets, {"token": {"url"}})
        bare = {"properties": {"url": {}, "room": {}}, "additionalProperties": False}
        self.do("register_integration", name="hook", schema=bare, force=True)
        whole = {"scope": P("deep"), "integration": "hook"}
        self.do("sql_update", **whole, columns={"settings": {"url": "u", "token": "s", "room": "o"}})
        self.do("sql_update", **whole, columns={"settings": {"url": "v", "token": "s", "room": "o"}})
        self.assertEqual(row().secrets, {"token": {"url"}})
        self.refused(MATCHES, "sql_update", **whole, columns={"settings": {"url": "v", "token": "t", "room": "o"}})
        self.do("override_fields", integration="hook", project_id="deep", fields={"url": "w"})
        self.assertEqual(row().settings, {"url": "w", "room": "o"})

    def test_that_it_is_secret_ends_where_it_is_given(self):
        self.do("set_default", integration="hook", settings={"token": "s", "room": "r"})
        self.do("register_integration", name="hook", schema={"properties": {"url": {}, "token": {}}})
        self.do("lock_fields", integration="hook", fields=["token"])
        self.refused(NOT_LOCKED, "override_fields", integration="hook", project_id="deep", fields={"token": "s"})
        self.do("override_fields", integration="hook", fields={"token": "s"})
        self.assertEqual(self.m.rows[INSTANCE, "hook"].secrets, {})
        self.do("override_fields", integration="hook", project_id="deep", fields={"token": "s"})

    def test_highest_of_two_wins_and_the_lower_is_dormant(self):
        self.do("lock_fields", integration="t", group_id="middle", fields=["a"])
        self.do("override_fields", integration="t", group_id="middle", fields={"a": "middle"})
        self.do("lock_fields", integration="t", group_id="top", fields=["a"])
        self.assertSettings({"a": 1, "b": 1, "c": 0}, P("deep"))
        self.assertEqual(self.m.fold_above(P("deep"), "t").locked_by("a"), G("top"))
        self.do("unlock_fields", integration="t", group_id="top")
        self.assertSettings({"a": "middle", "b": 1, "c": 0}, P("deep"))
        self.assertEqual(self.m.fold_above(P("deep"), "t").locked_by("a"), G("middle"))
        self.refused(NOT_LOCKED, "override_fields", integration="t", project_id="deep", fields={"a": 1})

    def test_star_covers_active_and_fields_to_come(self):
        self.do("lock_fields", integration="t", fields=None)
        self.refused(NOT_LOCKED, "set_active", integration="t", project_id="deep", active=False)
        self.do("register_integration", name="t", schema={"properties": {**LOOSE["properties"], "later": {}}})
        self.refused(NOT_LOCKED, "override_fields", integration="t", project_id="deep", fields={"later": 1})
        self.do("unlock_fields", integration="t", fields=["later"])
        self.assertEqual(self.m.rows[INSTANCE, "t"].locked, {"active", "a", "b", "c"})

    def test_active_can_be_locked(self):
        self.do("set_custom", integration="t", project_id="deep", settings={}, active=False)
        self.do("lock_fields", integration="t", fields=["active"])
        self.assertTrue(self.active(P("deep")))
        self.do("set_custom", integration="t", project_id="deep", settings={"a": 2})
        self.do("unlock_fields", integration="t")
        self.assertFalse(self.active(P("deep")))

    def test_active_left_out_is_the_locked_one(self):
        self.do("set_default", integration="t", settings={}, active=False)
        self.do("lock_fields", integration="t", fields=["active"])
        self.do("set_custom", integration="t", project_id="deep", settings={})
        self.assertIs(self.m.rows[P("deep"), "t"].active, False)

    def test_custom_below_keeps_locked_values_and_the_locks(self):
        self.do("lock_fields", integration="t", fields=["a"])
        self.do("set_default", integration="t", group_id="top", settings={"b": 2})
        self.assertSettings({"a": 1, "b": 2, "c": 0}, P("deep"))
        self.refused(NOT_LOCKED, "override_fields", integration="t", project_id="deep", fields={"a": 3})

    def test_a_move_under_a_lock_shadows_and_out_of_it_brings_back(self):
        self.do("add_group", group_id="strict")
        self.do("set_default", integration="t", group_id="strict", settings={"a": "strict"})
        self.do("lock_fields", integration="t", group_id="strict", fields=["a"])
        self.do("override_fields", integration="t", project_id="deep", fields={"a": "own"})
        self.do("move_group", group_id="low", parent_id="strict")
        self.assertSettings({"a": "strict", "c": 0}, P("deep"))
        self.do("move_group", group_id="low", parent_id=None)
        self.assertSettings({"a": "own", "b": 1, "c": 0}, P("deep"))

    def test_a_lock_alone_sets_nothing_and_an_empty_array_does_nothing(self):
        self.do("reset_default", integration="t")
        self.do("lock_fields", integration="t", group_id="top", fields=["a"])
        self.assertIsNone(self.m.resolve(P("deep"), "t"))
        self.do("lock_fields", integration="t", group_id="low", fields=[])
        self.assertNotIn((G("low"), "t"), self.m.rows)
        self.refused("22023", "lock_fields", integration="t", fields=["nobody"])
        self.do("unlock_fields", integration="t", group_id="top")
        self.assertEqual(self.m.rows, {})


class Atomic(Case):
    def setUp(self):
        super().setUp()
        self.do("set_default", integration="hook", settings={"url": "u", "token": "s", "room": "r"})

    def hook(self, scope):
        return self.settings(scope, "hook")

    def test_a_row_with_one_decides_all(self):
        self.do("override_fields", integration="hook", project_id="deep", fields={"url": "mine"})
        self.assertEqual(self.hook(P("deep")), {"url": "mine", "room": "r"})
        self.do("override_fields", integration="hook", project_id="beside", fields={"token": "mine"})
        self.assertEqual(self.hook(P("beside")), {"url": "http://none", "token": "mine", "room": "r"})

    def test_three_layers(self):
        self.do("override_fields", integration="hook", group_id="top", fields={"url": "top", "token": "top"})
        self.do("override_fields", integration="hook", group_id="low", fields={"url": "low"})
        self.assertEqual(self.hook(P("deep")), {"url": "low", "room": "r"})
        self.do("inherit_fields", integration="hook", group_id="low", fields=["token"])
        self.assertEqual(self.hook(P("deep")), {"url": "top", "token": "top", "room": "r"})

    def test_a_changed_url_drops_the_stored_token(self):
        self.do("set_custom", integration="hook", project_id="deep", settings={"url": "u", "token": "own", "room": "r"})
        self.do("override_fields", integration="hook", project_id="deep", fields={"url": "u", "room": "x"})
        self.assertEqual(self.hook(P("deep"))["token"], "own")
        self.do("override_fields", integration="hook", project_id="deep", fields={"url": "elsewhere"})
        self.assertNotIn("token", self.hook(P("deep")))
        self.do("override_fields", integration="hook", project_id="deep", fields={"url": "third", "token": "new"})
        self.assertEqual(self.hook(P("deep"))["token"], "new")

    def test_a_lock_on_one_locks_all(self):
        self.do("lock_fields", integration="hook", fields=["url"])
        self.assertEqual(self.m.rows[INSTANCE, "hook"].locked, {"url", "token"})
        self.refused(NOT_LOCKED, "override_fields", integration="hook", project_id="deep", fields={"token": "x"})
        self.do("unlock_fields", integration="hook", fields=["token"])
        self.assertEqual(self.m.rows[INSTANCE, "hook"].locked, set())

    def test_a_stored_lock_on_one_name_binds_all(self):
        self.do("sql_update", scope=INSTANCE, integration="hook", columns={"locked": frozenset(["token"])})
        self.refused(NOT_LOCKED, "override_fields", integration="hook", project_id="deep", fields={"url": "x"})

    def test_overlapping_groups_are_merged(self):
        kind = Type({"x-atomic": [["a", "b"], ["c", "d"], ["b", "c"], ["e", "f"]]})
        self.assertEqual(kind.unit("a"), {"a", "b", "c", "d"})
        self.assertEqual(kind.unit("f"), {"e", "f"})
        self.assertEqual(kind.unit("g"), {"g"})


class Schemas(Case):
    def test_every_key_is_checked_also_while_inactive(self):
        for settings in ({"level": "x"}, {"level": -1}, {"room": "too long"}, {"level": True}):
            self.refused(MATCHES, "set_default", integration="hook", settings=settings, active=False)

    def test_required_only_while_active(self):
        self.refused(COMPLETE, "set_default", integration="hook", settings={})
        self.do("set_default", integration="hook", settings={}, active=False)
        self.refused(COMPLETE, "set_active", integration="hook", active=True)
        self.do("override_fields", integration="hook", fields={"room": "r"}, active=True)
        self.refused(COMPLETE, "set_custom", integration="hook", project_id="deep", settings={})

    def test_only_violations_that_the_write_adds(self):
        self.do("set_default", integration="hook", settings={"room": "r"})
        stricter = {**HOOK, "required": ["room", "level"]}
        self.refused(MATCHES, "register_integration", name="hook", schema=stricter)
        self.do("register_integration", name="hook", schema=stricter, force=True)
        self.do("override_fields", integration="hook", fields={"room": "x"})
        self.do("set_default", integration="hook", settings={"room": "y"})
        self.refused(COMPLETE, "set_default", integration="hook", settings={"level": 1})

    def test_deactivating_locking_and_taking_back_are_never_refused(self):
        self.do("set_default", integration="hook", settings={}, active=False)
        self.do("override_fields", integration="hook", project_id="deep", fields={"room": "r"}, active=True)
        self.do("inherit_fields", integration="hook", project_id="deep", fields=["room"])
        self.assertTrue(self.active(P("deep"), "hook"))
        self.do("lock_fields", integration="hook", group_id="low", fields=["level"])
        self.do("set_active", integration="hook", project_id="deep", active=False)
        self.do("use_default", integration="hook", project_id="deep")

    def test_levels(self):
        self.do("register_integration", name="top only", schema={"x-levels": ["instance"]})
        self.refused(LEVEL, "set_custom", integration="top only", project_id="deep", settings={})
        self.do("lock_fields", integration="top only", group_id="top", fields=["active"])
        self.do("set_default", integration="top only", settings={"a": 1})
        self.do("register_integration", name="top only", schema={"x-levels": ["project"]})
        self.assertSettings({"a": 1}, P("deep"), name="top only")  # rows that stand elsewhere still fold

    def test_defaults_show_below_everything(self):
        self.do("set_custom", integration="t", project_id="deep", settings={})
        self.assertSettings({"c": 0}, P("deep"))
        self.do("register_integration", name="t", schema={"properties": {"d": {"default": 7}}})
        self.assertSettings({"d": 7}, P("deep"))

    def test_not_allowed_is_inactive_and_keeps_rows(self):
        self.do("set_default", integration="t", settings={"a": 1})
        self.do("allow_integrations", names=["hook"])
        self.assertFalse(self.active(P("deep")))
        self.assertEqual(self.m.explain(P("deep"), "t")[0]["reason"], "not allowed")
        self.do("register_integration", name="new", schema={})
        self.assertFalse(self.m.types["new"].allowed)
        self.do("allow_integrations", names=None)
        self.assertTrue(self.active(P("deep")))
        self.refused("42704", "allow_integrations", names=["nobody"])
        self.refused("2BP01", "unregister_integration", name="t")

    def test_equality_is_that_of_jsonb(self):
        self.assertTrue(same({"a": [1, None]}, {"a": [1.0, None]}))
        for a, b in ((1, True), (0, False), ("1", 1), (None, False), ([], {}), ({"a": 1}, {"a": 1, "b": None})):
            self.assertFalse(same(a, b), (a, b))


class PlainSql(Case):
    def test_custom_without_active_is_active(self):
        self.do("sql_insert", scope=P("deep"), integration="t", columns={})
        self.assertEqual(self.m.rows[P("deep"), "t"], Row(True, True, {}))
        self.do("sql_update", scope=P("deep"), integration="t", columns={"active": False})
        self.do("sql_update", scope=P("deep"), integration="t", columns={"active": None})
        self.assertIs(self.m.rows[P("deep"), "t"].active, False)

    def test_shadowed_values_survive_updates(self):
        self.do("sql_insert", scope=P("deep"), integration="t", columns={"settings": {"a": 2, "b": 2}})
        self.do("set_default", integration="t", settings={"a": 1})
        self.do("lock_fields", integration="t", fields=["a"])
        for settings in ({"a": 2, "b": 3}, {"a": 1, "b": 3}, {"b": 3}):
            self.do("sql_update", scope=P("deep"), integration="t", columns={"settings": settings})
            self.assertEqual(self.m.rows[P("deep"), "t"].settings, {"a": 2, "b": 3})
        self.refused(NOT_LOCKED, "sql_update", scope=P("deep"), integration="t", columns={"settings": {"a": 4}})

    def test_rows_that_set_nothing_go(self):
        self.do("sql_insert", scope=P("deep"), integration="t", columns={"custom": False})
        self.assertEqual(self.m.rows, {})
        self.refused("23503", "sql_insert", scope=P("nobody"), integration="t", columns={})
        self.refused("23503", "sql_insert", scope=P("deep"), integration="nobody", columns={})
        self.refused("22023", "sql_insert", scope=P("deep"), integration="t", columns={"settings": []})
        self.refused("22023", "sql_insert", scope=G("top"), integration="t", columns={"locked": frozenset(["x"])})


class Trees(Case):
    def test_refusals(self):
        self.refused("23505", "add_group", group_id="top")
        self.refused(("23503", "scope_parent_exists"), "add_group", group_id="x", parent_id="nobody")
        self.refused(("23503", "scope_parent_exists"), "move_project", project_id="deep", group_id="nobody")
        self.refused(("23514", "scope_has_no_cycle"), "move_group", group_id="top", parent_id="low")
        self.refused(("23514", "scope_has_no_cycle"), "move_group", group_id="top", parent_id="top")
        self.refused("42704", "move_group", group_id="nobody", parent_id=None)
        self.refused("22004", "add_project", project_id=None)
        self.refused("22004", "remove_group", group_id=None)

    def test_plain_sql_is_checked_at_commit(self):
        self.refused(("23514", "scope_has_no_cycle"), "tree_move", level="group", ids=["top"], parent="low")
        self.refused(("23503", "scope_parent_exists"), "tree_delete", level="group", ids=["low"])
        self.m.run("tree_move", {"level": "group", "ids": ["top"], "parent": "low"}, at_commit=False)
        self.assertRaises(Broken, self.m.resolve, P("deep"), "t")
        self.m.run("tree_move", {"level": "group", "ids": ["low"], "parent": None}, at_commit=False)
        self.assertEqual(self.m.tree_problems(), set())
        self.assertEqual(self.m.chain(P("beside")), [INSTANCE, G("low"), G("top"), P("beside")])

    def test_renaming_keeps_settings_and_children(self):
        self.do("set_default", integration="t", group_id="low", settings={"a": 1})
        self.do("tree_rename", level="group", old="low", new="lower")
        self.assertEqual(self.m.resolve(P("deep"), "t")["source_id"], "lower")

    def test_tracked_tables(self):
        m = Model()
        m.app = ({}, {})
        self.m = m
        self.do("register_integration", name="t", schema=LOOSE)
        self.do("app_insert", level="group", rows=[("2", "1", True), ("1", None, True), ("3", "2", True)])
        self.do("app_insert", level="project", rows=[("p", "3", True), ("q", "2", False)])
        self.assertEqual((m.groups, m.projects), ({"1": None, "2": "1", "3": "2"}, {"p": "3"}))
        self.do("set_default", integration="t", group_id="2", settings={"a": 1})
        self.do("app_filter", level="group", ids=["2"], passes=False)
        self.assertEqual((m.groups, self.settings(P("p"))), ({"1": None, "3": None}, None))
        self.assertEqual(m.rows, {(G("2"), "t"): Row(True, True, {"a": 1})})  # what it had set stays
        self.do("app_filter", level="group", ids=["2"], passes=True)
        self.assertEqual((m.groups["3"], self.settings(P("p"))), ("2", {"a": 1, "c": 0}))  # and comes back with it
        self.do("app_delete", level="group", ids=["1"])
        self.assertEqual((m.groups, m.projects, m.rows), ({}, {"p": None}, {}))
        self.refused("55000", "add_group", group_id="9")


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=0).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed or not result.testsRun else 0)
