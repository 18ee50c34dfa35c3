# What the tests share: an app with tracked tables and settings of every kind, and all the answers it gets.
package IntegrationDefaults;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(new_node make_app add_refused_rows answers dump_of succeeds same error_of errors_of kill_server start_again
	differences materialized_types major with_generated inherits);

sub new_node
{
	my ($name, %init) = @_;
	my $conf = delete $init{conf} // '';
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--encoding=UTF8', '--no-locale' ], %init);
	$node->append_conf('postgresql.conf', "autovacuum = off\ncheckpoint_timeout = 1h\nmax_wal_size = 4GB\n$conf");
	$node->start;
	return $node;
}

# ---- what differs between majors -----------------------------------------------------------------------------------

sub major
{
	my ($node) = @_;
	return int($node->safe_psql('postgres', 'SHOW server_version_num') / 10000);
}

# What CREATE PUBLICATION needs to publish stored generated columns, as it does by itself before 18.
sub with_generated
{
	my ($node) = @_;
	return major($node) >= 18 ? ' WITH (publish_generated_columns = stored)' : '';
}

# The statement that has a role inherit the rights of another, or not: since 16 the grant says which.
sub inherits
{
	my ($node, $role, $of, $yes) = @_;
	return "GRANT $of TO $role WITH INHERIT " . ($yes ? 'TRUE' : 'FALSE') if major($node) >= 16;
	return "ALTER ROLE $role " . ($yes ? 'INHERIT' : 'NOINHERIT');
}

# ---- an app ---------------------------------------------------------------------------------------------------------

# An app's own tables, tracked, with a filter on its groups; types, defaults, custom settings, overrides and locks;
# ids that need quoting everywhere.
sub make_app
{
	my ($node, $database, @as) = @_;
	$node->safe_psql($database, <<'SQL', extra_params => \@as);
CREATE EXTENSION IF NOT EXISTS integration_defaults;
CREATE SCHEMA app;
CREATE TABLE app."Namespaces" (
    "Id" text PRIMARY KEY,
    parent text REFERENCES app."Namespaces" ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    kind text NOT NULL DEFAULT 'Group'
);
CREATE TABLE app.projects (
    id bigint PRIMARY KEY,
    namespace text REFERENCES app."Namespaces" ON DELETE CASCADE,
    name text
);
INSERT INTO app."Namespaces" VALUES
    ('1', NULL, 'Group'), ('2', '1', 'Group'), ('3', '2', 'Group'), ('4', NULL, 'Group'), ('5', NULL, 'User'),
    ('äß "quoted" \ it''s' || chr(9) || 'tab', '4', 'Group');
INSERT INTO app.projects
    SELECT n, (ARRAY['1', '2', '3', '4', '5', NULL, 'äß "quoted" \ it''s' || chr(9) || 'tab'])[1 + n % 7], 'p' || n
    FROM generate_series(1, 70) n;
SELECT integration_defaults.track_groups('app."Namespaces"', 'Id', 'parent', $f$kind = 'Group'$f$);
SELECT integration_defaults.track_projects('app.projects', group_column => 'namespace');

SELECT integration_defaults.load_catalog('gitlab');
SELECT integration_defaults.register_integration('chat',
    '{"type": "object",
      "properties": {"webhook": {"type": "string"}, "channel": {"type": "string"}, "notify": {"enum": ["all", "broken", null]},
                     "limit": {"type": "integer", "minimum": 1, "default": 10}, "url": {"type": "string"},
                     "token": {"type": "string", "writeOnly": true}},
      "required": ["webhook"], "additionalProperties": false, "x-atomic": [["url", "token"]]}', 'Chat', 'talk');
SELECT integration_defaults.register_integration('free');
SELECT integration_defaults.register_integration('forbidden');

SELECT integration_defaults.set_default('chat', '{"webhook": "https://instance", "url": "https://a", "token": "t"}');
SELECT integration_defaults.set_default('chat', '{"webhook": "https://2", "notify": null}', '2');
SELECT integration_defaults.set_default('chat', '{"webhook": "https://äß"}', 'äß "quoted" \ it''s' || chr(9) || 'tab', active => false);
SELECT integration_defaults.set_default('free', '{"any": [1, 2.50, "\u00e4\\ \t", {"deep": null}]}');
SELECT integration_defaults.set_default('forbidden', '{}');
SELECT integration_defaults.set_custom('chat', 1, '{"webhook": "https://mine"}');
SELECT integration_defaults.set_custom('chat', 2, '{}', active => false);
SET integration_defaults.actor = 'user 42';
SELECT integration_defaults.set_custom('free', 6, '{"k": "v"}');
RESET integration_defaults.actor;
INSERT INTO integration_defaults.project_settings (project_id, integration, custom, settings) VALUES
    ('3', 'chat', false, '{"channel": "#three"}'), ('8', 'chat', false, '{"url": "https://b"}');
INSERT INTO integration_defaults.project_settings (project_id, integration, custom, active) VALUES ('10', 'chat', false, false);
INSERT INTO integration_defaults.group_settings (group_id, integration, custom, locked) VALUES ('3', 'chat', false, '{channel,active}');
SELECT integration_defaults.allow_integrations(array_agg(name)) FROM integration_defaults.integrations WHERE name <> 'forbidden';
SQL
}

# Legal rows that a write would refuse today: what a later lock shadows, what an older schema allowed. They are made
# the way in which a restore makes them.
sub add_refused_rows
{
	my ($node, $database, @as) = @_;
	my $rows = <<'SQL';
UPDATE integration_defaults.instance_settings SET locked = '{url,*}' WHERE integration = 'chat';
INSERT INTO integration_defaults.project_settings (project_id, integration, custom, active, settings) VALUES
    ('12', 'chat', true, true, '{"limit": 0, "gone": 1, "token": "shadowed"}'),
    ('13', 'chat', false, NULL, '{"channel": 7, "url": "https://c"}'),
    ('14', 'chat', false, NULL, '{}');
SQL
	$node->safe_psql($database, "SET check_function_bodies = off;\n$rows", extra_params => \@as);
}

# Everything that the reading functions say, as text.
sub answers
{
	my ($node, $database, @as) = @_;
	return $node->safe_psql($database, <<'SQL', extra_params => \@as);
SET search_path = pg_catalog;
SELECT 'instance', r.* FROM integration_defaults.resolve_all() r ORDER BY integration;
SELECT 'group', g.id, r.* FROM integration_defaults.groups g, integration_defaults.resolve_all(group_id => g.id) r
    ORDER BY g.id, integration;
SELECT 'project', p.id, r.* FROM integration_defaults.projects p, integration_defaults.resolve_all(p.id) r
    ORDER BY p.id, integration;
SELECT 'one', p.id, r.* FROM integration_defaults.projects p, integration_defaults.resolve('chat', p.id) r ORDER BY p.id;
SELECT 'hot', p.id, integration_defaults.active_settings('chat', p.id) FROM integration_defaults.projects p ORDER BY p.id;
SELECT 'custom', c.* FROM integration_defaults.projects_using_custom_settings('chat') c ORDER BY project_id;
SELECT 'custom 2', c.* FROM integration_defaults.projects_using_custom_settings('chat', '2') c ORDER BY project_id;
SELECT 'default', d.* FROM integration_defaults.projects_using_default('chat') d ORDER BY project_id;
SELECT 'default 2', d.* FROM integration_defaults.projects_using_default('chat', '2') d ORDER BY project_id;
SELECT 'view', v.* FROM integration_defaults.project_integrations v ORDER BY project_id, integration;
SELECT 'tracked', t.* FROM integration_defaults.tracked_tables t ORDER BY 2, 3;
SELECT 'set', s.scope_level, s.scope_id, s.integration, s.custom, s.active, s.fields, s.locked FROM integration_defaults.own_settings s
    ORDER BY 2, 3, 4;
SELECT 'differs', p.id, c.field, c.source_level, c.source_id, c.other_source_level, c.other_source_id
    FROM integration_defaults.projects p, integration_defaults.compare('chat', '15', p.id) c ORDER BY p.id, c.field;
SELECT integration_defaults.tree('chat'), integration_defaults.tree('chat', '2', whole => true);
SQL
}

# The types that are materialized, in SQL.
our $materialized = q{SELECT convert_from(name, 'UTF8') FROM pg_trigger,
    LATERAL (SELECT unnest(string_to_array(encode(tgargs, 'escape'), '\\000'))::bytea AS name) n
    WHERE tgname = 'materialized' AND name <> ''};

sub materialized_types
{
	my ($node, $database, @as) = @_;
	return join ' ', sort split /\n/, $node->safe_psql($database, $materialized, extra_params => \@as);
}

# What effective_settings has (+) and project_integrations does not, and the other way round (-): nothing. To the byte,
# and for the materialized types.
sub differences
{
	my ($node, $database, @as) = @_;
	return $node->safe_psql($database, <<"SQL", extra_params => \@as);
SET jit = off;
WITH stored AS (SELECT (project_id, integration, active, settings, inherited, source_level, source_id)::text AS r
    FROM integration_defaults.effective_settings),
ought AS (SELECT v::text AS r FROM integration_defaults.project_integrations v WHERE integration IN ($materialized))
(SELECT '+' || r FROM (SELECT r FROM stored EXCEPT ALL SELECT r FROM ought) d)
UNION ALL (SELECT '-' || r FROM (SELECT r FROM ought EXCEPT ALL SELECT r FROM stored) d) LIMIT 20
SQL
}

# A whole database as SQL, without the lines whose keys are random.
sub dump_of
{
	my ($node, $database, @as) = @_;
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run([ 'pg_dump', @as, '-d', $node->connstr($database) ], '>', \$out, '2>', \$err);
	ok($ok && $err eq '', "pg_dump of $database") or diag $err;
	$out =~ s/^\\(un)?restrict .*\n//mg;
	return $out;
}

# Kills the first process, and unless told to leave them all the others too, with -9. Gives the pids to wait for.
sub kill_server
{
	my ($node, $first_only) = @_;
	my $first = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	my @pids = ($first);
	foreach my $file ($first_only ? () : glob '/proc/[0-9]*/stat')
	{
		open my $stat, '<', $file or next;
		push @pids, $1 if (<$stat> // '') =~ /^(\d+) \(.*\) \S \Q$first\E /s;
	}
	kill 'KILL', @pids;
	$node->{_pid} = undef;
	return @pids;
}

# The killed processes are gone a moment later, and those that the first of them has started after that.
sub start_again
{
	my ($node, @pids) = @_;
	foreach my $try (1 .. 600)
	{
		if (!grep { kill(0, $_) } @pids)
		{
			return if $node->start(fail_ok => 1);
			$node->stop('immediate', fail_ok => 1);
		}
		select(undef, undef, undef, 0.1);
	}
	die 'the server did not start again';
}

# Runs a client program; gives whether it succeeded.
sub succeeds
{
	my ($node, $command, $what) = @_;
	local %ENV = $node->_get_env();
	return ok(PostgreSQL::Test::Utils::run_log($command), $what);
}

# Compares long texts; of a difference it shows the first lines only.
sub same
{
	my ($got, $expected, $what) = @_;
	my @got = split /\n/, $got;
	my @expected = split /\n/, $expected;
	return 1 if ok($got eq $expected, $what);
	my $n = 0;
	$n++ while $n < @got && $n < @expected && $got[$n] eq $expected[$n];
	diag "line $n on, got:\n", join("\n", grep { defined } @got[ $n .. $n + 4 ]), "\nexpected:\n",
	  join("\n", grep { defined } @expected[ $n .. $n + 4 ]);
	return 0;
}

# The SQLSTATE with which a statement fails, or 'none'.
sub error_of
{
	my ($node, $database, $sql, @as) = @_;
	my ($status, $out, $err) =
	  $node->psql($database, $sql, extra_params => [ @as, '-v', 'VERBOSITY=sqlstate' ], on_error_die => 0);
	return $err =~ /(?:ERROR|FATAL):  (\w{5})/ ? $1 : 'none';
}

# The same for many statements of one session, each in its own transaction.
sub errors_of
{
	my ($node, $database, $statements, @as) = @_;
	my ($status, $out, $err) = $node->psql($database, join('', map { "$_ \\g /dev/null\n\\echo state :SQLSTATE\n" } @$statements),
		extra_params => [ @as, '-v', 'ON_ERROR_STOP=0' ], on_error_die => 0, on_error_stop => 0);
	my @states = map { $_ eq '00000' ? 'none' : $_ } $out =~ /^state (\w+)$/mg;
	push @states, 'no answer' while @states < @$statements;
	return @states;
}

1;
