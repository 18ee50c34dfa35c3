# What readers see while everything changes: each statement compares what the functions and the view give for every
# project with what plain SQL finds on the way up under the same snapshot. Transactions take turns in every order: they
# wait before they commit, roll back, and read what they have changed themselves.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{SEED} // time;
diag "SEED=$seed";
my $node = new_node('exact', conf => "max_prepared_transactions = 20\n");
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION integration_defaults;
SELECT integration_defaults.register_integration('load');
SELECT integration_defaults.add_group('g' || n, CASE WHEN n > 1 THEN 'g' || n / 2 END) FROM generate_series(1, 15) n;
SELECT integration_defaults.add_group('m' || n, 'g' || n) FROM generate_series(1, 15) n;
SELECT integration_defaults.add_project(n::text, CASE WHEN n % 3 > 0 THEN 'm' ELSE 'g' END || 1 + n % 15) FROM generate_series(1, 120) n;
SELECT integration_defaults.set_default('load', '{"v": "first"}');
CREATE SCHEMA app;
-- whole settings only: the nearest row is the answer
CREATE FUNCTION app.nearest(project text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
	WITH RECURSIVE up AS (
		SELECT p.group_id AS id, 1 AS steps FROM integration_defaults.projects p WHERE p.id = project
		UNION ALL SELECT g.parent_id, steps + 1 FROM up JOIN integration_defaults.groups g ON g.id = up.id)
	SELECT v FROM (
		SELECT 0 AS steps, settings ->> 'v' AS v FROM integration_defaults.project_settings s WHERE s.project_id = project AND integration = 'load'
		UNION ALL SELECT steps, settings ->> 'v' FROM up JOIN integration_defaults.group_settings s ON s.group_id = up.id AND integration = 'load'
		UNION ALL SELECT 1000, settings ->> 'v' FROM integration_defaults.instance_settings WHERE integration = 'load') rows
	ORDER BY steps LIMIT 1 $$;
SQL

# Divides by zero if any project differs.
my $agree = 'SELECT 1 / (count(*) = 0)::int FROM integration_defaults.projects p WHERE';
my $read = "$agree integration_defaults.active_settings('load', p.id) ->> 'v' IS DISTINCT FROM app.nearest(p.id);";
my $view = "$agree (SELECT v.settings ->> 'v' FROM integration_defaults.project_integrations v WHERE v.project_id = p.id AND v.integration = 'load') IS DISTINCT FROM app.nearest(p.id);";
my $whole = q{SELECT 1 / (count(*) = 0)::int FROM integration_defaults.project_integrations v WHERE v.integration = 'load' AND v.settings ->> 'v' IS DISTINCT FROM app.nearest(v.project_id);};
my $group = q{SELECT integration_defaults.set_default('load', jsonb_build_object('v', :v::int), 'g' || :g::int);};
my $instance = q{SELECT integration_defaults.set_default('load', jsonb_build_object('v', :v::int));};
my $custom = q{SELECT integration_defaults.set_custom('load', :p::int, jsonb_build_object('v', :v::int));};
my $back = q{SELECT integration_defaults.use_default('load', :p::int);};
my $group_back = q{SELECT integration_defaults.use_default('load', group_id => 'g' || :g::int);};
my $move = q{SELECT integration_defaults.move_group('m' || :g::int, 'g' || :to::int);};
my $move_project = q{SELECT integration_defaults.move_project(:p::int, 'm' || :to::int);};
my $wait = '\sleep :wait us';
my %scripts = (
	'reads@6' => [ $read, $read ],
	'view@2' => [ $view ],
	'workers@2' => [ 'BEGIN;', 'SET LOCAL parallel_setup_cost = 0;', 'SET LOCAL parallel_tuple_cost = 0;', 'SET LOCAL min_parallel_table_scan_size = 0;', $whole, 'COMMIT;' ],
	'read_committed@5' => [ 'BEGIN;', $read, $wait, $read, $wait, $read, 'COMMIT;' ],
	'repeatable_read@3' => [ 'BEGIN ISOLATION LEVEL REPEATABLE READ;', $read, $wait, $read, $view, 'COMMIT;' ],
	'serializable@2' => [ 'BEGIN ISOLATION LEVEL SERIALIZABLE;', $read, $custom, $read, 'COMMIT;' ],
	'group@3' => [ $group ], 'instance@2' => [ $instance ], 'custom@3' => [ $custom ], 'back@3' => [ $back ],
	'group_back@3' => [ $group_back ], 'move@2' => [ $move ], 'move_project@2' => [ $move_project ],
	'slow_group@3' => [ 'BEGIN;', $group, $wait, 'COMMIT;' ],
	'slow_custom@3' => [ 'BEGIN;', $custom, $wait, 'COMMIT;' ],
	'undone@2' => [ 'BEGIN;', $group, $wait, 'ROLLBACK;' ],
	'mixed@3' => [ 'BEGIN;', $read, $custom, $read, 'SAVEPOINT s;', $group, $read, 'ROLLBACK TO s;', $read, $wait, $read, 'COMMIT;', $read ],
	'kept@2' => [ 'BEGIN;', 'SAVEPOINT s;', $instance, 'RELEASE s;', $read, $wait, 'COMMIT;', $read ],
	# without a read in between: it could wait for a TRUNCATE that waits for what is prepared, which nobody detects
	'prepared@1' => [ 'BEGIN;', $custom, q{PREPARE TRANSACTION 'c:client_id';}, $wait, q{COMMIT PREPARED 'c:client_id';}, $read ],
	'truncate@1' => [ 'TRUNCATE integration_defaults.project_settings;', $read ]);
my $folder = PostgreSQL::Test::Utils::tempdir();
my @files;
foreach my $script (sort keys %scripts)
{
	my $file = "$folder/" . $script =~ s/@.*//r;
	append_to_file($file, join "\n", '\set g random(1, 15)', '\set to random(1, 15)', '\set p random(1, 120)', '\set v random(1, 1000000)', '\set wait random(0, 5000)',
		@{ $scripts{$script} }, '');
	push @files, '-f', $file . $script =~ s/.*@/@/r;
}

# A refusal that a client may meet, and tries again: 40001, 40P01.
my $transactions = 400;
my $clients = 8;
$node->command_ok([ 'pgbench', '-n', '-c', $clients, '-j', 2, '-t', $transactions, '--max-tries=1000', "--random-seed=$seed", @files, 'postgres' ],
	'readers agree with plain SQL in each statement of ' . $transactions * $clients . ' transactions');
unlike(slurp_file($node->logfile), qr/division by zero/, 'none saw anything else');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'), '0', 'nothing stayed prepared');
done_testing();
