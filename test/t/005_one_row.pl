# A change of a default writes one row, however many projects inherit it; so does the move of a whole subtree. (Each
# transaction is counted in generations besides.)
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('one_row');
my $many = 100_000;

foreach my $database ("few", "many")
{
	my $count = $database eq 'few' ? 10 : $many;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, <<"SQL");
CREATE EXTENSION integration_defaults;
CREATE TABLE groups (id bigint PRIMARY KEY, parent_id bigint);
CREATE TABLE projects (id bigint PRIMARY KEY, group_id bigint);
INSERT INTO groups VALUES (1, NULL), (2, 1), (3, NULL);
SELECT integration_defaults.track_groups('groups'), integration_defaults.track_projects('projects');
INSERT INTO projects SELECT n, 2 FROM generate_series(1, $count) n;
SELECT integration_defaults.register_integration('chat');
SELECT integration_defaults.set_default('chat', '{"version": 0}');
SELECT integration_defaults.set_default('chat', '{"version": 0}', 1);
VACUUM ANALYZE;
SQL
}

# Rows and bytes of WAL that a statement writes, in one transaction; run again and again, the least bytes count, so
# that neither a page's first change nor the server's own records disturb.
sub cost
{
	my ($database, @statements) = @_;
	my ($rows, $bytes);
	foreach my $statement (@statements)
	{
		my $out = $node->safe_psql($database, <<"SQL");
SELECT pg_current_wal_insert_lsn() AS before \\gset
BEGIN;
$statement \\g /dev/null
SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables WHERE relname NOT IN ('generations', 'history_changes', 'history_transactions');
COMMIT;
SELECT pg_current_wal_insert_lsn() - :'before';
SQL
		my ($r, $b) = split /\n/, $out;
		is($r, 1, "$database: one row is written: $statement");
		$bytes = $b if !defined $bytes || $b < $bytes;
	}
	return $bytes;
}

my @changes = (
	[ 'a change of the instance default', map { qq(SELECT integration_defaults.set_default('chat', '{"version": $_}')) } 1 .. 5 ],
	[ 'a change of a group default', map { qq(SELECT integration_defaults.set_default('chat', '{"version": $_}', 1)) } 1 .. 5 ],
	[ 'the reset of a default', q{SELECT integration_defaults.reset_default('chat', 1)} ],
	[ 'a first default', q{SELECT integration_defaults.set_default('chat', '{"version": 6}', 1)} ]);
foreach my $change (@changes)
{
	my ($what, @statements) = @$change;
	my $few = cost('few', @statements);
	my $much = cost('many', @statements);
	diag "$what: $few bytes of WAL for 10 projects, $much for $many";
	cmp_ok($much, '<=', $few + 8192, "$what: no more WAL for $many projects than for 10, but for a page");
}
is( $node->safe_psql('many', q{SELECT count(*) FROM integration_defaults.projects p
		WHERE integration_defaults.active_settings('chat', p.id) = '{"version": 6}'}),
	$many, 'and every project has it');

# Moving a group moves all that is in it: the app's row, and one of ours.
my $moved = $node->safe_psql('many', <<'SQL');
BEGIN;
UPDATE groups SET parent_id = 3 WHERE id = 2;
SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables
    WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 AND relname NOT IN ('generations', 'history_changes') ORDER BY schemaname;
COMMIT;
SELECT count(*) FROM integration_defaults.projects p WHERE integration_defaults.active_settings('chat', p.id) = '{"version": 5}';
SQL
is($moved, "groups|1\ngroups|1\n$many", "the move of a group writes one row, and its $many projects inherit from elsewhere");

$node->stop;
done_testing();
