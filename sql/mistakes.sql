-- Typical mistakes of somebody new, one after the other, and what is said to each. To be read as a story: a message has
-- to lead out by itself.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
DROP SCHEMA IF EXISTS app CASCADE;
CREATE EXTENSION integration_defaults;
RESET client_min_messages;
SET search_path = integration_defaults;
\pset format unaligned
\pset tuples_only on
\set SHOW_CONTEXT never

-- 1. I set something before there is any type.
SELECT set_default('slack', '{"channel": "#general"}');

-- 2. I load a catalogue that is not there.
SELECT load_catalog('github');

-- 3. I write a schema of my own, with a pattern that is not closed,
SELECT register_integration('chat', '{"properties": {"url": {"type": "string", "pattern": "^https://(a|b"}}}');

-- 4. a default that does not fit,
SELECT register_integration('chat', '{"properties": {"retries": {"type": "integer", "default": "3", "minimum": 1}}}');
-- (of a secret its value is not said,)
SELECT register_integration('chat', '{"properties": {"token": {"type": "string", "writeOnly": true, "default": 12345}}}');

-- 5. a level that is not one,
SELECT register_integration('chat', '{"x-levels": ["instance", "grup"]}');

-- 6. and an atomic group with a name that is no property.
SELECT register_integration('chat', '{"properties": {"url": {}, "token": {}}, "x-atomic": [["url", "tokn"]]}');

-- Now it is right.
SELECT register_integration('chat', '{"type": "object", "required": ["url", "token"], "additionalProperties": false, "properties": {
    "url": {"type": "string", "pattern": "^https://"}, "token": {"type": "string", "writeOnly": true},
    "channel": {"type": "string"}, "retries": {"type": "integer", "default": 3}}, "x-atomic": [["url", "token"]]}'),
    register_integration('jira'), register_integration('mattermost');

-- 7. I misspell a type,
SELECT set_default('chta', '{"url": "https://a", "token": "t"}');
-- shout,
SELECT set_default('CHAT', '{"url": "https://a", "token": "t"}');
-- or mean something else.
SELECT set_default('*', '{"url": "https://a", "token": "t"}');
SELECT * FROM resolve('Chat');

-- 8. I misspell a field.
SELECT set_default('chat', '{"url": "https://a", "token": "t", "chanel": "#a"}');

-- 9. I give text where JSON is wanted, and a list where an object is.
SELECT set_default('chat', 'url=https://a');
SELECT set_default('chat', '["https://a"]');

-- 10. I give a value that the schema does not want.
SELECT set_default('chat', '{"url": "http://a", "token": "t"}');

-- 11. I allow only one type, and misspell it.
SELECT allow_integrations('{chat,gira}');

-- 12. I track my projects before my groups.
CREATE SCHEMA app;
CREATE TABLE app.teams (id integer PRIMARY KEY, parent_id integer, name text);
CREATE TABLE app.repos (id integer PRIMARY KEY, team_id integer);
INSERT INTO app.teams VALUES (1, NULL, 'One'), (2, 1, 'Two');
INSERT INTO app.repos VALUES (10, 1), (20, 2), (30, NULL);
SELECT track_projects('app.repos', group_column => 'team_id');

-- 13. I forget that my column has another name.
SELECT track_groups('app.teams'), track_projects('app.repos');
SELECT track_groups('app.teams', label_column => 'title');
SELECT track_groups('app.teams', label_column => 'name'), track_projects('app.repos', group_column => 'team_id');

-- 14. I add a project by hand, too.
SELECT add_project(40, 1);

-- 15. I track a second table.
CREATE TABLE app.more (id integer PRIMARY KEY, team_id integer);
SELECT track_projects('app.more', group_column => 'team_id');

-- 16. I look for a project that is not there.
SELECT set_custom('chat', 99, '{"url": "https://a", "token": "t"}');

-- 17. My subquery finds no project,
SELECT set_custom('chat', (SELECT id FROM app.repos WHERE id = 99), '{"url": "https://a", "token": "t"}');
SELECT use_default('chat', (SELECT id FROM app.repos WHERE id = 99));
-- 18. or no group, and I do not mean the instance.
SELECT set_default('chat', '{"url": "https://a", "token": "t"}', (SELECT id FROM app.teams WHERE id = 99));

-- 19. I give a project and a group.
SELECT * FROM resolve('chat', 20, 2);

-- 20. I change one field of a default,
SELECT set_default('chat', '{"url": "https://a", "token": "t"}');
SELECT set_default('chat', '{"channel": "#b"}');
-- and one of a project.
SELECT set_custom('chat', 20, '{"channel": "#b"}');
SELECT override_fields('chat', '{"channel": "#b"}', 20);
-- (Where that would not help, it is not said.)
SELECT reset_default('chat');
SELECT set_custom('chat', 10, '{"channel": "#b"}');
SELECT set_default('chat', '{"url": "https://a", "token": "t"}');

-- 21. I take a field back that has another name.
SELECT inherit_fields('chat', '{chanel}', 20);

-- 22. I take one back from custom settings, which inherit nothing.
SELECT set_custom('chat', 10, '{"url": "https://b", "token": "u"}');
SELECT inherit_fields('chat', '{url}', 10);

-- 23. I lock a field that has another name.
SELECT lock_fields('chat', '{tokn}', 1);

-- 24. I set what is locked above me,
SELECT lock_fields('chat', '{channel}');
SELECT override_fields('chat', '{"channel": "#c"}', group_id => 2);
-- 25. and I unlock it where it is not locked.
SELECT unlock_fields('chat', '{channel}', 2);
SELECT unlock_fields('chat', group_id => 2);
SELECT unlock_fields('chat', '{channel}');
SELECT unlock_fields('chat', '{channel}', 2);

-- 26. I remove a type that is in use, and one that has another name.
SELECT unregister_integration('chat');
SELECT unregister_integration('jiira');

-- 27. I name a view with its schema.
SELECT create_view('chat', 'app.chat');
SELECT create_view('chat', 'app."Chat"'), create_view('chat', '"app"."a.b"');
SELECT create_view('chat', 'app.'), create_view('chat');
SELECT create_view('chat', 'here.app.chat');
SELECT create_view('chat', 'nowhere.chat');

-- 28. I make a view again, and have written a comment on it.
SELECT obj_description('app.chat'::regclass);
COMMENT ON VIEW app.chat IS 'mine';
COMMENT ON COLUMN app.chat.url IS 'mine, too';
SELECT create_view('chat', 'app.chat');
SELECT obj_description('app.chat'::regclass), col_description('app.chat'::regclass, attnum)
FROM pg_attribute WHERE attrelid = 'app.chat'::regclass AND attname = 'url';
UPDATE integrations SET name = 'talk' WHERE name = 'chat';
DROP VIEW app.chat;
SELECT create_view('talk', 'app.chat');
SELECT obj_description('app.chat'::regclass);

-- 29. I move a team into itself, and delete one that is not empty.
UPDATE app.teams SET parent_id = 2 WHERE id = 1;
DELETE FROM app.teams WHERE id = 2;

-- 30. I restore only a part: rows come in that no trigger saw.
SET session_replication_role = replica;
INSERT INTO app.teams VALUES (3, 1, 'Three');
INSERT INTO app.repos VALUES (50, 3);
RESET session_replication_role;
SELECT override_fields('talk', '{"channel": "#50"}', 50);
SELECT resync('app.repos');
SELECT resync('app.teams') + resync('app.repos');
SELECT override_fields('talk', '{"channel": "#50"}', 50);

-- 31. I write to the tables that follow, and to a report.
INSERT INTO groups VALUES ('x', NULL);
SELECT materialize('talk');
UPDATE effective_settings SET active = false;

-- 32. I draw a tree of nothing.
SELECT tree('talk', depth => -1);
SELECT compare('talk', 10, 99);
SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
