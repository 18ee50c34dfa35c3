# Prepared transactions (two-phase commit) with our writes inside, over a crash: until they are committed nobody sees
# them, their locks hold, and then all of them is there.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('prepared', conf => "max_prepared_transactions = 10\n");
make_app($node, 'postgres');
$node->safe_psql('postgres', q{SELECT integration_defaults.untrack('app.projects'), integration_defaults.untrack('app."Namespaces"')});
my $before = answers($node, 'postgres');

# One session prepares them all, reading and writing in between: nothing of one leaks into the next.
my $session = $node->background_psql('postgres');
my %seen;
foreach my $transaction (
	[ 'settings', q{SELECT integration_defaults.set_default('free', '{"prepared": 1}', '1'), integration_defaults.set_custom('free', 9, '{"prepared": 9}')} ],
	[ 'tree', q{SELECT integration_defaults.add_group('new', '2'), integration_defaults.add_project(900, 'new'), integration_defaults.move_group('3', '4'),
		integration_defaults.remove_project(21)} ],
	[ 'types', q{SELECT integration_defaults.register_integration('prepared', '{"properties": {"a": {"default": 1}}}'), integration_defaults.set_default('prepared', '{}')} ],
	[ 'dropped', q{SELECT integration_defaults.set_default('free', '{"never": true}', '2'), integration_defaults.add_project(901, '1')} ])
{
	my ($name, $sql) = @$transaction;
	$session->query_safe("BEGIN; $sql;");
	$seen{$name} = $session->query_safe(q{SELECT md5(string_agg(v::text, '' ORDER BY v::text)) FROM integration_defaults.project_integrations v});
	$session->query_safe("PREPARE TRANSACTION '$name'");
	same(answers($node, 'postgres'), $before, "$name: prepared, nobody sees it");
	isnt($session->query_safe(q{SELECT md5(string_agg(v::text, '' ORDER BY v::text)) FROM integration_defaults.project_integrations v}),
		$seen{$name}, "$name: nor does the session that prepared it");
}
$session->quit;

sub locked_out
{
	my ($when) = @_;
	is(error_of($node, 'postgres', q{SET lock_timeout = 100; SELECT integration_defaults.set_default('free', '{}', '1')}), '55P03', "$when: the default is locked");
	is(error_of($node, 'postgres', q{SET lock_timeout = 100; SELECT integration_defaults.move_group('4', '2')}), '55P03', "$when: so are moves of groups");
	is(error_of($node, 'postgres', q{SET lock_timeout = 100; SELECT integration_defaults.remove_group('2')}), '23503', "$when: a group that is not empty stays");
	is(error_of($node, 'postgres', q{SET lock_timeout = '5s'; SELECT integration_defaults.set_default('free', '{"other": 1}', '4')}), 'none', "$when: other scopes are not locked");
	$node->safe_psql('postgres', q{SELECT integration_defaults.reset_default('free', '4')});
}
locked_out('prepared');
start_again($node, kill_server($node));
same(answers($node, 'postgres'), $before, 'after a crash: the same answers');
locked_out('after a crash');

# A rule that is checked at commit is checked when it is prepared.
is(error_of($node, 'postgres', q{BEGIN; INSERT INTO integration_defaults.projects VALUES ('902', 'nowhere'); PREPARE TRANSACTION 'refused'}), '23503', 'a missing parent can not be prepared');
is($node->safe_psql('postgres', q{SELECT string_agg(gid, ' ' ORDER BY gid) FROM pg_prepared_xacts}), 'dropped settings tree types', 'and is not');

$node->safe_psql('postgres', q{COMMIT PREPARED 'settings'});
$node->safe_psql('postgres', q{COMMIT PREPARED 'tree'});
$node->safe_psql('postgres', q{COMMIT PREPARED 'types'});
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'dropped'});
is($node->safe_psql('postgres', <<'SQL'), <<'EXPECTED' =~ s/\n$//r, 'committed: all of it is there, and nothing of what was rolled back');
SET search_path = integration_defaults;
SELECT settings, source_id FROM resolve('free', 8);
SELECT settings, source_id FROM resolve('free', 9);
SELECT settings, source_id FROM resolve('free', 900);
SELECT settings, inherited FROM resolve('prepared', 900);
SELECT source_id FROM resolve('chat', group_id => '3');
SELECT count(*) FROM projects WHERE id IN ('21', '901');
SQL
{"prepared": 1}|1
{"prepared": 9}|9
{"prepared": 1}|1
{"a": 1}|t

0
EXPECTED
is(error_of($node, 'postgres', q{SELECT integration_defaults.move_group('4', '3')}), '23514', 'the move that was prepared counts for the next one');
is(error_of($node, 'postgres', q{SELECT integration_defaults.move_group('4', '2')}), 'none', 'and its lock is gone');

# Projects that are added together have one check for each group, which holds it until what is prepared has ended.
$node->safe_psql('postgres', q{CREATE TABLE app.many (id int PRIMARY KEY, group_id int); SELECT integration_defaults.track_projects('app.many')});
my $missing = q{BEGIN; INSERT INTO app.many VALUES (1, 1), (2, 777), (3, 777); DELETE FROM app.many WHERE id = 2; PREPARE TRANSACTION 'many'};
is(error_of($node, 'postgres', $missing), '23503', 'a missing parent of many can not be prepared');
$session = $node->background_psql('postgres', on_error_stop => 0);
$session->query(q{BEGIN; INSERT INTO app.many VALUES (1, 777); ROLLBACK});
$session->query(q{BEGIN; INSERT INTO app.many VALUES (1, 1), (2, 2), (3, 1); PREPARE TRANSACTION 'many'});
$session->query(q{BEGIN; INSERT INTO app.many VALUES (4, 1), (5, 777); COMMIT});
$session->query(q{BEGIN; INSERT INTO app.many VALUES (6, 777); COMMIT});
$session->quit;
is($node->safe_psql('postgres', 'SELECT count(*) FROM app.many'), '0', 'nothing is carried over to the next transactions of a session');
is(error_of($node, 'postgres', q{SET lock_timeout = 100; DELETE FROM integration_defaults.groups WHERE id = '2'}), '55P03', 'prepared: the groups of many are held');
$node->safe_psql('postgres', q{COMMIT PREPARED 'many'});
is($node->safe_psql('postgres', q{SELECT string_agg(id || ' ' || group_id, ', ' ORDER BY id) FROM integration_defaults.projects}), '1 1, 2 2, 3 1', 'committed: they are there');

# The limit counts before the PREPARE what it counts before a commit, and nothing of that is counted once more.
my $two = q{UPDATE app.many SET group_id = 2};
is(error_of($node, 'postgres', qq{BEGIN; SET LOCAL integration_defaults.max_affected = 1; $two; PREPARE TRANSACTION 'limited'}), '23514',
	'what changes more projects than may be can not be prepared');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'), '0', 'and is not');
is(error_of($node, 'postgres', qq{SET integration_defaults.max_affected = 2; BEGIN; $two; PREPARE TRANSACTION 'limited';
	BEGIN; INSERT INTO app.many VALUES (7, NULL); COMMIT; SET integration_defaults.max_affected = 0; COMMIT PREPARED 'limited'}), 'none', 'what may be can');
is($node->safe_psql('postgres', q{SELECT string_agg(id || ' ' || group_id, ', ' ORDER BY id) FROM integration_defaults.projects}), '1 2, 2 2, 3 2', 'and is there once it is committed');

$node->stop;
done_testing();
