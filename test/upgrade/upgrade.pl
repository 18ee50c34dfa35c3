# ALTER EXTENSION UPDATE from each released version: its SQL works with today's module; afterwards the extension is, to the
# server, what a fresh one is, the same things are set, the same is said of them, a dump is that of a fresh one, and everything
# goes on, in sessions that are open meanwhile, too. Once the extension is a superuser's, once a plain owner's of a database.
use strict;
use warnings;
use IntegrationDefaults;
use Upgraded;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('server', allows_streaming => 'logical', conf => "wal_retrieve_retry_interval = 100ms\n");
my $I = 'integration_defaults';
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

# What users' objects hang on.
sub ids_of
{
	my ($n, $database, @as) = @_;
	return split /\n/, $n->safe_psql($database, q{SELECT classid, objid FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
		AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'integration_defaults') ORDER BY 1, 2}, extra_params => \@as);
}

# Functions that only the views of an earlier version were made of: they go, unless somebody else calls them.
my $of_old_views = q{p.proname IN ('effective_active', 'effective_settings_of', 'inherited_source_level', 'inherited_source_id',
	'set_by_instance', 'inherited_locks')};

# A session that has all its plans writes and reads.
sub session_goes_on
{
	my ($session, $n) = @_;
	$session->query_safe("SET application_name = 'open'; SELECT $I.set_custom('free', 30, '{\"webhook\": \"https://open $n\"}'), $I.explain_at(clock_timestamp(), 'free', 30) LIMIT 1");
	return $session->query_safe("SELECT settings ->> 'webhook' FROM $I.resolve('free', 30)");
}

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
		my @gone = split /\n/, $node->safe_psql($database, "SELECT 'pg_proc'::regclass::oid, p.oid FROM pg_proc p
			WHERE p.pronamespace = 'integration_defaults'::regnamespace AND $of_old_views");
		my %gone = map { $_ => 1 } @gone;
		my @ids = grep { !$gone{$_} } ids_of($node, $database, @as);
		cmp_ok(scalar @ids, '>', 100, "$what: there are objects");
		if (@gone)
		{
			is($node->safe_psql($database, "BEGIN; CREATE VIEW public.mine AS SELECT $I.effective_active('chat', NULL, NULL, NULL, NULL) AS active;
				ALTER EXTENSION integration_defaults UPDATE; SELECT active FROM public.mine;
				SELECT string_agg(proname, ' ') FROM pg_proc p WHERE p.pronamespace = 'integration_defaults'::regnamespace AND $of_old_views;
				ROLLBACK", extra_params => \@as), "t\neffective_active", "$what, updated: what somebody's own view calls stays");
		}
		$node->safe_psql($database, 'ALTER EXTENSION integration_defaults UPDATE', extra_params => \@as);
		my %now = map { $_ => 1 } ids_of($node, $database, @as);
		is(join(' ', grep { !$now{$_} } @ids), '', "$what, updated: what was there is the same object");
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
# ---- a session that stays open ---------------------------------------------------------------------------------------

foreach my $version (@released)
{
	create_database($node, 'open');
	$node->safe_psql('open', "CREATE EXTENSION $I VERSION '$version'");
	fill($node, 'open');
	my $open = $node->background_psql('open');
	is(session_goes_on($open, 1), 'https://open 1', "$version: a session before the update");
	$node->safe_psql('open', "ALTER EXTENSION $I UPDATE");
	is(session_goes_on($open, 2), 'https://open 2', "$version: the same session after it");
	is($open->query(q{SELECT string_agg(DISTINCT coalesce(application, 'none'), ' ' ORDER BY coalesce(application, 'none')) FROM integration_defaults.history
		WHERE after #>> '{settings,webhook}' LIKE 'https://open%'}), $version eq '1.0' ? 'none open' : 'open', "$version: and notes what is new, but not of what was before");
	is($open->query_safe("SELECT $I.undo((SELECT max(transaction) FROM $I.history)), $I.undo((SELECT min(transaction) FROM $I.history WHERE after #>> '{settings,webhook}' = 'https://open 1'))"),
		'1|1', "$version: changes from before and after the update are taken back");
	$open->quit;
}

# ---- one who comes to read while the update waits for one who has written --------------------------------------------

sub waits
{
	my ($mode) = @_;
	$node->poll_query_until('open', "SELECT count(*) = 1 FROM pg_locks WHERE relation = '$I.history_changes'::regclass AND mode = '$mode' AND NOT granted")
	  or die "nobody waits for $mode";
}

foreach my $version (grep { $_ eq '1.0' } @released) # its update has both locks to take
{
	create_database($node, 'open');
	$node->safe_psql('open', "CREATE EXTENSION $I VERSION '$version'");
	fill($node, 'open');
	my $writer = $node->background_psql('open');
	$writer->query_safe("BEGIN; SELECT $I.set_custom('free', 30, '{}')");
	my ($updated, $read) = ('', '');
	my @psql = ('psql', '-XAt', '-h', $node->host, '-p', $node->port, '-d', 'open', '-c');
	my $update = IPC::Run::start([ @psql, "ALTER EXTENSION $I UPDATE" ], '&>', \$updated);
	waits('AccessExclusiveLock');
	my $reader = IPC::Run::start([ @psql, "SELECT count(*) > 0 FROM $I.history" ], '&>', \$read);
	waits('AccessShareLock');
	$writer->query_safe('COMMIT');
	$_->finish foreach $update, $reader;
	is($updated, "ALTER EXTENSION\n", "$version: the update comes to its end");
	is($read, "t\n", "$version: and so does who came meanwhile");
	$writer->quit;
}

# ---- beside others who write, read, and do both in either order ------------------------------------------------------

foreach my $version (@released)
{
	create_database($node, 'busy');
	$node->safe_psql('busy', "CREATE EXTENSION $I VERSION '$version'");
	fill($node, 'busy');
	my %scripts = (
		write => "\\set p random(1, 9)\n\\set n random(1, 9)\nSELECT $I.override_fields('free', jsonb_build_object('n', :n), :p);",
		read => "SELECT count(*) FROM $I.history;\nSELECT * FROM $I.explain_at(clock_timestamp(), 'chat', 20);",
		both => "\\set p random(10, 19)\n\\set n random(1, 9)\nBEGIN;\nSELECT $I.set_custom('free', :p, jsonb_build_object('n', :n));\nSELECT max(change) FROM $I.history;\nCOMMIT;",
		read_first => "\\set p random(20, 29)\n\\set n random(1, 9)\nBEGIN;\nSELECT max(change) FROM $I.history;\nSELECT $I.set_custom('free', :p, jsonb_build_object('n', :n));\nCOMMIT;");
	my @files;
	foreach (sort keys %scripts)
	{
		push @files, '-f', $node->basedir . "/$_.pgbench";
		append_to_file($files[-1], $scripts{$_});
	}
	my $written = "SELECT count(*) FROM $I.history WHERE integration = 'free' AND scope_id::int < 30";
	my $before = $node->safe_psql('busy', "$written AND scope_level = 'project'");
	my ($out, $err) = ('', '');
	my $load = IPC::Run::start([ 'pgbench', '-n', '-c', '6', '-j', '1', '-T', '20', '-h', $node->host, '-p', $node->port, @files, 'busy' ], '>', \$out, '2>', \$err);
	$node->poll_query_until('busy', "SELECT ($written AND scope_level = 'project') > $before + 20") or die 'nobody writes';
	$node->safe_psql('busy', "ALTER EXTENSION $I UPDATE");
	ok($load->pumpable, "$version: the update does not wait until others have ended");
	$load->finish;
	unlike("$out$err", qr/error|aborted/i, "$version: nobody who writes and reads meanwhile is told of it");
	like($out, qr/number of failed transactions: 0 /, "$version: nor has to do it again");
	is($node->safe_psql('busy', "SELECT ($written AND scope_level = 'project' AND application IS NULL) > $before, ($written AND scope_level = 'project' AND application = 'upgrade.pl') > 0"),
		$version eq '1.0' ? 't|t' : 'f|t', "$version: they have written before and after it");
	is(differences($node, 'busy'), '', "$version: and what is materialized is right");
}

# ---- one database publishes, another one subscribes, of different versions -------------------------------------------

foreach my $version (@released)
{
	my $n = 0;
	foreach ([ 'publisher', "VERSION '$version'", '' ], [ 'shard', '', "VERSION '$version'" ])
	{
		my ($who, $publishes, $subscribes) = @$_;
		my ($from, $to) = ("from_$who", "to_$who");
		create_database($node, $_) foreach $from, $to;
		$node->safe_psql($from, "CREATE EXTENSION $I $publishes");
		fill($node, $from);
		$node->safe_psql($from, "SELECT $I.publish_defaults()");
		$node->safe_psql($to, "CREATE EXTENSION $I $subscribes; CREATE TABLE projects (id int PRIMARY KEY, group_id text)");
		$node->safe_psql($to, "CALL $I.subscribe_defaults('" . $node->connstr . " dbname=$from')");
		$node->safe_psql($to, "SELECT $I.track_projects('projects'); INSERT INTO projects VALUES (1, '2')");
		foreach my $database ('', $who eq 'publisher' ? $from : $to)
		{
			$node->safe_psql($database, "ALTER EXTENSION $I UPDATE") if $database;
			$n++;
			$node->safe_psql($from, "SELECT $I.set_default('free', '{\"webhook\": \"https://shards $n\"}', '2')");
			ok($node->poll_query_until($to, "SELECT settings ->> 'webhook' = 'https://shards $n' FROM $I.resolve('free', 1)"),
				"a $who of $version" . ($database ? ', updated' : '') . ': what is set arrives');
		}
		$node->safe_psql($to, "CALL $I.unsubscribe_defaults()");
	}
}

# ---- there is no way back -------------------------------------------------------------------------------------------

succeeds($node, [ 'pg_dump', '-Fc', '-f', 'newer.dump', '-d', 'whole' ], 'dumped as it is now') if @released;
foreach my $version (@released)
{
	next if $version ne '1.0';
	create_database($node, 'older');
	$node->safe_psql('older', "CREATE EXTENSION $I VERSION '$version'");
	$node->command_checks_all([ 'pg_restore', '--exit-on-error', '-d', 'older', 'newer.dump' ], 1, [qr/^$/],
		[qr/column "application" of relation "history_changes" does not exist/], "a dump of now, where $version is installed");
}
$node->stop;
done_testing();
