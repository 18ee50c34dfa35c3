// Groups with all that is below them, in a statement of ours.
#pragma once

/// `WITH RECURSIVE subtree (id)`: what `start` selects (an id), and every group below.
#define WITH_SUBTREE(start)                                                                                            \
    "WITH RECURSIVE subtree (id) AS (" start " UNION SELECT g.id FROM subtree s "                                      \
    "JOIN integration_defaults.groups g ON g.parent_id OPERATOR(pg_catalog.=) s.id)"

/// The group $2 and all below.
#define WITH_SUBTREE_OF_2 WITH_SUBTREE("SELECT $2::pg_catalog.text COLLATE pg_catalog.\"C\"")
