# effective_settings and what users put on it come through a dump in every format, also for a plain owner; the restored
# table goes on following. And DROP EXTENSION takes the table along.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('dump', conf => "wal_level = logical\n");
my $folder = PostgreSQL::Test::Utils::tempdir();
$node->safe_psql('postgres', 'CREATE ROLE reader; CREATE ROLE anna LOGIN');

# What users put on the table.
sub decorate
{
	my ($database, @as) = @_;
	my $generated = with_generated($node);
	$node->safe_psql($database, <<"SQL", extra_params => \@as);
SELECT integration_defaults.materialize('chat'), integration_defaults.materialize('free');
CREATE TABLE app.seen (project_id text, webhook text);
CREATE FUNCTION app.see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO app.seen VALUES (NEW.project_id, NEW.settings ->> ''webhook''); RETURN NULL; END';
SET search_path = integration_defaults, app;
CREATE INDEX by_webhook ON effective_settings ((settings ->> 'webhook'));
CREATE INDEX of_active ON effective_settings (source_level, source_id) WHERE active AND integration = 'chat';
CREATE INDEX by_settings ON effective_settings USING gin (settings jsonb_path_ops);
CREATE STATISTICS integration_defaults.together ON integration, active FROM effective_settings;
ALTER TABLE effective_settings ADD COLUMN note text DEFAULT 'not seen yet', ADD COLUMN webhook text GENERATED ALWAYS AS (settings ->> 'webhook') STORED;
ALTER TABLE effective_settings ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON effective_settings FOR SELECT TO reader USING (project_id = current_setting('app.project', true));
GRANT USAGE ON SCHEMA integration_defaults TO reader;
GRANT SELECT ON effective_settings TO reader;
CREATE TRIGGER seen AFTER INSERT OR UPDATE ON effective_settings FOR EACH ROW EXECUTE FUNCTION app.see();
CREATE PUBLICATION effective FOR TABLE effective_settings$generated;
ALTER TABLE effective_settings REPLICA IDENTITY FULL;
COMMENT ON TABLE effective_settings IS 'ours, with a policy';
COMMENT ON COLUMN effective_settings.note IS 'for the team';
COMMENT ON INDEX by_webhook IS 'for the search';
ALTER INDEX effective_settings_integration_idx RENAME TO by_type;
SQL
}

sub rows
{
	my ($database, @as) = @_;
	return $node->safe_psql($database, 'SELECT e FROM integration_defaults.effective_settings e ORDER BY project_id, integration', extra_params => \@as);
}

# A default and projects change, and the table follows.
sub goes_on
{
	my ($database, $what, @as) = @_;
	is(differences($node, $database, @as), '', "$what: equal to the view");
	is(materialized_types($node, $database, @as), 'chat free', "$what: the types are still materialized");
	foreach my $change (
		q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://restored"}')},
		q{SELECT integration_defaults.unlock_fields('chat')},
		q{SELECT integration_defaults.set_custom('chat', 1, '{"webhook": "https://own"}')},
		q{SELECT integration_defaults.lock_fields('chat', NULL, '1')},
		q{INSERT INTO app.projects VALUES (1000, '2', 'new'), (1001, NULL, 'new')},
		q{UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '2'},
		q{DELETE FROM app.projects WHERE id IN (5, 6)},
		q{SELECT integration_defaults.set_custom('free', 9, '{"own": 1}')})
	{
		my $before = rows($database, @as);
		$node->safe_psql($database, $change, extra_params => \@as);
		isnt(rows($database, @as), $before, "$what: rows change: $change") unless $change =~ /unlock/;
		is(differences($node, $database, @as), '', "$what: and are right");
	}
	is($node->safe_psql($database, q{SELECT note, webhook FROM integration_defaults.effective_settings WHERE project_id = '1001' AND integration = 'chat'}, extra_params => \@as),
		'not seen yet|https://restored', "$what: columns of the user's have what they are to have");
	is($node->safe_psql($database, q{SELECT count(*) > 0 FROM app.seen WHERE project_id = '1001'}, extra_params => \@as), 't', "$what: a trigger of the user's is fired");
	is(error_of($node, $database, q{DELETE FROM integration_defaults.effective_settings}, @as), '55000', "$what: plain writes are refused");
	is($node->safe_psql($database, q{SET ROLE reader; SET app.project = '1001'; SELECT count(DISTINCT project_id) FROM integration_defaults.effective_settings}),
		"1", "$what: the policy binds");
}

foreach my $whose ([ 'superuser', 'whole' ], [ 'plain owner', 'hers', '-U', 'anna' ])
{
	my ($who, $from, @as) = @$whose;
	my $owner = @as ? ' OWNER anna' : '';
	$node->safe_psql('postgres', "CREATE DATABASE $from$owner");
	make_app($node, $from, @as);
	decorate($from, @as);
	add_refused_rows($node, $from, @as);
	# That is how a restore writes, which derives nothing; here it is an ordinary database.
	$node->safe_psql($from, q{SELECT integration_defaults.materialize('chat')}, extra_params => \@as);
	is(differences($node, $from, @as), '', "$who: at first equal to the view");
	my $dump = dump_of($node, $from, @as);
	my $rows = rows($from, @as);
	like($dump, qr/$_/, "$who: the dump has $_")
	  foreach 'CREATE INDEX by_webhook', 'CREATE INDEX of_active .* WHERE', 'CREATE POLICY mine', 'ADD TABLE ONLY integration_defaults.effective_settings',
	  'GRANT SELECT ON TABLE integration_defaults.effective_settings TO reader', 'COMMENT ON INDEX', 'CREATE TRIGGER materialized', 'CREATE STATISTICS';
	foreach my $format (
		[ 'plain', ['-Fp'], sub { [ 'psql', @as, '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $_[1], '-d', $_[0] ] } ],
		[ 'custom', ['-Fc'], sub { [ 'pg_restore', @as, '--exit-on-error', '-d', $_[0], $_[1] ] } ],
		[ 'directory', [ '-Fd', '-j2' ], sub { [ 'pg_restore', @as, '--exit-on-error', '-j2', '-d', $_[0], $_[1] ] } ])
	{
		my ($name, $options, $restore) = @$format;
		my ($to, $file) = ("${from}_$name", "$folder/${from}_$name");
		$node->safe_psql('postgres', "CREATE DATABASE $to$owner");
		$node->command_checks_all([ 'pg_dump', @as, @$options, '-f', $file, '-d', $from ], 0, [qr/^$/], [qr/^$/], "$who, $name: dumped, without a warning");
		succeeds($node, $restore->($to, $file), "$who, $name: restored") or next;
		same(rows($to, @as), $rows, "$who, $name: the same rows");
		same(dump_of($node, $to, @as), $dump, "$who, $name: the dump of the restored database is the same");
		goes_on($to, "$who, $name", @as);
	}
}

# ---- DROP EXTENSION -------------------------------------------------------------------------------------------------

$node->safe_psql('whole', 'SET client_min_messages = error; DROP EXTENSION integration_defaults CASCADE');
is($node->safe_psql('whole', q{SELECT count(*) FROM pg_class WHERE relname LIKE 'effective_settings%'}), '0', 'DROP EXTENSION takes the table along');
$node->safe_psql('whole', <<'SQL');
CREATE EXTENSION integration_defaults;
SELECT integration_defaults.track_groups('app."Namespaces"', 'Id', 'parent'), integration_defaults.track_projects('app.projects', group_column => 'namespace');
SELECT integration_defaults.register_integration('chat'), integration_defaults.register_integration('free');
SELECT integration_defaults.set_default('chat', '{"webhook": "https://again"}'), integration_defaults.set_default('free', '{}', '2');
SELECT integration_defaults.materialize('chat');
SQL
is(differences($node, 'whole'), '', 'created again, materialize() makes it anew');
is($node->safe_psql('whole', q{SELECT count(*) FROM integration_defaults.effective_settings}), '70', 'for the type that it is asked for');
$node->safe_psql('whole', q{SELECT integration_defaults.materialize('free'), integration_defaults.set_default('free', '{"again": true}')});
is(differences($node, 'whole'), '', 'and goes on with another one');

$node->stop;
done_testing();
