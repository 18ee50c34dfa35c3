# One database that publishes types, groups and their settings, and shards that subscribe to it: what each step does and
# refuses, what shards may still write, and what becomes of a project whose group goes.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $I = 'integration_defaults';
my $publisher = new_node('publisher', allows_streaming => 'logical');
my $shard = new_node('shard', allows_streaming => 'logical', conf => "wal_retrieve_retry_interval = 100ms\nrestart_after_crash = on\n");
make_app($publisher, 'postgres');
my $source = $publisher->connstr . ' dbname=postgres';

my @shards = qw(one two);
sub empty_shard
{
	my ($database) = @_;
	$shard->safe_psql('postgres', qq{CREATE DATABASE "$database"});
	$shard->safe_psql($database, <<'SQL');
CREATE EXTENSION integration_defaults;
CREATE SCHEMA app;
CREATE TABLE app.projects (id bigint PRIMARY KEY, namespace text);
SQL
}
sub subscribe { return "CALL $I.subscribe_defaults('$source')"; }
# The SQLSTATE and all of the messages.
sub refusal
{
	my ($node, $database, $sql) = @_;
	my ($status, $out, $err) = $node->psql($database, $sql, extra_params => [ '--set', 'VERBOSITY=verbose' ]);
	return $err;
}
sub refused
{
	my ($node, $database, $sql, $state, $text, $what) = @_;
	my $err = refusal($node, $database, $sql);
	like($err, qr/ERROR:  $state: .*$text/s, $what);
	unlike($err, qr/port=|password=/, "$what: the connection is not told");
}
sub slots { return $publisher->safe_psql('postgres', "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE '${I}\\_%'"); }
sub caught_up
{
	my ($node) = @_;
	my $lsn = $publisher->lsn('write');
	$publisher->poll_query_until('postgres', "SELECT count(*) > 0 AND bool_and(confirmed_flush_lsn >= '$lsn') FROM pg_replication_slots WHERE slot_name LIKE '${I}\\_%'")
		or die 'the shards do not catch up';
}

# --- what is refused, and leaves nothing behind ----------------------------------------------------------------------

empty_shard($_) foreach @shards, 'wrong';
refused($shard, 'wrong', subscribe(), '42704', qr/no publication "$I".*publish_defaults/s, 'before anything is published');
$publisher->safe_psql('postgres', "SELECT $I.publish_defaults()");
is($publisher->safe_psql('postgres', 'SELECT tablename FROM pg_publication_tables ORDER BY 1'), "group_settings\ngroups\ninstance_settings\nintegrations", 'four tables are published');
refused($publisher, 'postgres', "SELECT $I.publish_defaults()", '42710', qr/already exists/, 'the same publication again');
$publisher->safe_psql('postgres', qq{SELECT $I.publish_defaults('second; " DROP TABLE x')});
is($publisher->safe_psql('postgres', 'SELECT count(*) FROM pg_publication_tables'), '8', 'a name that needs quotes');
$publisher->safe_psql('postgres', "CREATE PUBLICATION few FOR TABLE $I.groups; CREATE PUBLICATION every FOR ALL TABLES");

refused($shard, 'wrong', "CALL $I.subscribe_defaults('$source', 'few')", '55000', qr/"few" does not publish.*It publishes $I\.groups; needed/s, 'a publication with less');
refused($shard, 'wrong', "CALL $I.subscribe_defaults('$source', 'every')", '55000', qr/"every" does not publish/, 'a publication of all tables');
refused($shard, 'wrong', "CALL $I.subscribe_defaults('$source', \$\$x'; DROP TABLE app.projects; --\$\$)", '42704', qr/no publication "x'; DROP/, 'a name that would be SQL');
refused($shard, 'wrong', "CALL $I.subscribe_defaults(NULL)", '22023', qr/"connection" must not be null/, 'no connection');
refused($shard, 'wrong', "CALL $I.subscribe_defaults('$source', NULL)", '22023', qr/"publication" must not be null/, 'no publication');
refused($shard, 'wrong', "CALL $I.subscribe_defaults(\$\$host=/nowhere password=sesame'; --\$\$)", '(42601|08001)', qr/\w/, 'nonsense for a connection');
refused($shard, 'wrong', "CALL $I.subscribe_defaults('host=/nowhere password=sesame dbname=x')", '08001', qr/could not connect to the publisher/, 'nobody there');
unlike(refusal($shard, 'wrong', "CALL $I.subscribe_defaults('host=/nowhere password=sesame dbname=x')"), qr/^(DETAIL|CONTEXT|HINT).*sesame/m, 'the password is not told');
refused($shard, 'wrong', "BEGIN; " . subscribe(), '25001', qr/can't run inside a transaction/, 'inside a transaction');
refused($shard, 'wrong', "DO \$\$BEGIN EXECUTE 'CALL $I.subscribe_defaults(''host=x'')'; END\$\$", '25001', qr/can't run inside a transaction/, 'by EXECUTE, which begins one');
refused($shard, 'wrong', "CALL $I.unsubscribe_defaults()", '55000', qr/has not subscribed/, 'unsubscribing what has not subscribed');

$shard->safe_psql('wrong', "SELECT $I.register_integration('mine')");
refused($shard, 'wrong', subscribe(), '55000', qr/$I\.integrations has rows.*TRUNCATE/s, 'where there are types');
$shard->safe_psql('wrong', "SELECT $I.unregister_integration('mine'), $I.add_group(1)");
refused($shard, 'wrong', subscribe(), '55000', qr/$I\.groups has rows/, 'where there are groups');
$shard->safe_psql('wrong', "SELECT $I.remove_group(1); CREATE TABLE app.groups (id int PRIMARY KEY, parent_id int); SELECT $I.track_groups('app.groups')");
refused($shard, 'wrong', subscribe(), '55000', qr/groups are tracked here, in table app\.groups.*untrack/s, 'where groups are tracked');
$shard->safe_psql('wrong', "SELECT $I.untrack('app.groups')");
my $loop = $shard->connstr . ' dbname=wrong';
refused($shard, 'wrong', "CALL $I.subscribe_defaults('$loop')", '22023', qr/can't subscribe to itself/, 'itself');

$shard->safe_psql('wrong', "CREATE ROLE plain LOGIN; CREATE ROLE admin LOGIN; SELECT $I.grant_access('admin', 'admin'); GRANT USAGE ON SCHEMA $I TO plain");
$publisher->safe_psql('postgres', "CREATE ROLE plain LOGIN; CREATE ROLE admin LOGIN; SELECT $I.grant_access('admin', 'admin'); GRANT USAGE ON SCHEMA $I TO plain");
foreach my $role (qw(plain admin))
{
	refused($shard, 'wrong', "SET ROLE $role; $_", '42501', qr/\w/, "$role: $_") foreach subscribe() =~ s/'.*'/'host=x'/r, "CALL $I.unsubscribe_defaults()";
	refused($publisher, 'postgres', "SET ROLE $role; SELECT $I.publish_defaults('theirs')", '42501', qr/\w/, "$role may not publish");
}
is(slots(), '0', 'no slot is left of what was refused');
is($shard->safe_psql('wrong', 'SELECT count(*) FROM pg_subscription'), '0', 'nor a subscription');

# --- two shards ------------------------------------------------------------------------------------------------------

my $questions = <<'SQL';
SET search_path = integration_defaults;
SELECT 'type', to_jsonb(i) - 'updated_at' FROM integrations i ORDER BY name;
SELECT 'instance', r.* FROM resolve_all() r WHERE integration <> 'chat' ORDER BY integration;
SELECT 'group', g.id, r.* FROM groups g, resolve_all(group_id => g.id) r WHERE r.integration <> 'chat' ORDER BY g.id, integration;
SELECT 'chat', g.id, active_settings('chat', group_id => g.id) FROM groups g ORDER BY g.id;
SQL
sub both_alike
{
	my ($what) = @_;
	caught_up();
	my $expected = $publisher->safe_psql('postgres', $questions);
	same($shard->safe_psql($_, $questions), $expected, "$what: shard $_ answers as the publisher does") foreach @shards;
}

# A cancel while the slot waits for a transaction of the publisher leaves what the next attempt clears away.
my $writer = $publisher->background_psql('postgres');
$writer->query_safe(q{BEGIN; SELECT integration_defaults.set_default('free', '{"while": "waiting"}', '1')});
refused($shard, 'one', "SET statement_timeout = '2s'; " . subscribe(), '57014', qr/statement timeout/, 'a cancel');
$writer->query_safe('COMMIT');
$writer->quit;
is($shard->safe_psql('one', 'SELECT count(*) FROM pg_subscription'), '0', 'leaves no subscription');
$publisher->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = '$I'");
$shard->safe_psql('one', subscribe());
is($shard->safe_psql('one', "SELECT count(*) FROM $I.integrations"), $publisher->safe_psql('postgres', "SELECT count(*) FROM $I.integrations"), 'when the call returns, the rows are there');
is($shard->safe_psql('one', "SELECT string_agg(srsubstate::text, '') FROM pg_subscription_rel"), 'rrrr', 'all tables are in step');

# While the other one copies, the publisher goes on.
my $busy = $publisher->background_psql('postgres');
$busy->query_until(qr/begun/, "\\echo begun\n" . join '', map { "SELECT $I.set_default('free', '{\"n\": $_}', '2'), $I.lock_fields('free', NULL, '3');\n" } 1 .. 500);
$shard->safe_psql('two', subscribe());
$busy->query_safe("SELECT $I.unlock_fields('free', NULL, '3')");
$busy->quit;
$publisher->safe_psql('postgres', q{INSERT INTO app."Namespaces" VALUES ('empty', NULL, 'Group')});
both_alike('after the copies');
is(slots(), '2', 'a slot each');
refused($shard, 'one', subscribe(), '55000', qr/has subscribed already/, 'twice');

like($shard->safe_psql('one', "SELECT state || ' ' || detail FROM $I.status() WHERE subject = 'subscription'"), qr/^ok "$I" brings/, 'status() knows of it');

# --- what a shard refuses, and what is its own -----------------------------------------------------------------------

$shard->safe_psql('one', q{INSERT INTO app.projects VALUES (1, '1'), (2, '2'), (3, '3'), (4, NULL), (5, '4');
	SELECT integration_defaults.track_projects('app.projects', group_column => 'namespace')});
$shard->safe_psql('one', qq{GRANT CREATE ON SCHEMA public TO PUBLIC; SELECT $I.grant_access('admin', 'admin')});
foreach my $sql (
	"SELECT $I.register_integration('mine')", "SELECT $I.register_integration('chat', '{}', force => true)", "SELECT $I.allow_integrations('{chat}')",
	"SELECT $I.unregister_integration('bugzilla')", "SELECT $I.load_catalog('gitlab', true) FROM (SELECT) x WHERE EXISTS (SELECT FROM $I.integrations WHERE name = 'free')",
	"SELECT $I.set_default('free', '{}')", "SELECT $I.set_default('free', '{}', '1')", "SELECT $I.set_default('chat', '{\"nonsense\": 1}')", "SELECT $I.reset_default('free')",
	"SELECT $I.override_fields('free', '{\"a\": 1}', group_id => '4')", "SELECT $I.set_active('free', false)", "SELECT $I.lock_fields('chat', '{limit}')",
	"SELECT $I.lock_fields('free', NULL, '4')", "SELECT $I.add_group('new')", "SELECT $I.move_group('2', NULL)", "SELECT $I.remove_group('empty')",
	"UPDATE $I.instance_integrations SET active = false WHERE integration = 'free'", "DELETE FROM $I.group_integrations WHERE group_id = '2' AND integration = 'chat'",
	"INSERT INTO $I.groups VALUES ('new', NULL)", "DELETE FROM $I.instance_settings", "UPDATE $I.integrations SET title = 'x'", "TRUNCATE $I.group_settings",
	"TRUNCATE $I.integrations, $I.groups, $I.instance_settings, $I.group_settings, $I.projects, $I.project_settings",
	"COPY $I.groups (id) FROM PROGRAM 'echo new'", "SELECT $I.reset_below('chat')", "SELECT count(*) FROM $I.preview('SELECT $I.set_default(''free'', ''{}'')')")
{
	my $was = $shard->safe_psql('one', "SELECT (SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM $I.groups t), (SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM $I.group_settings t)");
	next if $sql =~ /load_catalog/; # nothing in it differs from what is there
	refused($shard, 'one', $sql, '55000', qr/is filled by subscription "$I".*(Write there|unsubscribe)/s, "refused: $sql");
	is($shard->safe_psql('one', "SELECT (SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM $I.groups t), (SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM $I.group_settings t)"), $was, "and nothing has changed");
}
$shard->safe_psql('one', 'CREATE TABLE app.groups (id int PRIMARY KEY, parent_id int)');
refused($shard, 'one', "SELECT $I.track_groups('app.groups')", '55000', qr/is filled by subscription/, 'groups can not be tracked here');
is($shard->safe_psql('one', 'SELECT count(*) FROM pg_trigger WHERE tgrelid = $$app.groups$$::regclass'), '0', 'and no trigger is left');
$shard->safe_psql('one', "SELECT $I.set_custom('free', 4, '{\"own\": 1}'), $I.override_fields('free', '{\"b\": 1}', 1)");
$shard->safe_psql('one', "INSERT INTO app.projects VALUES (6, '2'); UPDATE app.projects SET namespace = '4' WHERE id = 6; DELETE FROM app.projects WHERE id = 6");
is($shard->safe_psql('one', "SELECT $I.active_settings('free', 4)"), '{"own": 1}', 'projects are its own');
is(error_of($shard, 'one', "INSERT INTO app.projects VALUES (7, 'nowhere')"), '23503', 'their groups have to be there');
$shard->safe_psql('one', "SELECT $I.grant_access('plain', 'write', '1'), $I.notify_changes(true), $I.notify_changes(false), $I.materialize('free')");
is($shard->safe_psql('one', "SET ROLE plain; SELECT settings ->> 'b' FROM $I.resolve('free', 1)"), '1', 'access is its own');
is(error_of($shard, 'one', "SET ROLE plain; SELECT $I.set_default('free', '{}', '1')"), '55000', 'who may write on a group may not here');
is(error_of($shard, 'one', "SET ROLE plain; SET session_replication_role = replica"), '42501', 'nor act as the replication');

# The catalogue is upgraded on the publisher; groups move and go; a shard restarts, and its worker is killed.
$publisher->safe_psql('postgres', <<"SQL");
SELECT $I.register_integration('free', '{"properties": {"k": {"default": "new"}}}', force => true), $I.register_integration('late', '{"properties": {"a": {}}}');
UPDATE $I.integrations SET title = 'By hand' WHERE name = 'bugzilla';
SELECT $I.load_catalog('gitlab', true), $I.set_default('late', '{"a": 1}'), $I.allow_integrations(NULL);
SQL
both_alike('a new catalogue');
$publisher->safe_psql('postgres', q{UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '2'; INSERT INTO app."Namespaces" VALUES ('6', '3', 'Group')});
both_alike('a move');
my $pid = $shard->safe_psql('one', "SELECT pid FROM pg_stat_subscription WHERE pid IS NOT NULL LIMIT 1");
kill 9, $pid;
$publisher->safe_psql('postgres', qq{SELECT $I.set_default('late', '{"a": 2}', '4')});
$shard->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
both_alike('kill -9 of an apply worker');
is($shard->safe_psql('one', "SELECT count(DISTINCT settings ->> 'a') FROM $I.project_integrations WHERE integration = 'late'"), '2', 'projects inherit what came');
$shard->restart;
$publisher->safe_psql('postgres', qq{SELECT $I.reset_default('late', '4')});
both_alike('a restart of the shards');
$publisher->restart;
$publisher->safe_psql('postgres', qq{SELECT $I.set_default('late', '{"a": 3}', '4')});
both_alike('a restart of the publisher');
is(differences($shard, 'one'), '', 'what is materialized on a shard has followed');

# --- a group goes while a shard's projects hang on it ----------------------------------------------------------------

$shard->safe_psql('one', "SELECT $I.keep_history(true); SELECT $I.set_custom('free', 3, '{\"three\": 1}'); SELECT $I.create_view('late', 'app.late')");
$publisher->safe_psql('postgres', q{DELETE FROM app."Namespaces" WHERE "Id" IN ('3', '6')});
both_alike('groups go');
is($shard->safe_psql('one', "SELECT group_id FROM $I.projects WHERE id = '3'"), '3', 'a project has lost its group');
my %answers = (
	'resolve' => "SELECT count(*) FROM $I.resolve('free', 3)", 'resolve_all' => "SELECT count(*) FROM $I.resolve_all(3)",
	'explain' => "SELECT count(*) FROM $I.explain('free', 3)", 'all_active_settings' => "SELECT count(*) FROM $I.all_active_settings(3)",
	'project_integrations' => "SELECT count(*) FROM $I.project_integrations WHERE project_id = '3'",
	'projects_using_custom_settings' => "SELECT count(*) FROM $I.projects_using_custom_settings('free') WHERE project_id = '3'",
	'projects_using_default' => "SELECT count(*) FROM $I.projects_using_default('late') WHERE project_id = '3'",
	'invalid_settings' => "SELECT count(*) FROM $I.invalid_settings() WHERE scope_id = '3'",
	'redundant_overrides' => "SELECT count(*) FROM $I.redundant_overrides('free') WHERE scope_id = '3'",
	'effective_settings' => "SELECT count(*) FROM $I.effective_settings WHERE project_id = '3'",
	'a typed view' => 'SELECT count(*) FROM app.late WHERE id = 3 AND (active OR a IS NOT NULL)',
);
is($shard->safe_psql('one', $answers{$_}), '0', "$_: nothing of it") foreach sort keys %answers;
is($shard->safe_psql('one', "SELECT $I.active_settings('free', 3) IS NULL"), 't', 'active_settings: NULL');
is($shard->safe_psql('one', "SELECT count(*) > 0, count(other_value) = 0 FROM $I.compare('late', 1, 3)"), 't|t', 'compare: against nothing');
is($shard->safe_psql('one', "SELECT count(*) FROM $I.projects p, $I.resolve_all(p.id) r WHERE r.integration = 'late'"), '4', 'all others are answered: functions');
is($shard->safe_psql('one', "SELECT count(*) FROM $I.project_integrations WHERE integration = 'late'"), '4', 'views');
is($shard->safe_psql('one', "SELECT count($I.active_settings('late', id)) FROM $I.projects"), '4', 'and in one statement');
is($shard->safe_psql('one', "BEGIN; INSERT INTO app.projects VALUES (8, '1'); SELECT count($I.active_settings('late', id)) FROM $I.projects; ROLLBACK"), '5', 'also in a transaction that writes');
is($shard->safe_psql('one', "SELECT count(*) FROM $I.resolve_at(clock_timestamp(), 'free', 3); SELECT count(*) FROM $I.explain_at(clock_timestamp(), 'free', 3); SELECT $I.keep_history(false)"), "0\n0\n", 'nor has it had any just now');
like($shard->safe_psql('one', "SELECT state || ' ' || detail FROM $I.status() WHERE subject = 'projects' AND state = 'broken'"), qr/^broken 1 project is in a group that is not there: 3\n/, 'status() lists it');
is(error_of($shard, 'one', "SELECT $I.set_custom('free', 3, '{}')"), '23503', 'it can not be set there');
$publisher->safe_psql('postgres', qq{SELECT $I.set_default('late', '{"a": "after"}')});
caught_up();
is($shard->safe_psql('one', "SELECT count(*) FROM $I.project_integrations WHERE settings ->> 'a' = 'after'"), '2', 'changes go on');
is(differences($shard, 'one'), '', 'effective_settings, too');
$publisher->safe_psql('postgres', q{INSERT INTO app."Namespaces" VALUES ('3', '1', 'Group')});
caught_up();
is($shard->safe_psql('one', "SELECT $I.active_settings('free', 3) ->> 'three', (SELECT count(*) FROM $I.project_integrations WHERE project_id = '3' AND integration = 'late')"), '1|1', 'the group is back, and the settings');
is(differences($shard, 'one'), '', 'effective_settings, too');

# --- the end ---------------------------------------------------------------------------------------------------------

my $dump = $shard->data_dir . '/../one.sql';
command_ok([ 'pg_dump', '-d', $shard->connstr('one'), '-f', $dump ], 'a shard can be dumped');
$shard->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $shard->connstr('restored'), '-f', $dump ], 'and restored');
is($shard->safe_psql('restored', "SELECT subenabled FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = 'restored')"), 'f', 'its subscription is there, and disabled');
$shard->safe_psql('restored', "ALTER SUBSCRIPTION $I SET (slot_name = NONE); DROP SUBSCRIPTION $I");
is($shard->safe_psql('restored', $questions), $shard->safe_psql('one', $questions), 'it answers as it did');

$shard->safe_psql('one', "CALL $I.unsubscribe_defaults()");
is(slots(), '1', 'the slot has gone');
my $kept = $shard->safe_psql('one', $questions);
$publisher->safe_psql('postgres', qq{SELECT $I.set_default('late', '{"a": "unseen"}')});
is($shard->safe_psql('one', $questions), $kept, 'nothing comes any more');
$shard->safe_psql('one', "SELECT $I.set_default('late', '{\"a\": \"local\"}'), $I.add_group('local'), $I.register_integration('mine')");
is($shard->safe_psql('one', "SELECT $I.active_settings('late', 4)"), '{"a": "local"}', 'local writes work again');
refused($shard, 'one', "CALL $I.unsubscribe_defaults()", '55000', qr/has not subscribed/, 'not twice');
refused($shard, 'one', subscribe(), '55000', qr/has rows/, 'nor again over what is there');
$shard->safe_psql('one', "SET session_replication_role = replica; TRUNCATE $I.integrations, $I.groups, $I.instance_settings, $I.group_settings; RESET session_replication_role");
$shard->safe_psql('one', subscribe());
both_alike('a shard that has subscribed again');
is(differences($shard, 'one'), '', 'what it materializes has followed');
is($shard->safe_psql('one', "SELECT $I.active_settings('free', 4)"), '{"k": "new", "own": 1}', 'what its projects have set is there');

# A copy that can't be made: the publisher's role for the connection may not read.
$publisher->safe_psql('postgres', 'CREATE ROLE blind LOGIN REPLICATION');
refused($shard, 'wrong', "CALL $I.subscribe_defaults('$source user=blind')", '55000', qr/first copy.*failed.*log/s, 'a copy that fails');
like($shard->safe_psql('wrong', "SELECT string_agg(state || ' ' || detail, ' ') FROM $I.status() WHERE subject = 'subscription'"), qr/^(note|broken) .*error/, 'status() says so');
$shard->safe_psql('wrong', "CALL $I.unsubscribe_defaults()");
is(slots(), '2', 'it can be given up');

# The publisher is gone: a shard can leave all the same.
$publisher->stop('immediate');
my ($status, $out, $err) = $shard->psql('two', "CALL $I.unsubscribe_defaults()");
is($status, 0, 'the publisher can not be reached: a shard leaves');
like($err, qr/WARNING:  replication slot "$I\_\d+_\d+" is left on the publisher's server/, 'and is told of the slot');
$shard->safe_psql('two', "SELECT $I.set_default('late', '{\"a\": 1}')");
$publisher->start;
like($publisher->safe_psql('postgres', "SELECT string_agg(detail, ' ') FROM $I.status() WHERE subject = 'publication'"), qr/nobody takes from replication slot "$I\_\d+_\d+"/, 'status() of the publisher tells of it');

$shard->stop;
$publisher->stop;
done_testing();
