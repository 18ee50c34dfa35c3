# A move to another server by logical replication: the schema by pg_dump, then a subscription to all tables, which brings
# the app's rows, ours, and those that are derived from ours.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $I = 'integration_defaults';
my $old = new_node('old', allows_streaming => 'logical');
my $new = new_node('new', allows_streaming => 'logical');
make_app($old, 'postgres');
$old->safe_psql('postgres', "SELECT $I.materialize('chat')");
$old->safe_psql('postgres', 'CREATE PUBLICATION move FOR ALL TABLES');

my $dump = "$PostgreSQL::Test::Utils::tmp_check/schema.sql";
command_ok([ 'pg_dump', '-s', '--no-publications', '-f', $dump, '-d', $old->connstr('postgres') ], 'the schema is dumped');
$new->safe_psql('postgres', 'CREATE DATABASE moved');
command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $new->connstr('moved') ], 'and restored');
my $source = $old->connstr . ' dbname=postgres';
$new->safe_psql('moved', "CREATE SUBSCRIPTION move CONNECTION '$source' PUBLICATION move");

sub equal
{
	my ($what) = @_;
	$new->wait_for_subscription_sync($old, 'move', 'moved');
	foreach my $asked ("SELECT e FROM $I.effective_settings e ORDER BY project_id, integration", "SELECT h FROM $I.history h ORDER BY h.*",
		"SELECT p FROM $I.projects p ORDER BY id", "SELECT g FROM $I.groups g ORDER BY id")
	{
		is($new->safe_psql('moved', $asked), $old->safe_psql('postgres', $asked), "$what: " . ($asked =~ /$I\.(\w+)/)[0]);
	}
	is(answers($new, 'moved'), answers($old, 'postgres'), "$what: the answers");
	is(differences($new, 'moved'), '', "$what: what is materialized is what is resolved");
	is($new->safe_psql('moved', 'SELECT apply_error_count + sync_error_count FROM pg_stat_subscription_stats'), '0', "$what: no worker has met an error");
	is($new->safe_psql('moved', "SELECT string_agg(s::text, ' ') FROM $I.status() s WHERE state = 'broken'"), '', "$what: status() finds nothing broken");
}
equal('after the copy');

# Everything that makes rows of effective_settings come, change and go.
$old->safe_psql('postgres', <<"SQL");
SELECT $I.set_default('chat', '{"webhook": "https://new"}');
SELECT $I.set_default('chat', '{"webhook": "https://3"}', '3');
SELECT $I.set_custom('chat', 20, '{"webhook": "https://20"}'), $I.reset_default('chat', '2');
UPDATE app.projects SET namespace = '4' WHERE id % 5 = 0;
UPDATE app.projects SET id = 1000 WHERE id = 20;
DELETE FROM app.projects WHERE id % 7 = 3;
INSERT INTO app.projects SELECT n, '3', 'new' FROM generate_series(100, 120) n;
UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '3';
SELECT $I.register_integration('later'), $I.set_default('later', '{"a": 1}');
UPDATE $I.integrations SET name = 'freed' WHERE name = 'free';
SELECT $I.lock_fields('chat', '{channel}', '4');
SQL
equal('after changes');

# Which types are materialized is each database's own.
$old->safe_psql('postgres', qq{SELECT $I.materialize('later')});
$old->safe_psql('postgres', qq{SELECT $I.set_default('later', '{"a": 2}')});
$old->wait_for_catchup('move');
is($new->safe_psql('moved', "SELECT count(*) FROM $I.effective_settings WHERE integration = 'later'"), '0', 'another type is materialized: not here');
$new->safe_psql('moved', "SELECT $I.materialize('later')");
equal('materialized here, too');
$old->safe_psql('postgres', qq{SELECT $I.set_default('later', '{"a": 3}'), $I.dematerialize('chat')});
$old->wait_for_catchup('move');
is(differences($new, 'moved'), '', 'no longer there, but here: what is materialized is what is resolved');
is($new->safe_psql('moved', "SELECT count(*) > 0 FROM $I.effective_settings WHERE integration = 'chat'"), 't', 'which is there');

# The new server takes over.
$old->stop;
$new->safe_psql('moved', 'ALTER SUBSCRIPTION move DISABLE; ALTER SUBSCRIPTION move SET (slot_name = NONE); DROP SUBSCRIPTION move');
my $set = "SELECT $I.set_default('chat', '{\"webhook\": \"https://moved\"}')";
is(error_of($new, 'moved', $set), '23505', 'sequences are not replicated, so the next number is taken');
my ($go_on) = slurp_file("$ENV{TREE}/docs/dumps.md") =~ /^```sql\n(SELECT pg_catalog\.setval.*?)^```/ms;
$new->safe_psql('moved', $go_on);
$new->safe_psql('moved', "$set; INSERT INTO app.projects VALUES (200, '1', 'p200')");
is($new->safe_psql('moved', "SELECT operation, integration, after #>> '{settings,webhook}' FROM $I.history ORDER BY change DESC LIMIT 1"), 'change|chat|https://moved', 'history goes on');
is($new->safe_psql('moved', "SELECT settings ->> 'webhook' FROM $I.effective_settings WHERE project_id = '200' AND integration = 'chat'"), 'https://moved', 'tracking and materialization go on');
is(differences($new, 'moved'), '', 'which is what is resolved');

$new->stop;
done_testing();
