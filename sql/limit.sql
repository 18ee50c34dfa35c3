-- No statement changes what more projects end up with than integration_defaults.max_affected.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
RESET client_min_messages;
SET search_path = public, integration_defaults;
\getenv here PG_ABS_SRCDIR
\set refusal :here '/sql/refusal.psql'
\i :refusal
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA limit_app;
CREATE TABLE limit_app.groups (id int PRIMARY KEY, parent_id int);
CREATE TABLE limit_app.projects (id int PRIMARY KEY, group_id int);
INSERT INTO limit_app.groups VALUES (1, NULL), (2, NULL);
INSERT INTO limit_app.projects VALUES (10, 1), (11, 1), (12, 1), (20, 2), (30, NULL);
SELECT track_groups('limit_app.groups'), track_projects('limit_app.projects');
SELECT register_integration('chat'), register_integration('mail');
SELECT set_custom('chat', 20, '{"url": "own"}');

-- Four of five: at the limit and beyond it, the text first.
SET integration_defaults.max_affected = 3;
SELECT undone($$SELECT set_default('chat', '{"url": "u"}')$$);
CREATE FUNCTION counts(statement text, most int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('integration_defaults.max_affected', (most - 1)::text, true);
    RETURN split_part(undone(statement), E'\n', 1) || ' / ' ||
        (SELECT undone(statement) FROM set_config('integration_defaults.max_affected', most::text, true));
END $$;
SELECT counts($$SELECT set_default('chat', '{"url": "u"}')$$, 4);
SELECT counts($$INSERT INTO instance_settings (integration, custom, active, settings) VALUES ('chat', true, true, '{"url": "u"}')$$, 4);
SELECT counts($$INSERT INTO project_integrations (project_id, integration, settings) VALUES (10, 'chat', '{}'), (11, 'chat', '{}')$$, 2);
SET integration_defaults.max_affected = -1;
SELECT set_default('chat', '{"url": "u"}'), set_default('mail', '{}', group_id => 2), set_default('chat', '{"url": "g"}', group_id => 2);
SELECT counts($$UPDATE instance_settings SET settings = '{"url": "v"}'$$, 4);
SELECT counts($$DELETE FROM instance_settings$$, 4);
SELECT counts($$TRUNCATE instance_settings$$, 4);
SELECT counts($$TRUNCATE project_settings$$, 1);
SELECT counts($$TRUNCATE instance_settings, group_settings, project_settings$$, 5);
SELECT counts($$SELECT allow_integrations(ARRAY['mail'])$$, 5);
SELECT counts($$SELECT register_integration('chat', '{"properties": {"color": {"default": "red"}}}')$$, 5);
SELECT counts($$SELECT reset_below('chat')$$, 1);
-- The app's own: a move, and what comes and goes.
SET integration_defaults.max_affected = 2;
UPDATE limit_app.groups SET parent_id = 2 WHERE id = 1;
UPDATE limit_app.projects SET group_id = 2 WHERE group_id = 1;
SELECT * FROM limit_app.groups ORDER BY id;
SET integration_defaults.max_affected = 3;
UPDATE limit_app.groups SET parent_id = 2 WHERE id = 1;
UPDATE limit_app.groups SET parent_id = NULL WHERE id = 1;
SET integration_defaults.max_affected = 0;
SELECT undone($$DELETE FROM limit_app.projects WHERE group_id = 1$$);
SELECT undone($$INSERT INTO limit_app.projects SELECT n, 1 FROM generate_series(100, 200) n$$);
SELECT undone($$SELECT drop_redundant('chat')$$);
-- What was in a group that goes has moved, whichever of both comes first.
BEGIN;
DELETE FROM limit_app.groups WHERE id = 2;
UPDATE limit_app.projects SET group_id = NULL WHERE group_id = 2;
COMMIT;
BEGIN;
UPDATE limit_app.projects SET group_id = NULL WHERE group_id = 2;
DELETE FROM limit_app.groups WHERE id = 2;
COMMIT;
-- A statement that would fail fails in the preview.
SELECT undone($$SELECT count(*) FROM preview('SELECT integration_defaults.set_default(''chat'', ''{}'')')$$);
-- Each statement of a transaction for itself; all that is sent at once together.
SET integration_defaults.max_affected = 1;
BEGIN;
UPDATE project_integrations SET settings = '{"url": "1"}' WHERE project_id = '10' AND integration = 'chat';
UPDATE project_integrations SET settings = '{"url": "1"}' WHERE project_id = '11' AND integration = 'chat';
ROLLBACK;
SELECT undone($$SELECT set_custom('chat', id, '{"url": "1"}') FROM limit_app.projects WHERE group_id = 1$$);
-- What was changed back, or rolled back, does not count.
SELECT undone($$DO 'BEGIN PERFORM integration_defaults.set_custom(''chat'', 10, ''{"url": "1"}''); PERFORM integration_defaults.use_default(''chat'', 10);
    PERFORM integration_defaults.set_custom(''chat'', 11, ''{"url": "1"}''); END'$$);
SELECT count(*) FROM project_settings;

RESET integration_defaults.max_affected;
SET client_min_messages = warning;
DROP EXTENSION integration_defaults CASCADE;
DROP SCHEMA limit_app CASCADE;
DROP FUNCTION counts, undone, refusal;
