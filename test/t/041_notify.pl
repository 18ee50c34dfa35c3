# Whether clients are told of changes: over dumps, in prepared transactions, from the apply worker of a subscription. And on a
# subscriber: access to a group follows its new id.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('notify', allows_streaming => 'logical', conf => "max_prepared_transactions = 5\n");
make_app($node, 'postgres');
my $I = 'integration_defaults';

# What a session that listens hears of what another one does: the payloads.
sub heard
{
	my ($database, $does, $on) = @_;
	my $listener = $node->background_psql($database);
	$listener->query_safe("LISTEN $I");
	$does->();
	my $said = $listener->query_safe('SELECT 1');
	$listener->quit;
	return join "\n", sort $said =~ /with payload "(.*)" received from server process/g;
}

sub scope { my ($type, $level, $id) = map { defined $_ ? qq("$_") : 'null' } @_; return qq({"integration": $type, "scope_level": $level, "scope_id": $id}) }

my $set = sub { my ($database) = @_; sub { $node->safe_psql($database, "SELECT $I.set_default('free', jsonb_build_object('at', clock_timestamp()), '1')") } };
is(heard('postgres', $set->('postgres')), '', 'nothing is told from the start');
$node->safe_psql('postgres', "SELECT $I.notify_changes(true)");
is(heard('postgres', $set->('postgres')), scope('free', 'group', '1'), 'told');

# ---- dumps ----------------------------------------------------------------------------------------------------------

my $folder = PostgreSQL::Test::Utils::tempdir;
succeeds($node, [ 'pg_dump', '-Fc', '-f', "$folder/dump", 'postgres' ], 'dumped');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->safe_psql('copy', 'CREATE EXTENSION integration_defaults; DROP EXTENSION integration_defaults');
is(heard('copy', sub { succeeds($node, [ 'pg_restore', '--exit-on-error', '-d', 'copy', "$folder/dump" ], 'restored') }), '', 'a restore tells nothing');
is(heard('copy', $set->('copy')), scope('free', 'group', '1'), 'that changes are told has come along');
is($node->safe_psql('copy', "SELECT count(*) FROM $I.change_notifications"), '1', 'as one row');

# ---- prepared transactions --------------------------------------------------------------------------------------------

my ($status, $out, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\nBEGIN; SELECT $I.set_default('free', '{}'); PREPARE TRANSACTION 'one'");
like($error, qr/0A000: a transaction that changes what is set can't be prepared while clients are told of changes.*HINT: .*notify_changes\(false\)/s, 'a transaction with changes is not prepared');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'), '0', 'nor is anything left of it');
$node->safe_psql('postgres', "BEGIN; SELECT $I.set_default('free', (SELECT settings FROM $I.group_settings WHERE group_id = '1' AND integration = 'free'), '1'); PREPARE TRANSACTION 'same'; COMMIT PREPARED 'same'");
is(heard('postgres', $set->('postgres')), scope('free', 'group', '1'), 'what changes nothing can be prepared, and telling goes on');
$node->safe_psql('postgres', "BEGIN; SELECT $I.notify_changes(false); PREPARE TRANSACTION 'off'");
my $writer = $node->background_psql('postgres');
$writer->query_until(qr/begun/, "\\echo begun\nSELECT $I.set_default('free', '{\"a\": 1}', '1');\n");
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'") or die 'does not wait';
is(heard('postgres', sub { $node->safe_psql('postgres', "COMMIT PREPARED 'off'"); $writer->query_safe('SELECT 1') }), '', 'who waited for the end of telling tells nothing');
$writer->quit;
$node->safe_psql('postgres', "BEGIN; SELECT $I.set_default('free', '{}'); PREPARE TRANSACTION 'one'; ROLLBACK PREPARED 'one'");

# ---- a subscriber -----------------------------------------------------------------------------------------------------

$node->safe_psql('postgres', <<"SQL");
SELECT $I.untrack('app."Namespaces"'), $I.untrack('app.projects');
CREATE PUBLICATION defaults FOR TABLE $I.integrations, $I.groups, $I.instance_settings, $I.group_settings;
CREATE DATABASE shard;
SELECT pg_create_logical_replication_slot('shard', 'pgoutput');
SQL
$node->safe_psql('shard', <<"SQL");
CREATE EXTENSION integration_defaults;
CREATE ROLE there;
SELECT $I.notify_changes(true);
SQL
$node->safe_psql('shard', "CREATE SUBSCRIPTION shard CONNECTION '@{[$node->connstr]} dbname=postgres' PUBLICATION defaults WITH (create_slot = false, slot_name = 'shard')");
$node->wait_for_subscription_sync($node, 'shard', 'shard');
sub caught_up { $node->wait_for_catchup('shard') }
is(heard('shard', sub { $set->('postgres')->(); caught_up() }), scope('free', 'group', '1'), 'what a subscription brings is told where it comes');
is(heard('shard', sub { $node->safe_psql('postgres', "SELECT $I.move_group('3', '4'), $I.add_group('new', '4')"); caught_up() }),
	join("\n", scope(undef, 'group', '3'), scope(undef, 'group', 'new')), 'the tree, too, and groups that come new, as something may be in them already');
$node->safe_psql('shard', "SELECT $I.grant_access('there', 'write', '3'), $I.grant_access('there', 'use', '4')");
$node->safe_psql('postgres', "UPDATE $I.groups SET id = 'third' WHERE id = '3'");
caught_up();
is($node->safe_psql('shard', "SELECT string_agg(access || ' ' || group_id, ', ' ORDER BY access) FROM $I.access"), 'use 4, write third', 'access follows the new id of its group');
is($node->safe_psql('shard', "SELECT count(*) FROM $I.history WHERE operation IN ('grant', 'revoke')"), '2', 'what a subscription brings is not noted');

# A publication of all tables, with those of ours that have no primary key
$node->safe_psql('postgres', 'CREATE PUBLICATION everything FOR ALL TABLES');
$node->safe_psql('postgres', "SELECT $I.notify_changes(true), $I.notify_changes(false), $I.keep_history(false), $I.keep_history(true), $I.keep_history(false)");
$node->safe_psql('shard', 'DROP SUBSCRIPTION shard');

done_testing();
