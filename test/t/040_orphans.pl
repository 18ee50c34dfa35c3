# Tables whose parents need not be there: that they are so comes through a dump, and through a restore of the data alone,
# in which the app's rows and ours may come in any order.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('orphans');
my $folder = PostgreSQL::Test::Utils::tempdir();
my $tables = <<'SQL';
CREATE EXTENSION integration_defaults;
CREATE SCHEMA app;
CREATE TABLE app.groups (id bigint PRIMARY KEY, parent_id bigint);
CREATE TABLE app.projects (id bigint PRIMARY KEY, group_id bigint);
SELECT integration_defaults.track_groups('app.groups', orphans => 'instance', label_column => 'id'),
    integration_defaults.track_projects('app.projects', orphans => 'instance');
SQL
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', <<"SQL");
$tables
INSERT INTO app.groups VALUES (1, NULL), (2, 9), (3, 2);
INSERT INTO app.projects VALUES (10, 1), (11, 8), (12, 9), (13, 3);
SELECT integration_defaults.register_integration('chat');
SELECT integration_defaults.set_default('chat', '{"from": "instance"}'), integration_defaults.set_default('chat', '{"from": "2"}', 2),
    integration_defaults.set_custom('chat', 11, '{"from": "11"}');
SQL

sub tree
{
	my ($database) = @_;
	return $node->safe_psql($database, <<'SQL');
SELECT 'group', id, parent_id FROM integration_defaults.groups UNION ALL SELECT 'project', id, group_id FROM integration_defaults.projects
ORDER BY 1, 2;
SELECT project_id, settings, source_id FROM integration_defaults.project_integrations ORDER BY 1;
SELECT kind, label_column, orphans FROM integration_defaults.tracked_tables ORDER BY 1;
SQL
}
my $tree = tree('app');
is( $tree, <<'END' =~ s/\n\z//r, 'a parent that is not there counts as the instance');
group|1|
group|2|
group|3|2
project|10|1
project|11|
project|12|
project|13|3
10|{"from": "instance"}|
11|{"from": "11"}|11
12|{"from": "instance"}|
13|{"from": "2"}|2
groups|id|instance
projects||instance
END

# The first that is missing comes: what names it follows, and nothing else does.
sub goes_on
{
	my ($database, $name) = @_;
	is(tree($database), $tree, "$name: the same");
	is($node->safe_psql($database, "SELECT integration_defaults.resync('app.groups'), integration_defaults.resync('app.projects')"), '0|0',
		"$name: and in step");
	$node->safe_psql($database, 'INSERT INTO app.groups VALUES (9, NULL)');
	is( $node->safe_psql($database, <<'SQL'), "2|9\n12|9", "$name: a parent that comes has what names it");
SELECT id, parent_id FROM integration_defaults.groups WHERE parent_id = '9';
SELECT id, group_id FROM integration_defaults.projects WHERE group_id = '9';
SQL
	is($node->safe_psql($database, "SELECT integration_defaults.resync('app.groups'), integration_defaults.resync('app.projects')"), '0|0',
		"$name: still in step");
}

foreach my $format ([ 'plain', '-Fp' ], [ 'custom', '-Fc' ])
{
	my ($name, $option) = @$format;
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	succeeds($node, [ 'pg_dump', $option, '-f', "$folder/$name", '-d', 'app' ], "$name: dumped");
	succeeds($node, $name eq 'plain' ? [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/$name", '-d', $name ]
			: [ 'pg_restore', '--exit-on-error', '-d', $name, "$folder/$name" ], "$name: restored");
	goes_on($name, $name);
}

# The data alone, into tables that are tracked: first the app's, or first ours.
foreach my $first ('app', 'integration_defaults')
{
	my $second = $first eq 'app' ? 'integration_defaults' : 'app';
	my $name = "data_${first}_first";
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, $tables);
	foreach my $schema ($first, $second)
	{
		my $file = "$folder/$name.$schema";
		succeeds($node, [ 'pg_dump', '--data-only', '-t', $schema eq 'app' ? 'app.*' : 'integration_defaults.*', '-f', $file, '-d', 'app' ], "$name: $schema dumped");
		succeeds($node, [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', $name ], "$name: $schema restored");
	}
	goes_on($name, $name);
}
$node->stop;
done_testing();
