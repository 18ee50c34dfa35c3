# Killed again and again while clients change everything at once: what was acknowledged is there, whole; the tree and
# the settings hang together; every way of reading gives the same.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'sleep';

my $clients = 6;
my $rounds = 5;
my $seed = $ENV{SEED} // time;
srand $seed;
diag "SEED=$seed";
my $node = new_node('kill');
my $folder = PostgreSQL::Test::Utils::tempdir();

# Client c has the groups g<c> and m<c>, the project c, and what it adds. Nobody else changes them; the instance, the
# types and the parents of m<c> are everybody's.
$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION integration_defaults;
CREATE SCHEMA app;
CREATE TABLE app.projects (id text PRIMARY KEY, group_id text);
SELECT integration_defaults.track_projects('app.projects');
SELECT integration_defaults.register_integration('load');
SELECT integration_defaults.register_integration('type');
SELECT integration_defaults.set_default('load', '{"all": 0}');
SELECT integration_defaults.add_group('g' || c), integration_defaults.add_group('m' || c, 'g' || c) FROM generate_series(0, $clients - 1) c;
INSERT INTO app.projects SELECT c, 'm' || c FROM generate_series(0, $clients - 1) c;
CREATE TABLE app.done (round int, client int, n int, what text, PRIMARY KEY (round, client, n));
SQL

# Each operation of a client is a transaction that also notes its number. The last operation of each kind by each
# client tells what must be there.
my %operations = (
	'default 10' => q{SELECT integration_defaults.set_default('load', jsonb_build_object('n', :id), 'g' || :client_id);},
	'instance 4' => q{SELECT integration_defaults.override_fields('load', jsonb_build_object('c' || :client_id, :id));},
	'custom 10' => q{SELECT integration_defaults.set_custom('load', :client_id, jsonb_build_object('n', :id));},
	'use 5' => q{SELECT integration_defaults.use_default('load', :client_id);},
	'move 6' => qq{SELECT integration_defaults.move_group('m' || :client_id, 'g' || :to);},
	'add 10' => q{INSERT INTO app.projects SELECT 'p' || :client_id || '-' || :id || '-' || k, 'g' || :client_id FROM generate_series(1, 3) k;
		SELECT integration_defaults.override_fields('load', '{"mine": 1}', 'p' || :client_id || '-' || :id || '-2');},
	'rehang 5' => q{UPDATE app.projects SET group_id = CASE WHEN group_id LIKE 'g%' THEN 'm' ELSE 'g' END || :client_id WHERE id LIKE 'p' || :client_id || '-%-3';},
	'rename 3' => q{UPDATE app.projects SET id = 'r' || id WHERE id LIKE 'p' || :client_id || '-%-2';},
	'remove 3' => q{DELETE FROM app.projects WHERE id LIKE '%' || :client_id || '-%-1';},
	'lock 3' => q{SELECT integration_defaults.lock_fields('load', ARRAY['active'], 'g' || :client_id);},
	'unlock 3' => q{SELECT integration_defaults.unlock_fields('load', NULL, 'g' || :client_id);},
	'subtree 4' => q{SELECT integration_defaults.add_group('s' || :client_id || '-' || :id, 'm' || :client_id);
		SELECT integration_defaults.set_default('type', '{"in": "subtree"}', 's' || :client_id || '-' || :id);},
	'types 2' => q{SELECT integration_defaults.register_integration('type', jsonb_build_object('properties', jsonb_build_object('t', jsonb_build_object('default', :id))));},
	'allow 2' => q{SELECT integration_defaults.allow_integrations(CASE WHEN :id % 2 = 0 THEN ARRAY['load'] END);});
my @scripts;
foreach my $operation (sort keys %operations)
{
	my ($what, $weight) = split / /, $operation;
	my $sql = $operations{$operation} =~ s/(:id|:to|:client_id)\b/$1::int/gr; # for -M prepared
	append_to_file("$folder/$what", <<"SCRIPT");
\\set n :n + 1
\\set to random(0, $clients - 1)
\\set id :round * 1000000 + :n
BEGIN;
$sql
INSERT INTO app.done VALUES (:round, :client_id, :n, '$what');
COMMIT;
SCRIPT
	push @scripts, '-f', "$folder/$what\@$weight";
}

# Violations of what must hold; the checks name what they found.
my $violations = <<'SQL';
SET search_path = integration_defaults;
SET jit = off;
CREATE TEMP VIEW last AS SELECT DISTINCT ON (client, kind) client, what, round * 1000000 + n AS id
    FROM (SELECT *, CASE what WHEN 'use' THEN 'custom' WHEN 'unlock' THEN 'lock' ELSE what END AS kind FROM app.done) d
    ORDER BY client, kind, round DESC, n DESC;
SELECT 'group without parent: ' || id FROM groups g WHERE parent_id IS NOT NULL AND NOT EXISTS (SELECT FROM groups p WHERE p.id = g.parent_id)
UNION ALL SELECT 'project without group: ' || id FROM projects p WHERE group_id IS NOT NULL AND NOT EXISTS (SELECT FROM groups g WHERE g.id = p.group_id)
UNION ALL SELECT 'settings without group: ' || group_id FROM group_settings s WHERE NOT EXISTS (SELECT FROM groups g WHERE g.id = s.group_id)
UNION ALL SELECT 'settings without project: ' || project_id FROM project_settings s WHERE NOT EXISTS (SELECT FROM projects p WHERE p.id = s.project_id)
UNION ALL SELECT 'settings without type: ' || integration FROM (SELECT integration FROM instance_settings UNION SELECT integration FROM group_settings
    UNION SELECT integration FROM project_settings) s WHERE NOT EXISTS (SELECT FROM integrations i WHERE i.name = s.integration)
UNION ALL SELECT 'not as in the tracked table: ' || id FROM (SELECT * FROM projects FULL JOIN app.projects a USING (id, group_id)
    WHERE projects IS NULL OR a IS NULL) d
UNION ALL SELECT 'view and resolve differ: ' || d FROM (
    (SELECT v::text FROM project_integrations v EXCEPT ALL SELECT ROW(p.id, r.*)::text FROM projects p, resolve_all(p.id) r)
    UNION ALL (SELECT ROW(p.id, r.*)::text FROM projects p, resolve_all(p.id) r EXCEPT ALL SELECT v::text FROM project_integrations v)
    UNION ALL (SELECT v::text FROM group_integrations v EXCEPT ALL SELECT ROW(g.id, r.*)::text FROM groups g, resolve_all(group_id => g.id) r)
    UNION ALL (SELECT ROW(g.id, r.*)::text FROM groups g, resolve_all(group_id => g.id) r EXCEPT ALL SELECT v::text FROM group_integrations v)) d
UNION ALL SELECT 'lists and view differ: ' || project_id FROM (
    SELECT project_id, active FROM projects_using_default('load') UNION ALL SELECT project_id, active FROM projects_using_custom_settings('load')
    EXCEPT ALL SELECT project_id, active FROM project_integrations WHERE integration = 'load') d
UNION ALL SELECT 'lost default of ' || client FROM last WHERE what = 'default' AND id <> ALL (
    SELECT (settings ->> 'n')::bigint FROM group_settings WHERE group_id = 'g' || client AND integration = 'load')
UNION ALL SELECT 'lost default of ' || client FROM last WHERE what = 'default' AND NOT EXISTS (SELECT FROM group_settings WHERE group_id = 'g' || client)
UNION ALL SELECT 'lost field of ' || client FROM last WHERE what = 'instance' AND id <> (
    SELECT (settings ->> ('c' || client))::bigint FROM instance_settings WHERE integration = 'load')
UNION ALL SELECT 'lost custom settings of ' || client FROM last WHERE what IN ('custom', 'use') AND CASE what WHEN 'custom' THEN id END IS DISTINCT FROM (
    SELECT (settings ->> 'n')::bigint FROM project_settings WHERE project_id = client::text AND integration = 'load')
UNION ALL SELECT 'lost lock of ' || client FROM last WHERE what IN ('lock', 'unlock') AND what = 'lock' IS DISTINCT FROM EXISTS (
    SELECT FROM group_settings WHERE group_id = 'g' || client AND integration = 'load' AND locked = '{active}')
UNION ALL SELECT 'lost project' FROM app.done d WHERE what = 'add' AND NOT EXISTS (
    SELECT FROM projects p JOIN project_settings s ON s.project_id = p.id WHERE ltrim(p.id, 'r') = 'p' || client || '-' || round * 1000000 + n || '-2')
UNION ALL SELECT 'lost group' FROM app.done d WHERE what = 'subtree' AND NOT EXISTS (
    SELECT FROM groups g JOIN group_settings s ON s.group_id = g.id WHERE g.id = 's' || client || '-' || round * 1000000 + n)
LIMIT 20;
SQL

my $all = 0;
foreach my $round (1 .. $rounds)
{
	my $log = "$folder/log$round";
	my ($out, $err) = ('', '');
	my $running = do
	{
		local %ENV = $node->_get_env();
		IPC::Run::start([ 'pgbench', '-n', '-c', $clients, '-j', 1, '-T', 60, '-M', $round % 2 ? 'prepared' : 'simple', '-l', "--log-prefix=$log",
			'-D', 'n=0', '-D', "round=$round", @scripts, 'postgres' ], '>', \$out, '2>', \$err);
	};
	sleep(0.8 + rand 1.5);
	$node->safe_psql('postgres', 'CHECKPOINT') if $round == 2;
	my @killed = kill_server($node, $round == 3);
	$running->finish;
	start_again($node, @killed);

	# An error that is not the lost connection would be one of ours, or a deadlock.
	my @errors = grep { /ERROR/ } split /\n/, $err;
	is(join("\n", @errors), '', "round $round: no operation failed");

	my @acknowledged = (0) x $clients;
	foreach my $file (glob "$log.*")
	{
		my $lines = slurp_file($file);
		$acknowledged[$1]++ while $lines =~ /^(\d+) \d+ \d+ \d+ \d+ \d+\n/mg;
	}
	$all += $_ foreach @acknowledged;
	my %noted = map { split /\|/ } split /\n/, $node->safe_psql('postgres', "SELECT client, count(*) FROM app.done WHERE round = $round GROUP BY 1");
	my @wrong = grep { my $more = ($noted{$_} // 0) - $acknowledged[$_]; $more < 0 || $more > 1 } 0 .. $clients - 1;
	is("@wrong", '', "round $round: what was acknowledged is there, and at most what each client was waiting for besides");
	is($node->safe_psql('postgres', $violations), '', "round $round: all of it, and it hangs together");
}
cmp_ok($all, '>', 200, 'there was a load');
diag "$all operations were acknowledged";
is($node->safe_psql('postgres', q{SELECT count(DISTINCT what) FROM app.done}), scalar keys %operations, 'of every kind');
my @errors = grep { / (ERROR|PANIC): | TRAP: |was terminated by signal (?!9)/ } split /\n/, slurp_file($node->logfile);
is(join("\n", @errors), '', 'no error in the server\'s log, and so no deadlock');

$node->stop;
done_testing();
