# Types, groups and their settings replicated into a second database whose projects are its own, and which materializes:
# its rows are what the first one resolves, after the initial copy and after every kind of later change, whether the types
# were materialized before the subscription or after it. The apply worker never stops.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $publisher = new_node('publisher', allows_streaming => 'logical', conf => "logical_decoding_work_mem = 64kB\n");
my $shard = new_node('shard', conf => "log_line_prefix = '%m [%p] %b %e '\n");
make_app($publisher, 'postgres');
$publisher->safe_psql('postgres', <<'SQL');
CREATE PUBLICATION defaults FOR TABLE integration_defaults.integrations, integration_defaults.groups,
    integration_defaults.instance_settings, integration_defaults.group_settings;
SQL
my $source = $publisher->connstr . ' dbname=postgres';
my $projects = $publisher->safe_psql('postgres',
	q{SELECT format('INSERT INTO app.projects VALUES (%L, %L);', id, group_id) FROM integration_defaults.projects});
my $own = $publisher->safe_psql('postgres', <<'SQL');
SELECT format('INSERT INTO integration_defaults.project_settings (project_id, integration, custom, active, settings) VALUES (%L, %L, %L, %L, %L);',
    project_id, integration, custom, active, settings) FROM integration_defaults.project_settings
SQL

# Two databases of the second server: one materializes before it subscribes, while there is nothing else, the other one
# when all of it is there. What projects have set comes from a dump, so to say; that derives nothing.
my @shards = qw(early late);
foreach my $database (@shards)
{
	$shard->safe_psql('postgres', "CREATE DATABASE $database");
	$shard->safe_psql($database, <<'SQL');
CREATE EXTENSION integration_defaults;
CREATE SCHEMA app;
CREATE TABLE app.projects (id bigint PRIMARY KEY, namespace text);
SQL
}
sub own_projects
{
	my ($database) = @_;
	$shard->safe_psql($database, "SET check_function_bodies = off; SET session_replication_role = replica; $own") if $database eq 'early';
	$shard->safe_psql($database, "$projects SELECT integration_defaults.track_projects('app.projects', group_column => 'namespace');") if $database eq 'late';
	$shard->safe_psql($database, "SET check_function_bodies = off; $own") if $database eq 'late';
}
my $untracked = $projects =~ s/app\.projects/integration_defaults.projects/gr;
$shard->safe_psql('early', <<"SQL");
SELECT integration_defaults.register_integration('chat'), integration_defaults.register_integration('free');
SELECT integration_defaults.materialize('chat'), integration_defaults.materialize('free');
DELETE FROM integration_defaults.integrations;
SET session_replication_role = replica; -- their groups are yet to come
$untracked
SQL
own_projects('early');
is($shard->safe_psql('early', 'SELECT count(*) FROM integration_defaults.effective_settings'), '0', 'early: nothing is configured yet');
sub subscribe
{
	my ($database, $options) = @_;
	$shard->safe_psql($database, "CREATE SUBSCRIPTION $database CONNECTION '$source' PUBLICATION defaults WITH ($options)");
	$shard->wait_for_subscription_sync($publisher, $database, $database);
}
subscribe('early', 'streaming = on');
subscribe('late', 'streaming = on');
own_projects('late');
$shard->safe_psql('late', q{SELECT integration_defaults.materialize('chat'), integration_defaults.materialize('free')});

# --- after each change -----------------------------------------------------------------------------------------------

my $resolved = q{SELECT v FROM integration_defaults.project_integrations v WHERE integration IN ('chat', 'free') ORDER BY project_id, integration};
my $stored = q{SELECT e FROM integration_defaults.effective_settings e ORDER BY project_id, integration};
sub caught_up { $publisher->wait_for_catchup($_) foreach @shards; }
my $before = '';
sub is_followed
{
	my ($what, $unchanged) = @_;
	caught_up();
	my $expected = $publisher->safe_psql('postgres', $resolved);
	isnt($expected, $before, "$what: a change") unless $unchanged;
	foreach my $database (@shards)
	{
		same($shard->safe_psql($database, $stored), $expected, "$what, $database: the rows are what the source resolves");
		is(differences($shard, $database), '', "$what, $database: and what it resolves itself");
	}
	$before = $expected;
}
is_followed('after the initial copy');
cmp_ok(length $before, '>', 5000, 'there is something to compare');
foreach my $change (
	[ 'a default', q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://new", "url": "https://n", "token": "n"}')} ],
	[ 'a group default', q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://4", "limit": 3}', '4')} ],
	[ 'fields of a group', q{SELECT integration_defaults.override_fields('chat', '{"channel": "#1"}', group_id => '1')} ],
	[ 'locks', q{SELECT integration_defaults.lock_fields('chat', '{webhook,url}'), integration_defaults.lock_fields('chat', NULL, '4')} ],
	[ 'fewer locks', q{SELECT integration_defaults.unlock_fields('chat', '{webhook,url}')} ],
	[ 'a default of a schema', q{UPDATE integration_defaults.integrations SET schema = jsonb_set(schema, '{properties,limit,default}', '20') WHERE name = 'chat'} ],
	[ 'a move of a group', q{UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '2'} ],
	[ 'a group between two', q{INSERT INTO app."Namespaces" VALUES ('6', '1', 'Group'); UPDATE app."Namespaces" SET parent = '6' WHERE "Id" = '2';
		SELECT integration_defaults.set_default('free', '{"k": "six"}', '6')} ],
	[ 'an allowlist', q{SELECT integration_defaults.allow_integrations('{free,forbidden}')} ],
	[ 'no allowlist', q{SELECT integration_defaults.allow_integrations(NULL)} ],
	[ 'resets', q{SELECT integration_defaults.reset_default('chat', '4'), integration_defaults.use_default('chat', group_id => '2')} ],
	[ 'a reset of the instance', q{SELECT integration_defaults.reset_default('free')} ],
	[ 'all at once', q{BEGIN; SELECT integration_defaults.reset_default('chat'), integration_defaults.set_default('chat', '{"webhook": "https://1"}', '1');
		UPDATE app."Namespaces" SET parent = NULL WHERE "Id" = '2'; COMMIT} ],
	[ 'a rename of a group without projects', q{UPDATE app."Namespaces" SET "Id" = 'six' WHERE "Id" = '6'; UPDATE app."Namespaces" SET parent = 'six' WHERE "Id" = '2'} ],
	[ 'a savepoint that was rolled back', q{BEGIN; SELECT integration_defaults.set_default('chat', '{"webhook": "https://s"}'); SAVEPOINT s;
		SELECT integration_defaults.set_default('free', '{"never": 1}'); ROLLBACK TO s; COMMIT} ],
	# more than the decoder keeps: it is streamed before it commits
	[ 'a large transaction', q{BEGIN; INSERT INTO app."Namespaces" SELECT 'large' || n, CASE WHEN n = 1 THEN '1' ELSE 'large' || n / 2 END, 'Group' FROM generate_series(1, 3000) n;
		UPDATE app."Namespaces" SET parent = 'large2999' WHERE "Id" = '2'; SELECT integration_defaults.set_default('chat', '{"webhook": "https://large"}', 'large7');
		SELECT integration_defaults.set_default('free', jsonb_build_object('n', n), 'large' || n) FROM generate_series(1, 3000) n; COMMIT} ],
	[ 'its end', q{BEGIN; UPDATE app."Namespaces" SET parent = '1' WHERE "Id" = '2'; DELETE FROM app."Namespaces" WHERE "Id" = 'large1'; COMMIT} ],
	[ 'TRUNCATE of what groups have set', q{TRUNCATE integration_defaults.group_settings} ],
	[ 'defaults again', q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://again"}', '1'), integration_defaults.set_default('free', '{"again": 1}')} ],
	[ 'TRUNCATE of both', q{TRUNCATE integration_defaults.group_settings, integration_defaults.instance_settings} ],
	[ 'and defaults again', q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://once more"}'), integration_defaults.set_default('free', '{"again": 2}', '2')} ],
  )
{
	my ($what, $sql) = @$change;
	$publisher->safe_psql('postgres', $sql);
	is_followed($what);
}
is($publisher->safe_psql('postgres', q{SELECT bool_and(stream_txns > 0) FROM pg_stat_replication_slots WHERE slot_name IN ('early', 'late')}), 't', 'large transactions were streamed');

# A transaction that is streamed, and then rolled back.
my $open = $publisher->background_psql('postgres');
$open->query_safe(q{BEGIN; SELECT count(integration_defaults.set_default('free', jsonb_build_object('never', n), g.id)) FROM integration_defaults.groups g, generate_series(1, 2000) n WHERE g.id = '1'; ROLLBACK});
$open->quit;
is_followed('a large transaction that was rolled back', 1);

# A write of the second database's own meets what comes in.
my $writer = $shard->background_psql('late');
$writer->query_safe(q{BEGIN; INSERT INTO app.projects VALUES (5000, '2'); SELECT integration_defaults.set_custom('free', 5000, '{"mine": 1}'); UPDATE app.projects SET namespace = '3' WHERE id = 3});
$publisher->safe_psql('postgres', q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://met"}')});
sleep 1;
$writer->query_safe('COMMIT');
$writer->quit;
caught_up();
is(differences($shard, 'late'), '', 'a default that met a write of its own: both are in');
is($shard->safe_psql('late', q{SELECT count(*) FROM integration_defaults.effective_settings WHERE project_id = '5000'}), '2', 'and so is the project');
$shard->safe_psql('late', q{DELETE FROM app.projects WHERE id = 5000; UPDATE app.projects SET namespace = '4' WHERE id = 3});
$publisher->safe_psql('postgres', q{UPDATE app.projects SET namespace = '4' WHERE id = 3});
$shard->safe_psql('early', q{SELECT integration_defaults.move_project(3, '4')});
is_followed('the same again', 0);

# --- a group goes at the source while projects of the second database are in it, and comes back ----------------------

$publisher->safe_psql('postgres', q{UPDATE app.projects SET namespace = '1' WHERE namespace = '3'; DELETE FROM app."Namespaces" WHERE "Id" = '3'});
caught_up();
foreach my $database (@shards)
{
	my $hanging = "project_id IN (SELECT id FROM integration_defaults.projects WHERE group_id = '3')";
	is($shard->safe_psql($database, "SELECT count(*) > 0 FROM integration_defaults.projects WHERE group_id = '3'"), 't', "$database: projects have lost their group");
	is($shard->safe_psql($database, "SELECT count(*) FROM integration_defaults.effective_settings WHERE $hanging"), '0', "$database: they have no rows");
	my $whole = qq{FROM integration_defaults.projects p, integration_defaults.resolve_all(p.id) r WHERE p.group_id IS DISTINCT FROM '3' AND r.integration IN ('chat', 'free')};
	is($shard->safe_psql($database, "SELECT count(*) FROM integration_defaults.effective_settings"), $shard->safe_psql($database, "SELECT count(*) $whole"),
		"$database: all others have theirs");
	$publisher->safe_psql('postgres', qq{SELECT integration_defaults.set_default('chat', '{"webhook": "https://without 3 $database"}')});
	caught_up();
	is($shard->safe_psql($database, qq{SELECT count(*) FROM integration_defaults.effective_settings WHERE settings ->> 'webhook' = 'https://without 3 $database'}),
		$shard->safe_psql($database, qq{SELECT count(*) $whole AND r.settings ->> 'webhook' = 'https://without 3 $database'}), "$database: and follow");
}
$publisher->safe_psql('postgres', q{INSERT INTO app."Namespaces" VALUES ('3', '2', 'Group'); UPDATE app.projects SET namespace = '3' WHERE id % 7 = 2});
is_followed('the group is back');

# --- DISABLE and ENABLE TRIGGER ALL, as pg_restore --disable-triggers leaves them: materialize() again mends it --------

my $modes = q{SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN
	(SELECT oid FROM pg_class WHERE relnamespace = 'integration_defaults'::regnamespace AND relkind = 'r') ORDER BY 1, 2};
my $declared = $shard->safe_psql('early', $modes);
foreach my $mode ('DISABLE', 'ENABLE')
{
	$shard->safe_psql($_, qq{DO \$\$DECLARE own regclass; BEGIN
		FOR own IN SELECT oid FROM pg_class WHERE relnamespace = 'integration_defaults'::regnamespace AND relkind = 'r' LOOP
			EXECUTE format('ALTER TABLE %s $mode TRIGGER ALL', own);
		END LOOP; END\$\$}) foreach @shards;
	$publisher->safe_psql('postgres', qq{SELECT integration_defaults.set_default('chat', '{"webhook": "https://unseen $mode"}')});
	caught_up();
	isnt(differences($shard, 'early'), '', "$mode TRIGGER ALL: what comes in is not followed");
	$shard->safe_psql($_, q{SELECT integration_defaults.materialize('chat')}) foreach @shards;
	is($shard->safe_psql('early', $modes), $declared, "$mode TRIGGER ALL: all triggers fire as declared again");
	is(differences($shard, $_), '', "$mode TRIGGER ALL, $_: the rows are mended") foreach @shards;
	$publisher->safe_psql('postgres', qq{SELECT integration_defaults.set_default('free', '{"seen": "$mode"}')});
	is_followed("$mode TRIGGER ALL, and materialize() again");
}

# --- the worker ------------------------------------------------------------------------------------------------------

$shard->restart;
$publisher->safe_psql('postgres', q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://after a restart"}')});
is_followed('after a restart of the second server');
my @errors = grep { / ERROR: /} split /\n/, slurp_file($shard->logfile);
is(join("\n", @errors), '', 'no worker of the second server has met an error');
$shard->safe_psql($_, "DROP SUBSCRIPTION $_") foreach @shards;

# --- two workers that bring a group and what it has set, at once -----------------------------------------------------------

# As the initial copy does it, one for each table. The one that brings the group has written its project's row, and is stopped
# until the other one has committed, or waits for it.
$shard->safe_psql('postgres', "CREATE DATABASE twice");
$shard->safe_psql('twice', <<'SQL');
CREATE EXTENSION integration_defaults;
SELECT integration_defaults.register_integration('free'), integration_defaults.materialize('free');
SELECT integration_defaults.set_default('free', '{"all": 1}'), integration_defaults.add_project('there');
CREATE FUNCTION public.stop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_catalog.pg_advisory_xact_lock_shared(1); RETURN NULL; END';
CREATE TRIGGER stop AFTER INSERT OR UPDATE ON integration_defaults.effective_settings FOR EACH ROW EXECUTE FUNCTION public.stop();
ALTER TABLE integration_defaults.effective_settings ENABLE ALWAYS TRIGGER stop;
SET session_replication_role = replica;
INSERT INTO integration_defaults.projects VALUES ('early', 'g');
SQL
my $stopper = $shard->background_psql('twice');
$stopper->query_safe('SELECT pg_advisory_lock(1)');
my @workers = map {
	my $worker = $shard->background_psql('twice');
	$worker->query_safe("SET session_replication_role = replica; BEGIN; $_");
	$worker;
} q{INSERT INTO integration_defaults.groups VALUES ('g', NULL), ('h', 'g')},
  q{INSERT INTO integration_defaults.group_settings (group_id, integration, custom, settings) VALUES ('g', 'free', true, '{"group": 1}')};
$workers[0]->query_until(qr/committing/, "\\echo committing\nCOMMIT;\n");
$shard->poll_query_until('twice', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = 0 AND objid = 1});
$workers[1]->query_until(qr/committing/, "\\echo committing\nCOMMIT;\n");
$shard->poll_query_until('twice', q{SELECT bool_and(state LIKE 'idle%' OR wait_event_type = 'Lock') FROM pg_stat_activity WHERE datname = 'twice' AND pid <> pg_backend_pid()});
$stopper->query_safe('SELECT pg_advisory_unlock(1)');
$_->query_safe('SELECT 1'), $_->quit foreach @workers;
$stopper->quit;
is($shard->safe_psql('twice', q{SELECT settings, source_id FROM integration_defaults.project_integrations WHERE project_id = 'early'}), '{"group": 1}|g', 'groups first: the project has what its group has set');
is(differences($shard, 'twice'), '', 'groups first: and its row says so');
$shard->stop;
$publisher->stop;
done_testing();
