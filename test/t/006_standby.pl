# A hot standby gives every answer, and takes over.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_node('primary', allows_streaming => 1);
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

sub caught_up { $primary->wait_for_catchup($standby, 'replay', $primary->lsn('write')); }

make_app($primary, 'postgres');
caught_up();
same(answers($standby, 'postgres'), answers($primary, 'postgres'), 'every reading function answers on the standby, and the same');

my $status = q{SELECT * FROM integration_defaults.status()};
like($primary->safe_psql('postgres', $status), qr/^extension\|ok\|/, 'the primary looks at itself');
is($standby->safe_psql('postgres', $status), $primary->safe_psql('postgres', $status), 'so does the standby');

# A session that stays open there sees each commit: defaults, schemas, moves.
my $session = $standby->background_psql('postgres');
my $read = q{SELECT settings ->> 'webhook', settings ->> 'limit' FROM integration_defaults.resolve('chat', 15)};
foreach my $step (
	[ 'at first', q{SELECT 1}, 'https://2|10' ],
	[ 'a change of a default', q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://new"}', '2')}, 'https://new|10' ],
	[ 'another schema', q{UPDATE integration_defaults.integrations SET schema = jsonb_set(schema, '{properties,limit,default}', '20') WHERE name = 'chat'}, 'https://new|20' ],
	[ 'a reset', q{SELECT integration_defaults.reset_default('chat', '2')}, 'https://instance|20' ])
{
	my ($what, $sql, $expected) = @$step;
	$primary->safe_psql('postgres', $sql);
	caught_up();
	is($session->query_safe($read), $expected, "an open session of the standby sees it: $what");
}
$session->quit;

add_refused_rows($primary, 'postgres');
caught_up();
same(answers($standby, 'postgres'), answers($primary, 'postgres'), 'and of rows that a write would refuse');

is(error_of($standby, 'postgres', q{SELECT integration_defaults.set_default('chat', '{"webhook": "w"}')}), '25006', 'writes are refused there');
is(error_of($standby, 'postgres', q{SELECT integration_defaults.register_integration('x')}), '25006', 'all of them');

$primary->stop;
$standby->promote;
$standby->safe_psql('postgres', q{SELECT integration_defaults.set_default('free', '{"promoted": true}', '2')});
is($standby->safe_psql('postgres', q{SELECT integration_defaults.active_settings('free', 15)}), '{"promoted": true}', 'promoted, it takes writes');
$standby->stop;
done_testing();
