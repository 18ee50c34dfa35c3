"""The tree of groups and projects: the same for every run.

Group 1 and group 2 are at the top; group 3 is in group 1, and holds about a tenth of all groups and projects: it is
what the benchmark moves to group 2 and back. All other groups hang on a random group, or on the instance. A chain of
groups beside them has projects of its own on each level."""

import functools
import random

DEPTH = 14  # of the random tree
CHAIN = 20  # levels of the chain
CHAIN_PROJECTS = 200  # on each level
OLD_HOME, NEW_HOME, MOVED = 1, 2, 3
SHARE_MOVED = 0.1


class Tree:
    def __init__(self, projects):
        rng = random.Random(projects)
        self.count = projects
        self.random_groups = max(projects // 20, 10)
        parents, depths = {OLD_HOME: None, NEW_HOME: None, MOVED: OLD_HOME}, {OLD_HOME: 1, NEW_HOME: 1, MOVED: 2}
        inside, outside = [MOVED], []  # groups that others may hang on
        for group in range(4, self.random_groups + 1):
            pool = inside if rng.random() < SHARE_MOVED else outside
            parent = rng.choice(pool) if pool and rng.random() < 0.999 else None
            if parent is None and pool is inside:
                parent = MOVED
            parents[group], depths[group] = parent, depths[parent] + 1 if parent else 1
            if depths[group] < DEPTH:
                pool.append(group)
        self.mean_depth = sum(depths.values()) / len(depths)
        self.deepest = max(depths.values())
        for level in range(1, CHAIN + 1):
            parents[self.random_groups + level] = self.random_groups + level - 1 if level > 1 else None
        self.parents = parents
        self._rng = rng

    @functools.cached_property
    def project_groups(self):
        random_ones = [self._rng.randint(1, self.random_groups) for _ in range(self.count)]
        return random_ones + [self.random_groups + level for level in range(1, CHAIN + 1) for _ in range(CHAIN_PROJECTS)]

    @property
    def moved_projects(self):
        below = {MOVED}
        for group, parent in self.parents.items():  # a parent's number is smaller
            if parent in below:
                below.add(group)
        return sum(group in below for group in self.project_groups)

    def groups(self):
        return self.parents.items()

    def projects(self):
        return enumerate(self.project_groups, 1)

    def chain_projects(self, level):
        """First and last project on a level of the chain (1: the top)."""
        first = self.count + (level - 1) * CHAIN_PROJECTS + 1
        return first, first + CHAIN_PROJECTS - 1
