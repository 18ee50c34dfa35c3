"""What the reference model says of two operations, one after the other."""

from functools import lru_cache
from itertools import permutations

from model import INSTANCE, Model, Row, Stop, Type, Verdict
from operations import GROUPS, PROJECTS, SET, TYPES


def start(tracked):
    model = Model()
    model.types = {name: Type(schema) for name, schema in TYPES.items()}
    model.groups, model.projects = dict(GROUPS), dict(PROJECTS)
    model.rows = {(INSTANCE, name): Row(True, True, {"all": 0}) for name in SET}
    model.rows[("project", "2"), "chat"] = Row(True, True, {"own": 0})
    model.rows.update({(("group", "c"), name): Row(False, None, {"c": 0}) for name in SET})
    if tracked:
        model.app = ({g: (p, True) for g, p in GROUPS.items()}, {p: (g, True) for p, g in PROJECTS.items()})
    return model


def state(model):
    """As World.state() gives it."""
    rows = sorted(([scope[0], scope[1] or "", name, row.custom, row.active, row.settings, sorted(row.locked)]
                   for (scope, name), row in model.rows.items()), key=lambda r: r[:3])
    answers = []
    for project in model.projects:
        for name in model.types:
            found = model.resolve(("project", project), name)
            if found:
                answers.append([project, name, found["active"], found["settings"], found["inherited"]])
    return {"groups": model.groups, "projects": model.projects, "rows": rows, "answers": sorted(answers, key=lambda a: a[:2]),
            "types": {name: [kind.schema, kind.allowed] for name, kind in model.types.items()}}


def run(model, operation, n):
    """The SQLSTATEs of which the model refuses it with one; none if it is done."""
    before, verdict = model.snapshot(), Verdict()
    try:
        operation.model(model, verdict, n)
    except Stop:
        pass
    if not verdict.must:
        verdict.must |= model.tree_problems()
    if verdict.must:
        model.restore(before)
    else:
        model.remove_leftovers()
    codes = {code for code, _ in verdict.must}
    return codes | {"23503"} if "42704" in codes else codes  # where it goes while somebody is about to refer to it


class Serial:
    @staticmethod
    @lru_cache(None)
    def outcome(tracked, sequence):
        """(the refusals of each, the state) after these (operation, number of the session), in this order."""
        model = start(tracked)
        refusals = [frozenset(run(model, operation, n)) for operation, n in sequence]
        return refusals, state(model)

    @classmethod
    def explain(cls, world, play):
        """What is wrong, or None."""
        pair = [(operation, n + 1) for n, operation in enumerate(play.operations)]
        there = world.state()
        if there.pop("differences"):
            return "effective_settings differs from the view"
        differ = []
        done = [n for n in (0, 1) if play.error[n] not in ("40001", "40P01")]
        missed = [n for n in done if play.operations[n].may_miss(play.operations[1 - n])]
        orders = [[n for n in order if n in done and n != skipped]
                  for skipped in [None, *missed] for order in permutations(range(2))]
        for order in orders:
            refusals, after = cls.outcome(world.tracked, tuple(pair[n] for n in order))
            got = [play.error[n] for n in order]
            if not all(code in refused if code else not refused for code, refused in zip(got, refusals)):
                continue
            if after == there:
                return None
            differ = [f"{what} are {there[what]}, not {after[what]}" for what in after if after[what] != there[what]]
        return "; ".join(differ) or "no order explains it"
