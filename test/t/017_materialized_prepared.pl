# Prepared transactions with our writes inside while types are materialized: the rows are made when it is prepared; who
# may wait for it waits, also after a crash, and nobody else; then all of it is there, or nothing.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('prepared', conf => "max_prepared_transactions = 10\n");
make_app($node, 'postgres');
$node->safe_psql('postgres', q{SELECT integration_defaults.allow_integrations(NULL), integration_defaults.materialize('chat'), integration_defaults.materialize('free'), integration_defaults.materialize('forbidden')});
is(differences($node, 'postgres'), '', 'at first equal');
my $rows = q{SELECT md5(string_agg(e::text, '' ORDER BY project_id, integration)) FROM integration_defaults.effective_settings e};

sub prepare
{
	my ($name, $sql) = @_;
	$node->safe_psql('postgres', "BEGIN; $sql; PREPARE TRANSACTION '$name'");
}
sub waits { is(error_of($node, 'postgres', "SET lock_timeout = '300ms'; $_[1]"), '55P03', "$_[0] waits"); }
sub goes
{
	is(error_of($node, 'postgres', "SET lock_timeout = '20s'; $_[1]"), 'none', "$_[0] does not wait");
	is(differences($node, 'postgres'), '', '... and all is right');
}
my $n = 0;
sub restarts { start_again($node, kill_server($node)); }

# --- settings of one project: others are not kept out, whole types are ----------------------------------------------

my $before = $node->safe_psql('postgres', $rows);
prepare('project', q{SELECT integration_defaults.set_custom('chat', 9, '{"webhook": "https://prepared"}')});
is($node->safe_psql('postgres', $rows), $before, 'prepared, nobody sees it');
foreach my $when ('prepared', 'after a crash')
{
	waits("$when: a move of that project", q{UPDATE app.projects SET namespace = '4' WHERE id = 9});
	waits("$when: another type's setting of that project", q{SELECT integration_defaults.set_custom('free', 9, '{"k": 1}')});
	waits("$when: a default of that type", q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://other"}')});
	waits("$when: a move of a group", q{UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '2'});
	waits("$when: materialize()", q{SELECT integration_defaults.materialize('free')});
	waits("$when: dematerialize()", q{SELECT integration_defaults.dematerialize('chat')});
	$n++;
	goes("$when: another project", qq{SELECT integration_defaults.set_custom('chat', 11, '{"webhook": "https://$n"}')});
	goes("$when: a project more", qq{INSERT INTO app.projects VALUES (500 + $n, '2')});
	goes("$when: a default of another type", qq{SELECT integration_defaults.set_default('free', '{"n": $n}', '4')});
	restarts() if $when eq 'prepared';
}
$node->safe_psql('postgres', q{COMMIT PREPARED 'project'});
is(differences($node, 'postgres'), '', 'committed: equal');
is($node->safe_psql('postgres', q{SELECT settings ->> 'webhook' FROM integration_defaults.effective_settings WHERE project_id = '9' AND integration = 'chat'}),
	'https://prepared', 'and what was set is there');

# --- tracked tables, which are followed only when it is prepared; a default and a move of a group -------------------

$before = $node->safe_psql('postgres', $rows);
prepare('tree', q{INSERT INTO app."Namespaces" VALUES ('new', '2'); UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '2';
	INSERT INTO app.projects VALUES (900, 'new'); DELETE FROM app.projects WHERE id = 15});
is($node->safe_psql('postgres', $rows), $before, 'a tree that is prepared is not seen');
foreach my $when ('prepared', 'after a crash')
{
	waits("$when: any materialized type", q{SELECT integration_defaults.set_custom('forbidden', 11, '{"k": 1}')});
	waits("$when: another move of a group", q{UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '3'});
	$n++;
	goes("$when: a type that is not materialized", qq{SELECT integration_defaults.register_integration('quiet'), integration_defaults.set_default('quiet', '{"n": $n}')});
	restarts() if $when eq 'prepared';
}
$node->safe_psql('postgres', q{COMMIT PREPARED 'tree'});
is(differences($node, 'postgres'), '', 'the tree committed: equal');
is($node->safe_psql('postgres', q{SELECT count(*) FILTER (WHERE project_id = '900') > 0, count(*) FILTER (WHERE project_id = '15') FROM integration_defaults.effective_settings}),
	't|0', 'projects that came have rows, projects that went do not');

# --- rolled back, with two at once; and what the session that prepared does next ------------------------------------

$before = $node->safe_psql('postgres', $rows);
prepare('default', q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://never"}'); SAVEPOINT s;
	SELECT integration_defaults.set_custom('free', 20, '{"never": 1}'); ROLLBACK TO s; SELECT integration_defaults.set_custom('forbidden', 20, '{"never": 2}')});
prepare('other', q{SELECT integration_defaults.set_default('free', '{"never": 3}')});
restarts();
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'default'});
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'other'});
is($node->safe_psql('postgres', $rows), $before, 'rolled back: the rows are what they were');
is(differences($node, 'postgres'), '', 'and equal');
my $session = $node->background_psql('postgres');
foreach my $end ('COMMIT', 'ROLLBACK')
{
	$session->query_safe(qq{BEGIN; SELECT integration_defaults.set_default('chat', '{"webhook": "https://$end"}'); PREPARE TRANSACTION 'one';});
	$session->query_safe(qq{SELECT integration_defaults.set_default('free', '{"end": "$end"}', '1')});
	$session->query_safe("$end PREPARED 'one'");
	$session->query_safe(qq{SELECT integration_defaults.set_custom('chat', 30, '{"webhook": "https://after $end"}')});
	is(differences($node, 'postgres'), '', "a session goes on after PREPARE, and after $end PREPARED");
}
$session->quit;

# --- materialize() itself -------------------------------------------------------------------------------------------

is(error_of($node, 'postgres', q{BEGIN; SELECT integration_defaults.materialize('quiet'); PREPARE TRANSACTION 'materialize'}), 'none', 'materialize() can be prepared');
waits('every writer', q{SELECT integration_defaults.set_custom('free', 40, '{"k": 1}')});
restarts();
waits('every writer, after a crash', q{SELECT integration_defaults.set_custom('free', 40, '{"k": 1}')});
$node->safe_psql('postgres', q{COMMIT PREPARED 'materialize'});
is(materialized_types($node, 'postgres'), 'chat forbidden free quiet', 'committed: one type more');
goes('then', q{SELECT integration_defaults.set_default('quiet', '{"last": 1}', '1')});
$node->stop;
done_testing();
