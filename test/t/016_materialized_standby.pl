# A hot standby reads effective_settings as it reads the view, and once promoted goes on letting it follow.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_node('primary', allows_streaming => 1);
make_app($primary, 'postgres');
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
sub caught_up { $primary->wait_for_catchup($standby, 'replay', $primary->lsn('write')); }
my $rows = q{SELECT md5(string_agg(e::text, '' ORDER BY project_id, integration)) FROM integration_defaults.effective_settings e};

# A session of the standby is there before the table is.
my $session = $standby->background_psql('postgres');
$session->query_safe(q{SELECT count(*) FROM integration_defaults.project_integrations});
$primary->safe_psql('postgres', q{SELECT integration_defaults.materialize('chat'), integration_defaults.materialize('free')});
caught_up();
is(differences($standby, 'postgres'), '', 'materialized on the primary, the standby has the rows');
is(materialized_types($standby, 'postgres'), 'chat free', 'and knows the types');

my $before = $primary->safe_psql('postgres', $rows);
is($session->query_safe($rows), $before, 'also in a session that was there before');
foreach my $change (
	q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://new"}', '2')},
	q{SELECT integration_defaults.lock_fields('chat', '{webhook}', '1')},
	q{UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '2'},
	q{DELETE FROM app.projects WHERE id % 10 = 0},
	q{SELECT integration_defaults.allow_integrations('{free}')},
	q{SELECT integration_defaults.dematerialize('free')},
	q{SELECT integration_defaults.reset_default('chat')})
{
	$primary->safe_psql('postgres', $change);
	caught_up();
	my $after = $primary->safe_psql('postgres', $rows);
	isnt($after, $before, "the rows change: $change");
	is($session->query_safe($rows), $after, 'the standby has the same ones');
	is(differences($standby, 'postgres'), '', 'and its own view agrees');
	same(answers($standby, 'postgres'), answers($primary, 'postgres'), 'as do all functions');
	$before = $after;
}
is(error_of($standby, 'postgres', q{SELECT integration_defaults.materialize('forbidden')}), '25006', 'materialize() is refused there');
is(error_of($standby, 'postgres', q{SELECT integration_defaults.dematerialize('chat')}), '25006', 'and dematerialize()');

# A transaction that the primary does not finish is not in what the standby takes over.
my $open = $primary->background_psql('postgres');
$open->query_safe(q{BEGIN; SELECT integration_defaults.set_default('chat', '{"webhook": "https://never"}')});
$primary->safe_psql('postgres', q{SELECT pg_switch_wal()});
caught_up();
is($session->query_safe($rows), $before, 'what is not committed does not show');
kill_server($primary);
$standby->promote;
is($session->query_safe($rows), $before, 'nor after the promotion');
foreach my $change (
	q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://promoted"}')},
	q{INSERT INTO app.projects VALUES (1000, '2', 'new')},
	q{SELECT integration_defaults.materialize('free')},
	q{SELECT integration_defaults.set_default('free', '{"promoted": true}', '4')},
	q{UPDATE app."Namespaces" SET parent = NULL WHERE "Id" = '2'})
{
	$session->query_safe($change);
	my $after = $session->query_safe($rows);
	isnt($after, $before, "promoted, the rows change: $change");
	is(differences($standby, 'postgres'), '', 'and are right');
	$before = $after;
}
$open->{run}->kill_kill;
$session->quit;
$standby->stop;
done_testing();
