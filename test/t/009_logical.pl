# Types, groups and their settings replicated into a second database whose projects are its own: it resolves as the
# first one does, after the initial copy and after every kind of later change.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $publisher = new_node('publisher', allows_streaming => 'logical');
my $shard = new_node('shard');
make_app($publisher, 'postgres');

# The second one has the same projects in a table of its own, which it tracks. So both must give the same answers.
$shard->safe_psql('postgres', <<'SQL');
CREATE EXTENSION integration_defaults;
CREATE SCHEMA app;
CREATE TABLE app.projects (id bigint PRIMARY KEY, namespace text);
SQL
$publisher->safe_psql('postgres', <<'SQL');
CREATE PUBLICATION defaults FOR TABLE integration_defaults.integrations, integration_defaults.groups,
    integration_defaults.instance_settings, integration_defaults.group_settings;
SQL
my $source = $publisher->connstr . ' dbname=postgres';
$shard->safe_psql('postgres', "CREATE SUBSCRIPTION defaults CONNECTION '$source' PUBLICATION defaults");
sub caught_up { $publisher->wait_for_catchup('defaults'); }
$shard->wait_for_subscription_sync($publisher, 'defaults');

my $projects = $publisher->safe_psql('postgres',
	q{SELECT format('INSERT INTO app.projects VALUES (%L, %L);', id, group_id) FROM integration_defaults.projects});
$shard->safe_psql('postgres', "$projects
SELECT integration_defaults.track_projects('app.projects', group_column => 'namespace');");
my $own = $publisher->safe_psql('postgres', <<'SQL');
SELECT format('INSERT INTO integration_defaults.project_settings (project_id, integration, custom, active, settings) VALUES (%L, %L, %L, %L, %L);',
    project_id, integration, custom, active, settings) FROM integration_defaults.project_settings
SQL
$shard->safe_psql('postgres', "SET check_function_bodies = off;\n$own");

my $questions = <<'SQL';
SET search_path = integration_defaults;
SELECT 'instance', r.* FROM resolve_all() r ORDER BY integration;
SELECT 'group', g.id, r.* FROM groups g, resolve_all(group_id => g.id) r ORDER BY g.id, integration;
SELECT 'project', p.id, r.* FROM projects p, resolve_all(p.id) r ORDER BY p.id, integration;
SELECT 'hot', p.id, active_settings('chat', p.id) FROM projects p ORDER BY p.id;
SELECT 'explain', p.id, e.* FROM projects p, explain('chat', p.id) e
    WHERE field <> 'token' ORDER BY p.id, field; -- a secret's fingerprint is another one in each database
SELECT 'custom', project_id, custom, active, fields FROM projects_using_custom_settings('chat', '2') ORDER BY project_id;
SELECT 'default', d.* FROM projects_using_default('chat') d ORDER BY project_id;
SELECT 'view', v.* FROM project_integrations v ORDER BY project_id, integration;
SELECT 'group view', v.* FROM group_integrations v ORDER BY group_id, integration;
SELECT 'instance view', v.* FROM instance_integrations v ORDER BY integration;
SELECT 'tree', t FROM tree('chat') t;
SELECT 'invalid', i.* FROM invalid_settings('chat') i ORDER BY 2, 3, 4, 5;
SQL
my $before = $publisher->safe_psql('postgres', $questions);
cmp_ok(length $before, '>', 10_000, 'there is something to compare');
same($shard->safe_psql('postgres', $questions), $before, 'after the initial copy: the same answers');

# A session of the second database that stays open, and one snapshot that is held, while the changes come in.
my $session = $shard->background_psql('postgres');
my $hot = q{SELECT md5(string_agg(a::text, '' ORDER BY p.id)) FROM integration_defaults.projects p, integration_defaults.resolve_all(p.id) a};
my $held = $shard->background_psql('postgres');
$held->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $held_before = $held->query_safe($hot);

foreach my $change (
	[ 'a default', q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://new", "url": "https://n", "token": "n"}')} ],
	[ 'a group default', q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://4", "limit": 3}', '4')} ],
	[ 'fields of a group', q{SELECT integration_defaults.override_fields('chat', '{"channel": "#1"}', group_id => '1')} ],
	[ 'locks', q{SELECT integration_defaults.lock_fields('chat', '{url}'), integration_defaults.lock_fields('chat', NULL, '4')} ],
	[ 'fewer locks', q{SELECT integration_defaults.unlock_fields('chat', '{limit}', '4')} ],
	[ 'a default of a schema', q{UPDATE integration_defaults.integrations SET schema = jsonb_set(schema, '{properties,limit,default}', '20') WHERE name = 'chat'} ],
	[ 'another schema', q{SELECT integration_defaults.register_integration('free', '{"properties": {"k": {"default": "fallback"}, "k2": {"default": [1]}}}')} ],
	[ 'a move of a group', q{UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '2'} ],
	[ 'a group between two', q{INSERT INTO app."Namespaces" VALUES ('6', '1', 'Group'); UPDATE app."Namespaces" SET parent = '6' WHERE "Id" = '2';
		SELECT integration_defaults.set_default('free', '{"k": "six"}', '6')} ],
	[ 'an allowlist', q{SELECT integration_defaults.allow_integrations('{free,forbidden}')} ],
	[ 'no allowlist', q{SELECT integration_defaults.allow_integrations(NULL)} ],
	[ 'resets', q{SELECT integration_defaults.reset_default('chat', '4'), integration_defaults.use_default('chat', group_id => '2')} ],
	[ 'another type', q{SELECT integration_defaults.register_integration('late', '{"properties": {"a": {}}}'), integration_defaults.set_default('late', '{"a": 1}')} ],
	[ 'one type less', q{SELECT integration_defaults.reset_default('late'), integration_defaults.unregister_integration('late')} ],
	[ 'all at once', q{BEGIN; SELECT integration_defaults.reset_default('chat'), integration_defaults.set_default('chat', '{"webhook": "https://last"}', '1');
		UPDATE app."Namespaces" SET parent = NULL WHERE "Id" = '2'; COMMIT} ],
  )
{
	my ($what, $sql) = @$change;
	$publisher->safe_psql('postgres', $sql);
	caught_up();
	my $expected = $publisher->safe_psql('postgres', $questions);
	isnt($expected, $before, "$what: a change");
	same($shard->safe_psql('postgres', $questions), $expected, "$what: the same answers");
	is($session->query_safe($hot), $publisher->safe_psql('postgres', $hot), "$what: also in an open session");
	$before = $expected;
}
is($held->query_safe($hot), $held_before, 'a snapshot that was held all the time shows what it did');
$held->query_safe('COMMIT');
is($held->query_safe($hot), $session->query_safe($hot), 'and the next one what is there');

# The second one's own projects and their settings stay its own business.
$shard->safe_psql('postgres', q{INSERT INTO app.projects VALUES (5000, '1'), (5002, '3'); SELECT integration_defaults.set_custom('free', 5000, '{"k": "shard"}')});
is($shard->safe_psql('postgres', q{SELECT integration_defaults.active_settings('free', 5000), integration_defaults.active_settings('chat', 5000) ->> 'webhook'}),
	'{"k": "shard", "k2": [1]}|https://last', 'a project of its own has its settings and inherits');
is(error_of($shard, 'postgres', q{INSERT INTO app.projects VALUES (5001, 'nowhere')}), '23503', 'its rules hold');
is(error_of($shard, 'postgres', q{SELECT integration_defaults.override_fields('chat', '{"channel": "#x"}', 5002)}), '23514', 'locks that came in bind it');
is($publisher->safe_psql('postgres', q{SELECT count(*) FROM integration_defaults.projects WHERE id = '5000'}), '0', 'and the first one knows nothing of it');
my @errors = grep { / ERROR: .*(duplicate|violates|conflict)/ && !/nowhere/ } split /\n/, slurp_file($shard->logfile);
is(scalar @errors, 0, 'the apply worker met no error') or diag join "\n", @errors;

$session->quit;
$held->quit;
$shard->safe_psql('postgres', 'DROP SUBSCRIPTION defaults');
$shard->stop;
$publisher->stop;
done_testing();
