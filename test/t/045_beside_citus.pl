# Beside Citus, which takes five of the server's ten places for who wants to know of changed relations, and keeps the rows
# of a distributed table elsewhere. Both are simulated: a module takes places, and an extension of that name has the two
# catalogs that are asked. No test here needs Citus itself.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $I = 'integration_defaults';
my $node = new_node('beside');
my $folder = PostgreSQL::Test::Utils::tempdir;

# --- places ----------------------------------------------------------------------------------------------------------

# The server itself takes up to three: for plans, for types and for files.
my $places = 6;
append_to_file("$folder/places.c", <<"C");
#include "postgres.h"
#include "fmgr.h"
#include "utils/inval.h"
PG_MODULE_MAGIC;
void _PG_init(void);
static void nothing(Datum argument, Oid relation) {}
void _PG_init(void)
{
	for (int i = 0; i < $places; i++)
		CacheRegisterRelcacheCallback(nothing, (Datum) 0);
}
C
my ($include) = run_command([ 'pg_config', '--includedir-server' ]);
system_or_bail('cc', '-shared', '-fPIC', "-I$include", '-o', "$folder/places.so", "$folder/places.c");
make_app($node, 'postgres');
my $work = <<"SQL";
SELECT 'pair'::$I.external_id, ROW(1, 2) = ROW(1, 2), count(*) FROM pg_class WHERE pg_relation_filenode(oid) IS NOT NULL;
SELECT relid::regclass FROM pg_filenode_relation(0, pg_relation_filenode('app.projects')) relid;
SELECT $I.set_default('free', '{"a": 1}'), $I.materialize('free');
INSERT INTO app.projects SELECT n, '1' FROM generate_series(1000, 1100) n;
SELECT count(*) FROM $I.project_integrations;
SELECT state, count(*) FROM $I.status() GROUP BY 1 ORDER BY 1;
SQL
$work =~ s/SELECT relid.*\n//;
my $expected = $node->safe_psql('postgres', "BEGIN; $work ROLLBACK");
$node->append_conf('postgresql.conf', "session_preload_libraries = '$folder/places.so'");
$node->reload;
my ($status, $out, $err) = $node->psql('postgres', "SET client_min_messages = error; BEGIN; $work ROLLBACK");
is($err, '', "where $places places are taken, nothing fails");
is($out, $expected, 'and all is as it was');
$node->append_conf('postgresql.conf', "session_preload_libraries = ''");
$node->restart;

# --- an extension of the name citus ----------------------------------------------------------------------------------

my $destination = $node->safe_psql('postgres', "SELECT current_setting('extension_destdir', true)");
my $paths = $node->safe_psql('postgres', "SELECT current_setting('extension_control_path', true)");
SKIP:
{
	skip 'this server finds extensions in its own folder only', 1 unless $destination || $paths;
	my $control;
	if ($destination)
	{
		my ($share) = run_command([ 'pg_config', '--sharedir' ]);
		system_or_bail('cp', '-R', $destination, "$folder/dest");
		$control = "$folder/dest$share/extension";
		$node->append_conf('postgresql.conf', "extension_destdir = '$folder/dest'");
	}
	else
	{
		$control = "$folder/extension";
		mkdir $control;
		$node->append_conf('postgresql.conf', "extension_control_path = '$folder:$paths'");
	}
	append_to_file("$control/citus.control", "comment = 'not Citus'\ndefault_version = '1'\nrelocatable = false\nschema = pg_catalog\n");
	append_to_file("$control/citus--1.sql", <<'SQL');
CREATE SCHEMA citus;
CREATE TABLE citus.pg_dist_partition (logicalrelid regclass PRIMARY KEY, partmethod "char");
CREATE TABLE citus.pg_dist_shard (logicalrelid regclass, shardid bigint PRIMARY KEY);
ALTER TABLE citus.pg_dist_partition SET SCHEMA pg_catalog;
ALTER TABLE citus.pg_dist_shard SET SCHEMA pg_catalog;
GRANT SELECT ON pg_catalog.pg_dist_partition, pg_catalog.pg_dist_shard TO PUBLIC;
SQL
	$node->reload;
	$node->safe_psql('postgres', 'CREATE DATABASE forged');
	my $app = <<"SQL";
CREATE EXTENSION $I;
CREATE TABLE plain (id int PRIMARY KEY, parent_id int, group_id int);
CREATE TABLE spread (LIKE plain INCLUDING ALL);
CREATE TABLE plain_102008 (LIKE plain INCLUDING ALL);
CREATE TABLE spread_102008 (LIKE plain INCLUDING ALL);
INSERT INTO plain VALUES (1, NULL), (2, 1);
SQL

	# What somebody else has made under those names is not asked.
	$node->safe_psql('forged', $app . <<"SQL");
CREATE TABLE pg_dist_partition (logicalrelid regclass);
INSERT INTO pg_dist_partition VALUES ('plain'), ('spread');
CREATE TABLE pg_dist_shard (logicalrelid regclass, shardid bigint);
INSERT INTO pg_dist_shard VALUES ('plain', 102008);
SELECT $I.track_groups('plain');
SELECT $I.untrack('plain');
CREATE SCHEMA forge;
CREATE TABLE forge.pg_dist_partition (logicalrelid regclass);
INSERT INTO forge.pg_dist_partition VALUES ('plain'), ('spread');
ALTER TABLE forge.pg_dist_partition SET SCHEMA pg_catalog;
CREATE TABLE forge.pg_dist_shard (logicalrelid regclass, shardid bigint);
INSERT INTO forge.pg_dist_shard VALUES ('plain', 102008);
ALTER TABLE forge.pg_dist_shard SET SCHEMA pg_catalog;
SELECT $I.track_groups('plain');
SELECT $I.untrack('plain');
SQL
	is($node->safe_psql('forged', "SET search_path = public, pg_catalog; SELECT $I.track_groups('plain_102008'), $I.track_projects('spread')"), '0|0', 'forged names refuse nothing');

	$node->safe_psql('postgres', 'CREATE DATABASE cluster');
	$node->safe_psql('cluster', "$app CREATE EXTENSION citus; INSERT INTO pg_dist_partition VALUES ('spread', 'h'); INSERT INTO pg_dist_shard VALUES ('spread', 102008)");
	foreach my $each ([ 'spread', 'is distributed by Citus' ], [ 'spread_102008', 'is a shard of a table that Citus has distributed' ])
	{
		my ($table, $why) = @$each;
		foreach my $function (qw(track_groups track_projects))
		{
			my ($failed, undef, $text) = $node->psql('cluster', "SELECT $I.$function('$table')", extra_params => [ '--set', 'VERBOSITY=verbose' ]);
			like($text, qr/ERROR:  0A000: table (public\.)?$table can't be tracked, because it $why\nDETAIL:  .+\nHINT:  /, "$function: $table");
		}
		is($node->safe_psql('cluster', "SELECT count(*) FROM pg_trigger WHERE tgrelid = '$table'::regclass"), '0', "$table has no trigger");
	}
	is($node->safe_psql('cluster', "SELECT $I.track_groups('plain_102008'); SELECT $I.untrack('plain_102008')"), "0\n", 'a name alone makes no shard');
	is($node->safe_psql('cluster', "SELECT $I.track_groups('plain'); INSERT INTO plain VALUES (3, 2); SELECT count(*) FROM $I.groups"), "2\n3", 'a table of this server is tracked all the same');
	foreach my $sql ("CALL $I.enable_citus()", "CALL $I.resync_node()")
	{
		like(($node->psql('cluster', $sql, extra_params => [ '--set', 'VERBOSITY=verbose' ]))[2], qr/ERROR:  55000: .+\n(DETAIL|HINT):  /, "$sql: not a cluster of this extension's");
		like(($node->psql('forged', $sql, extra_params => [ '--set', 'VERBOSITY=verbose' ]))[2], qr/ERROR:  55000: this is no database of Citus'\nHINT:  /, "$sql: not of Citus");
	}

	# A table of ours that is distributed is read by queries; all others as ever.
	$node->safe_psql('cluster', "SELECT $I.register_integration('free'), $I.add_project('p', 3), $I.set_default('free', '{\"a\": 1}'), $I.override_fields('free', '{\"b\": 2}', 'p')");
	my $answers = "SELECT $I.active_settings('free', 'p'), $I.active_settings('free', group_id => 3); SELECT * FROM $I.project_integrations; SELECT count(*) FROM $I.all_active_settings('p')";
	my $direct = $node->safe_psql('cluster', $answers);
	$node->safe_psql('cluster', "INSERT INTO pg_dist_partition VALUES ('$I.project_settings', 'h')");
	is($node->safe_psql('cluster', $answers), $direct, 'a table of ours that is distributed is read by queries');
}

$node->stop;
done_testing();
