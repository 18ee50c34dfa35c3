// What sql_names.py finds in C++. Never compiled.
Statement right[] = {
    {"SELECT g.id FROM integration_defaults.groups g WHERE g.id OPERATOR(pg_catalog.=) $1 AND g.parent_id IS NULL"},
    {"INSERT INTO integration_defaults." table " (id, " parent ") VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET id = $2"},
    {"UPDATE integration_defaults." table " t SET " parent " = NULL, id = $1 WHERE NOT EXISTS (SELECT FROM " WANTED " v)"},
    {"WITH RECURSIVE subtree (id) AS (SELECT $1::pg_catalog.text COLLATE pg_catalog.\"C\" UNION SELECT s.id FROM subtree s) "
     "SELECT pg_catalog.count(*), COALESCE(pg_catalog.min(x), '') FROM ROWS FROM (pg_catalog.unnest($1)) AS given (id)"},
    {"SELECT CASE WHEN a OPERATOR(pg_catalog.<) -1 THEN pg_catalog.text 'x' END FROM integration_defaults.groups FOR UPDATE"},
    {"CREATE OR REPLACE TRIGGER t AFTER INSERT OR UPDATE ON integration_defaults.groups EXECUTE FUNCTION integration_defaults.f()"},
    {"DELETE FROM %s t WHERE t.%s OPERATOR(pg_catalog.=) ANY ($1)"},
};
void messages() {
    throw Refusal(ERRCODE, "SELECT and UPDATE of x = y are not LIKE this").hint(cat("Use IN (a, b) or now() WHERE needed.", x));
    ereport(ERROR, (errmsg("UPDATE FROM groups = %s", x), errdetail("WHERE x BETWEEN 1 AND 2")));
}
Statement wrong[] = {
    {"SELECT g.id FROM integration_defaults.groups g WHERE g.id = $1"}, // finds: an operator without OPERATOR(pg_catalog.…)
    {"SELECT " COLUMNS " FROM groups"},                                  // finds: a table without its schema
    {"SELECT a FROM integration_defaults.groups JOIN projects p ON true"}, // finds: a table without its schema
    {"UPDATE groups SET id = $1"},                                       // finds: a table without its schema
    {"INSERT INTO groups (id) VALUES ($1)"},                             // finds: a table without its schema
    {"SELECT count(*) FROM integration_defaults.groups"},                // finds: a function without its schema
    {"SELECT a FROM unnest($1) x (a)"},                                  // finds: a function without its schema
    {"SELECT $1::text"},                                                 // finds: a type without its schema
    {"SELECT CAST($1 AS text)"},                                         // finds: a type without its schema
    {"SELECT text 'x' AS a"},                                            // finds: a type without its schema
    {"SELECT 'groups'::pg_catalog.regclass"},                            // finds: a name without its schema in a literal
    {"SELECT a COLLATE \"C\""},                                          // finds: a collation without its schema
    {"SELECT 1 WHERE a IN (SELECT b)"},                                  // finds: IN (…)
    {"SELECT 1 WHERE a IN ($1, $2)"},                                    // finds: IN (…)
    {"SELECT 1 WHERE a BETWEEN $1 AND $2"},                              // finds: BETWEEN
    {"SELECT NULLIF(a, b)"},                                             // finds: NULLIF
    {"SELECT CASE a WHEN b THEN c END"},                                 // finds: CASE x WHEN
    {"SELECT 1 WHERE a LIKE b"},                                         // finds: LIKE
    {"SELECT 1 WHERE a SIMILAR TO b"},                                   // finds: SIMILAR
    {"SELECT 1 FROM a.b JOIN a.c USING (id)"},                           // finds: USING
    {"SELECT 1 FROM a.b NATURAL JOIN a.c"},                              // finds: NATURAL
    {"SELECT 1 WHERE a IS DISTINCT FROM b"},                             // finds: IS [NOT] DISTINCT FROM
    {"SELECT 1 WHERE a IS NOT DISTINCT FROM b"},                         // finds: IS [NOT] DISTINCT FROM
    {"SELECT a || b"},                                                   // finds: an operator without OPERATOR(pg_catalog.…)
    {"SELECT a - 1 FROM x.y"},                                           // finds: an operator without OPERATOR(pg_catalog.…)
    {"SELECT a.b OPERATOR(pg_catalog.=) "
     "ANY (SELECT lower(b) "                                             // finds: a function without its schema
     "FROM x.y WHERE c->>'d' OPERATOR(pg_catalog.=) e)"},                // finds: an operator without OPERATOR(pg_catalog.…)
};
const char *raw = R"(SELECT 1
    FROM groups)"; // finds: a table without its schema
