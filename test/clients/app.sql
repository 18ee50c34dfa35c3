-- The app that every client of these tests stands for: groups, projects and their Slack settings. A client replaces
-- KEY_TYPE by the type of its ids (bigint, uuid) and runs this before it maps anything. Ids are lpad('7', 32, '0')::KEY_TYPE.
DROP SCHEMA IF EXISTS app CASCADE;
CREATE SCHEMA app;
SET search_path = app;

TRUNCATE integration_defaults.groups, integration_defaults.projects, integration_defaults.integrations,
    integration_defaults.instance_settings, integration_defaults.group_settings, integration_defaults.project_settings;

CREATE TABLE groups (id KEY_TYPE PRIMARY KEY, parent_id KEY_TYPE REFERENCES groups, name text NOT NULL);
CREATE TABLE projects (id KEY_TYPE PRIMARY KEY, group_id KEY_TYPE REFERENCES groups, name text NOT NULL);
SELECT integration_defaults.track_groups('groups'), integration_defaults.track_projects('projects');

CREATE FUNCTION key(n integer) RETURNS KEY_TYPE LANGUAGE sql AS $$ SELECT lpad(n::text, 32, '0')::KEY_TYPE $$;
INSERT INTO groups VALUES (key(1), NULL, 'company'), (key(2), key(1), 'team');
INSERT INTO projects SELECT key(n), key(1 + mod(n - 1, 2)), 'project ' || n FROM generate_series(1, 200) n;

SELECT integration_defaults.register_integration('slack', '{
    "type": "object",
    "required": ["webhook"],
    "additionalProperties": false,
    "properties": {
        "webhook": {"type": "string", "format": "uri"},
        "token": {"type": "string", "writeOnly": true},
        "channel": {"type": "string"},
        "retries": {"type": "integer", "minimum": 0},
        "sample_rate": {"type": "number"},
        "push_events": {"type": "boolean", "default": false},
        "labels": {"type": "array", "items": {"type": "string"}}
    },
    "x-atomic": [["webhook", "token"]]
}');
SELECT integration_defaults.set_default('slack', '{"webhook": "https://hooks.example/1", "token": "t-1", "channel": "#general",
    "retries": 3, "sample_rate": 0.5, "push_events": true, "labels": ["all"]}');
-- The team's projects, those with even ids, have a channel of their own and can't stop push events.
SELECT integration_defaults.override_fields('slack', '{"channel": "#team"}', group_id => key(2)),
       integration_defaults.lock_fields('slack', '{push_events}', group_id => key(2));
SELECT integration_defaults.create_view('slack'), integration_defaults.create_general_view();
