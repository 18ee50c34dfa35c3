-- What sql_names.py finds in a script. Never run.
\echo a = b in a command of psql
CREATE TABLE integration_defaults.right (
    id text COLLATE pg_catalog."C" NOT NULL PRIMARY KEY CHECK (pg_catalog.octet_length(id) OPERATOR(pg_catalog.>=) 1),
    settings jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 20); ALTER TABLE integration_defaults.right SET (fillfactor = 30);
CREATE INDEX right_idx ON integration_defaults.right (id);
CREATE FUNCTION integration_defaults.f(id integration_defaults.external_id DEFAULT integration_defaults.not_given()) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'f';
COMMENT ON FUNCTION integration_defaults.f(integration_defaults.external_id) IS 'a = b, IN (c), GRANT and now()';
CREATE OPERATOR integration_defaults.= (FUNCTION = integration_defaults.f, NEGATOR = OPERATOR(integration_defaults.<>));
CREATE TYPE integration_defaults.t (INPUT = integration_defaults.i, INTERNALLENGTH = VARIABLE);
CREATE TRIGGER f AFTER UPDATE OF id ON integration_defaults.right
    FOR EACH ROW WHEN (OLD.id OPERATOR(pg_catalog.<>) NEW.id) EXECUTE FUNCTION integration_defaults.f();
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['a', 'b'] LOOP
        EXECUTE pg_catalog.format($f$ALTER TABLE integration_defaults.%1$I ENABLE ALWAYS TRIGGER f$f$, name);
    END LOOP;
END
$$;

CREATE OR REPLACE VIEW integration_defaults.v AS SELECT 1; -- finds: CREATE OR REPLACE
CREATE TABLE IF NOT EXISTS integration_defaults.u (a text); -- finds: IF NOT EXISTS
GRANT SELECT ON integration_defaults.u TO x; -- finds: GRANT
REVOKE ALL ON integration_defaults.u FROM x; -- finds: REVOKE; a table without its schema
CREATE TABLE u (a text); -- finds: a table without its schema
CREATE VIEW v AS SELECT 1; -- finds: a name without its schema
CREATE FUNCTION g() RETURNS void LANGUAGE c AS 'x'; -- finds: a function without its schema
CREATE INDEX u_idx ON u (a); -- finds: a table without its schema
CREATE TRIGGER f AFTER INSERT ON u EXECUTE FUNCTION integration_defaults.f(); -- finds: a table without its schema
CREATE TRIGGER f AFTER INSERT ON integration_defaults.u EXECUTE FUNCTION f(); -- finds: a function without its schema
CREATE FUNCTION integration_defaults.h(id external_id) RETURNS void LANGUAGE c AS 'x'; -- finds: a type without its schema
CREATE VIEW integration_defaults.w AS SELECT a FROM integration_defaults.u WHERE a = 'x'; -- finds: an operator without OPERATOR(pg_catalog.…)
CREATE VIEW integration_defaults.x AS SELECT a FROM u WHERE true; -- finds: a table without its schema
DO $$
BEGIN
    IF a = b THEN -- finds: an operator without OPERATOR(pg_catalog.…)
        PERFORM format('CREATE TRIGGER x ON u FROM %I'); -- finds: a function without its schema; a table without its schema
        EXECUTE pg_catalog.format($f$
            CREATE TRIGGER y AFTER INSERT ON integration_defaults.%I EXECUTE FUNCTION y() -- finds: a function without its schema
        $f$, a);
    END IF;
END
$$;
