-- What SQLsmith builds its queries from: an app that is tracked, settings of many types, three of
-- them materialized, values of the types that our functions take, and the functions that return tables as views, because
-- it calls none of those itself.
CREATE EXTENSION integration_defaults;
CREATE SCHEMA app;
CREATE TABLE app.groups (id int PRIMARY KEY, parent_id int);
CREATE TABLE app.projects (id int PRIMARY KEY, group_id int);
INSERT INTO app.groups SELECT n, nullif(n / 3, 0) FROM generate_series(1, 60) n;
INSERT INTO app.projects SELECT n, 1 + n % 60 FROM generate_series(1, 500) n;
SELECT integration_defaults.track_groups('app.groups'), integration_defaults.track_projects('app.projects');
SELECT integration_defaults.load_catalog();
SELECT integration_defaults.register_integration('any');
SELECT integration_defaults.set_default('slack', '{}', n, active => false) FROM generate_series(1, 20) n;
SELECT integration_defaults.lock_fields('slack', '{channel}', n) FROM generate_series(1, 20, 7) n;
SELECT integration_defaults.set_custom('jira', n, '{}', active => false) FROM generate_series(1, 50) n;
SELECT integration_defaults.set_default('any', '{"a": 1}');
SELECT integration_defaults.override_fields('any', '{"b": [1, null, {"c": "d"}]}', n) FROM generate_series(1, 50) n;
SELECT integration_defaults.materialize('slack'), integration_defaults.materialize('jira'), integration_defaults.materialize('any');

CREATE TABLE app.wood (
    id integration_defaults.external_id, integration text, settings jsonb, schema jsonb, fields text[], active boolean, source regclass, name name);
INSERT INTO app.wood
    SELECT CASE WHEN n % 7 > 0 THEN n::integration_defaults.external_id END, (ARRAY['slack', 'jira', 'any', '', NULL])[1 + n % 5],
        (ARRAY['{}', '{"a": 1}', '{"channel": "#x", "url": null}', '[]', '1', NULL]::jsonb[])[1 + n % 6],
        (ARRAY['{}', '{"properties": {"a": {"type": "string", "writeOnly": true}, "b": {"default": 1}}, "x-atomic": [["a", "b"]]}', '{"pattern": "("}', 'null']::jsonb[])[1 + n % 4],
        (ARRAY['{}', '{a}', '{channel,active}', '{*,NULL}', NULL])[1 + n % 5]::text[], (ARRAY[true, false, NULL])[1 + n % 3],
        (ARRAY['app.groups', 'app.projects', 'app.wood', 'pg_class', NULL]::regclass[])[1 + n % 5], (ARRAY['id', 'parent_id', 'group_id', ''])[1 + n % 4]
    FROM generate_series(1, 60) n;
SET search_path = app;
SELECT integration_defaults.create_view('slack'), integration_defaults.create_view('any'), integration_defaults.create_general_view();
CREATE VIEW resolved AS SELECT r.* FROM wood, integration_defaults.resolve('slack', group_id => id) r WHERE id::text::int <= 60;
CREATE VIEW resolved_all AS SELECT r.* FROM generate_series(1, 60) g, integration_defaults.resolve_all(group_id => g) r;
CREATE VIEW explained AS SELECT e.* FROM projects, integration_defaults.explain('any', id) e;
CREATE VIEW customs AS SELECT * FROM integration_defaults.projects_using_custom_settings('jira');
CREATE VIEW defaults AS SELECT * FROM integration_defaults.projects_using_default('slack', '5');
CREATE VIEW invalid AS SELECT * FROM integration_defaults.invalid_settings();
CREATE VIEW redundant AS SELECT * FROM integration_defaults.redundant_overrides('any');
CREATE VIEW valid AS SELECT v.* FROM wood, integration_defaults.validate_settings('jira', settings) v;
CREATE VIEW tree AS SELECT integration_defaults.tree('slack') AS line;
