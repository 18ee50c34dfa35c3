# What is set lives as long as the id: through data-only restores of the app's tables and ours in any order, prepared
# transactions, and others who write at the same time.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('lifetime', conf => "max_prepared_transactions = 5\ndeadlock_timeout = 200ms\n");
my $folder = PostgreSQL::Test::Utils::tempdir();

# ---- only the data is restored ------------------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE whole');
make_app($node, 'whole');
$node->safe_psql('whole', q{SELECT integration_defaults.set_custom('chat', 4, '{"webhook": "https://4"}'), integration_defaults.materialize('chat')});
$node->safe_psql('whole', <<'SQL');
-- A group and a project that are left out keep what is set on them.
SELECT integration_defaults.set_default('chat', '{"webhook": "https://left out"}', '3');
UPDATE app.projects SET namespace = '1' WHERE namespace = '3';
UPDATE app."Namespaces" SET kind = 'User' WHERE "Id" = '3';
UPDATE app.projects SET namespace = '3' WHERE id % 7 = 2;
SQL
my $dump = dump_of($node, 'whole');
my $answers = answers($node, 'whole');
$node->command_ok([ 'pg_dump', '-Fc', '-s', '-f', "$folder/schema", 'whole' ], 'the schema dumped');
$node->command_ok([ 'pg_dump', '-Fd', '-a', '-f', "$folder/data", 'whole' ], 'the data dumped');

sub empty_database
{
	my ($to) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $to");
	succeeds($node, [ 'pg_restore', '--exit-on-error', '-d', $to, "$folder/schema" ], "$to: the schema restored");
}

# Rows may have come in another order.
sub sorted { return join "\n", sort split /\n/, $_[0]; }

sub is_restored
{
	my ($to) = @_;
	same(sorted(dump_of($node, $to)), sorted($dump), "$to: the dump of the restored database is the same");
	same(answers($node, $to), $answers, "$to: so are the answers");
	is(differences($node, $to), '', "$to: and the materialized rows");
	is($node->safe_psql($to, q{SELECT integration_defaults.resync('app."Namespaces"'), integration_defaults.resync('app.projects')}), '0|0',
		"$to: nothing is left to mend");
}

foreach my $how ([ 'as_dumped', '-j1' ], [ 'in_parallel', '-j4' ], [ 'disabled', '-j1', '--disable-triggers' ], [ 'disabled_parallel', '-j4', '--disable-triggers' ])
{
	my ($to, @options) = @$how;
	empty_database($to);
	# Nothing in a dump says that the rows of one table must come before those of another: with several jobs the app's own
	# foreign key between its tables would be broken, or not, by chance. It is made again when all rows are there.
	my $later = $to eq 'in_parallel';
	$node->safe_psql($to, 'ALTER TABLE app.projects DROP CONSTRAINT projects_namespace_fkey') if $later;
	succeeds($node, [ 'pg_restore', '--exit-on-error', '-a', @options, '-d', $to, "$folder/data" ], "$to: the data restored");
	$node->safe_psql($to, 'ALTER TABLE app.projects ADD CONSTRAINT projects_namespace_fkey'
		  . ' FOREIGN KEY (namespace) REFERENCES app."Namespaces" ON DELETE CASCADE') if $later;
	# It enables all triggers as ordinary ones when it has ended.
	if ($to =~ /disabled/)
	{
		my $mending = "SELECT (regexp_match(detail, 'ALTER TABLE .* TRIGGER [a-z_]+'))[1] FROM integration_defaults.status() WHERE state = 'broken'";
		like(my $commands = $node->safe_psql($to, $mending), qr/ENABLE REPLICA TRIGGER skip_replicated/, "$to: status() says how to go on");
		$node->safe_psql($to, join('; ', split /\n/, $commands));
		is($node->safe_psql($to, $mending), '', "$to: which mends it");
	}
	is_restored($to);
}

# Ours before the app's, and the other way round; projects before groups.
my @list = split /\n/, (run_command([ 'pg_restore', '-l', "$folder/data" ]))[0];
my @ours = grep { /(?:TABLE DATA|SEQUENCE SET) integration_defaults/ } @list;
my @theirs = grep { /TABLE DATA app/ } @list;
cmp_ok(scalar @ours, '>', 5, 'our tables are in the dump');
is(scalar @theirs, 2, 'and the app\'s');
foreach my $how ([ 'ours_first', @ours, @theirs ], [ 'ours_last', @theirs, @ours ], [ 'backwards', reverse(@theirs), reverse @ours ],
	[ 'ours_backwards', reverse(@ours), reverse @theirs ])
{
	my ($to, @order) = @$how;
	empty_database($to);
	# The app's own foreign key would refuse projects before groups.
	$node->safe_psql($to, 'ALTER TABLE app.projects DROP CONSTRAINT projects_namespace_fkey') if $to =~ /backwards/;
	append_to_file("$folder/$to", join("\n", @order) . "\n");
	succeeds($node, [ 'pg_restore', '--exit-on-error', '-a', '-L', "$folder/$to", '-d', $to, "$folder/data" ], "$to: restored");
	$node->safe_psql($to, 'ALTER TABLE app.projects ADD FOREIGN KEY (namespace) REFERENCES app."Namespaces" ON DELETE CASCADE') if $to =~ /backwards/;
	is_restored($to);
}

# ---- a transaction that is prepared -------------------------------------------------------------------------------

$node->safe_psql('whole', <<'SQL');
BEGIN;
DELETE FROM app.projects WHERE id IN (1, 2);
INSERT INTO app.projects VALUES (2, '1', 'again');
PREPARE TRANSACTION 'reload';
SQL
$node->safe_psql('whole', q{COMMIT PREPARED 'reload'});
is($node->safe_psql('whole', q{SELECT project_id FROM integration_defaults.project_settings WHERE project_id IN ('1', '2')}), '2',
	'a prepared transaction keeps what is there again');
is(differences($node, 'whole'), '', 'and the materialized rows are right');
$node->safe_psql('whole', q{BEGIN; DELETE FROM app.projects WHERE id = 2; PREPARE TRANSACTION 'undone'; ROLLBACK PREPARED 'undone'});
is($node->safe_psql('whole', q{SELECT project_id FROM integration_defaults.project_settings WHERE project_id = '2'}), '2', 'one that is rolled back has removed nothing');

# ---- others at the same time --------------------------------------------------------------------------------------

# Two sessions; the statements of each in turn, a leading * where one has to wait. Gives the errors of both.
sub race
{
	my ($name, $setup, @steps) = @_;
	$node->safe_psql('whole', $setup);
	my @sessions = map { $node->background_psql('whole', on_error_stop => 0, timeout => 60) } 0 .. 1;
	foreach my $step (@steps)
	{
		my ($n, $sql) = @$step;
		my $session = $sessions[$n];
		if ($sql =~ s/^\*//)
		{
			$session->query_until(qr/sent/, "\\echo sent\n$sql;\n");
			$node->poll_query_until('whole', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'})
			  or die "$name: nobody waits";
		}
		else { $session->query($sql); }
	}
	my $errors = join ' ', map { $_->query('SELECT 1'); my ($found) = $_->{stderr} =~ /ERROR:  (.*)/; defined $found ? $found : 'fine' } @sessions;
	$_->quit foreach @sessions;
	is(differences($node, 'whole'), '', "$name: the materialized rows are right");
	is($node->safe_psql('whole', q{SELECT count(*) FROM integration_defaults.project_settings s WHERE NOT EXISTS
		(SELECT FROM app.projects p WHERE p.id::text = s.project_id)}), '0', "$name: nothing is left of what is gone");
	return $errors;
}
my $settings = q{SELECT settings FROM integration_defaults.project_settings WHERE project_id = '500' AND integration = 'chat'};
my $fresh = q{DELETE FROM app.projects WHERE id = 500; INSERT INTO app.projects VALUES (500, '1'); SELECT integration_defaults.set_custom('chat', 500, '{"webhook": "1"}')};
my $set = q{SELECT integration_defaults.set_custom('chat', 500, '{"webhook": "2"}')};

like(race('set on what is being removed', $fresh, [ 0, 'BEGIN; DELETE FROM app.projects WHERE id = 500' ], [ 1, "*$set" ], [ 0, 'COMMIT' ]),
	qr/^fine project "500" does not exist/, 'who sets something on a project that goes is told');
is($node->safe_psql('whole', $settings), '', 'and nothing is set');
is(race('set on what is being reloaded', $fresh, [ 0, 'BEGIN; DELETE FROM app.projects WHERE id = 500' ], [ 1, "*$set" ],
	[ 0, q{INSERT INTO app.projects VALUES (500, '2')} ], [ 0, 'COMMIT' ]), 'fine fine', 'who sets something on a project that is reloaded waits');
is($node->safe_psql('whole', $settings), '{"webhook": "2"}', 'and has set it');
is(race('removed while it is set', $fresh, [ 1, "BEGIN; $set" ], [ 0, '*DELETE FROM app.projects WHERE id = 500' ], [ 1, 'COMMIT' ]), 'fine fine',
	'who removes a project waits for who sets something');
is($node->safe_psql('whole', $settings), '', 'and it goes with what was set meanwhile');
is(race('another type set while it is removed', "$fresh; SELECT integration_defaults.use_default('chat', 500)", [ 1, "BEGIN; $set" ],
	[ 0, '*DELETE FROM app.projects WHERE id = 500' ], [ 1, 'COMMIT' ]), 'fine fine', 'who removes a project that had nothing waits, too');
is($node->safe_psql('whole', $settings), '', 'and what was set meanwhile goes');
like(race('removed under REPEATABLE READ', $fresh, [ 0, 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1' ], [ 1, $set ],
	[ 0, 'DELETE FROM app.projects WHERE id = 500' ], [ 0, 'COMMIT' ]), qr/^could not serialize access due to concurrent update fine/, 'a snapshot that is too old is refused');
is($node->safe_psql('whole', $settings), '{"webhook": "2"}', 'and nothing has happened');
is(race('by hand, with the row first', q{SELECT integration_defaults.untrack('app.projects')},
	[ 0, q{BEGIN; SELECT integration_defaults.remove_project(500)} ],
	[ 1, "*$set" ], [ 0, 'COMMIT' ]) =~ /deadlock/ ? 'deadlock' : 'fine', 'fine', 'who removes by hand has the settings before what follows from them');

$node->stop;
done_testing();
