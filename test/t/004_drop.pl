# DROP EXTENSION leaves the app's tables as they were before, and the extension can be created again.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('drop');

foreach my $round (1, 2)
{
	make_app($node, 'postgres');
	isnt(error_of($node, 'postgres', 'DROP EXTENSION integration_defaults'), 'none', "round $round: triggers of tracked tables are told of")
	  if $round == 1;
	# A session that has used the extension lives through its end.
	my $session = $node->background_psql('postgres');
	$session->query_safe(q{SELECT count(*) FROM integration_defaults.resolve_all(1)});
	$session->query_safe(q{INSERT INTO app.projects VALUES (100, '1', 'before')});
	$node->safe_psql('postgres', 'SET client_min_messages = error; DROP EXTENSION integration_defaults CASCADE');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal}), '0', "round $round: no trigger is left");
	is( $node->safe_psql('postgres', q{SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'integration_defaults'}),
		'0', "round $round: no table is left");
	$session->query_safe(q{INSERT INTO app.projects VALUES (101, '1', 'after')});
	$session->query_safe(q{UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '3'});
	$session->query_safe(q{DELETE FROM app.projects WHERE id = 1});
	is($session->query_safe(q{SELECT count(*) FROM app.projects}), '71', "round $round: the app goes on in the same session");

	$node->safe_psql('postgres', 'CREATE EXTENSION integration_defaults');
	is( $node->safe_psql('postgres', q{SELECT sum(n) FROM (SELECT count(*) n FROM integration_defaults.integrations
			UNION ALL SELECT count(*) FROM integration_defaults.groups UNION ALL SELECT count(*) FROM integration_defaults.projects) s}),
		'0', "round $round: created again, it is empty");
	is( $session->query_safe(q{SELECT integration_defaults.register_integration('chat'); SELECT integration_defaults.set_default('chat', '{"a": 1}');
			SELECT integration_defaults.add_project(7); SELECT integration_defaults.active_settings('chat', 7)}) =~ s/\s+//gr,
		'{"a":1}', "round $round: the same session uses the new one");
	$session->quit;
	$node->safe_psql('postgres', 'DROP EXTENSION integration_defaults');
	$node->safe_psql('postgres', 'SET client_min_messages = error; DROP SCHEMA app CASCADE');
}

# With types materialized: the table goes with the schema that it is in, if whoever drops the extension says CASCADE; nothing
# follows any more, in sessions that are open either; and it can be dropped before.
foreach my $round (1, 2)
{
	make_app($node, 'postgres');
	$node->safe_psql('postgres', q{SELECT integration_defaults.materialize('chat'), integration_defaults.materialize('free')});
	my $session = $node->background_psql('postgres');
	$session->query_safe(q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://open"}'); INSERT INTO app.projects VALUES (100, '1', 'before')});
	is(differences($node, 'postgres'), '', "materialized, round $round: equal");
	isnt(error_of($node, 'postgres', 'DROP EXTENSION integration_defaults'), 'none', "materialized, round $round: its trigger is told of");
	is(differences($node, 'postgres'), '', "materialized, round $round: refused, nothing has changed");
	if ($round == 2)
	{
		$session->query_safe('DROP TABLE integration_defaults.effective_settings');
		$session->query_safe(q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://no table"}'); INSERT INTO app.projects VALUES (102, '1', 'no table')});
		is($node->safe_psql('postgres', q{SELECT settings ->> 'webhook' FROM integration_defaults.resolve('chat', 102)}), 'https://no table', 'the table dropped, everything else goes on');
		$session->query_safe(q{SELECT integration_defaults.materialize('chat')});
		is(differences($node, 'postgres'), '', 'and it can be made again');
		is(materialized_types($node, 'postgres'), 'chat', 'with what was asked for');
	}
	$node->safe_psql('postgres', 'SET client_min_messages = error; DROP EXTENSION integration_defaults CASCADE');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal}), '0', "materialized, round $round: no trigger is left");
	is( $node->safe_psql('postgres', q{SELECT string_agg(nspname, ' ') FROM pg_namespace WHERE nspname = 'integration_defaults'}),
		'', "materialized, round $round: nor the table, nor the schema");
	$session->query_safe(q{INSERT INTO app.projects VALUES (101, '1', 'after'); UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '3'});
	is($session->query_safe(q{SELECT count(*) FROM app.projects WHERE id = 101}), '1', "materialized, round $round: the app goes on");
	$session->query_safe('CREATE EXTENSION integration_defaults');
	$session->query_safe(q{SELECT integration_defaults.register_integration('chat'); SELECT integration_defaults.set_default('chat', '{"a": 1}'), integration_defaults.add_project(700)});
	is($session->query_safe(q{SELECT to_regclass('integration_defaults.effective_settings') IS NULL}), 't', "materialized, round $round: created again, nothing is materialized");
	is($session->query_safe(q{SELECT integration_defaults.materialize('chat')}), '1', "materialized, round $round: until somebody asks for it");
	is(differences($node, 'postgres'), '', "materialized, round $round: then it is equal");
	$session->query_safe(q{SELECT integration_defaults.add_project(800)});
	is(differences($node, 'postgres'), '', "materialized, round $round: and follows");
	$session->quit;
	# both at once
	$node->safe_psql('postgres', 'SET client_min_messages = error; DROP EXTENSION integration_defaults CASCADE; DROP SCHEMA app CASCADE');
}

# The app drops what is tracked.
make_app($node, 'postgres');
$node->safe_psql('postgres', 'DROP TABLE app.projects');
is($node->safe_psql('postgres', 'SELECT count(*) FROM integration_defaults.tracked_tables'), '1', 'a dropped table is no longer tracked');
$node->safe_psql('postgres', q{SELECT integration_defaults.add_project('by hand', '2')});
is( $node->safe_psql('postgres', q{SELECT source_id FROM integration_defaults.resolve('chat', 'by hand')}),
	'2', 'and projects can be added by hand');

$node->stop;
done_testing();
