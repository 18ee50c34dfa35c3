# A cluster of Citus', a coordinator and two workers, beside a plain server with the same rows: the same answers to the same
# questions from every node, also after writers have been at work, and after shards have moved, were split, and a node is
# new; what is refused, and what mends it.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my ($libraries) = run_command([ 'pg_config', '--pkglibdir' ]);
my ($share) = run_command([ 'pg_config', '--sharedir' ]);
plan skip_all => 'this server has no Citus' unless -e "$libraries/citus.so" && -e "$share/extension/citus.control";

my $I = 'integration_defaults';
my $seconds = $ENV{CITUS_SECONDS} // 60;

# --- the cluster -----------------------------------------------------------------------------------------------------

my @made;
sub make_node
{
	my ($name) = @_;
	my $node = new_node($name, allows_streaming => 'logical', conf => <<'CONF');
shared_preload_libraries = 'citus'
listen_addresses = '127.0.0.1'
max_connections = 200
max_prepared_transactions = 200
citus.node_conninfo = 'sslmode=disable'
citus.max_background_task_executors_per_node = 1
wal_retrieve_retry_interval = 100ms
max_worker_processes = 32
CONF
	$node->safe_psql('postgres', 'CREATE EXTENSION citus');
	push @made, $node;
	return $node;
}
my $plain = new_node('plain', conf => "max_connections = 200\n");
my $coordinator = make_node('coordinator');
my @workers = map { make_node($_) } qw(one two);
my $host = '127.0.0.1';
sub on { my ($node, $sql, @as) = @_; return $node->safe_psql('postgres', $sql, extra_params => \@as); }
sub refused
{
	my ($node, $sql, $state, $text, $what) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '--set', 'VERBOSITY=verbose' ]);
	like($err, qr/ERROR:  $state: .*$text/s, $what);
}
on($coordinator, "SELECT citus_set_coordinator_host('$host', " . $coordinator->port . ')');
on($coordinator, "SELECT citus_add_node('$host', " . $_->port . ')') foreach @workers;
on($coordinator, "CREATE EXTENSION $I");
is(on($coordinator, "SELECT string_agg(result, ' ') FROM run_command_on_all_nodes('SELECT count(*) FROM pg_extension WHERE extname = ''$I''')"), '1 1 1', 'Citus creates the extension on all nodes');

my $tables = <<'SQL';
CREATE SCHEMA app;
CREATE TABLE app.groups (id bigint PRIMARY KEY, parent_id bigint, name text, kind text NOT NULL DEFAULT 'Group');
CREATE TABLE app.projects (dropped int, id bigint PRIMARY KEY, group_id bigint REFERENCES app.groups, name text, archived boolean NOT NULL DEFAULT false);
ALTER TABLE app.projects DROP COLUMN dropped;
SQL
my $distribute = "SET citus.shard_count = 6; SELECT create_reference_table('app.groups'); SELECT create_distributed_table('app.projects', 'id')";
my $rows = <<'SQL';
INSERT INTO app.groups SELECT n, CASE WHEN n > 3 THEN n / 3 END, 'g' || n, CASE WHEN n % 10 = 9 THEN 'User' ELSE 'Group' END FROM generate_series(1, 40) n;
INSERT INTO app.projects (id, group_id, name, archived) SELECT n, CASE WHEN n % 11 > 0 THEN 1 + n % 40 END, 'p' || n, n % 13 = 0 FROM generate_series(1, 400) n;
SQL
my $track = <<"SQL";
SELECT $I.track_groups('app.groups', filter => \$\$kind = 'Group'\$\$, label_column => 'name');
SELECT $I.track_projects('app.projects', filter => 'NOT archived');
SQL
my $types = <<"SQL";
SELECT $I.register_integration('chat', '{"type": "object", "properties": {"webhook": {"type": "string"}, "channel": {"type": "string", "default": "#all"},
	"limit": {"type": "integer", "default": 10}, "url": {"type": "string"}, "room": {"type": "string"}}, "required": ["webhook"], "x-atomic": [["url", "room"]]}', 'Chat');
SELECT $I.register_integration('free'), $I.register_integration('tracker', '{"x-exclusive": "tracker"}'), $I.register_integration('forbidden');
SELECT $I.set_default('chat', '{"webhook": "https://instance"}'), $I.set_default('free', '{"a": [1, 2.50, null]}'), $I.set_default('forbidden', '{}');
SELECT $I.set_default('chat', '{"webhook": "https://2", "limit": 2}', 2), $I.override_fields('chat', '{"channel": "#5"}', group_id => 5);
SELECT $I.lock_fields('chat', '{limit}', 3), $I.set_default('tracker', '{"t": 1}', 1, active => false);
SELECT $I.allow_integrations('{chat,free,tracker}');
SQL
my $settings = <<"SQL";
SELECT count($I.set_custom('chat', p.id, jsonb_build_object('webhook', 'https://' || p.id))::text) FROM app.projects p WHERE p.id % 17 = 0 AND NOT archived;
SELECT count($I.override_fields('free', jsonb_build_object('b', p.id), p.id)::text) FROM app.projects p WHERE p.id % 5 = 0 AND NOT archived;
SELECT count($I.set_active('chat', false, p.id)::text) FROM app.projects p WHERE p.id % 23 = 0 AND NOT archived;
SELECT $I.set_active('tracker', true, p.id) FROM app.projects p WHERE p.id = 7;
SQL

# --- before it is enabled --------------------------------------------------------------------------------------------

on($_, $tables) foreach $plain, $coordinator;
on($plain, "CREATE EXTENSION $I");
on($coordinator, $distribute);
on($_, $rows) foreach $plain, $coordinator;
refused($coordinator, "SELECT $I.track_groups('app.groups')", '0A000', qr/is distributed by Citus.*HINT:  CALL $I\.enable_citus/s, 'before enable_citus(): a reference table');
refused($coordinator, "SELECT $I.track_projects('app.projects')", '0A000', qr/is distributed by Citus/, 'a distributed one');
refused($coordinator, "CALL $I.resync_node()", '55000', qr/does not use $I/, 'resync_node()');
refused($workers[0], "CALL $I.enable_citus()", '55000', qr/enable_citus\(\) is for the coordinator/, 'enable_citus() on a worker');
refused($coordinator, "BEGIN; CALL $I.enable_citus()", '25001', qr/can't run inside a transaction/, 'inside a transaction');
refused($plain, "CALL $I.enable_citus()", '55000', qr/no database of Citus'/, 'on a plain server');

# Who may create in the schema gets no trigger of his fired as our owner.
my $alone = 'SET citus.enable_ddl_propagation = off';
on($coordinator, "$alone; CREATE ROLE stranger; GRANT CREATE, USAGE ON SCHEMA $I TO stranger; SET ROLE stranger; CREATE TABLE $I.cluster (step text NOT NULL)");
refused($coordinator, "CALL $I.enable_citus()", '55000', qr/$I\.cluster is not what enable_citus\(\) makes/, 'a table of somebody else under the name of ours');
on($coordinator, "SELECT create_reference_table('$I.cluster')");
refused($coordinator, "CALL $I.enable_citus()", '55000', qr/$I\.cluster is not what enable_citus\(\) makes/, 'also where all nodes have it');
refused($coordinator, "SELECT $I.track_groups('app.groups')", '0A000', qr/is distributed by Citus/, 'nothing is tracked by it');
on($coordinator, "DROP TABLE $I.cluster; $alone; DROP OWNED BY stranger");
on($coordinator, "$alone; CREATE TABLE $I.cluster (step int)");
refused($coordinator, "CALL $I.enable_citus()", '55000', qr/$I\.cluster is not what enable_citus\(\) makes/, 'one with another column');
on($coordinator, "$alone; DROP TABLE $I.cluster");

on($coordinator, "CALL $I.enable_citus()");
on($coordinator, "CALL $I.enable_citus()"); # does no harm
is(on($coordinator, "SELECT count(*) FROM pg_replication_slots WHERE active AND slot_name LIKE '$I%'"), '2', 'both workers have subscribed');
refused($coordinator, "SELECT $I.track_projects('app.groups', 'id', 'parent_id')", '0A000', qr/is a reference table/, 'projects in a reference table');
refused($coordinator, "SELECT $I.track_groups('app.projects', 'id', 'group_id')", '0A000', qr/in shards/, 'groups in shards');
refused($workers[0], "SELECT $I.track_projects('app.projects')", '55000', qr/is for the coordinator/, 'tracking on a worker');
refused($coordinator, "BEGIN; SELECT $I.track_projects('app.projects')", '25001', qr/can't be tracked inside a transaction/, 'tracking in a transaction that may have written settings');
refused($coordinator, "DO \$\$BEGIN CREATE TEMP TABLE written (); PERFORM $I.track_projects('app.projects'); END\$\$", '25001', qr/can't be tracked inside a transaction/, 'and in one that has written');

# --- the same questions ----------------------------------------------------------------------------------------------

on($_, $track) foreach $plain, $coordinator;
on($_, $types) foreach $plain, $coordinator;
sub caught_up
{
	my $lsn = $coordinator->lsn('write');
	$coordinator->poll_query_until('postgres', "SELECT count(*) > 0 AND bool_and(confirmed_flush_lsn >= '$lsn') FROM pg_replication_slots WHERE slot_name LIKE '$I%' AND active")
		or die 'the workers do not catch up';
}
caught_up();
on($_, $settings) foreach $plain, $workers[0];

my @questions;
foreach my $type (qw(chat free tracker forbidden))
{
	push @questions, "SELECT p.id, $I.active_settings('$type', p.id) FROM app.projects p WHERE NOT archived ORDER BY 1",
		"SELECT p.id, r.* FROM app.projects p, $I.resolve('$type', p.id) r WHERE NOT archived ORDER BY 1",
		"SELECT p.id, r.* FROM app.projects p, $I.explain('$type', p.id) r WHERE NOT archived ORDER BY 1, 2",
		"SELECT count($I.active_settings('$type', p.id)), min(p.id) FILTER (WHERE $I.active_settings('$type', p.id) IS NULL) FROM app.projects p WHERE NOT archived",
		"SELECT p.group_id, count(*) FROM app.projects p WHERE NOT archived AND $I.active_settings('$type', p.id) IS NOT NULL GROUP BY 1 ORDER BY 1",
		"SELECT * FROM $I.resolve('$type') r",
		"SELECT * FROM $I.explain('$type', group_id => 5) r",
		"SELECT g.id, $I.active_settings('$type', group_id => g.id) FROM app.groups g WHERE kind = 'Group' ORDER BY 1";
}
push @questions, "SELECT p.id, r.* FROM app.projects p, $I.resolve_all(p.id) r WHERE NOT archived ORDER BY 1, 2",
	"SELECT p.id, r.* FROM app.projects p, $I.all_active_settings(p.id) r WHERE NOT archived ORDER BY 1, 2",
	"SELECT p.id, p.name, $I.active_settings('chat', p.id) ->> 'webhook' FROM app.projects p JOIN app.groups g ON g.id = p.group_id WHERE NOT archived AND g.name = 'g7' ORDER BY 1",
	"SELECT $I.active_settings('free', p.id) FROM app.projects p WHERE p.id = 35",
	"SELECT g.id, r.* FROM app.groups g, $I.resolve_all(group_id => g.id) r WHERE kind = 'Group' ORDER BY 1, 2",
	"SELECT id, parent_id FROM $I.groups ORDER BY 1",
	"SELECT group_id, integration, custom, active, settings, locked FROM $I.group_settings ORDER BY 1, 2",
	"SELECT name, title, schema, allowed FROM $I.integrations ORDER BY 1";
is(scalar(@questions), 40, 'forty questions');
sub all_alike
{
	my ($what, @nodes) = @_;
	caught_up();
	my $wrong = 0;
	foreach my $question (@questions)
	{
		my $expected = on($plain, $question);
		foreach my $node (@nodes ? @nodes : @made)
		{
			my ($status, $got, $err) = $node->psql('postgres', $question);
			next if $status == 0 && $got eq $expected;
			$wrong++;
			diag $node->name . ": $question\n", $err, "\n";
			same($got, $expected, "$what: an answer") if $status == 0;
		}
	}
	is($wrong, 0, "$what: " . scalar(@questions) . ' questions, the same answers from all nodes');
}
# Each project on one node, with what is set on it, and nothing besides.
sub nothing_astray
{
	my ($what) = @_;
	my $ids = "SELECT string_agg(id, ' ' ORDER BY id) FROM (SELECT id FROM $I.projects) x";
	my $set = "SELECT string_agg(x::text, ' ' ORDER BY project_id, integration) FROM (SELECT project_id, integration, custom, active, settings FROM $I.project_settings) x";
	foreach my $sql ($ids, $set)
	{
		my $quoted = $sql =~ s/'/''/gr;
		my %found;
		$found{$_}++ foreach map { split / (?=\(|\d+(?: |$))/, $_->safe_psql('postgres', $sql) } @made;
		my %expected;
		$expected{$_}++ foreach split / (?=\(|\d+(?: |$))/, on($plain, $sql);
		is(join(' ', map { "$_=$found{$_}" } grep { $_ ne '' } sort keys %found), join(' ', map { "$_=$expected{$_}" } sort keys %expected), "$what: " . ($sql eq $ids ? 'projects' : 'settings') . ' are each on one node');
	}
	my $states = on($coordinator, "SELECT string_agg(result, ' ') FROM run_command_on_all_nodes(\$\$SELECT string_agg(state || ' ' || detail, '; ') FROM $I.status() WHERE subject = 'cluster' AND state <> 'ok' OR state = 'broken'\$\$)");
	is($states =~ s/^ +//r, '', "$what: status() of all nodes");
}
all_alike('at first');
nothing_astray('at first');

# --- what is refused, and where it is to go --------------------------------------------------------------------------

my ($elsewhere) = split /\n/, on($coordinator, "SELECT nodeport FROM citus_shards WHERE table_name = 'app.projects'::regclass AND shardid = get_shard_id_for_distribution_column('app.projects', 5)");
my ($here) = grep { $_->port == $elsewhere } @workers;
my ($other) = grep { $_->port != $elsewhere } @workers;
foreach my $node ($coordinator, $other)
{
	refused($node, $_, '42704', qr/project "5" is not on this node.*DETAIL:  .*app\.projects.*HINT:  .*FROM app\.projects p WHERE/s, $node->name . ": $_")
		foreach "SELECT $I.active_settings('chat', 5)", "SELECT * FROM $I.resolve('chat', 5)", "SELECT $I.set_custom('free', 5, '{}')";
}
is(on($here, "SELECT $I.active_settings('free', 5) ->> 'b'"), '5', 'its own node answers');
refused($workers[1], $_, '55000', qr/is filled by subscription/, "a worker: $_") foreach "SELECT $I.set_default('free', '{}')", "SELECT $I.register_integration('mine')", "SELECT $I.set_default('free', '{}', 5)";
refused($_, "SELECT $I.add_group(99)", '55000', qr/tracked in table app\.groups/, $_->name . ': groups follow their table') foreach @made;
refused($workers[0], "SELECT $I.materialize('chat')", '0A000', qr/not materialized in a cluster/, 'materialize()');
refused($coordinator, "SELECT $I.resync('app.projects')", '0A000', qr/resync_node/, 'resync()');
my ($shard) = split /\n/, on($workers[0], "SET citus.override_table_visibility = off; SELECT c.oid::regclass FROM pg_class c WHERE relname ~ '^projects_\\d+\$' ORDER BY 1 LIMIT 1");
refused($workers[0], "SELECT $I.track_projects('$shard')", '0A000', qr/is a shard of/, 'a shard');

# --- the tree changes, from all nodes --------------------------------------------------------------------------------

my @changes = (
	"INSERT INTO app.groups VALUES (41, 7, 'new')", "BEGIN; INSERT INTO app.groups VALUES (42, 41, 'newer'); INSERT INTO app.projects (id, group_id) VALUES (500, 42); COMMIT",
	"INSERT INTO app.projects (id, group_id) SELECT n, 1 + n % 8 FROM generate_series(501, 560) n", "UPDATE app.projects SET group_id = 2 WHERE id % 9 = 0",
	"UPDATE app.groups SET parent_id = 6 WHERE id = 7", "DELETE FROM app.projects WHERE id % 31 = 0", "UPDATE app.projects SET archived = NOT archived WHERE id % 10 = 0",
	"UPDATE app.groups SET kind = 'User' WHERE id = 12", "UPDATE app.groups SET kind = 'Group' WHERE id IN (9, 19)", "UPDATE app.projects SET group_id = NULL WHERE group_id = 40", "DELETE FROM app.groups WHERE id = 40",
	"SELECT $I.use_default('free', p.id) FROM app.projects p WHERE p.id = 15", "SELECT $I.inherit_fields('free', '{b}', p.id) FROM app.projects p WHERE p.id = 25 AND NOT archived");
foreach my $n (0 .. $#changes)
{
	on($plain, $changes[$n]);
	on($made[ $n % @made ], $changes[$n]);
}
all_alike('after changes from all nodes');
nothing_astray('after changes');
refused($workers[0], "INSERT INTO app.groups VALUES (1000, 999)", '23503', qr/parent/, 'a parent that is not there');
is(on($_, "SELECT count(*) FROM $I.groups WHERE id = '1000'"), '0', $_->name . ': and nothing is left of it') foreach @made;

# --- writers ---------------------------------------------------------------------------------------------------------

my @writers;
my @scripts = (
	"\\set p random(1, 560)\nSELECT count($I.override_fields('free', jsonb_build_object('w', :p), p.id)::text) FROM app.projects p WHERE p.id = :p AND NOT archived;\n",
	"\\set p random(601, 900)\nINSERT INTO app.projects (id, group_id) VALUES (:p, 1 + :p % 8) ON CONFLICT DO NOTHING;\n",
	"\\set p random(601, 900)\nDELETE FROM app.projects WHERE id = :p;\n",
	"\\set p random(1, 400)\n\\set g random(1, 8)\nUPDATE app.projects SET group_id = :g WHERE id = :p;\n",
	"\\set g random(1, 8)\n\\set v random(1, 100)\nSELECT $I.override_fields('chat', jsonb_build_object('channel', '#' || :v), group_id => :g);\n",
	"\\set g random(20, 30)\n\\set v random(1, 8)\nUPDATE app.groups SET parent_id = :v WHERE id = :g;\n");
foreach my $n (0 .. $#scripts)
{
	my $file = PostgreSQL::Test::Utils::tempdir . "/writer$n.sql";
	append_to_file($file, $scripts[$n]);
	my $node = $n == 4 ? $coordinator : $made[ $n % @made ];
	my $log = "$file.log";
	push @writers, [ $node, $log, IPC::Run::start([ 'pgbench', '-n', '-c', '2', '-T', $seconds, '--max-tries=10', '-f', $file, $node->connstr('postgres') ], '>', $log, '2>', "$log.err") ];
}
foreach my $writer (@writers)
{
	my ($node, $log, $run) = @$writer;
	$run->finish;
	my $err = slurp_file("$log.err");
	my @errors = grep { /ERROR/ && !/deadlock|could not serialize/ } split /\n/, $err;
	is(join("\n", @errors[ 0 .. ($#errors > 3 ? 3 : $#errors) ]), '', 'a writer on ' . $node->name . ' meets no error');
	like(slurp_file($log), qr/actually processed: [1-9]/, 'and has written');
}
# The plain server gets what the cluster has come to.
my $dump = PostgreSQL::Test::Utils::tempdir . '/rows';
sub copy_to_plain
{
	on($plain, "BEGIN; SET CONSTRAINTS ALL DEFERRED; DELETE FROM app.projects; DELETE FROM app.groups; COMMIT");
	foreach my $table ('app.groups', 'app.projects')
	{
		my $text = on($coordinator, "COPY (SELECT * FROM $table) TO STDOUT");
		append_to_file("$dump.$table", "$text\n") if $text ne '';
		on($plain, "\\copy $table FROM '$dump.$table'") if $text ne '';
		unlink "$dump.$table";
	}
	my $group = on($coordinator, "COPY (SELECT group_id, integration, custom, active, settings, locked FROM $I.group_settings) TO STDOUT");
	my $project = join "\n", grep { $_ ne '' } map { on($_, "COPY (SELECT project_id, integration, custom, active, settings FROM $I.project_settings) TO STDOUT") } @made;
	append_to_file("$dump.group", "$group\n");
	append_to_file("$dump.project", "$project\n");
	on($plain, <<"SQL");
SET check_function_bodies = off;
DELETE FROM $I.group_settings; DELETE FROM $I.project_settings;
\\copy $I.group_settings (group_id, integration, custom, active, settings, locked) FROM '$dump.group'
\\copy $I.project_settings (project_id, integration, custom, active, settings) FROM '$dump.project'
SQL
	unlink "$dump.group", "$dump.project";
}
copy_to_plain();
all_alike("after writers for $seconds s");
nothing_astray('after writers');

# --- shards move -----------------------------------------------------------------------------------------------------

my $shard_id = on($coordinator, "SELECT get_shard_id_for_distribution_column('app.projects', 5)");
sub place_of { return on($coordinator, "SELECT nodeport FROM citus_shards WHERE shardid = $_[0]"); }
sub move
{
	my ($id, $mode) = @_;
	my $from = place_of($id);
	my ($to) = grep { $_->port != $from } @workers;
	on($coordinator, "SELECT citus_move_shard_placement($id, '$host', $from, '$host', " . $to->port . ", '$mode')");
	return $to;
}
foreach my $mode ('block_writes', 'force_logical')
{
	my $from = place_of($shard_id);
	my ($was) = grep { $_->port == $from } @workers;
	my $to = move($shard_id, $mode);
	refused($_, "SELECT $I.active_settings('free', 5)", '42704', qr/project "5" is not on this node/, "$mode: before resync_node(), " . $_->name . ' does not answer') foreach $was, $to;
	refused($coordinator, "SELECT $I.active_settings('free', p.id) FROM app.projects p WHERE p.id = 5", '42704', qr/resync_node/, 'nor does its own node for its row');
	refused($_, "SELECT $I.set_custom('free', 5, '{}')", '42704', qr/not on this node/, 'nor can it be set there') foreach $was, $to;
	like(on($_, "SELECT detail FROM $I.status() WHERE subject = 'cluster' AND state = 'broken'"), qr/resync_node/, $_->name . ': status() says so') foreach $was, $to;
	foreach my $node ($plain, $coordinator)
	{
		on($node, "UPDATE app.projects SET group_id = 3 WHERE id = 5; UPDATE app.projects SET archived = NOT archived WHERE id % 14 = 0");
	}
	on($coordinator, "CALL $I.resync_node()");
	is(on($to, "SELECT $I.active_settings('free', 5) ->> 'b'"), '5', 'after it, what was set is there');
	all_alike("$mode: moved");
	nothing_astray("$mode: moved");
}
# While others write.
my $moving = PostgreSQL::Test::Utils::tempdir . '/moving.sql';
append_to_file($moving, "\\set p random(1, 400)\n\\set g random(1, 8)\nUPDATE app.projects SET group_id = :g WHERE id = :p;\n");
my $mover = IPC::Run::start([ 'pgbench', '-n', '-c', '4', '-T', '15', '--max-tries=10', '-f', $moving, $workers[0]->connstr('postgres') ], '>', "$moving.log", '2>', "$moving.err");
foreach (1 .. 2)
{
	move($shard_id, 'block_writes');
	on($coordinator, "CALL $I.resync_node()");
}
$mover->finish;
is(join('', grep { /ERROR/ && !/deadlock/ } split /^/, slurp_file("$moving.err")), '', 'writers meet no error while shards move');
on($coordinator, "CALL $I.resync_node()"); # what was written between a move and the call
copy_to_plain();
all_alike('moved while others write');
nothing_astray('moved while others write');

on($coordinator, "SELECT citus_split_shard_by_split_points($shard_id, ARRAY[(SELECT ((shardminvalue::bigint + shardmaxvalue::bigint) / 2)::text FROM pg_dist_shard WHERE shardid = $shard_id)], ARRAY[nodeid, nodeid], 'block_writes') FROM pg_dist_node WHERE nodeport = " . $workers[0]->port);
on($coordinator, 'CALL citus_cleanup_orphaned_resources()');
on($coordinator, "CALL $I.resync_node()");
all_alike('split');
nothing_astray('split');

# --- what is lost, and mended ----------------------------------------------------------------------------------------

my ($lost) = split /\n/, on($workers[0], "SET citus.override_table_visibility = off; SELECT c.oid::regclass || ' ' || t.tgname FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid WHERE relname ~ '^projects_\\d+\$' AND tgname ~ 'projects_insert' ORDER BY 1 LIMIT 1");
my ($table, $trigger) = split / /, $lost;
my $ids = on($workers[0], "SET citus.override_table_visibility = off; SELECT min(id) FROM $table");
on($workers[0], "SET citus.enable_manual_changes_to_shards = on; DROP TRIGGER $trigger ON $table");
refused($coordinator, "UPDATE app.projects SET group_id = 4 WHERE id = $ids", '55000', qr/not all of its triggers/, 'a lost trigger is an error, not silence');
on($coordinator, "CALL $I.resync_node()");
on($_, "UPDATE app.projects SET group_id = 4 WHERE id = $ids") foreach $plain, $coordinator;
all_alike('a lost trigger');

on($workers[0], "SET citus.enable_ddl_propagation = off; CREATE ROLE somebody; GRANT USAGE ON SCHEMA app TO somebody; SET citus.enable_manual_changes_to_shards = on; ALTER TABLE $table OWNER TO somebody");
refused($coordinator, "CALL $I.resync_node()", '42501', qr/has another owner than its table/, 'a shard of another owner');
on($workers[0], "SET citus.enable_manual_changes_to_shards = on; ALTER TABLE $table OWNER TO postgres");

my ($schema, $name) = split /\./, $table;
on($workers[0], "SET citus.enable_manual_changes_to_shards = on; ALTER TABLE $table RENAME TO gone");
refused($coordinator, "CALL $I.resync_node()", '55000', qr/not all shards of table "projects" can be found/, 'a shard that is not where it is placed');
on($workers[0], "SET citus.enable_manual_changes_to_shards = on; ALTER TABLE $schema.gone RENAME TO $name");

# A function of somebody else that a literal without a type would rather mean.
on($_, "SET citus.enable_ddl_propagation = off; CREATE FUNCTION public.follow_cluster() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''poisoned''; END'; CREATE FUNCTION public.track_projects(unknown_source text) RETURNS bigint LANGUAGE sql AS 'SELECT 1/0::bigint'") foreach $workers[0];
on($coordinator, "CALL $I.resync_node()");
all_alike('with functions of somebody else');

# --- a database whose owner is no superuser, and a filter that tells as whom it runs ----------------------------------

sub as { my ($role, $node, $sql) = @_; return $node->safe_psql('owned', $sql, extra_params => [ '-U', $role ]); }
on($coordinator, 'CREATE ROLE keeper LOGIN; CREATE ROLE writer LOGIN');
foreach my $node ($coordinator, @workers)
{
	on($node, 'CREATE DATABASE owned OWNER keeper');
	as('postgres', $node, 'CREATE EXTENSION citus');
}
as('postgres', $coordinator, "SELECT citus_set_coordinator_host('$host', " . $coordinator->port . ')');
as('postgres', $coordinator, "SELECT citus_add_node('$host', " . $_->port . ')') foreach @workers;
as('keeper', $coordinator, "CREATE EXTENSION $I");
as('keeper', $coordinator, $tables);
as('keeper', $coordinator, <<'SQL');
CREATE FUNCTION app.passes(name text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN
	IF current_user NOT IN ('keeper', 'writer') OR current_setting('session_replication_role') <> 'origin' THEN
		RAISE EXCEPTION 'run by % as %', current_user, current_setting('session_replication_role');
	END IF;
	RETURN name IS DISTINCT FROM 'hidden';
END$$;
SQL
as('keeper', $coordinator, $distribute);
as('keeper', $coordinator, $rows);
as('keeper', $coordinator, 'GRANT USAGE ON SCHEMA app TO writer; GRANT ALL ON app.groups, app.projects TO writer');
as('postgres', $coordinator, "CALL $I.enable_citus()");
as('keeper', $coordinator, "SELECT $I.track_groups('app.groups', filter => 'app.passes(name)'), $I.track_projects('app.projects', filter => 'app.passes(name)')");
# Nor do triggers that he has made to fire in replication, too, see that setting where settings come.
as('keeper', $_, <<"SQL") foreach $coordinator, @workers;
SET citus.enable_ddl_propagation = off;
CREATE FUNCTION app.spy() RETURNS trigger LANGUAGE plpgsql AS \$\$BEGIN
	IF current_user <> 'keeper' OR current_setting('session_replication_role') <> 'origin' THEN
		RAISE EXCEPTION 'fired for % as %', current_user, current_setting('session_replication_role');
	END IF;
	RETURN NULL;
END\$\$;
CREATE TRIGGER spy AFTER INSERT ON $I.project_settings FOR EACH ROW EXECUTE FUNCTION app.spy();
ALTER TABLE $I.project_settings ENABLE ALWAYS TRIGGER spy;
SQL
as('keeper', $coordinator, "SELECT $I.register_integration('free'), $I.set_default('free', '{\"a\": 1}')");
is(as('keeper', $coordinator, "SELECT count(success OR NULL) FROM run_command_on_all_nodes('SELECT $I.grant_access(''writer'', ''use'')')"), '3', 'access is given on all nodes');
as('writer', $coordinator, "INSERT INTO app.projects (id, group_id, name) SELECT n, 2, CASE WHEN n % 2 = 0 THEN 'hidden' ELSE 'seen' END FROM generate_series(1001, 1020) n; UPDATE app.projects SET name = 'hidden' WHERE id = 1; UPDATE app.groups SET name = 'hidden' WHERE id = 30");
$workers[0]->poll_query_until('owned', "SELECT count(*) = 1 FROM $I.instance_settings");
$workers[1]->poll_query_until('owned', "SELECT count(*) = 1 FROM $I.instance_settings");
my $count = "SELECT count($I.active_settings('free', p.id)) FROM app.projects p WHERE name <> 'hidden'";
is(as('writer', $coordinator, $count), '409', 'its projects are read, and those that are hidden are left out');
as('keeper', $coordinator, "SELECT count($I.override_fields('free', '{\"b\": 1}', p.id)::text) FROM app.projects p WHERE id BETWEEN 1001 AND 1019 AND id % 2 = 1");
as('keeper', $coordinator, "UPDATE app.projects SET name = 'hidden' WHERE id BETWEEN 1001 AND 1019");
my $moved = as('postgres', $coordinator, "SELECT shardid || ' ' || nodeport FROM citus_shards WHERE shardid = get_shard_id_for_distribution_column('app.projects', 1001)");
my ($its_id, $its_port) = split / /, $moved;
my ($its_target) = grep { $_->port != $its_port } @workers;
as('postgres', $coordinator, "SELECT citus_move_shard_placement($its_id, '$host', $its_port, '$host', " . $its_target->port . ", 'block_writes')");
as('keeper', $coordinator, "CALL $I.resync_node()");
as('postgres', $coordinator, "CALL $I.resync_node()");
as('writer', $coordinator, "UPDATE app.projects SET name = 'seen' WHERE id BETWEEN 1001 AND 1019 AND id % 2 = 1");
is(as('writer', $coordinator, "SELECT count($I.active_settings('free', p.id) ->> 'b') FROM app.projects p WHERE id BETWEEN 1001 AND 1019 AND name = 'seen'"), '10', 'what is set on projects that a filter leaves out moves along');
is(as('writer', $coordinator, $count), '409', 'all others are as before');
like(($coordinator->psql('owned', "CALL $I.resync_node()", extra_params => [ '-U', 'writer' ]))[2], qr/has no admin access/, 'others may not resync');
like(($workers[0]->psql('owned', "UPDATE $I.cluster SET step = 'take in'", extra_params => [ '-U', 'writer' ]))[2], qr/permission denied/, 'nor write the table that sets it off');

# A dump of the coordinator says that the cluster is enabled.
my $text = dump_of($coordinator, 'owned', '-U', 'postgres', '--schema-only');
like($text, qr/CREATE PUBLICATION ${I}_citus .*/, 'a dump has the publication');
like($text, qr/CREATE TRIGGER follow AFTER UPDATE ON $I\.cluster/, 'and the table');
like($text, qr/CREATE TRIGGER ${I}_projects_update AFTER UPDATE ON app\.projects/, 'and what is tracked');

# --- a new node ------------------------------------------------------------------------------------------------------

my $third = make_node('three');
pop @made;
on($coordinator, "SELECT citus_add_node('$host', " . $third->port . ')');
push @made, $third;
push @workers, $third;
on($coordinator, "CALL $I.resync_node()");
my $any = on($coordinator, "SELECT min(shardid) FROM citus_shards WHERE table_name = 'app.projects'::regclass AND nodeport = " . $workers[0]->port);
on($coordinator, "SELECT citus_move_shard_placement($any, '$host', " . $workers[0]->port . ", '$host', " . $third->port . ", 'block_writes')");
on($coordinator, "CALL $I.resync_node()");
all_alike('a new node');
nothing_astray('a new node');
on($coordinator, "SELECT citus_set_node_property('$host', " . $coordinator->port . ", 'shouldhaveshards', true); SELECT citus_move_shard_placement($any, '$host', " . $third->port . ", '$host', " . $coordinator->port . ", 'block_writes')");
on($coordinator, "CALL $I.resync_node()");
all_alike('a coordinator with shards');
nothing_astray('a coordinator with shards');

# --- speed ---------------------------------------------------------------------------------------------------------

# A function for each row of all projects, on all nodes at once, beside one session of a plain server.
SKIP:
{
	my ($processors) = run_command([ 'nproc' ]);
	skip 'one processor', 2 if $processors < 2;
	my $many = 'INSERT INTO app.projects (id, group_id) SELECT n, 1 + n % 8 FROM generate_series(10001, 110000) n';
	my $all = "SELECT count($I.active_settings('chat', p.id)) FROM app.projects p WHERE NOT archived";
	my %best;
	foreach my $node ($plain, $coordinator)
	{
		on($node, $many);
		foreach (1 .. 7)
		{
			my $time = on($node, "SET max_parallel_workers_per_gather = 0; EXPLAIN (ANALYZE, TIMING OFF, SUMMARY ON) $all") =~ /Execution Time: ([\d.]+) ms\s*\z/ ? $1 : die 'no time';
			$best{ $node->name } = $time if !defined $best{ $node->name } || $time < $best{ $node->name };
		}
	}
	note "all projects: plain server $best{plain} ms, cluster $best{coordinator} ms";
	my ($tasks) = on($coordinator, "EXPLAIN (COSTS OFF) $all") =~ /Task Count: (\d+)/;
	cmp_ok($tasks // 0, '>', 1, 'a function for all projects runs on the nodes that have them');
	is(on($coordinator, $all), on($plain, $all), 'with the same answers');
	on($_, 'DELETE FROM app.projects WHERE id > 10000') foreach $plain, $coordinator;
}

# --- the end ---------------------------------------------------------------------------------------------------------

foreach my $node ($plain, $coordinator)
{
	on($node, "TRUNCATE app.projects");
	on($node, "INSERT INTO app.projects (id, group_id) SELECT n, 1 FROM generate_series(1, 20) n");
}
all_alike('TRUNCATE');
nothing_astray('TRUNCATE');
on($_, "SELECT $I.untrack('app.projects')") foreach $plain, $coordinator;
on($coordinator, "INSERT INTO app.projects (id, group_id) VALUES (2000, 1); DELETE FROM app.projects WHERE id = 2000");
is(on($coordinator, "SELECT count(*) FROM $I.tracked_tables"), '1', 'untracked');
# What is set meanwhile, on whatever node, goes where the project is.
my $place = place_of(on($coordinator, "SELECT get_shard_id_for_distribution_column('app.projects', 6)"));
my ($by_hand) = grep { $_->port != $place } @workers;
on($by_hand, "SELECT $I.add_project(6, 1)");
on($_, "SELECT $I.override_fields('free', '{\"late\": 1}', 6)") foreach $by_hand, $plain;
on($_, "SELECT $I.track_projects('app.projects', filter => 'NOT archived')") foreach $plain, $coordinator;
all_alike('tracked again');
nothing_astray('tracked again');

# A superuser has a table of somebody else's tracked: it is the owner of the table who runs the filter, on all nodes.
on($coordinator, "SELECT $I.untrack('app.projects')");
on($coordinator, <<"SQL");
ALTER TABLE app.projects OWNER TO keeper;
GRANT ALL ON SCHEMA app TO keeper;
SELECT * FROM run_command_on_all_nodes('SELECT $I.grant_access(''keeper'', ''admin'')');
SET ROLE keeper;
CREATE FUNCTION app.passes(name text) RETURNS boolean LANGUAGE plpgsql AS \$\$BEGIN
	IF current_user <> 'keeper' THEN RAISE EXCEPTION 'run by %', current_user; END IF;
	RETURN name IS DISTINCT FROM 'hidden';
END\$\$;
SQL
is(on($coordinator, "SELECT $I.track_projects('app.projects', filter => 'app.passes(name)') IS NULL"), 't', 'a filter runs as the owner of the table, where a superuser calls');
is(on($coordinator, "SELECT count($I.active_settings('chat', p.id)) FROM app.projects p"), '20', 'and lets in what it is to');

$_->stop foreach @made, $plain;
done_testing();
