# Two databases of one server, each with the extension: neither sees, locks, or outlives anything of the other. And
# snapshots that one session gives to another.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('databases');
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(one two);
make_app($node, $_) foreach qw(one two);
# but for when a row was written, and for masks, of which each database has its own
sub answers_of { return answers($node, $_[0]) =~ s/\d{4}-\d\d-\d\d [\d:.]+\+\d\d|\(secret [0-9a-f]{16}\)//gr }
my $answers = answers_of('two');
same(answers_of('one'), $answers, 'both are alike');

# ---- what one does, the other does not feel -----------------------------------------------------------------------

my $one = $node->background_psql('one');
my $two = $node->background_psql('two');
my $read = q{SELECT settings ->> 'webhook' FROM integration_defaults.resolve('chat', 15)};
is($two->query_safe($read), 'https://2', 'an open session of the second has read');
$two->query_safe('SET lock_timeout = 2000');
$one->query_safe(q{
BEGIN;
SELECT integration_defaults.set_default('chat', '{"webhook": "https://one"}', '2');
UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '2';
SELECT integration_defaults.register_integration('chat', '{"properties": {"webhook": {"default": "none"}, "limit": {"default": 1}}}', force => true);
SELECT integration_defaults.allow_integrations('{chat}');
LOCK TABLE integration_defaults.group_settings, integration_defaults.integrations, integration_defaults.groups;
});
is($two->query_safe($read), 'https://2', 'the second reads on while the first has locked everything');
is($two->query_safe(q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://two"}', '2') IS NOT NULL}), 't', 'and writes');
$two->query_safe($_) foreach
	q{BEGIN; UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '3'; COMMIT;},
	q{UPDATE app."Namespaces" SET parent = '2' WHERE "Id" = '3'},
	q{SELECT integration_defaults.register_integration('chat', schema || '{}', title, category) FROM integration_defaults.integrations WHERE name = 'chat'},
	q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://2", "notify": null}', '2')};
$one->query_safe('COMMIT');
is($two->query_safe($read), 'https://2', 'nor does its commit change anything there');
isnt($one->query_safe($read), 'https://2', 'but it did change the first');
same(answers_of('two'), $answers, 'all answers of the second are what they were');

# ---- with types materialized in both ----------------------------------------------------------------------------------

$node->safe_psql($_, q{SELECT integration_defaults.materialize('chat'), integration_defaults.materialize('free')}) foreach qw(one two);
my $stored = q{SELECT md5(string_agg(e::text, '' ORDER BY project_id, integration)) FROM integration_defaults.effective_settings e};
my $rows_of_two = $two->query_safe($stored);
$one->query_safe(q{BEGIN; SELECT integration_defaults.set_default('chat', '{"webhook": "https://one again"}'), integration_defaults.set_default('free', '{"one": 1}'),
	integration_defaults.set_custom('chat', 15, '{"webhook": "https://mine"}'); SELECT integration_defaults.materialize('free')});
is($two->query_safe($stored), $rows_of_two, 'what the first one is about to commit is not in the rows of the second');
$two->query_safe($_) foreach # lock_timeout is set
	q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://two again"}')}, q{SELECT integration_defaults.set_custom('chat', 15, '{"webhook": "https://mine too"}')},
	q{UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '3'}, q{SELECT integration_defaults.materialize('free')};
is(differences($node, 'two'), '', 'the second follows what it does itself, and waits for nothing');
is(differences($node, 'one'), '', 'nor does the first show anything of it');
$one->query_safe('COMMIT');
is(differences($node, $_), '', "$_: both are right when both have committed") foreach qw(one two);
is($node->safe_psql('one', q{SELECT settings ->> 'webhook' FROM integration_defaults.effective_settings WHERE project_id = '15' AND integration = 'chat'}), 'https://mine', 'each has its own');
$two->query_safe($_) foreach q{SELECT integration_defaults.use_default('chat', 15)}, q{UPDATE app."Namespaces" SET parent = '2' WHERE "Id" = '3'};

# ---- a snapshot of an older state, in a backend that has just read the newer one ----------------------------------

my $all = q{SELECT md5(string_agg(r::text, '' ORDER BY p.id, r.integration)) FROM integration_defaults.projects p, integration_defaults.resolve_all(p.id) r};
my $holder = $node->background_psql('two');
$holder->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $snapshot = $holder->query_safe('SELECT pg_export_snapshot()');
my $old = $two->query_safe($all);
my @states;
foreach my $change (
	q{SELECT integration_defaults.set_default('chat', '{"webhook": "https://newer"}', '2')},
	q{SELECT integration_defaults.set_custom('chat', 30, '{"webhook": "https://own"}')},
	q{UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '3'},
	q{UPDATE integration_defaults.integrations SET schema = jsonb_set(schema, '{properties,limit,default}', '20') WHERE name = 'chat'})
{
	$node->safe_psql('two', $change);
	my $new = $two->query_safe($all);
	isnt($new, $states[-1] // $old, 'the newer state, read');
	push @states, $new;
	$two->query_safe("BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '$snapshot'");
	is($two->query_safe($all), $old, 'then the older one, by the snapshot of another session');
	$two->query_safe('COMMIT');
	is($two->query_safe($all), $new, 'and the newer one again');
}
$holder->quit;

# ---- one of them goes ---------------------------------------------------------------------------------------------

$node->safe_psql('one', 'DROP EXTENSION integration_defaults CASCADE');
is($two->query_safe($all), $states[-1], 'dropped from the first, it is there in the second');
is(error_of($node, 'one', $read), '3F000', 'and gone in the first');
$node->safe_psql('one', 'CREATE EXTENSION integration_defaults');
is($node->safe_psql('one', 'SELECT count(*) FROM integration_defaults.integrations'), '0', 'created again, it is empty');
$one->quit;
$node->safe_psql('postgres', 'DROP DATABASE one');
is($two->query_safe($all), $states[-1], 'the first database dropped, the second answers');
$two->quit;
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE two');
is($node->safe_psql('copy', $all), $states[-1], 'a copy of the second answers the same');
$node->stop;
done_testing();
