-- Who may do what: what is given, to whom, and what keeps or loses it. What each kind of access allows is tried by
-- test/access.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
CREATE ROLE regress_access_worker;
CREATE ROLE regress_access_lead;
CREATE ROLE regress_access_heir IN ROLE regress_access_lead;
CREATE ROLE regress_access_none;
RESET client_min_messages;
SET search_path = public, integration_defaults;
\getenv here PG_ABS_SRCDIR
\set refusal :here '/sql/refusal.psql'
\i :refusal
\pset format unaligned
\pset tuples_only on
SELECT register_integration('chat', '{"properties": {"url": {"type": "string"}}}');
SELECT add_group('top'), add_group('in', 'top'), add_group('other'), add_project(1, 'in'), add_project(2, 'other');
SELECT set_default('chat', '{"url": "all"}');

-- what the functions refuse
SELECT refusal($$SELECT grant_access('regress_nobody_at_all', 'read')$$);
SELECT refusal($$SELECT grant_access('public', 'read')$$);
SELECT refusal($$SELECT grant_access('regress_access_worker', 'Read')$$);
SELECT refusal($$SELECT grant_access('regress_access_worker', '')$$);
SELECT refusal($$SELECT grant_access('regress_access_worker', NULL)$$);
SELECT refusal($$SELECT grant_access(NULL, 'read')$$);
SELECT refusal($$SELECT grant_access('regress_access_worker', 'use', 'nowhere')$$);
SELECT refusal($$SELECT grant_access('regress_access_worker', 'use', NULL)$$);
SELECT refusal($$SELECT grant_access('regress_access_worker', 'read', 'top')$$);
SELECT refusal($$SELECT revoke_access('regress_access_worker', 'read', 'top')$$);
SELECT refusal($$INSERT INTO access VALUES ('regress_access_worker', 'all')$$);
SELECT refusal($$INSERT INTO access VALUES ('regress_access_worker', 'read', 'top')$$);
SELECT refusal($$INSERT INTO access VALUES (10, 'read')$$);
SELECT refusal($$INSERT INTO access VALUES ('', 'read')$$);

-- again does no harm; what was not given is a notice
SELECT grant_access('regress_access_worker', 'use'), grant_access('regress_access_worker', 'use');
SELECT grant_access('regress_access_lead', 'write', 'top'), grant_access('regress_access_lead', 'write', 'top');
SELECT grant_access('regress_access_lead', 'use', 'in');
TABLE access;
SELECT revoke_access('regress_access_worker', 'use', 'top'), revoke_access('regress_access_worker', 'write');
SELECT has_schema_privilege('regress_access_lead', 'integration_defaults', 'USAGE'),
       has_table_privilege('regress_access_lead', 'project_integrations', 'UPDATE'),
       has_table_privilege('regress_access_worker', 'project_integrations', 'UPDATE');
SELECT revoke_access('regress_access_lead', 'write', 'top');
SELECT has_schema_privilege('regress_access_lead', 'integration_defaults', 'USAGE'),
       has_table_privilege('regress_access_lead', 'project_integrations', 'SELECT'),
       has_table_privilege('regress_access_lead', 'project_integrations', 'UPDATE');
SELECT revoke_access('regress_access_lead', 'use', 'in');
SELECT has_schema_privilege('regress_access_lead', 'integration_defaults', 'USAGE'),
       has_table_privilege('regress_access_lead', 'project_integrations', 'SELECT');
SELECT grant_access('regress_access_lead', 'write', 'top');

-- who asks: the current user, as it is now
SET ROLE regress_access_heir;
SELECT refusal($$SELECT set_custom('chat', 1, '{"url": "heir"}')$$);
SELECT refusal($$SELECT set_custom('chat', 2, '{"url": "heir"}')$$);
SELECT refusal($$SELECT active_settings('chat', 1)$$);
SELECT refusal($$SELECT grant_access('regress_access_heir', 'admin')$$);
RESET ROLE;
SELECT project_id, settings, updated_by FROM project_settings;
BEGIN;
SET LOCAL integration_defaults.actor = 'Ann';
SET LOCAL ROLE regress_access_heir;
SELECT set_custom('chat', 1, '{"url": "for Ann"}');
RESET ROLE;
COMMIT;
SELECT project_id, settings, updated_by FROM project_settings;
-- membership ends at once
BEGIN;
SET LOCAL ROLE regress_access_heir;
SELECT set_custom('chat', 1, '{"url": "member"}');
RESET ROLE;
REVOKE regress_access_lead FROM regress_access_heir;
GRANT USAGE ON SCHEMA integration_defaults TO regress_access_heir;
SET LOCAL ROLE regress_access_heir;
SELECT refusal($$SELECT set_custom('chat', 1, '{"url": "no member"}')$$);
SELECT refusal($$SELECT * FROM resolve('chat', 1)$$);
ROLLBACK;

-- what is not asked of a column is asked of the view
GRANT USAGE ON SCHEMA integration_defaults TO regress_access_none;
GRANT SELECT ON ALL TABLES IN SCHEMA integration_defaults TO regress_access_none;
REVOKE SELECT ON access, integrations, groups, projects, instance_settings, group_settings, project_settings, generations FROM regress_access_none;
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'leaked %', $1; RETURN true; END $$;
SET ROLE regress_access_none;
SELECT view, refusal(format(statement, view)) FROM
    unnest(ARRAY['project_integrations', 'group_integrations', 'instance_integrations', 'all_project_integrations', 'tracked_tables']) view,
    unnest(ARRAY['SELECT FROM %s', 'SELECT count(*) FROM %s', 'SELECT FROM generate_series(1, 2) LEFT JOIN %s ON true']) statement
    ORDER BY 1;
SELECT refusal($$SELECT FROM integration_defaults.project_integrations WHERE pg_temp.leak(project_id)$$);
SELECT refusal($$SELECT FROM integration_defaults.group_integrations WHERE pg_temp.leak(group_id)$$);
SELECT refusal($$SELECT FROM integration_defaults.instance_integrations WHERE pg_temp.leak(integration)$$);
-- what one view's node looks at for another view, too, and whether that is left where the node is
SELECT refusal('SELECT pg_temp.leak(h.by) FROM integration_defaults.history h ' OPERATOR(pg_catalog.||) joined) FROM unnest(ARRAY[
    'JOIN integration_defaults.project_integrations v ON v.project_id OPERATOR(pg_catalog.=) h.scope_id',
    'LEFT JOIN (SELECT * FROM integration_defaults.project_integrations WHERE false) v ON v.project_id OPERATOR(pg_catalog.=) h.scope_id',
    'LEFT JOIN integration_defaults.project_integrations v ON v.project_id OPERATOR(pg_catalog.=) h.scope_id AND 1 OPERATOR(pg_catalog.=) 2',
    'FULL JOIN (SELECT * FROM integration_defaults.project_integrations WHERE false) v ON v.project_id OPERATOR(pg_catalog.=) h.scope_id',
    'WHERE NOT EXISTS (SELECT FROM integration_defaults.project_integrations v WHERE v.project_id OPERATOR(pg_catalog.=) h.scope_id AND false)',
    'LEFT JOIN (integration_defaults.group_integrations g LEFT JOIN integration_defaults.project_integrations v ON false) ON g.group_id OPERATOR(pg_catalog.=) h.scope_id'])
    joined;
SELECT refusal($$SELECT FROM integration_defaults.settings_at('1', NULL, true) WHERE pg_temp.leak(integration)$$);
EXPLAIN (COSTS OFF) SELECT FROM integration_defaults.project_integrations;
RESET ROLE;
EXPLAIN (COSTS OFF) SELECT FROM instance_integrations;

-- a group that goes takes along what was given on it; one that is there again at commit has kept it; a new id is followed
SELECT grant_access('regress_access_lead', 'admin', 'other'), remove_project(2);
BEGIN;
SELECT remove_group('other'), add_group('other');
COMMIT;
SELECT * FROM access WHERE group_id = 'other';
UPDATE groups SET id = 'renamed' WHERE id = 'other';
SELECT * FROM access WHERE access = 'admin';
SELECT remove_group('renamed'), add_group('renamed');
SELECT * FROM access WHERE access = 'admin';
SELECT grant_access('regress_access_lead', 'admin', 'renamed');
BEGIN;
SAVEPOINT s;
SELECT remove_group('renamed');
ROLLBACK TO s;
COMMIT;
SELECT * FROM access WHERE access = 'admin';
BEGIN;
SELECT remove_group('renamed');
COMMIT;
SELECT add_group('renamed');
SELECT * FROM access WHERE access = 'admin';

SELECT grant_access('regress_access_lead', 'admin', 'renamed');
BEGIN;
TRUNCATE groups, group_settings, projects, project_settings;
SELECT add_group('top'), add_group('in', 'top'), add_project(1, 'in'), set_custom('chat', 1, '{"url": "for Ann"}');
COMMIT;
SELECT * FROM access WHERE access = 'admin';
SELECT access, group_id FROM access WHERE access = 'write';

-- what was written by access to a group is looked at again at commit
SELECT add_project(3), add_group('far'), add_project(4, 'far');
CREATE FUNCTION as_lead(statement text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL ROLE regress_access_lead;
    EXECUTE statement;
    RESET ROLE;
END $$;
BEGIN;
SELECT move_project(3, 'in'), as_lead($$SELECT integration_defaults.set_custom('chat', 3, '{}')$$), move_project(3, NULL);
COMMIT;
BEGIN;
SELECT move_group('far', 'in'), as_lead($$SELECT integration_defaults.use_default('chat', 4)$$), move_group('far', NULL);
COMMIT;
BEGIN;
SELECT move_project(3, 'in'), as_lead($$SELECT integration_defaults.set_custom('chat', 3, '{}')$$);
UPDATE projects SET id = '33', group_id = NULL WHERE id = '3';
COMMIT;
BEGIN;
SELECT move_project(3, 'in');
SAVEPOINT s;
SELECT as_lead($$SELECT integration_defaults.set_custom('chat', 3, '{}')$$);
ROLLBACK TO s;
SELECT move_project(3, NULL);
COMMIT;
BEGIN;
SELECT move_project(3, 'in'), as_lead($$SELECT integration_defaults.set_custom('chat', 3, '{}')$$), remove_project(3);
COMMIT;
SELECT * FROM projects ORDER BY 1;

-- a role that is renamed, dropped, made again; a name of nobody
ALTER ROLE regress_access_worker RENAME TO regress_access_renamed;
SELECT role, access FROM access WHERE access = 'use';
CREATE ROLE regress_access_worker;
GRANT USAGE ON SCHEMA integration_defaults TO regress_access_worker;
SET ROLE regress_access_worker;
SELECT refusal($$SELECT * FROM resolve('chat', 1)$$);
SET ROLE regress_access_renamed;
SELECT active_settings('chat', 1);
RESET ROLE;
DROP OWNED BY regress_access_renamed;
DROP ROLE regress_access_renamed;
SELECT role, access, is_dumped(role) FROM access WHERE access = 'use';
CREATE ROLE regress_access_renamed;
GRANT USAGE ON SCHEMA integration_defaults TO regress_access_renamed;
SET ROLE regress_access_renamed;
SELECT refusal($$SELECT * FROM resolve('chat', 1)$$);
RESET ROLE;
INSERT INTO access VALUES ('regress_access_late', 'use'), ('Some "one"', 'read');
SELECT role, access, is_dumped(role) FROM access WHERE access IN ('use', 'read') ORDER BY 2, 1;
CREATE ROLE regress_access_late;
SELECT role, access, is_dumped(role) FROM access WHERE access IN ('use', 'read') ORDER BY 2, 1;
GRANT USAGE ON SCHEMA integration_defaults TO regress_access_late;
SET ROLE regress_access_late;
SELECT refusal($$SELECT * FROM resolve('chat', 1)$$);
RESET ROLE;
SELECT grant_access('regress_access_renamed', 'use'), grant_access('regress_access_late', 'use');
SELECT role, access, is_dumped(role) FROM access ORDER BY 2, 1;
SELECT a = b, a < b, a <> b, a >= b FROM (VALUES ('regress_access_late'::role_name, 'nobody 1'::role_name), ('nobody 1', 'nobody 2'), ('nobody 1', 'nobody 1')) v (a, b);

-- TRUNCATE, and plain changes of the table
SET ROLE regress_access_late;
SELECT active_settings('chat', 1);
RESET ROLE;
BEGIN;
TRUNCATE access;
SET LOCAL ROLE regress_access_late;
SELECT refusal($$SELECT * FROM resolve('chat', 1)$$);
ROLLBACK;
SET ROLE regress_access_late;
SELECT active_settings('chat', 1);
RESET ROLE;
UPDATE access SET access = 'read' WHERE role = 'regress_access_late';
SET ROLE regress_access_late;
SELECT refusal($$SELECT active_settings('chat', 1)$$);
RESET ROLE;
-- with the trigger off nothing is remembered
ALTER TABLE access DISABLE TRIGGER note_access;
UPDATE access SET access = 'use' WHERE role = 'regress_access_late';
SET ROLE regress_access_late;
SELECT active_settings('chat', 1);
RESET ROLE;
UPDATE access SET access = 'read' WHERE role = 'regress_access_late';
SET ROLE regress_access_late;
SELECT refusal($$SELECT active_settings('chat', 1)$$);
RESET ROLE;
-- an owner of its own is not one of ours
ALTER TABLE access OWNER TO regress_access_late;
SELECT refusal($$SELECT grant_access('regress_access_lead', 'read')$$);
SET ROLE regress_access_lead;
SELECT refusal($$SELECT * FROM resolve('chat', 1)$$);
RESET ROLE;

SET client_min_messages = warning;
DROP EXTENSION integration_defaults CASCADE;
DROP FUNCTION refusal, undone, as_lead;
DROP ROLE regress_access_worker, regress_access_lead, regress_access_heir, regress_access_none, regress_access_renamed, regress_access_late;
