# docs/operating.md, dumps.md and installing.md: their commands, and what they say of dumps, parts of them, other key types,
# subscribers, the log and removal.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %blocks;
foreach my $page (map { slurp_file("$ENV{TREE}/docs/$_.md") } qw(dumps installing operating))
{
	while ($page =~ /^## (.*?)$(.*?)(?=^## |\z)/gms)
	{
		my ($title, $text) = ($1, $2);
		push @{ $blocks{$title} }, $1 while $text =~ /^```\w*\n(.*?)^```$/gms;
	}
}
is(join('; ', map { "$_: " . @{ $blocks{$_} } } sort keys %blocks),
	join('; ', map { "$_: 1" } 'A key gets another type', 'A part of a dump', q{A subscriber with a copy of the app's tables}, 'After a bulk load',
		'As a package', 'From source', 'In each database', 'Is all as it should be?', 'Removal', 'To another server by logical replication',
		'Where the extension is there already'),
	'the pages have their commands');

my $node = new_node('server', allows_streaming => 'logical', conf => "log_statement = all\nlog_parameter_max_length = 0\nlog_parameter_max_length_on_error = 0\n");
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', <<'SQL');
CREATE EXTENSION integration_defaults;
CREATE SCHEMA app;
CREATE TABLE app.groups (id bigint PRIMARY KEY, parent_id bigint);
CREATE TABLE app.projects (id bigint PRIMARY KEY, group_id bigint);
INSERT INTO app.groups VALUES (1, NULL), (2, 1);
INSERT INTO app.projects SELECT n, 1 + n % 2 FROM generate_series(1, 50) n;
SELECT integration_defaults.track_groups('app.groups'), integration_defaults.track_projects('app.projects');
SELECT integration_defaults.load_catalog('gitlab');
SELECT integration_defaults.set_default('slack', '{"webhook": "https://chat.example/all"}');
SELECT integration_defaults.set_default('slack', '{"webhook": "https://chat.example/two"}', 2);
SELECT integration_defaults.set_custom('slack', 30, '{"webhook": "https://chat.example/mine"}');
SELECT integration_defaults.create_view('slack', 'app.slack_settings'), integration_defaults.materialize('slack');
SQL
my $said = 'SELECT r.* FROM integration_defaults.projects p, integration_defaults.resolve_all(p.id) r ORDER BY p.id::int, integration';
my $answers = $node->safe_psql('app', $said);
cmp_ok(length $answers, '>', 3000, 'there is something to compare');

# ---- dumps -----------------------------------------------------------------------------------------------------------

$node->safe_psql('app', <<'SQL');
CREATE ROLE reader;
CREATE FUNCTION app.mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER mine AFTER INSERT ON integration_defaults.project_settings FOR EACH ROW EXECUTE FUNCTION app.mine();
CREATE INDEX mine_index ON integration_defaults.project_settings (updated_by);
ALTER TABLE integration_defaults.project_settings ADD CONSTRAINT mine_check CHECK (updated_by <> 'nobody');
CREATE POLICY mine_policy ON integration_defaults.project_settings USING (true);
CREATE RULE mine_rule AS ON DELETE TO integration_defaults.project_settings DO ALSO NOTHING;
COMMENT ON TABLE integration_defaults.project_settings IS 'mine_comment';
ALTER TABLE integration_defaults.project_settings SET (autovacuum_vacuum_scale_factor = 0.01);
GRANT SELECT ON integration_defaults.project_integrations TO reader;
CREATE INDEX kept_index ON integration_defaults.effective_settings ((settings ->> 'channel'));
CREATE TRIGGER kept AFTER INSERT ON integration_defaults.effective_settings FOR EACH ROW EXECUTE FUNCTION app.mine();
SQL
my $dump = dump_of($node, 'app');
unlike($dump, qr/mine_|CREATE TRIGGER mine |scale_factor/, 'what is put on our tables is left out');
like($dump, qr/$_/, "held: $_") foreach 'GRANT SELECT ON TABLE integration_defaults.project_integrations TO reader', 'CREATE INDEX kept_index',
  'CREATE TRIGGER kept ', 'CREATE VIEW app.slack_settings', 'CREATE TRIGGER integration_defaults_projects_insert', 'chat.example/mine';
my ($alone) = run_command([ 'pg_dump', '-n', 'integration_defaults', '-d', $node->connstr('app') ]);
like($alone, qr/COPY integration_defaults.effective_settings/, 'of the schema alone');
unlike($alone, qr/COPY integration_defaults.(?!effective_settings)|CREATE EXTENSION/, 'there are no settings');

my ($settings) = @{ $blocks{'A part of a dump'} };
$settings =~ s/settings\.dump/$PostgreSQL::Test::Utils::tmp_check\/settings.dump/g;
sub shell { local $ENV{PGHOST} = $node->host; local $ENV{PGPORT} = $node->port; return run_log([ 'sh', '-ec', $_[0] ]); }
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION integration_defaults');
ok(shell($settings), 'the settings alone, into an extension that is there');
is($node->safe_psql('other', $said), $answers, 'nothing is lost');
ok(!shell($settings), 'but not a second time');
$node->safe_psql('other', "$blocks{'Where the extension is there already'}[0] $blocks{'In each database'}[0]");
ok(shell($settings), 'until the extension is new again');
is($node->safe_psql('other', $said), $answers, 'nothing is lost');

# Restores of a whole dump, and of parts, into databases where the extension is there: what is restored, and how.
my $file = "$PostgreSQL::Test::Utils::tmp_check/whole.dump";
ok(shell("pg_dump -Fc -f $file app"), 'a whole dump');
my $wrong = q{SELECT subject, detail FROM integration_defaults.status() WHERE state = 'broken'};

sub restores
{
	my ($name, @how) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, $blocks{'In each database'}[0]) unless $name =~ /absent/;
	ok(shell(s/TO/--exit-on-error -d $name $file/r), "$name: $_") foreach @how;
	is($node->safe_psql($name, $said), $answers, "$name: the answers are the same");
	is($node->safe_psql($name, 'SELECT integration, settings FROM integration_defaults.effective_settings ORDER BY project_id::int'),
		$node->safe_psql('app', 'SELECT integration, settings FROM integration_defaults.effective_settings ORDER BY project_id::int'), "$name: and their rows");
	return $name;
}

is($node->safe_psql(restores('absent', 'pg_restore TO'), $wrong), '', 'nothing is wrong');
is($node->safe_psql(restores('unused', 'pg_restore TO'), $wrong), '', 'nothing is wrong');
ok(!shell("pg_restore --exit-on-error -d unused $file"), 'used, it takes no second one');
ok(shell("pg_restore --clean --if-exists --exit-on-error -d unused $file"), 'but with --clean');
is($node->safe_psql('unused', $said), $answers, 'nothing is lost');
is($node->safe_psql(restores('absent_parts', 'pg_restore -s TO', 'pg_restore -a TO'), $wrong), '', 'nothing is wrong');
my $unfired = restores('absent_triggers', 'pg_restore -s TO', 'pg_restore -a --disable-triggers TO');
like($node->safe_psql($unfired, $blocks{'Is all as it should be?'}[0]), qr/trigger check_\w+ of|trigger settle_\w+ of/, 'triggers fire otherwise');
$node->safe_psql($unfired, q{SELECT integration_defaults.materialize('slack')});
is($node->safe_psql($unfired, $wrong), '', 'until a type is materialized');

# The app's schema alone, and all that is set before or after it.
my $set = "pg_restore -a --exit-on-error -d %s $PostgreSQL::Test::Utils::tmp_check/settings.dump";
ok(shell("pg_dump -Fc -n app -f $file.app app"), q{the app's schema});
foreach my $name (qw(app_alone app_first app_last))
{
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, $blocks{'In each database'}[0]);
	ok(shell(sprintf $set, $name), "$name: the settings") if $name eq 'app_last';
	ok(shell("pg_restore --exit-on-error -d $name $file.app"), "$name: the app");
	ok(shell(sprintf $set, $name), "$name: the settings") if $name eq 'app_first';
	if ($name eq 'app_alone')
	{
		like($node->safe_psql($name, $wrong), qr/^projects\|out of step .* 50 to add/m, 'its rows are not followed');
		$node->safe_psql($name, $blocks{"A subscriber with a copy of the app's tables"}[0]);
	}
	else
	{
		is($node->safe_psql($name, $said), $answers, "$name: the answers are the same");
		is($node->safe_psql($name, q{SELECT integration_defaults.materialize('slack')}), '50', "$name: and can be materialized");
	}
	is($node->safe_psql($name, $wrong), '', "$name: nothing is wrong");
}

# ---- after a bulk load -------------------------------------------------------------------------------------------------

$node->safe_psql('app', $blocks{'After a bulk load'}[0]);
is($node->safe_psql('app', q{SELECT count(*) FROM pg_class WHERE relnamespace = 'integration_defaults'::regnamespace
	AND relname IN ('groups', 'projects', 'group_settings', 'project_settings') AND reltuples > 0}), '4', 'the planner knows the tables');

# ---- another type of key -----------------------------------------------------------------------------------------------

like(error_of($node, 'app', 'ALTER TABLE app.projects ALTER COLUMN id TYPE text'), qr/^0A000/, 'not while it is tracked');

$node->safe_psql('app', $blocks{'A key gets another type'}[0]);
is($node->safe_psql('app', $said), $answers, 'the keys are text: the same answers');
$node->safe_psql('app', q{INSERT INTO app.projects VALUES ('new', 2)});
is($node->safe_psql('app', q{SELECT webhook <> '', inherited FROM app.slack_settings WHERE id IN ('new', '30') ORDER BY id}), "t|f\nt|t", 'and rows are followed');
is(differences($node, 'app'), '', 'effective_settings too');

# ---- a subscriber that tracks its own copy -------------------------------------------------------------------------------

$node->safe_psql('app', 'CREATE PUBLICATION tables FOR TABLE app.groups, app.projects');
my $copy = new_node('copy');
$copy->safe_psql('postgres', <<'SQL');
CREATE EXTENSION integration_defaults;
CREATE SCHEMA app;
CREATE TABLE app.groups (id bigint PRIMARY KEY, parent_id bigint);
CREATE TABLE app.projects (id text PRIMARY KEY, group_id bigint);
SELECT integration_defaults.track_groups('app.groups'), integration_defaults.track_projects('app.projects');
SELECT integration_defaults.register_integration('slack'), integration_defaults.set_default('slack', '{"a": 1}');
SQL
$copy->safe_psql('postgres', "CREATE SUBSCRIPTION tables CONNECTION '@{[ $node->connstr('app') =~ s/'/''/gr ]}' PUBLICATION tables");
$copy->wait_for_subscription_sync($node, 'tables');
my $resync = $blocks{"A subscriber with a copy of the app's tables"}[0];
$copy->safe_psql('postgres', $resync);
my $projects = 'SELECT count(*) FROM integration_defaults.projects';
is($copy->safe_psql('postgres', $projects), '51', 'the copy is taken in');
$node->safe_psql('app', q{INSERT INTO app.groups VALUES (3, 2); INSERT INTO app.projects VALUES ('later', 3); DELETE FROM app.projects WHERE id = '7'});
$node->wait_for_catchup('tables');
is($copy->safe_psql('postgres', "$projects WHERE id IN ('later', '7')"), '1', 'what comes later is not followed by itself');
$copy->safe_psql('postgres', $resync);
is($copy->safe_psql('postgres', q{SELECT id, group_id FROM integration_defaults.projects WHERE id IN ('later', '7')}), 'later|3', 'until it is asked for');
$copy->safe_psql('postgres', 'DROP SUBSCRIPTION tables');
$copy->stop;

# ---- the log -----------------------------------------------------------------------------------------------------------

my $script = "$PostgreSQL::Test::Utils::tmp_check/bound.sql";
append_to_file($script, "SELECT integration_defaults.set_custom('slack', 12, jsonb_build_object('webhook', 'https://chat.example/' || :secret::text));\n");
$node->command_ok([ 'pgbench', '-n', '-t', 1, '-M', 'extended', '-D', 'secret=hidden-in-a-parameter', '-f', $script, 'app' ], 'settings as a parameter');
like(slurp_file($node->logfile), qr/jsonb_build_object\('webhook', 'https:\/\/chat.example\/' \|\| \$1/, 'the statement is logged');
unlike(slurp_file($node->logfile), qr/hidden-in-a-parameter/, 'the parameter is not');

# ---- removal -----------------------------------------------------------------------------------------------------------

$node->safe_psql('app', 'DROP TRIGGER mine ON integration_defaults.project_settings');
my $own = q{SELECT count(*) FROM pg_class c, pg_namespace n WHERE n.oid = c.relnamespace AND n.nspname = 'app' AND c.relkind = 'r'};
my $tables = $node->safe_psql('app', $own);
$node->safe_psql('app', $blocks{Removal}[0]);
is($node->safe_psql('app', $own), $tables, q{the app's tables stay});
is($node->safe_psql('app', q{SELECT (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal), (SELECT count(*) FROM pg_views WHERE schemaname = 'app'),
	to_regnamespace('integration_defaults') IS NULL, (SELECT count(*) FROM app.projects) > 50}), '0|0|t|t', 'and nothing of ours');
$node->stop;
done_testing();
