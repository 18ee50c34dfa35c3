# Typed views, and what users put on our views, in dump and restore.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('dumped_views');
my $folder = PostgreSQL::Test::Utils::tempdir();
$node->safe_psql('postgres', "CREATE ROLE anna LOGIN; CREATE ROLE reader; CREATE DATABASE first OWNER anna");
my @anna = ('-U', 'anna');
make_app($node, 'first', @anna);
$node->safe_psql('first', <<'SQL', extra_params => \@anna);
SET search_path = app;
SELECT integration_defaults.create_view('chat');
SELECT integration_defaults.create_view('free', 'Free "of" fields');
SELECT integration_defaults.create_general_view(), integration_defaults.create_general_view('group', 'by_key');
COMMENT ON VIEW chat_settings IS 'ours';
ALTER VIEW chat_settings ALTER COLUMN channel SET DEFAULT '#new';
GRANT SELECT ON chat_settings TO reader;

-- the user's own, on a typed view, on our views, and on our functions
CREATE VIEW loud AS SELECT * FROM chat_settings WHERE active AND notify IS DISTINCT FROM '"broken"';
CREATE VIEW overview WITH (security_barrier) AS
    SELECT p.name, i.integration, i.settings ->> 'webhook' AS webhook, i.inherited
    FROM projects p JOIN integration_defaults.project_integrations i ON i.project_id = p.id::text;
CREATE VIEW why AS SELECT g.id AS group_id, e.* FROM integration_defaults.groups g, LATERAL integration_defaults.explain('chat', group_id => g.id) e
    WHERE field <> 'token'; -- the fingerprint of a secret is another one in each database
CREATE MATERIALIZED VIEW report AS SELECT integration, source_level, count(*) FROM integration_defaults.project_integrations GROUP BY 1, 2;
CREATE VIEW ids AS SELECT 7::integration_defaults.external_id AS id, integration_defaults.active_settings('chat', 1) AS settings;
CREATE FUNCTION hot(project bigint) RETURNS jsonb STABLE BEGIN ATOMIC SELECT integration_defaults.active_settings('chat', project); END;
SQL

my $questions = <<'SQL';
SELECT * FROM app.chat_settings ORDER BY id;
SELECT * FROM app."Free ""of"" fields" ORDER BY id;
SELECT * FROM app.project_integrations ORDER BY project_id, integration;
SELECT * FROM app.by_key ORDER BY group_id, integration;
SELECT * FROM app.loud ORDER BY id;
SELECT * FROM app.overview ORDER BY name, integration;
SELECT * FROM app.why ORDER BY group_id, field;
SELECT * FROM app.report ORDER BY 1, 2;
SELECT * FROM app.ids;
SELECT id, app.hot(id) FROM app.projects ORDER BY id;
SELECT c.relname, c.reloptions, c.relacl::text, obj_description(c.oid) FROM pg_class c WHERE relnamespace = 'app'::regnamespace AND relkind IN ('v', 'm') ORDER BY 1;
SQL
my $answers = $node->safe_psql('first', $questions, extra_params => \@anna);
cmp_ok(length $answers, '>', 10_000, 'there is something to compare');
my $dump = dump_of($node, 'first', @anna);

foreach my $format (
	[ 'plain', ['-Fp'], sub { [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $_[1], '-d', $_[0] ] } ],
	[ 'custom', ['-Fc'], sub { [ 'pg_restore', '--exit-on-error', '-d', $_[0], $_[1] ] } ],
	[ 'parallel', [ '-Fd', '-j2' ], sub { [ 'pg_restore', '--exit-on-error', '-j2', '-d', $_[0], $_[1] ] } ])
{
	my ($name, $options, $restore) = @$format;
	$node->safe_psql('postgres', "CREATE DATABASE $name OWNER anna");
	$node->command_ok([ 'pg_dump', @anna, @$options, '-f', "$folder/$name", '-d', 'first' ], "$name: dumped");
	my $command = $restore->($name, "$folder/$name");
	splice @$command, 1, 0, @anna;
	succeeds($node, $command, "$name: restored") or next;
	same($node->safe_psql($name, $questions, extra_params => \@anna), $answers, "$name: the same answers by every view");
	same(dump_of($node, $name, @anna), $dump, "$name: the same dump");

	# The restored views are written through as before.
	is($node->safe_psql($name, <<'SQL', extra_params => \@anna), "#typed|https://typed|project\n#typed|#new", "$name: the typed view takes writes");
UPDATE app.chat_settings SET channel = '#typed' WHERE id = 4;
UPDATE app.chat_settings SET webhook = 'https://typed' WHERE id = 4;
SELECT channel, webhook, source_level FROM app.loud WHERE id = 4;
SELECT channel, (SELECT trim(both '''' FROM split_part(pg_get_expr(adbin, adrelid), '::', 1)) FROM pg_attrdef WHERE adrelid = 'app.chat_settings'::regclass)
    FROM app.chat_settings WHERE id = 4;
SQL
	is(error_of($node, $name, q{UPDATE app.chat_settings SET "limit" = 0 WHERE id = 9}, @anna), '23514', "$name: by their rules");
	is($node->safe_psql($name, <<'SQL', extra_params => \@anna), "5|#general|f", "$name: as does the general view by the app's key");
UPDATE app.project_integrations SET settings = settings || '{"channel": "#general"}' WHERE project_id = 5 AND integration = 'chat'
RETURNING project_id, settings ->> 'channel', inherited;
SQL
	is(error_of($node, $name, "SET search_path = app; SELECT integration_defaults.$_", @anna), 'none', "$name: and can be made anew: $_")
		foreach "create_view('chat')", 'create_general_view()';
}
$node->stop;
done_testing();
