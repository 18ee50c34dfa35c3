# History over dumps, crashes, prepared transactions and replication, and under load: of each scope and type every change
# begins with what the one before it left, in the order of (at, change), and the last one left what is there.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('history', conf => "max_prepared_transactions = 5\n");
make_app($node, 'postgres');
my $all = q{SELECT md5(string_agg(h::text, chr(10) ORDER BY change)) FROM integration_defaults.history_changes h};
my $times = q{SELECT md5(string_agg(t::text, chr(10) ORDER BY transaction)) FROM integration_defaults.history_transactions t};
my $count = q{SELECT count(*) FROM integration_defaults.history_changes};

# Changes that do not begin where the one before them ended, and last ones that are not what is there. Secrets are compared
# as the view masks them.
my $breaks = <<'SQL';
WITH chain AS (
    SELECT *, lag(after) OVER way AS was, row_number() OVER way AS n, lead(change) OVER way IS NULL AS last,
        change < lag(change) OVER way AS backwards
    FROM integration_defaults.history WHERE integration IS NOT NULL AND scope_level IS NOT NULL
    WINDOW way AS (PARTITION BY scope_level, scope_id, integration ORDER BY at, change)),
present AS (
    SELECT level, id, integration, jsonb_build_object('custom', custom, 'active', active, 'locked', locked, 'settings', settings) AS state
    FROM (SELECT 'instance' AS level, NULL AS id, integration, custom, active, settings, locked FROM integration_defaults.instance_settings
        UNION ALL SELECT 'group', group_id, integration, custom, active, settings, locked FROM integration_defaults.group_settings
        UNION ALL SELECT 'project', project_id, integration, custom, active, settings, '{}' FROM integration_defaults.project_settings) rows
)
SELECT c.* FROM chain c LEFT JOIN present p ON level = scope_level AND id IS NOT DISTINCT FROM scope_id AND p.integration = c.integration
LEFT JOIN integration_defaults.integrations i ON i.name = p.integration
WHERE at IS NULL OR backwards OR (n > 1 AND before IS DISTINCT FROM was)
   OR (last AND after IS DISTINCT FROM integration_defaults.shown_change(p.integration, i.schema, i.strict, p.state))
SQL

# ---- dumps ----------------------------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{SELECT integration_defaults.set_default('free', '{"a": 1}', '1')}) foreach 1 .. 3;
cmp_ok($node->safe_psql('postgres', $count), '>', 20, 'what the app was made of is noted');
is($node->safe_psql('postgres', $breaks), '', 'each change begins where the one before it ended');
my ($was, $ended) = map { $node->safe_psql('postgres', $_) } $all, $times;
my $folder = PostgreSQL::Test::Utils::tempdir;
succeeds($node, [ 'pg_dump', '-Fd', '-f', "$folder/dump", 'postgres' ], 'dumped');
foreach my $options ([ 'one after the other' ], [ 'in parallel', '-j', '3' ])
{
	my ($how, @options) = @$options;
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS copy');
	$node->safe_psql('postgres', 'CREATE DATABASE copy');
	succeeds($node, [ 'pg_restore', '--exit-on-error', @options, '-d', 'copy', "$folder/dump" ], "restored $how");
	is($node->safe_psql('copy', $all), $was, "$how: the history is the same, a restore notes nothing");
	is($node->safe_psql('copy', $times), $ended, "$how: and so are the times");
}
my $last = $node->safe_psql('copy', 'SELECT max(change) FROM integration_defaults.history');
$node->safe_psql('copy', q{SELECT integration_defaults.set_default('free', '{"a": 2}', '1')});
cmp_ok($node->safe_psql('copy', 'SELECT max(change) FROM integration_defaults.history'), '>', $last, 'numbers go on after those of the dump');
is($node->safe_psql('copy', $breaks), '', 'and so do the changes');

# Without the history itself, but still not kept
$node->safe_psql('copy', 'SELECT integration_defaults.keep_history(false)');
succeeds($node, [ 'pg_dump', '-Fc', '--exclude-table-data=integration_defaults.history_changes',
	'--exclude-table-data=integration_defaults.history_transactions', '-f', "$folder/small", 'copy' ], 'dumped without the history');
$node->safe_psql('postgres', 'CREATE DATABASE small');
succeeds($node, [ 'pg_restore', '--exit-on-error', '-d', 'small', "$folder/small" ], 'and restored');
$node->safe_psql('small', q{SELECT integration_defaults.set_default('free', '{"a": 3}', '1')});
is($node->safe_psql('small', $count), '0', 'that none is kept has come along');
$node->safe_psql('small', q{SELECT integration_defaults.keep_history(true)});
$node->safe_psql('small', q{SELECT integration_defaults.set_default('free', '{"a": 4}', '1')});
is($node->safe_psql('small', $count), '1', 'it is kept again');

# ---- prepared transactions, over a crash ----------------------------------------------------------------------------

my $before = $node->safe_psql('postgres', $count);
$node->safe_psql('postgres', q{BEGIN; SELECT integration_defaults.set_default('free', '{"prepared": 1}', '1'); PREPARE TRANSACTION 'one'});
is($node->safe_psql('postgres', $count), $before, 'prepared: nobody sees it');
my $session = $node->background_psql('postgres');
$session->query_safe(q{BEGIN; SELECT integration_defaults.set_default('free', '{"lost": 1}', '2');});
kill_server($node);
start_again($node);
eval { $session->quit };
is($node->safe_psql('postgres', $count), $before, 'nor after a crash, and what had not been committed is gone');
my $prepared = $node->safe_psql('postgres', 'SELECT prepared FROM pg_prepared_xacts');
$node->safe_psql('postgres', q{COMMIT PREPARED 'one'});
is($node->safe_psql('postgres', "SELECT count(*), bool_and(at <= clock_timestamp() AND at >= timestamptz '$prepared' - interval '5 minutes') FROM integration_defaults.history WHERE after @> '{\"settings\": {\"prepared\": 1}}'"),
	'1|t', 'committed: it is noted, with the time at which it was prepared');
$node->safe_psql('postgres', q{SELECT integration_defaults.set_default('free', '{"after": 1}', '1')});
is($node->safe_psql('postgres', $breaks), '', 'and what was changed after it comes after it');

# ---- what a replication brings --------------------------------------------------------------------------------------

$before = $node->safe_psql('postgres', $count);
$node->safe_psql('postgres', q{BEGIN; SET LOCAL session_replication_role = replica;
	UPDATE integration_defaults.instance_settings SET active = active; DELETE FROM integration_defaults.instance_settings WHERE integration = 'none'; COMMIT});
is($node->safe_psql('postgres', $count), $before, 'a session that replicates notes nothing');

# ---- under load -----------------------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{SELECT integration_defaults.untrack('app.projects'), integration_defaults.untrack('app."Namespaces"')});
my %scripts = (
	'set@4' => q{\set p random(1, 6)
		\set n random(1, 5)
		SELECT integration_defaults.set_custom('free', :p, jsonb_build_object('a', :n));},
	'reset@2' => q{\set p random(1, 6)
		SELECT integration_defaults.use_default('free', :p);},
	'two@2' => q{\set p random(1, 6)
		\set n random(1, 5)
		BEGIN; SAVEPOINT a;
		SELECT integration_defaults.set_default('free', jsonb_build_object('a', :n), '1');
		ROLLBACK TO a;
		SELECT integration_defaults.set_default('free', jsonb_build_object('a', :n), '1');
		SELECT integration_defaults.override_fields('free', jsonb_build_object('b', :n), group_id => '1'); COMMIT;},
	'plain@2' => q{\set n random(1, 5)
		UPDATE integration_defaults.instance_settings SET settings = jsonb_build_object('a', :n) WHERE integration = 'free';},
	'repeatable@2' => q{\set n random(1, 5)
		BEGIN ISOLATION LEVEL REPEATABLE READ;
		SELECT integration_defaults.override_fields('free', jsonb_build_object('c', :n), group_id => '1'); COMMIT;});
$node->safe_psql('postgres', q{SELECT integration_defaults.set_default('free', '{}'); INSERT INTO integration_defaults.projects SELECT p::text, '1' FROM generate_series(1, 6) p ON CONFLICT DO NOTHING});
$before = $node->safe_psql('postgres', $count);
$node->pgbench('--no-vacuum --client=6 --jobs=2 --transactions=150 --max-tries=100', 0, [qr/processed/], [], 'writers at work', \%scripts);
cmp_ok($node->safe_psql('postgres', $count), '>', $before + 200, 'they changed something');
is($node->safe_psql('postgres', $breaks), '', 'of each row every change begins where the one before it ended, and the last one left what is there');
is($node->safe_psql('postgres', 'SELECT count(*) FROM integration_defaults.history WHERE at IS NULL'), '0', 'and each has a time');

done_testing();
