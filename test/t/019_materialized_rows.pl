# A change touches exactly the rows whose value changes: with 100,000 projects of which 10 % override.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('rows');
# Half of the projects are in a and what is in it, a tenth of each half overrides.
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION integration_defaults;
SELECT integration_defaults.register_integration('chat', '{"properties": {"url": {}, "room": {"default": "hall"}}}'), integration_defaults.register_integration('none');
INSERT INTO integration_defaults.groups VALUES ('a', NULL), ('aa', 'a'), ('b', NULL);
INSERT INTO integration_defaults.projects SELECT n, CASE n % 4 WHEN 0 THEN 'a' WHEN 1 THEN 'aa' WHEN 2 THEN 'b' END FROM generate_series(0, 99999) n;
INSERT INTO integration_defaults.project_settings (project_id, integration, custom, active, settings)
    SELECT n, 'chat', true, true, '{"url": "own"}' FROM generate_series(0, 99999) n WHERE n / 4 % 10 = 0;
SELECT integration_defaults.materialize('chat'), integration_defaults.materialize('none');
ANALYZE;
SQL
is($node->safe_psql('postgres', q{SELECT count(*) FROM integration_defaults.effective_settings}), '10000', 'at first there are rows of those with settings of their own');

# What a change writes: by the server's own count inside of the transaction, and by what is then there: rows of its
# transaction, and rows that it did not touch. Given as "inserted updated deleted".
sub touches
{
	my ($what, $sql, $expected) = @_;
	my $is = $node->safe_psql('postgres', <<"SQL");
SET jit = off;
CREATE TEMP TABLE before AS SELECT project_id, integration, e::text AS r, xmin::text AS x, ctid::text AS c FROM integration_defaults.effective_settings e;
BEGIN;
DO \$do\$ BEGIN $sql; END \$do\$;
SELECT n_tup_ins || ' ' || n_tup_upd || ' ' || n_tup_del FROM pg_stat_xact_user_tables WHERE relname = 'effective_settings';
COMMIT;
SELECT count(*) FILTER (WHERE b.r IS NULL) || ' ' || count(*) FILTER (WHERE b.r <> e.r) || ' ' || count(*) FILTER (WHERE e.r IS NULL),
    count(*) FILTER (WHERE b.r = e.r AND (b.x <> e.x OR b.c <> e.c))
FROM before b FULL JOIN (SELECT project_id, integration, e::text AS r, xmin::text AS x, ctid::text AS c FROM integration_defaults.effective_settings e) e
    USING (project_id, integration);
SQL
	is($is, "$expected\n$expected|0", "$what: inserted, updated, deleted: $expected; no new version of a row that stays the same");
}

my $f = 'PERFORM integration_defaults.';
touches('the first default', "${f}set_default('chat', '{\"url\": \"1\"}')", '90000 0 0');
touches('a change of it', "${f}set_default('chat', '{\"url\": \"2\"}')", '0 90000 0');
touches('the same again', "${f}set_default('chat', '{\"url\": \"2\"}')", '0 0 0');
touches('a nested default', "${f}set_default('chat', '{\"url\": \"a\"}', 'a')", '0 45000 0');
touches('a change that a nested default shadows', "${f}set_default('chat', '{\"url\": \"3\"}')", '0 45000 0');
touches('a default below that', "${f}set_default('chat', '{\"url\": \"aa\"}', 'aa')", '0 22500 0');
touches('a change above it', "${f}override_fields('chat', '{\"room\": \"a\"}', group_id => 'a')", '0 22500 0');
touches('a lock where all inherit the value or set it themselves', "${f}lock_fields('chat', '{url}', 'a')", '0 27500 0');
touches('a change that a lock shadows', "${f}override_fields('chat', '{\"url\": \"shadowed\"}', project_id => '1'); EXCEPTION WHEN check_violation THEN NULL", '0 0 0');
touches('a change of the locked field above the lock', "${f}override_fields('chat', '{\"url\": \"4\"}')", '0 45000 0');
touches('a lock of what nobody sets', "${f}lock_fields('chat', '{room}')", '0 22500 0');
touches('a lock that is there', "${f}lock_fields('chat', '{room}')", '0 0 0');
touches('a lower lock that a higher one shadows', "${f}lock_fields('chat', '{room}', 'a')", '0 0 0');
touches('its end', "${f}unlock_fields('chat', '{room}', 'a')", '0 0 0');
touches('the end of the higher one', "${f}unlock_fields('chat', '{room}')", '0 22500 0');
touches('the end of the lock in a', "${f}unlock_fields('chat', '{url}', 'a')", '0 27500 0');
touches('custom settings', "${f}set_custom('chat', 6, '{\"url\": \"mine\"}')", '0 1 0');
touches('the default again', "${f}use_default('chat', 6)", '0 1 0');
touches('a project more', "${f}add_project('new', 'aa')", '1 0 0');
touches('moved to where it is all the same', "${f}move_project(6, NULL)", '0 0 0');
touches('moved', "${f}move_project(6, 'a')", '0 1 0');
touches('removed', "${f}remove_project('new')", '0 0 1');
touches('an empty group', "${f}add_group('e', 'a')", '0 0 0');
touches('a group moved to where it is all the same', "${f}move_group('b', NULL)", '0 0 0');
touches('a group that is moved and has a default of its own', "${f}move_group('aa', NULL)", '0 0 0');
touches('a group that inherits, moved', "${f}move_group('b', 'a')", '0 22499 0');
touches('a type that is no longer allowed', "${f}allow_integrations('{none}')", '0 100000 0');
touches('allowed again', "${f}allow_integrations(NULL)", '0 100000 0');
touches('a default of the schema', "${f}register_integration('chat', '{\"properties\": {\"url\": {}, \"room\": {\"default\": \"door\"}}}')", '0 ' . (100000 - 22500 * 2) . ' 0');
touches('a title', "${f}register_integration('chat', '{\"properties\": {\"url\": {}, \"room\": {\"default\": \"door\"}}}', 'Chat')", '0 0 0');
touches('a type that nobody has set', "${f}register_integration('none', '{\"properties\": {\"x\": {\"default\": 1}}}')", '0 0 0');
touches('a reset of a default in between', "${f}reset_default('chat', 'aa')", '0 22500 0');
touches('a reset of a group', "${f}reset_default('chat', 'a')", '0 45000 0');
touches('a reset of the instance', "${f}reset_default('chat')", '0 0 90000');
is(differences($node, 'postgres'), '', 'and all of it is what the view says');
$node->stop;
done_testing();
