# What a session remembers from one transaction to the next, where that is not a matter of one server's commits: prepared
# transactions, a standby that takes over, a publication of all tables, a restore beside an open session.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('primary', allows_streaming => 'logical', conf => "max_prepared_transactions = 10\n");
make_app($node, 'postgres');
my $read = q{SELECT integration_defaults.active_settings('free', 15) ->> 'v'};
sub set_default { return qq{SELECT integration_defaults.set_default('free', '{"v": "$_[0]"}')} }

# ---- prepared transactions: what they have counted is theirs, whoever commits them, and nobody waits for it
$node->safe_psql('postgres', set_default('first'));
my $session = $node->background_psql('postgres');
is($session->query_safe($read), 'first', 'at first');
$node->safe_psql('postgres', 'BEGIN; ' . set_default('prepared') . "; PREPARE TRANSACTION 'one'");
is($session->query_safe($read), 'first', 'not what is prepared');
$node->safe_psql('postgres', q{SET statement_timeout = '10s'; SELECT integration_defaults.set_default('chat', '{"webhook": "w"}', '4')});
is($session->query_safe($read), 'first', 'nor after another commit');
$session->query_safe("COMMIT PREPARED 'one'");
is($session->query_safe($read), 'prepared', 'but when it is committed');
$session->query_safe('BEGIN; ' . set_default('by itself') . "; PREPARE TRANSACTION 'two'");
is($session->query_safe($read), 'prepared', 'not what it has prepared itself');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'two'");
is($session->query_safe($read), 'prepared', 'nor when it is rolled back');
$session->query_safe('BEGIN; ' . set_default('by itself') . "; PREPARE TRANSACTION 'three'");
$node->safe_psql('postgres', "COMMIT PREPARED 'three'");
is($session->query_safe($read), 'by itself', 'but when somebody else commits it');
$node->safe_psql('postgres', 'BEGIN; ' . set_default('over the crash') . "; PREPARE TRANSACTION 'four'");
$session->quit;
$node->stop('immediate');
$node->start;
$session = $node->background_psql('postgres');
is($session->query_safe($read), 'by itself', 'after a crash, not yet');
$node->safe_psql('postgres', "COMMIT PREPARED 'four'");
is($session->query_safe($read), 'over the crash', 'then it is');

# ---- writers at the same time leave few rows
$node->pgbench('--no-vacuum --client=8 --transactions=100', 0, [qr/processed: 800/], [qr/^$/], 'many writers and readers',
	{ '014_write@3' => q{SELECT integration_defaults.set_default('free', jsonb_build_object('n', random()), (1 + floor(random() * 4))::int)},
	  '014_read' => q{SELECT count(integration_defaults.active_settings('free', n)) FROM generate_series(1, 70) n} });
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM integration_defaults.generations'), '<=', 20, 'with few rows in generations');
is($session->query_safe(q{SELECT md5(string_agg(r::text, '' ORDER BY n)) FROM generate_series(1, 70) n, integration_defaults.resolve('free', n) r}),
	$node->safe_psql('postgres', q{SELECT md5(string_agg(r::text, '' ORDER BY n)) FROM generate_series(1, 70) n, integration_defaults.resolve('free', n) r}),
	'an old session and a new one agree');

# ---- what is remembered is not read again, not even after an old snapshot has kept thousands of dead rows alive
$node->safe_psql('postgres', q{SELECT integration_defaults.use_default('free', group_id => g.id) FROM integration_defaults.groups g});
my $looks = sub {
	my ($of) = @_;
	my $count = q{SELECT coalesce(sum(idx_scan + seq_scan), 0) FROM pg_stat_xact_user_tables WHERE schemaname = 'integration_defaults' AND relname <> 'projects' AND relname <> 'project_settings'};
	$of->query_safe($read); # a transaction of its own; the count is of all that has not been reported yet
	my ($before, undef, $after) = split /\n/, $of->query_safe("BEGIN; $count; $read; $count; COMMIT");
	return $after - $before;
};
is($looks->($session), '0', 'a group that is known is not looked at again');
my $old = $node->background_psql('postgres');
$old->query_safe("BEGIN ISOLATION LEVEL REPEATABLE READ; $read");
my $busy = "DO \$\$ BEGIN FOR n IN 1 .. 3000 LOOP PERFORM integration_defaults.set_default('free', jsonb_build_object('v', n), '2'); COMMIT; END LOOP; END \$\$";
$node->safe_psql('postgres', $busy);
is($session->query_safe($read), '3000', 'after 3,000 changes that an old snapshot does not see: the last one');
is($looks->($session), '0', 'and nothing is read again');
is($old->query_safe($read), $old->query_safe($read), 'the old snapshot shows what it did');
isnt($old->query_safe($read), '3000', 'and not the last one');
$old->quit;
$node->safe_psql('postgres', set_default('late') . q{; SELECT integration_defaults.use_default('free', group_id => 2)});
is($looks->($session), '0', 'without the old snapshot nothing is looked at again');
is($session->query_safe($read), 'late', 'and what is remembered is right');

# ---- nor is anything but the project, while nobody writes: the snapshots of a thousand transactions show the same
my $read_of = sub {
	$session->query_safe('SELECT pg_stat_force_next_flush()');
	return $node->safe_psql('postgres', q{SELECT t.idx_scan, io.heap_blks_hit + io.heap_blks_read FROM pg_stat_user_tables t, pg_statio_user_tables io
		WHERE t.schemaname = 'integration_defaults' AND t.relname = 'project_settings' AND io.schemaname = t.schemaname AND io.relname = 'generations'});
};
my @before = split /\|/, $read_of->();
$session->query_safe(join "\n", map { "$read;" } 1 .. 1000);
my @after = split /\|/, $read_of->();
cmp_ok($after[0] - $before[0], '<', 500, 'most transactions need not ask whether the project has settings of its own');
cmp_ok($after[1] - $before[1], '<', 500, 'nor count the changes');

# ---- a restore into a database with an open session
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->safe_psql('copy', 'CREATE EXTENSION integration_defaults');
my $beside = $node->background_psql('copy');
is($beside->query_safe(q{SELECT count(*) FROM integration_defaults.project_integrations}), '0', 'nothing there');
my $dump = $node->backup_dir . '.dump';
$node->command_ok([ 'pg_dump', '-Fc', '-a', '--extension=*', '-n', 'integration_defaults', '-f', $dump, 'postgres' ], 'dumped');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-a', '-d', 'copy', $dump ], 'and restored');
my $all = q{SELECT md5(string_agg(v::text, '' ORDER BY v::text)) FROM integration_defaults.project_integrations v};
is($beside->query_safe($all), $node->safe_psql('postgres', $all), 'the open session sees all of it');
$node->command_ok([ 'pg_restore', '--list', $dump ], 'the dump is one');
unlike(slurp_command('pg_restore', '--list', $dump), qr/TABLE DATA integration_defaults generations/, 'generations is not in it');
$beside->quit;

sub slurp_command { my ($out, $err); IPC::Run::run(\@_, '>', \$out, '2>', \$err); return $out; }

# ---- a publication of all tables: the subscriber counts for itself
my $subscriber = new_node('subscriber');
$subscriber->safe_psql('postgres', 'CREATE EXTENSION integration_defaults; CREATE SCHEMA app');
$subscriber->safe_psql('postgres', 'CREATE TABLE app."Namespaces" ("Id" text PRIMARY KEY, parent text, kind text); CREATE TABLE app.projects (id bigint PRIMARY KEY, namespace text, name text)');
$node->safe_psql('postgres', 'CREATE PUBLICATION everything FOR ALL TABLES');
my $source = $node->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION everything CONNECTION '$source' PUBLICATION everything");
$subscriber->wait_for_subscription_sync($node, 'everything');
my $there = $subscriber->background_psql('postgres');
foreach my $value ('one', 'two', 'three')
{
	$node->safe_psql('postgres', set_default($value) . q{; SELECT integration_defaults.use_default('free', group_id => g.id) FROM integration_defaults.groups g});
	$node->wait_for_catchup('everything');
	is($there->query_safe($all), $node->safe_psql('postgres', $all), "$value: the subscriber's open session sees what came in");
}
cmp_ok($subscriber->safe_psql('postgres', 'SELECT count(*) FROM integration_defaults.generations'), '<=', 5, 'no rows of the publisher came in');
unlike(slurp_file($subscriber->logfile), qr/ERROR/, 'without an error');
$there->quit;
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION everything');
$subscriber->stop;

# ---- a standby: its snapshots follow the replay; it takes over while a session is open
$session->quit;
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
sub caught_up { $node->wait_for_catchup($standby, 'replay', $node->lsn('write')); }
caught_up();
my $open = $standby->background_psql('postgres');
my $held = $standby->background_psql('postgres');
is($open->query_safe($read), 'three', 'on a standby');
is($held->query_safe($read), 'three', 'in two sessions');
$held->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
$node->safe_psql('postgres', 'BEGIN; ' . set_default('never') . '; ROLLBACK; ' . set_default('four'));
caught_up();
is($open->query_safe($read), 'four', 'a commit is seen when it is replayed');
is($held->query_safe($read), 'three', 'not by an older snapshot');
$held->query_safe('COMMIT');
is($held->query_safe($read), 'four', 'but by the next');
my $unfinished = $node->background_psql('postgres');
$unfinished->query_safe('BEGIN; ' . set_default('unfinished'));
$node->safe_psql('postgres', q{SELECT integration_defaults.set_default('chat', '{"webhook": "w2"}', '4')});
caught_up();
is($open->query_safe($read), 'four', 'what is not committed is not seen');
$node->stop('immediate');
$standby->promote;
is($open->query_safe($read), 'four', 'nor when the standby takes over');
$standby->safe_psql('postgres', set_default('five'));
is($open->query_safe($read), 'five', 'then its own commits are');
is($open->query_safe(set_default('six') . "; $read"), "\nsix", 'and those of the session itself');
is($held->query_safe($read), 'six', 'by others too');
$open->quit;
$held->quit;
eval { $unfinished->quit };
$standby->stop;
done_testing();
