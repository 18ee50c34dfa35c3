# ALTER EXTENSION UPDATE from each released version: its SQL works with today's module; afterwards the extension is, to the
# server, what a fresh one is, the same things are set, the same is said of them, a dump is that of a fresh one, and everything
# goes on. Once the extension is a superuser's, once a plain owner's of a database.
use strict;
use warnings;
use IntegrationDefaults;
use Upgraded;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('server');
make_roles($node);
my $catalog = slurp_file("$ENV{TREE}/test/upgrade/catalog.sql");

# A superuser looks, so that nothing is hidden.
sub catalog_of { return $node->safe_psql($_[0], "SET search_path = pg_catalog;\n$catalog"); }

# ---- what is looked at is enough: each of these changes is seen -----------------------------------------------------

create_database($node, 'looked');
$node->safe_psql('looked', 'CREATE EXTENSION integration_defaults');
my $fresh = catalog_of('looked');
cmp_ok(length $fresh, '>', 50_000, 'there is something to look at');
foreach my $change (
	'COMMENT ON FUNCTION integration_defaults.not_given() IS NULL',
	'ALTER FUNCTION integration_defaults.not_given() COST 7',
	'GRANT EXECUTE ON FUNCTION integration_defaults.not_given() TO worker',
	'ALTER FUNCTION integration_defaults.not_given() OWNER TO anna',
	'ALTER EXTENSION integration_defaults DROP FUNCTION integration_defaults.not_given()',
	'CREATE FUNCTION integration_defaults.more() RETURNS int LANGUAGE sql AS $$SELECT 1$$; ALTER EXTENSION integration_defaults ADD FUNCTION integration_defaults.more()',
	'ALTER TABLE integration_defaults.projects ADD COLUMN more text',
	'ALTER TABLE integration_defaults.projects ALTER COLUMN group_id SET STORAGE PLAIN',
	'ALTER TABLE integration_defaults.projects ALTER COLUMN group_id SET STATISTICS 17',
	q{ALTER TABLE integration_defaults.projects ALTER COLUMN group_id SET DEFAULT 'x'},
	q{COMMENT ON COLUMN integration_defaults.projects.group_id IS 'x'},
	'GRANT SELECT (group_id) ON integration_defaults.projects TO worker',
	'ALTER TABLE integration_defaults.projects OWNER TO anna',
	'ALTER TABLE integration_defaults.projects REPLICA IDENTITY FULL',
	'ALTER TABLE integration_defaults.projects SET (fillfactor = 50)',
	'ALTER TABLE integration_defaults.projects ENABLE ROW LEVEL SECURITY',
	q{ALTER TABLE integration_defaults.projects ADD CHECK (id <> 'x')},
	'CREATE INDEX more ON integration_defaults.projects (id DESC)',
	'CREATE RULE more AS ON DELETE TO integration_defaults.projects DO ALSO NOTHING',
	'DO $$ BEGIN EXECUTE (SELECT format($f$ALTER TABLE %s DISABLE TRIGGER %I$f$, tgrelid::regclass, tgname) FROM pg_trigger
	    WHERE tgrelid = $t$integration_defaults.project_settings$t$::regclass AND NOT tgisinternal ORDER BY tgname LIMIT 1); END $$',
	'GRANT SELECT ON integration_defaults.project_integrations TO worker',
	'GRANT USAGE ON SCHEMA integration_defaults TO worker',
	q{UPDATE pg_extension SET extcondition[1] = 'WHERE true' WHERE extname = 'integration_defaults'},
	'CREATE OR REPLACE VIEW integration_defaults.materialized_types AS SELECT * FROM (' .
	  ($node->safe_psql('looked', q{SELECT pg_get_viewdef('integration_defaults.materialized_types'::regclass)}) =~ s/;\s*$//r) . ') more')
{
	my ($seen) = $node->safe_psql('looked', "BEGIN;\n$change;\nSET search_path = pg_catalog;\n$catalog\nROLLBACK");
	isnt($seen, $fresh, "seen: " . substr($change, 0, 90) =~ s/\s+/ /gr);
}
same(catalog_of('looked'), $fresh, 'and nothing else');

my $current = $node->safe_psql('looked', q{SELECT extversion FROM pg_extension WHERE extname = 'integration_defaults'});
my @released = grep { $_ ne $current } map { /--([\d.]+)\.sql$/ ? $1 : () } glob "$ENV{TREE}/upgrade/*.sql";

# ---- each version ----------------------------------------------------------------------------------------------------

foreach my $version (@released)
{
	foreach (@whose)
	{
		my ($who, $database, @as) = @$_;
		my $what = "$version, $who";
		create_database($node, $database, @as);
		$node->safe_psql($database, "CREATE EXTENSION integration_defaults VERSION '$version'", extra_params => \@as);
		fill($node, $database, @as);
		goes_on($node, $database, "$what, with today's module", @as);

		# A dump of it comes in as today's version.
		succeeds($node, [ 'pg_dump', @as, '-Fc', '-f', "$database.dump", '-d', $database ], "$what: dumped");
		my $before = state_of($node, $database, @as);
		cmp_ok(length $before->{answers}, '>', 10_000, "$what: there is something to compare");
		$node->safe_psql($database, 'ALTER EXTENSION integration_defaults UPDATE', extra_params => \@as);
		my $after = state_of($node, $database, @as);
		same($after->{$_}, $before->{$_}, "$what, updated: the same $_") foreach qw(answers rows);

		create_database($node, "${database}_restored", @as);
		succeeds($node, [ 'pg_restore', @as, '--exit-on-error', '-d', "${database}_restored", "$database.dump" ], "$what: restored");
		same(catalog_of($database), catalog_of("${database}_restored"), "$what, updated: to the server the same as a fresh one");
		same_state(state_of($node, "${database}_restored", @as), $after, "$what: the dump restored, and updated");
		goes_on($node, $database, "$what, updated", @as);
		goes_on($node, "${database}_restored", "$what, restored", @as);
		restores($node, $database, "$what, updated", @as);
	}
}
$node->stop;
done_testing();
