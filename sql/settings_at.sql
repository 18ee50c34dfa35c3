-- settings_at() in FROM: who may not read it learns nothing, whenever that is asked; and answers are those of the server's
-- own node (ROWS FROM of two functions), whatever stands beside.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
RESET client_min_messages;
SELECT integration_defaults.register_integration('chat'), integration_defaults.register_integration('mail');
INSERT INTO integration_defaults.groups VALUES ('a', NULL);
INSERT INTO integration_defaults.projects VALUES ('1', 'a'), ('2', NULL), ('3', 'a');
SELECT integration_defaults.set_default('chat', '{"url": "all"}'), integration_defaults.set_default('mail', '{"url": "a"}', 'a');
CREATE SCHEMA beside;
CREATE TABLE beside.notes (id text COLLATE "POSIX" PRIMARY KEY, note text);
INSERT INTO beside.notes VALUES ('1', NULL), ('chat', 'x');

-- an expression that an outer join below makes NULL
CREATE VIEW beside.noted AS SELECT id, note, COALESCE(note, 'none') AS said FROM beside.notes;
SELECT p.id, n.note, n.said, s.integration
FROM integration_defaults.projects p LEFT JOIN beside.noted n ON n.id COLLATE "C" = p.id,
    integration_defaults.settings_at(p.id, p.group_id, true) s ORDER BY p.id, s.integration;
SELECT p.id, n.note, n.said, s.integration
FROM integration_defaults.projects p LEFT JOIN beside.noted n ON n.id COLLATE "C" = p.id,
    ROWS FROM (integration_defaults.settings_at(p.id, p.group_id, true), generate_series(1, 0)) s ORDER BY p.id, s.integration;
-- two collations in conflict, and none
SELECT count(*) FROM integration_defaults.project_integrations WHERE integration = (SELECT id FROM beside.notes WHERE note = 'x');
SELECT count(*) FROM integration_defaults.project_integrations WHERE integration = (SELECT id COLLATE "C" FROM beside.notes WHERE note = 'x');
-- nothing, proved before anything is read
SELECT count(*) FROM integration_defaults.project_integrations WHERE active AND false;
SELECT count(v.project_id) FROM beside.notes LEFT JOIN (SELECT * FROM integration_defaults.project_integrations WHERE false) v ON v.project_id = id COLLATE "C";
-- arguments of any size
SELECT count(*) FROM integration_defaults.settings_at(NULL, NULL, NULL);
SELECT count(*) FROM integration_defaults.settings_at(repeat('x', 100000), repeat('y', 100000), true);
SELECT count(*) FROM integration_defaults.settings_at(repeat('x', 100000), NULL, true) WHERE integration <> repeat('z', 1000000);
SELECT count(*) FROM (SELECT repeat(n::text, 100000) AS id FROM generate_series(1, 3) n) big, integration_defaults.settings_at(big.id, NULL, true) s;
-- out of line, compressed, and neither
CREATE TABLE beside.far (stored text, id text, kind text, filler text) WITH (toast_tuple_target = 128);
ALTER TABLE beside.far ALTER id SET STORAGE EXTERNAL, ALTER kind SET STORAGE EXTERNAL, ALTER filler SET STORAGE PLAIN;
CREATE TABLE beside.small (LIKE beside.far) WITH (toast_tuple_target = 128);
ALTER TABLE beside.small ALTER id SET STORAGE MAIN, ALTER kind SET STORAGE MAIN, ALTER filler SET STORAGE PLAIN;
SELECT integration_defaults.register_integration(repeat('k', 60)), integration_defaults.set_default(repeat('k', 60), '{"url": "k"}'),
    integration_defaults.add_project(repeat('i', 200)), integration_defaults.set_custom('chat', repeat('i', 200), '{"url": "far"}');
INSERT INTO beside.far VALUES ('far', repeat('i', 200), repeat('k', 60), repeat('f', 3000));
INSERT INTO beside.small VALUES ('small', repeat('i', 200), repeat('k', 60), repeat('f', 3000));
SELECT x.stored, pg_column_size(x.id) < 200 AS id_packed, pg_column_size(x.kind) < 60 AS kind_packed, s.integration = x.kind AS kind, s.settings, s.inherited
FROM (SELECT * FROM beside.far UNION ALL SELECT * FROM beside.small) x, integration_defaults.settings_at(x.id, NULL, true) s
WHERE s.integration = 'chat' OR s.integration = x.kind ORDER BY 1, 5;
SELECT x.stored, s.settings FROM beside.far x, integration_defaults.settings_at(x.id, NULL, true) s WHERE s.integration = x.kind COLLATE "C";
SELECT x.stored, s.settings FROM beside.small x, integration_defaults.settings_at(x.id, NULL, true) s WHERE s.integration = x.kind COLLATE "C";
SELECT integration_defaults.remove_project(repeat('i', 200)), integration_defaults.reset_default(repeat('k', 60));
SELECT integration_defaults.unregister_integration(repeat('k', 60));
DROP TABLE beside.far, beside.small;

-- whoever may not read
CREATE ROLE regress_stranger;
CREATE ROLE regress_reading;
GRANT USAGE ON SCHEMA integration_defaults, beside TO regress_stranger;
GRANT SELECT ON ALL TABLES IN SCHEMA integration_defaults TO regress_stranger;
SELECT integration_defaults.grant_access('regress_reading', 'read');
GRANT CREATE ON SCHEMA beside TO regress_stranger;
SET ROLE regress_stranger;
CREATE FUNCTION beside.tells(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS 'BEGIN RAISE INFO ''told of %'', $1; RETURN true; END';
SELECT * FROM integration_defaults.project_integrations WHERE beside.tells(project_id);
SELECT * FROM integration_defaults.group_integrations WHERE beside.tells(group_id) LIMIT 0;
SELECT 1 FROM generate_series(1, 2) n LEFT JOIN integration_defaults.all_project_integrations v ON beside.tells(v.project_id);
EXPLAIN ANALYZE SELECT * FROM integration_defaults.project_integrations WHERE beside.tells(project_id);
SELECT * FROM integration_defaults.settings_at('1', 'a', true);
SELECT integration_defaults.settings_at('1', 'a', true);
RESET ROLE;
-- a plan is anybody's
SET plan_cache_mode = force_generic_plan;
PREPARE all_rows AS SELECT count(*) FROM integration_defaults.project_integrations;
EXECUTE all_rows;
SET ROLE regress_stranger;
EXECUTE all_rows;
SET ROLE regress_reading;
EXECUTE all_rows;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION integration_defaults.settings_at FROM PUBLIC;
SET ROLE regress_reading;
EXECUTE all_rows;
RESET ROLE;
GRANT EXECUTE ON FUNCTION integration_defaults.settings_at TO PUBLIC;
-- a cursor: each scope is looked up with the rights of whoever fetches it
CREATE FUNCTION beside.opens(name refcursor) RETURNS refcursor LANGUAGE plpgsql SECURITY DEFINER AS
    'BEGIN OPEN name FOR SELECT project_id, integration FROM integration_defaults.project_integrations; RETURN name; END';
SET ROLE regress_stranger;
BEGIN;
SELECT beside.opens('opened');
FETCH FROM opened;
ROLLBACK;
RESET ROLE;
BEGIN;
DECLARE opened CURSOR FOR SELECT project_id, integration FROM integration_defaults.project_integrations WHERE integration = 'chat' AND project_id > '1';
FETCH FROM opened;
SET LOCAL ROLE regress_stranger;
FETCH FROM opened;
ROLLBACK;

-- altered by a superuser: the server's own node, and back again
CREATE FUNCTION beside.node() RETURNS text LANGUAGE plpgsql AS
$$
    DECLARE
        plan json;
    BEGIN
        EXECUTE 'EXPLAIN (FORMAT json) SELECT FROM integration_defaults.project_integrations' INTO plan;
        RETURN substring(plan::text FROM 'Custom Scan|Function Scan');
    END
$$;
SELECT beside.node();
ALTER FUNCTION integration_defaults.settings_at STRICT;
SELECT beside.node();
EXECUTE all_rows;
ALTER FUNCTION integration_defaults.settings_at CALLED ON NULL INPUT SECURITY DEFINER;
SELECT beside.node();
EXECUTE all_rows;
SET ROLE regress_stranger;
EXECUTE all_rows;
RESET ROLE;
ALTER FUNCTION integration_defaults.settings_at SECURITY INVOKER SET work_mem = '64kB';
SELECT beside.node();
ALTER FUNCTION integration_defaults.settings_at RESET ALL;
ALTER FUNCTION integration_defaults.settings_at VOLATILE PARALLEL UNSAFE;
SELECT beside.node();
EXECUTE all_rows;
ALTER FUNCTION integration_defaults.settings_at STABLE PARALLEL SAFE;
-- in the middle of planning, which asks for what a STABLE function gives
CREATE FUNCTION beside.alters() RETURNS text LANGUAGE plpgsql AS
    'BEGIN ALTER FUNCTION integration_defaults.settings_at STRICT; RETURN ''x''; END';
CREATE FUNCTION beside.asked() RETURNS text STABLE LANGUAGE plpgsql AS 'BEGIN RETURN beside.alters(); END';
INSERT INTO beside.notes SELECT n || 'th' FROM generate_series(1, 1000) n;
ANALYZE beside.notes;
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
DO $$
    BEGIN
        EXECUTE 'EXPLAIN SELECT FROM integration_defaults.projects p, integration_defaults.settings_at(p.id, p.group_id, false) s, beside.notes n
            WHERE n.id = s.integration COLLATE "POSIX" || beside.asked()';
    END
$$;
SELECT proisstrict FROM pg_proc WHERE oid = 'integration_defaults.settings_at'::regproc;
RESET enable_seqscan;
RESET enable_hashjoin;
RESET enable_mergejoin;
ALTER FUNCTION integration_defaults.settings_at CALLED ON NULL INPUT;
SELECT beside.node();

RESET plan_cache_mode;
DEALLOCATE all_rows;
SELECT integration_defaults.revoke_access('regress_reading', 'read');
SET client_min_messages = warning;
DROP SCHEMA beside CASCADE;
DROP OWNED BY regress_stranger, regress_reading;
DROP ROLE regress_stranger;
DROP ROLE regress_reading;
RESET client_min_messages;

-- a dear condition waits for the cheap ones, whatever their order, as in the server's own nodes
CREATE FUNCTION dear(text, boolean) RETURNS boolean LANGUAGE plpgsql STABLE COST 10000 AS 'BEGIN RAISE NOTICE ''asked of %'', $1; RETURN $2; END';
EXPLAIN (COSTS OFF) SELECT * FROM integration_defaults.project_integrations WHERE dear(source_id, active) AND source_id = 'nowhere';
SELECT * FROM integration_defaults.project_integrations WHERE dear(source_id, active) AND source_id = 'nowhere';
SELECT * FROM integration_defaults.project_integrations WHERE dear(project_id, active) AND source_id = 'nowhere';
DROP FUNCTION dear;

-- direct calls in a UNION ALL that the planner takes apart, beside a view
SELECT DISTINCT u.inherited FROM (SELECT inherited FROM integration_defaults.settings_at(NULL, NULL, true)
    UNION ALL SELECT inherited FROM integration_defaults.settings_at(NULL, NULL, true)) u, integration_defaults.project_integrations;

-- parallel workers know groups by the numbers that their ids are; here also what has no way up, and what is no number
SET check_function_bodies = off;
INSERT INTO integration_defaults.groups VALUES ('10', NULL), ('11', '10'), ('12', '11'), ('13', '12'), ('20', 'a'), ('21', '20'), ('07', '10'), ('14', '07'),
    ('99999999', '10'), ('123456789', '11'), ('15', '123456789'), ('31', '32'), ('32', '33'), ('33', '31'), ('34', '31'), ('41', '40'), ('42', '41'),
    ('50', '50'), ('51', '50');
INSERT INTO integration_defaults.projects SELECT 'in ' || id, id FROM integration_defaults.groups;
INSERT INTO integration_defaults.projects SELECT 'p' || n, (10 + n % 5)::text FROM generate_series(1, 500) n;
RESET check_function_bodies;
SELECT integration_defaults.set_default('chat', jsonb_build_object('url', id), id) FROM unnest(ARRAY['11', '13', '14', '20', '123456789']) id;
VACUUM (ANALYZE) integration_defaults.groups, integration_defaults.projects, integration_defaults.group_settings;
CREATE TEMP TABLE alone AS SELECT * FROM integration_defaults.project_integrations;
-- The planner knows that few projects have theirs from one group: it does not go through all of them for each group.
BEGIN;
INSERT INTO integration_defaults.groups SELECT 'g' || n FROM generate_series(1, 300) n;
SELECT count(integration_defaults.set_default('chat', '{}', 'g' || n)) FROM generate_series(1, 300) n;
ANALYZE integration_defaults.groups, integration_defaults.group_settings;
DO $$
DECLARE line text; plan text := '';
BEGIN
    FOR line IN EXPLAIN (COSTS OFF) SELECT FROM integration_defaults.groups g WHERE id = '10' OR NOT EXISTS (
        SELECT FROM integration_defaults.project_integrations v WHERE v.source_id = g.id AND v.integration = 'chat')
    LOOP plan := plan || line || E'\n'; END LOOP;
    RAISE NOTICE '%', CASE WHEN plan LIKE '%hashed SubPlan%' THEN 'hashed' ELSE plan END;
END $$;
ROLLBACK;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SELECT * FROM integration_defaults.project_integrations WHERE project_id LIKE 'in %' AND integration = 'chat' ORDER BY 1;
SELECT count(*) FROM (SELECT * FROM integration_defaults.project_integrations EXCEPT ALL SELECT * FROM alone) more;
SELECT count(*) FROM (SELECT * FROM alone EXCEPT ALL SELECT * FROM integration_defaults.project_integrations) less;
EXPLAIN (COSTS OFF) SELECT count(active) FROM integration_defaults.project_integrations;
