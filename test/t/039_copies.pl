# docs/coming-from-copies.md works as it stands there: an app's table of copies, with what such tables gather over the
# years, comes into the extension. Every row that does not fit is listed before, and nobody's settings change.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'time';

my $rows = $ENV{COPIES} // 10_000; # 1000000 by hand
my $projects = int($rows / 4);
my $node = new_node('copies');
my @steps = slurp_file("$ENV{TREE}/docs/coming-from-copies.md") =~ /^```sql\n(.*?)^```$/msg;
is(scalar @steps, 12, 'the page has its steps');
my ($table, $known, $words, $check, $leave_out, $drift, $inherit, $without, $set, $drop, $compare, $end) = @steps;

sub step
{
	my ($name, $sql) = @_;
	my $began = time;
	my $out = $node->safe_psql('app', $sql);
	note sprintf "%s: %.1f s", $name, time - $began;
	return $out;
}

$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', <<"SQL");
CREATE EXTENSION integration_defaults;
CREATE SCHEMA app;
CREATE TABLE app.groups (id bigint PRIMARY KEY, parent_id bigint REFERENCES app.groups);
CREATE TABLE app.projects (id bigint PRIMARY KEY, group_id bigint REFERENCES app.groups);
INSERT INTO app.groups SELECT n, NULLIF(n / 5, 0) FROM generate_series(1, $projects / 25) n;
INSERT INTO app.projects SELECT n, NULLIF(n % ($projects / 25), 0) FROM generate_series(1, $projects) n;
$table
SQL

# Four types: of one, a group has a default of its own; of another, some projects have settings of their own. All others
# have copies of the next row above. Texts for booleans and numbers, blanks and nulls as the app's code has left them.
$node->safe_psql('app', <<"SQL");
CREATE SEQUENCE app.ids;
CREATE FUNCTION app.properties(type text, variant text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS \$f\$
    SELECT CASE type
        WHEN 'Slack' THEN jsonb_build_object('webhook', 'https://hooks.example/' || variant, 'username', 'bot ' || variant, 'channel', '',
            'notify_only_broken_pipelines', 'true', 'branches_to_be_notified', 'all', 'labels_to_be_notified', NULL)
        WHEN 'Jira' THEN jsonb_build_object('url', 'https://jira.example/' || variant, 'username', 'robot', 'password', 'secret ' || variant,
            'jira_auth_type', '0', 'issues_enabled', false)
        WHEN 'DroneCi' THEN jsonb_build_object('drone_url', 'https://drone.example/' || variant, 'token', 'token ' || variant, 'enable_ssl_verification', '1')
        WHEN 'PipelinesEmail' THEN jsonb_build_object('recipients', variant || '\@example.com', 'notify_only_broken_pipelines', '0') END
\$f\$;
INSERT INTO app.integrations (id, type_new, instance, active, properties)
SELECT nextval('app.ids'), 'Integrations::' || t, true, t <> 'DroneCi', app.properties(t, 'all')
FROM unnest(ARRAY['Slack', 'Jira', 'DroneCi', 'PipelinesEmail']) t;
CREATE TEMP TABLE top AS SELECT * FROM app.integrations;
INSERT INTO app.integrations (id, type_new, group_id, active, properties, inherit_from_id)
SELECT nextval('app.ids'), top.type_new, g.id, own OR top.active, CASE WHEN own THEN app.properties('Slack', 'group' || g.id) ELSE top.properties END,
    CASE WHEN NOT own THEN top.id END
FROM top CROSS JOIN app.groups g CROSS JOIN LATERAL (SELECT top.type_new = 'Integrations::Slack' AND g.id BETWEEN 5 AND 9) o (own);
-- the nearest default of its own above each group
CREATE TEMP TABLE nearest AS
WITH RECURSIVE down (type_new, group_id, source) AS (
    SELECT i.type_new, g.id, CASE WHEN i.inherit_from_id IS NULL THEN i.id ELSE i.inherit_from_id END
    FROM app.groups g JOIN app.integrations i ON i.group_id = g.id WHERE g.parent_id IS NULL
    UNION ALL
    SELECT d.type_new, g.id, CASE WHEN i.inherit_from_id IS NULL THEN i.id ELSE d.source END
    FROM down d JOIN app.groups g ON g.parent_id = d.group_id JOIN app.integrations i ON i.group_id = g.id AND i.type_new = d.type_new)
SELECT * FROM down;
UPDATE app.integrations i SET inherit_from_id = n.source, active = s.active, properties = s.properties
FROM nearest n, app.integrations s
WHERE i.group_id = n.group_id AND i.type_new = n.type_new AND i.id <> n.source AND s.id = n.source;
INSERT INTO app.integrations (id, type_new, project_id, active, properties, inherit_from_id)
SELECT nextval('app.ids'), s.type_new, p.id, s.active, s.properties, s.id
FROM app.projects p CROSS JOIN top LEFT JOIN nearest n ON n.group_id = p.group_id AND n.type_new = top.type_new
JOIN app.integrations s ON s.id = coalesce(n.source, top.id);
-- settings of their own
UPDATE app.integrations SET inherit_from_id = NULL, active = true, properties = app.properties('DroneCi', 'p' || project_id), push_events = false
WHERE type_new = 'Integrations::DroneCi' AND project_id % 20 = 7;
UPDATE app.integrations SET inherit_from_id = NULL, active = false, properties = '{}' WHERE type_new = 'Integrations::Jira' AND project_id % 50 = 3;
-- copies that were forgotten
UPDATE app.integrations SET properties = app.properties('Slack', 'old') WHERE type_new = 'Integrations::Slack' AND project_id BETWEEN 101 AND 110;
UPDATE app.integrations SET active = false WHERE type_new = 'Integrations::PipelinesEmail' AND project_id BETWEEN 111 AND 115;
UPDATE app.integrations SET properties = app.properties('Jira', 'old') WHERE type_new = 'Integrations::Jira' AND group_id = 20;
DELETE FROM app.integrations WHERE type_new = 'Integrations::Slack' AND project_id BETWEEN 121 AND 123;
-- what does not fit
INSERT INTO app.integrations (id, type_new, project_id, active, properties) VALUES
    (-1, 'Integrations::HipChat', 200, true, '{"room": "1"}'),
    (-2, 'Integrations::Slack', -200, true, '{"webhook": "https://hooks.example/x"}'),
    (-3, 'Integrations::Bugzilla', 201, true, '{"project_url": "https://a.example", "issues_url": "https://a.example/:id", "new_issue_url": "https://a.example"}'),
    (-4, 'Integrations::Telegram', 202, true, '{"token": "t"}'),
    (-5, 'Integrations::Telegram', 203, false, '{"token": "t", "thread": "maybe", "colour": "red"}'),
    (-8, 'Integrations::Mattermost', 204, true, '{"webhook": "https://hooks.example/a"}'),
    (-9, 'Integrations::Mattermost', 204, true, '{"webhook": "https://hooks.example/b"}'),
    (-10, 'Integrations::Discord', 205, true, '{"webhook": "no address"}'),
    (-11, 'Integrations::Telegram', 206, false, '{}');
INSERT INTO app.integrations (id, type_new, group_id, active, properties) VALUES
    (-6, 'Integrations::Jenkins', 3, true, '{"jenkins_url": "https://ci.example", "project_name": "x"}'),
    (-7, 'Integrations::Slack', -3, false, '{}');
SQL
$node->safe_psql('app', 'ANALYZE');
my $all = $node->safe_psql('app', 'SELECT count(*) FROM app.integrations');
cmp_ok($all, '>', $rows, "there are $all copies");

step('tracked, types', $known);
step('in our words', $words);
is( $node->safe_psql('app', 'SELECT settings - ARRAY[$$webhook$$, $$username$$] FROM app.copies WHERE id = 1'),
	'{"note_events": true, "push_events": true, "issues_events": true, "pipeline_events": false, "tag_push_events": true, '
		. '"merge_requests_events": true, "branches_to_be_notified": "all", "notify_only_broken_pipelines": true}',
	'columns are fields, and texts are what they stand for');

my $problems = step('what does not fit', $check);
my $jira = $node->safe_psql('app', q{SELECT id FROM app.copies WHERE integration = 'jira' AND project_id = 201});
is( $node->safe_psql('app', 'SELECT id, problem FROM app.problems ORDER BY 1 DESC, 2'), "$jira|" . <<'END' =~ s/\n\z//r, 'what does not fit is listed, each row with all that is wrong');
another issue tracker is active there, too
-1|the type is not known
-2|the project is not there
-3|another issue tracker is active there, too
-4|settings: must have "room"
-5|/colour: is not a property of the schema
-5|/thread: must match the pattern ^([+-]?[0-9]+)?$
-6|the type is not for a group
-7|the group is not there
-8|the project has several rows of the type
-9|the project has several rows of the type
-10|/webhook: must match the pattern ^https://discord\.com(/\S*)?$
END
like($problems, qr/^mattermost\|the project has several rows of the type\|2\|-9$/m, 'and counted');
# What is listed is what would be refused.
is( $node->safe_psql('app', <<'SQL'), '', 'each would be refused');
CREATE FUNCTION pg_temp.refused(problem app.copies) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF problem.level = 'project' THEN
		INSERT INTO integration_defaults.project_settings (project_id, integration, custom, active, settings)
		SELECT project_id, integration, true, active, settings FROM app.copies c
		WHERE c.project_id = problem.project_id AND c.integration = problem.integration OR c.project_id = 201 AND problem.id = -3;
	ELSE
		INSERT INTO integration_defaults.group_settings (group_id, integration, custom, active, settings)
		VALUES (problem.group_id, problem.integration, true, problem.active, problem.settings);
	END IF;
	SET CONSTRAINTS ALL IMMEDIATE;
	RETURN false;
EXCEPTION WHEN OTHERS THEN
	RETURN true;
END $$;
SELECT c.id FROM app.copies c WHERE c.id < 0 AND c.id <> -11 AND NOT pg_temp.refused(c);
SQL
step('left out', $leave_out);

step('copies that are no longer equal', $drift);
is( $node->safe_psql('app', 'SELECT integration, level, fields, active, count(*), min(coalesce(project_id, group_id)) FROM app.drifted GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3'),
	<<'END' =~ s/\n\z//r, 'copies that were forgotten are found');
jira|group|{password,url}|f|1|20
pipelines_email|project||t|5|111
slack|project|{username,webhook}|f|10|101
END
unlike($inherit, qr/^[^-\s]/m, 'they stay as they are, unless asked for otherwise');
is(step('without a copy', "$without; SELECT count(*) FROM app.copies WHERE id < 0 AND settings = '{}' AND integration = 'slack'"), '3', 'and projects without any');

step('all set', $set);
is($node->safe_psql('app', 'SELECT count(*) FROM integration_defaults.own_settings'), $node->safe_psql('app', 'SELECT count(*) FROM app.copies'), 'all is set');
my $dropped = step('inherit again', $drop);
my ($view, $differences) = $compare =~ /^(.*?;\n)\n(.*)$/s;
step('the view', $view);
is(step('compared', $differences), '', "nobody's settings have changed");

# Group 20 has other settings than the row that it names: what is straight in it, and equal to that row, can't inherit
# from it. What is further down inherits from its own group, which has kept that row's settings.
my $copies = $node->safe_psql('app', <<'SQL');
SELECT count(*) FROM app.copies c LEFT JOIN app.projects p ON p.id = c.project_id LEFT JOIN app.groups g ON g.id = c.group_id
WHERE c.inherit_from_id IS NOT NULL AND c.id NOT IN (SELECT id FROM app.drifted)
	AND NOT (c.integration = 'jira' AND coalesce(p.group_id, g.parent_id, 0) = 20);
SQL
my $sum = 0;
$sum += $_ foreach $dropped =~ /\|(\d+)$/mg;
is($sum, $copies, 'every copy inherits again');
is( $node->safe_psql('app', 'SELECT count(*) FROM integration_defaults.own_settings'),
	$node->safe_psql('app', 'SELECT count(*) FROM app.copies') - $sum, 'what is left is what was set');
is( $node->safe_psql('app', <<'SQL'), '', 'every row of its own, and every one that was forgotten, is still set');
SELECT c.id, c.integration, c.level FROM app.copies c
LEFT JOIN integration_defaults.own_settings o ON o.scope_level = c.level AND o.integration = c.integration
	AND o.scope_id IS NOT DISTINCT FROM coalesce(c.project_id, c.group_id)::text
WHERE o.scope_level IS NULL AND (c.inherit_from_id IS NULL OR c.id IN (SELECT id FROM app.drifted));
SQL
is($node->safe_psql('app', 'SELECT * FROM integration_defaults.status() WHERE state <> $$ok$$ AND subject !~ $$secret|key|history$$'), '', 'all is as it should be');
is($node->safe_psql('app', "SELECT count(*) FROM integration_defaults.project_settings WHERE settings::text ~ 'token p|secret ' AND NOT settings::text ~ '\\\$secret'"),
	'0', 'secrets are marked as such');

# The comparison sees what it looks for: a setting, a secret, a switch.
$node->safe_psql('app', q{SELECT integration_defaults.set_default('pipelines_email', '{"recipients": "new@example.com"}')});
is($node->safe_psql('app', 'SELECT count(*) > 100, count(*) FILTER (WHERE integration <> $$pipelines_email$$) FROM app.differences'), 't|0',
	'a default is followed again, and the comparison sees it');
$node->safe_psql('app', q{SELECT integration_defaults.override_fields('drone_ci', '{"drone_url": "https://drone.example/p7", "token": "another"}', 7),
	integration_defaults.set_active('slack', false, 8)});
is($node->safe_psql('app', 'SELECT integration, project_id FROM app.differences WHERE integration <> $$pipelines_email$$ ORDER BY 1'), "drone_ci|7\nslack|8",
	'and a secret, and what is switched off');
step('the rest goes', $end);
$node->stop;
done_testing();
