# check_function_bodies, which every dump turns off and any role may: off it lets a restore write what it brings, and
# nobody else do anything. Nor do our functions write where a session fires no triggers.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('bodies');
$node->safe_psql('postgres', 'CREATE ROLE anna LOGIN; CREATE ROLE app LOGIN; CREATE ROLE app_admin LOGIN; CREATE ROLE app_writer LOGIN;
	CREATE ROLE deputy LOGIN; GRANT anna TO deputy; GRANT app TO app_admin');
my $off = 'SET check_function_bodies = off;';

# Who owns the extension: the superuser, or a plain owner of the database.
foreach my $whose ([ 'superuser', 'whole' ], [ 'plain owner', 'hers', '-U', 'anna' ])
{
	my ($who, $db, @as) = @$whose;
	$node->safe_psql('postgres', "CREATE DATABASE $db" . (@as ? ' OWNER anna' : ''));
	$node->safe_psql($db, <<'SQL', extra_params => \@as);
CREATE EXTENSION integration_defaults;
CREATE SCHEMA app;
CREATE TABLE app.groups (id bigint PRIMARY KEY, parent_id bigint);
CREATE TABLE app.projects (id bigint PRIMARY KEY, group_id bigint);
INSERT INTO app.groups VALUES (1, NULL), (2, 1), (3, NULL);
INSERT INTO app.projects SELECT n, 1 + n % 3 FROM generate_series(1, 20) n;
SELECT integration_defaults.track_groups('app.groups'), integration_defaults.track_projects('app.projects');
SELECT integration_defaults.register_integration('slack', '{"properties": {"webhook": {"type": "string"}, "channel": {"type": "string"}}}');
SELECT integration_defaults.register_integration('jira', '{"properties": {"url": {"type": "string"}, "token": {"type": "string", "writeOnly": true}},
    "required": ["url"], "x-atomic": [["url", "token"]]}');
SELECT integration_defaults.set_default('slack', '{"webhook": "https://all.example/x"}');
SELECT integration_defaults.set_default('jira', '{"url": "https://jira.example", "token": "s3cret"}', 1);
SELECT integration_defaults.lock_fields('slack', '{webhook}');
SELECT integration_defaults.materialize('slack');
-- the roles of docs/permissions.md, with plain SQL on the tables
SELECT integration_defaults.grant_access('app', 'use'), integration_defaults.grant_access('app_admin', 'admin');
GRANT USAGE ON SCHEMA integration_defaults TO app;
GRANT SELECT ON ALL TABLES IN SCHEMA integration_defaults TO app;
GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA integration_defaults TO app_admin;
-- a role that has rights on the app's tables only
GRANT USAGE ON SCHEMA app TO app_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO app_writer;
SQL
	my $state = sub {
		return $node->safe_psql($db, q{SELECT s FROM integration_defaults.instance_settings s; SELECT s FROM integration_defaults.group_settings s ORDER BY s;
			SELECT s FROM integration_defaults.project_settings s ORDER BY s; SELECT s FROM integration_defaults.groups s ORDER BY s;
			SELECT s FROM integration_defaults.projects s ORDER BY s; SELECT s FROM integration_defaults.integrations s ORDER BY s;
			SELECT s FROM integration_defaults.effective_settings s ORDER BY s});
	};
	my $admin = sub { $node->safe_psql($db, $_[0], extra_params => [ '-U', 'app_admin' ]) };

	# --- as the administering role -----------------------------------------------------------------------------------

	my $before = $state->();
	foreach my $refused (
		[ 'a value that is locked above', '23514', q{INSERT INTO integration_defaults.project_settings VALUES ('7', 'slack', true, true, '{"webhook": "https://evil"}', '1999-01-01', 'postgres')} ],
		[ 'a value of another type', '23514', q{UPDATE integration_defaults.group_settings SET settings = '{"url": 5}'} ],
		[ 'settings that are no object', '22023', q{INSERT INTO integration_defaults.project_settings VALUES ('7', 'slack', true, true, '[1]')} ],
		[ 'a lock without a name', '22023', q{UPDATE integration_defaults.instance_settings SET locked = '{NULL}'} ],
		[ 'an unknown project', '23503', q{INSERT INTO integration_defaults.project_settings VALUES ('nowhere', 'slack', true, true, '{}')} ],
		[ 'a malformed schema', '22023', q{INSERT INTO integration_defaults.integrations (name, schema) VALUES ('bad', '[1]')} ],
		[ 'a forged effective value', '55000', q{UPDATE integration_defaults.effective_settings SET settings = '{"webhook": "https://forged"}' WHERE project_id = '9'} ],
		[ 'a forged effective row', '55000', q{INSERT INTO integration_defaults.effective_settings VALUES ('nowhere', 'slack', true, '{}', true, 'instance')} ],
		[ 'no effective rows', '55000', q{DELETE FROM integration_defaults.effective_settings} ],
		[ 'no generations', '55000', q{DELETE FROM integration_defaults.generations} ])
	{
		my ($what, $error, $sql) = @$refused;
		is(error_of($node, $db, "$off $sql", '-U', 'app_admin'), $error, "$who: $what is refused");
	}
	is($state->(), $before, "$who: nothing has changed");
	# What is accepted is stamped, and followed.
	$admin->("$off INSERT INTO integration_defaults.project_settings VALUES ('7', 'slack', false, NULL, '{\"channel\": \"#7\"}', '1999-01-01', 'postgres')");
	my $stamp = q{SELECT updated_at > '2000-01-01', updated_by FROM integration_defaults.project_settings WHERE project_id = '7'};
	is($node->safe_psql($db, $stamp), 't|app_admin', "$who: a stamp can't be forged by INSERT");
	foreach my $forgery (
		q{UPDATE integration_defaults.project_settings SET updated_by = 'postgres', updated_at = '1999-01-01' WHERE project_id = '7'},
		q{UPDATE integration_defaults.project_settings SET settings = '{"channel": "#8"}', updated_by = 'postgres', updated_at = '1999-01-01' WHERE project_id = '7'},
		q{INSERT INTO integration_defaults.project_settings VALUES ('7', 'slack') ON CONFLICT (project_id, integration) DO UPDATE
			SET settings = '{"channel": "#9"}', custom = false, active = NULL, updated_by = 'postgres', updated_at = '1999-01-01'},
		q{UPDATE integration_defaults.project_settings SET project_id = CASE project_id WHEN '7' THEN '8' ELSE '7' END, updated_by = 'postgres', updated_at = '1999-01-01' WHERE project_id IN ('7', '8');
			UPDATE integration_defaults.project_settings SET project_id = '7', updated_by = 'postgres', updated_at = '1999-01-01' WHERE project_id = '8'},
		q{DELETE FROM integration_defaults.project_settings WHERE project_id = '7';
			COPY integration_defaults.project_settings FROM stdin;
7	slack	f	\N	{"channel": "#10"}	1999-01-01	postgres
\.
})
	{
		foreach my $setting ('', $off)
		{
			$admin->("$setting $forgery");
			is($node->safe_psql($db, $stamp), 't|app_admin', "$who: nor otherwise: $forgery");
			is(differences($node, $db), '', "$who: and it is followed");
		}
	}
	$admin->("$off UPDATE integration_defaults.instance_settings SET settings = '{\"webhook\": \"https://rotated\"}' WHERE integration = 'slack'");
	is(differences($node, $db), '', "$who: a default that is changed by plain SQL is followed");
	$admin->("$off UPDATE integration_defaults.project_settings SET custom = false, active = NULL, settings = '{}' WHERE project_id = '7'");
	is($node->safe_psql($db, q{SELECT count(*) FROM integration_defaults.project_settings}), '0', "$who: an empty row goes");
	is($admin->(q{SET check_function_bodies = off; SELECT integration_defaults.set_custom('slack', 7, '{"channel": "#f"}');
			SELECT active, updated_by FROM integration_defaults.project_settings; SELECT integration_defaults.use_default('slack', 7)}) =~ s/\n/ /gr,
		' t|app_admin t', "$who: a function writes as ever");

	# --- as the role of the app's tables -----------------------------------------------------------------------------

	my @writer = ('-U', 'app_writer');
	$node->safe_psql($db, 'ALTER ROLE app_writer SET check_function_bodies = off');
	is($node->safe_psql($db, 'SHOW check_function_bodies', extra_params => \@writer), 'off', 'the role has it off for ever');
	$node->safe_psql($db, 'UPDATE app.projects SET group_id = 3 WHERE id = 15; INSERT INTO app.projects VALUES (100, 1); DELETE FROM app.projects WHERE id = 1', extra_params => \@writer);
	is($node->safe_psql($db, q{SELECT count(*) FROM (SELECT id::text, group_id::text FROM app.projects EXCEPT TABLE integration_defaults.projects) d}), '0', "$who: the app's table is followed");
	is($node->safe_psql($db, q{SELECT count(*) FROM integration_defaults.projects}), '20', "$who: to the row");
	is(differences($node, $db), '', "$who: and so are its projects");
	is(error_of($node, $db, 'UPDATE app.groups SET parent_id = 2 WHERE id = 1', @writer), '23514', "$who: cycles are refused");
	$node->safe_psql($db, 'ALTER ROLE app_writer RESET check_function_bodies');

	# --- as who may restore: plain SQL is a restore, our functions and views are none --------------------------------

	foreach my $restorer (@as ? ([@as], [ '-U', 'deputy' ], []) : ([]))
	{
		my $name = $restorer->[1] // 'postgres';
		my $run = sub { $node->safe_psql($db, "$off $_[0]", extra_params => $restorer) };
		my $error = sub { error_of($node, $db, "$off $_[0]", @$restorer) };
		is($error->(q{SELECT integration_defaults.set_custom('slack', 7, '{"webhook": "https://locked"}')}), '23514', "$who, $name: a function is refused what is locked");
		is($error->(q{SELECT integration_defaults.override_fields('slack', '{"channel": 1}', 7)}), '23514', "$who, $name: and what does not fit");
		is($error->(q{INSERT INTO integration_defaults.project_integrations (project_id, integration, settings) VALUES ('7', 'slack', '{"channel": 1}')}), '23514', "$who, $name: as is a view");
		is($run->(q{SELECT integration_defaults.set_custom('slack', 7, '{"channel": "#7"}'); SELECT active, updated_by FROM integration_defaults.project_settings}), "\nt|$name", "$who, $name: active and stamp are filled in");
		is(differences($node, $db), '', "$who, $name: the function is followed");
		$run->(q{UPDATE integration_defaults.project_integrations SET settings = '{"webhook": "https://rotated", "channel": "#view"}' WHERE project_id = '8' AND integration = 'slack'});
		$run->(q{SELECT integration_defaults.set_default('slack', '{"webhook": "https://rotated"}'), integration_defaults.override_fields('slack', '{"channel": "#1"}', group_id => 1)});
		is(differences($node, $db), '', "$who, $name: views and defaults are, too");
		$run->(q{SELECT integration_defaults.inherit_fields('slack', '{channel}', 8), integration_defaults.use_default('slack', 7), integration_defaults.use_default('slack', group_id => 1)});
		is($run->(q{SELECT count(*) FROM integration_defaults.project_settings}), '0', "$who, $name: empty rows go");
		is(differences($node, $db), '', "$who, $name: and that is followed");
		# a restore brings what it brings
		$run->(q{INSERT INTO integration_defaults.project_settings VALUES ('7', 'slack', false, NULL, '{"webhook": "https://shadowed", "channel": 5}', '1999-01-01+00', 'somebody')});
		is($node->safe_psql($db, q{SET timezone = 'UTC'; SELECT s FROM integration_defaults.project_settings s}), q{(7,slack,f,,"{""channel"": 5, ""webhook"": ""https://shadowed""}","1999-01-01 00:00:00+00",somebody)}, "$who, $name: a restored row is as it was");
		$run->(q{DELETE FROM integration_defaults.project_settings});
		$node->safe_psql($db, q{SELECT integration_defaults.materialize('slack')}, extra_params => \@as);
	}
}

# --- the tree and the types by functions, in a session that a dump has left so ---------------------------------------

$node->safe_psql('whole', q{SELECT integration_defaults.untrack('app.projects'), integration_defaults.untrack('app.groups')});
$node->safe_psql('whole', qq{$off SELECT integration_defaults.move_project(2, 3), integration_defaults.add_project(200, 2), integration_defaults.remove_project(3),
	integration_defaults.move_group(2, 3), integration_defaults.add_group(4, 2), integration_defaults.move_project(4, 4)});
is(differences($node, 'whole'), '', 'what functions do to the tree is followed');
is(error_of($node, 'whole', "$off SELECT integration_defaults.move_group(3, 4)"), '23514', 'a cycle is refused');
$node->safe_psql('whole', qq{$off SELECT integration_defaults.allow_integrations('{jira}')});
is(differences($node, 'whole'), '', 'what is allowed is followed');
$node->safe_psql('whole', qq{$off SELECT integration_defaults.allow_integrations(NULL), integration_defaults.register_integration('slack', '{"properties": {"channel": {"default": "#d"}}}', force => true)});
is(differences($node, 'whole'), '', 'so is a new schema');
# A parent that somebody removes meanwhile.
$node->safe_psql('whole', q{SELECT integration_defaults.add_group('going')});
my $adder = $node->background_psql('whole');
$adder->query_safe("BEGIN; $off SELECT integration_defaults.add_project('held', 'going')");
is(error_of($node, 'whole', q{SET lock_timeout = '100ms'; SELECT integration_defaults.remove_group('going')}), '55P03', 'a parent is held');
$adder->query_safe('COMMIT');
$adder->quit;
is(error_of($node, 'whole', q{SELECT integration_defaults.remove_group('going')}), '23503', 'and stays');

# --- a session that fires no triggers --------------------------------------------------------------------------------

my $unfired = 'SET session_replication_role = replica;';
my $rows = 'TABLE integration_defaults.project_settings; TABLE integration_defaults.instance_settings; TABLE integration_defaults.groups; TABLE integration_defaults.projects';
my $before = $node->safe_psql('whole', $rows);
my %calls = (
	register_integration => q{'new'}, unregister_integration => q{'jira'}, load_catalog => '', allow_integrations => 'NULL',
	track_groups => q{'app.groups'}, track_projects => q{'app.projects'}, resync => q{'app.groups'},
	add_group => '9', move_group => '2, NULL', remove_group => '4', add_project => '900', move_project => '5, NULL', remove_project => '5',
	set_default => q{'slack', '{}'}, reset_default => q{'slack'}, set_custom => q{'slack', 5, '{}'}, use_default => q{'slack', 5}, override_fields => q{'slack', '{"channel": "#5"}', 5},
	inherit_fields => q{'slack', '{channel}', 5}, set_active => q{'slack', true, 5}, lock_fields => q{'slack'}, unlock_fields => q{'slack'},
	reset_below => q{'slack'}, drop_redundant => q{'slack'}, seal_secrets => '', preview => q{'SELECT 1'}, undo => '1');
my @writing = split /\n/, $node->safe_psql('whole', q{SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'integration_defaults'::regnamespace
	AND provolatile = 'v' AND prorettype NOT IN ('trigger'::regtype, 'cstring'::regtype)
	AND proname NOT IN ('untrack', 'materialize', 'dematerialize', 'create_view', 'create_general_view', 'read_tracked', 'grant_access', 'revoke_access',
		'keep_history', 'forget_history', 'notify_changes', 'publish_defaults', 'subscribe_defaults', 'unsubscribe_defaults',
		'enable_citus', 'resync_node') ORDER BY 1}); # these write no rows that such triggers check
is(join(' ', sort keys %calls), "@writing", 'these functions write');
is(error_of($node, 'whole', "$unfired SELECT integration_defaults.$_($calls{$_})"), '55000', "without triggers: $_") foreach @writing;
$node->safe_psql('whole', "$unfired INSERT INTO integration_defaults.project_integrations (project_id, integration, settings) VALUES ('5', 'slack', '{}')");
is($node->safe_psql('whole', $rows), $before, 'nothing is written, nor by a view');
$node->safe_psql('whole', "SET session_replication_role = local; SELECT integration_defaults.set_custom('slack', 5, '{}')");
is(differences($node, 'whole'), '', 'local is as ever');

$node->stop;
done_testing();
