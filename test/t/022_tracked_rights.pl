# Tracking lends nobody rights: who may feed our tables, what else can be hung on a table, and whose rights are in force
# while the app's own code runs. Each attack is played as the role that would make it.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('rights');
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE dbo LOGIN; CREATE ROLE reader LOGIN; CREATE ROLE owner LOGIN; CREATE ROLE writer LOGIN; CREATE ROLE feeders;
CREATE DATABASE app OWNER dbo;
SQL
my $setup = <<'SQL';
CREATE EXTENSION integration_defaults;
SELECT integration_defaults.register_integration('chat');
SELECT integration_defaults.add_group(1), integration_defaults.add_project(1, 1), integration_defaults.add_project(2, 1);
SELECT integration_defaults.set_custom('chat', 1, '{"of": 1}');
GRANT USAGE ON SCHEMA integration_defaults TO owner;
SELECT integration_defaults.grant_access('reader', 'use');
CREATE SCHEMA app;
GRANT ALL ON SCHEMA app TO owner;
GRANT USAGE ON SCHEMA app TO writer, reader;
GRANT CREATE ON DATABASE app TO owner;
SQL
$node->safe_psql('app', $setup, extra_params => [ '-U', 'dbo' ]);
my $state = q{SELECT (SELECT string_agg(g::text, ' ' ORDER BY id) FROM integration_defaults.groups g),
    (SELECT string_agg(p::text, ' ' ORDER BY id) FROM integration_defaults.projects p),
    (SELECT string_agg(project_id, ' ') FROM integration_defaults.project_settings),
    (SELECT string_agg(source::text, ' ') FROM integration_defaults.tracked_tables)};
my $before = $node->safe_psql('app', $state);
sub unchanged { is($node->safe_psql('app', $state), $before, "$_[0]: nothing has changed"); }

# Runs statements as a role, each whatever the others did; gives their SQLSTATEs.
sub attempts
{
	my ($role, @statements) = @_;
	my ($status, $out, $err) = $node->psql('app', join(";\n", @statements) . ';',
		extra_params => [ '-U', $role, '-v', 'VERBOSITY=sqlstate' ], on_error_stop => 0, on_error_die => 0);
	return join ' ', $err =~ /ERROR:  (\w{5})/g;
}

# ---- a reader hangs our trigger functions on what is his ----------------------------------------------------------

my $binding = q{FOR EACH ROW WHEN (old.id IS DISTINCT FROM new.id OR old.group_id IS DISTINCT FROM new.group_id)
	EXECUTE FUNCTION integration_defaults.follow_projects()};
my @hung = (
	"CREATE TRIGGER u AFTER UPDATE ON TABLE $binding",
	'CREATE TRIGGER i AFTER INSERT ON TABLE REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.follow_projects()',
	'CREATE TRIGGER d AFTER DELETE ON TABLE REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.follow_projects()',
	'CREATE TRIGGER t AFTER TRUNCATE ON TABLE FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.follow_projects()');
my $check = 'CREATE TRIGGER c BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON TABLE FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.follow_projects()';
my @writes = ("INSERT INTO TABLE VALUES ('evil', '1')", 'TRUNCATE TABLE', 'DELETE FROM TABLE',
	"SET check_function_bodies = off", "INSERT INTO TABLE VALUES ('evil', '1')", 'TRUNCATE TABLE', "SET session_replication_role = replica", 'TRUNCATE TABLE');
sub on { my $table = shift; return map { s/\bTABLE\b(?! AS)/$table/gr } @_; }

is(attempts('reader', 'CREATE TEMP TABLE t (id text, group_id text)', on('t', @hung, @writes)),
	'42501 42501 42501 42501 42501 42501 42501', 'a temporary table');
is(attempts('reader', 'CREATE TEMP TABLE t (id text, group_id text)', on('t', @hung, $check, @writes)),
	'42501 42501 42501 42501 42501 42501 42501', 'one with all triggers of a tracked table');
is(attempts('reader', 'CREATE TEMP VIEW v AS SELECT 1 AS id',
	'CREATE TRIGGER t AFTER DELETE ON v FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.follow_groups()', 'DELETE FROM v'), '55000',
	'a view can\'t be written to');
is(attempts('reader', 'CREATE TEMP TABLE t (id text, group_id text)',
	"CREATE TRIGGER c BEFORE TRUNCATE ON t FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.follow_projects('partition')", 'TRUNCATE t'), '',
	'a table that says it is a partition does nothing');
is(attempts('reader', 'CREATE TEMP TABLE t (id text, group_id text, part int) PARTITION BY LIST (part)', 'CREATE TEMP TABLE t1 PARTITION OF t DEFAULT',
	on('t', 'CREATE TRIGGER i AFTER INSERT OR DELETE ON TABLE FOR EACH ROW EXECUTE FUNCTION integration_defaults.follow_projects()', $hung[0]),
	"INSERT INTO t VALUES ('evil', '1', 1)", "INSERT INTO t1 VALUES ('evil', '1', 1)"), '42501 42501', 'a partitioned table');
unchanged('a reader');
foreach my $function (qw(follow_groups follow_projects keep_tracked pass_over_restored remove_settings rename_settings check_parent hold_parent))
{
	my $answer = attempts('reader', 'CREATE TEMP TABLE t (id text)',
		"CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION integration_defaults.$function()", "INSERT INTO t VALUES ('1')",
		'DROP TRIGGER a ON t', "CREATE TRIGGER a AFTER INSERT OR DELETE OR UPDATE ON t FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.$function()",
		"INSERT INTO t VALUES ('1')", 'DELETE FROM t', "SELECT integration_defaults.$function()");
	like($answer, qr/^(39P01|0A000|42501)( (39P01|0A000|42501)){3}$/, "$function() refuses other tables");
}
unchanged('a reader with other functions');

# ---- the owner of a tracked table: his rights are asked for each time ---------------------------------------------

$node->safe_psql('app', <<'SQL', extra_params => [ '-U', 'owner' ]);
CREATE TABLE app.projects (id text PRIMARY KEY, group_id text, archived boolean DEFAULT false);
INSERT INTO app.projects VALUES ('1', '1'), ('2', '1');
GRANT ALL ON app.projects TO writer;
SQL
my $track = q{SELECT integration_defaults.track_projects('app.projects', filter => 'NOT archived')};
foreach my $granted ('', q{'use'}, q{'write'}, q{'admin', 1})
{
	$node->safe_psql('app', "SELECT integration_defaults.grant_access('owner', $granted)") if $granted;
	is(attempts($_, $track), '42501', "no rights to track, called by $_, with " . ($granted || 'nothing')) foreach qw(owner postgres);
	$node->safe_psql('app', "SELECT integration_defaults.revoke_access('owner', $granted)") if $granted;
}
unchanged('tracking without rights');
$node->safe_psql('app', q{SELECT integration_defaults.grant_access('feeders', 'admin'); GRANT feeders TO owner; GRANT USAGE ON SCHEMA integration_defaults TO owner});
is(attempts('postgres', $track), '', 'rights of a role that he is in will do');
is(attempts('writer', q{INSERT INTO app.projects VALUES ('3', '1')}), '', 'who writes needs none');
$before = $node->safe_psql('app', $state);
my $session = $node->background_psql('app', extra_params => [ '-U', 'writer' ], on_error_stop => 0);
$session->query_safe(q{UPDATE app.projects SET id = '4' WHERE id = '3'; UPDATE app.projects SET id = '3' WHERE id = '4'});
foreach my $take ([ 'REVOKE feeders FROM owner', 'GRANT feeders TO owner' ],
	[ q{SELECT integration_defaults.revoke_access('feeders', 'admin')}, q{SELECT integration_defaults.grant_access('feeders', 'admin')} ],
	[ inherits($node, 'owner', 'feeders', 0), inherits($node, 'owner', 'feeders', 1) ],
	[ 'ALTER TABLE app.projects OWNER TO reader', 'ALTER TABLE app.projects OWNER TO owner' ])
{
	$node->safe_psql('app', $take->[0]);
	foreach my $write (q{INSERT INTO app.projects VALUES ('5', '1')}, q{UPDATE app.projects SET group_id = NULL}, 'DELETE FROM app.projects',
		'TRUNCATE app.projects', q{UPDATE app.projects SET archived = true})
	{
		$session->{stderr} = '';
		$session->query($write);
		like($session->{stderr}, qr/role (owner|reader), the owner of table app\.projects, may not change integration_defaults\.projects/,
			"$take->[0]: the next write in a session that goes on is refused");
	}
	is(attempts('owner', q{SELECT integration_defaults.resync('app.projects')}), '42501', 'so is resync()');
	$node->safe_psql('app', $take->[1]);
	unchanged($take->[0]);
}
$session->{stderr} = '';
$session->query_safe(q{UPDATE app.projects SET group_id = NULL WHERE id = '3'; UPDATE app.projects SET group_id = '1' WHERE id = '3'});
$session->quit;
unchanged('with rights again');

# A second table, of an owner with rights, does not feed ours while the first is tracked, whichever is older.
is(attempts('owner', 'CREATE TABLE app.second (id text, group_id text)', on('app.second', @hung, $check), "INSERT INTO app.second VALUES ('evil', '1')",
	'TRUNCATE app.second'), '55000 55000', 'a second table');
unchanged('a second table');
$node->safe_psql('app', 'DROP TABLE app.second');

# ---- a writer switches nothing off --------------------------------------------------------------------------------

is(attempts('writer', 'SET check_function_bodies = off', q{UPDATE app.projects SET group_id = NULL WHERE id = '3'}), '', 'check_function_bodies');
is($node->safe_psql('app', q{SELECT group_id IS NULL FROM integration_defaults.projects WHERE id = '3'}), 't', 'is followed all the same');
$node->safe_psql('app', q{UPDATE app.projects SET group_id = '1' WHERE id = '3'});
is(attempts('writer', 'ALTER TABLE app.projects DISABLE TRIGGER integration_defaults_projects_insert', 'SET session_replication_role = replica'),
	'42501 42501', 'nor the triggers');
unchanged('a writer');

# Operators and functions of his own, before pg_catalog: also where the tracked table is looked into at commit.
$node->safe_psql('app', 'CREATE SCHEMA evil AUTHORIZATION writer');
my @planted = ('CREATE TABLE evil.ran (what text, by name)', 'GRANT ALL ON SCHEMA evil TO PUBLIC', 'GRANT ALL ON evil.ran TO PUBLIC');
foreach my $type (qw(text bigint integer "char" text[] oid name boolean))
{
	(my $name = $type) =~ s/\W/_/g;
	push @planted, qq{CREATE FUNCTION evil.same_$name($type, $type) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN
		IF current_user <> ''writer''::name THEN INSERT INTO evil.ran VALUES (''$name'', current_user); END IF; RETURN true; END'},
	  "CREATE OPERATOR evil.= (LEFTARG = $type, RIGHTARG = $type, FUNCTION = evil.same_$name)";
}
is(attempts('writer', @planted), '', 'operators are planted');
is(attempts('writer', 'SET search_path = evil, pg_catalog', q{UPDATE app.projects SET archived = true WHERE id OPERATOR(pg_catalog.=) '1'},
	q{UPDATE app.projects SET archived = false, id = '10' WHERE id OPERATOR(pg_catalog.=) '1'},
	'BEGIN', q{DELETE FROM app.projects WHERE id OPERATOR(pg_catalog.=) '10'}, q{INSERT INTO app.projects VALUES ('10', '1')}, 'COMMIT',
	'BEGIN', 'CREATE TEMP TABLE kept AS TABLE app.projects', 'TRUNCATE app.projects', 'INSERT INTO app.projects SELECT * FROM kept', 'COMMIT'), '', 'and a writer works with them');
is($node->safe_psql('app', 'SELECT * FROM evil.ran'), '', 'nobody else has run them');
is($node->safe_psql('app', q{SELECT project_id, settings FROM integration_defaults.project_settings}), '10|{"of": 1}', 'and all is followed, settings too');

# ---- the owner's own code: a filter, triggers ---------------------------------------------------------------------

is(attempts('owner', q{CREATE TABLE app.seen (what text, by name)}, 'GRANT INSERT ON app.seen TO PUBLIC',
	q{CREATE FUNCTION app.passes(boolean) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN INSERT INTO app.seen VALUES (''filter'', current_user); RETURN NOT $1; END'},
	q{SELECT integration_defaults.untrack('app.projects')}, q{SELECT integration_defaults.track_projects('app.projects', filter => 'app.passes(archived)')}), '',
	'the owner needs no rights on our table');
is(attempts('postgres', q{SELECT integration_defaults.resync('app.projects')}), '', 'a superuser reads it again');
is($node->safe_psql('app', 'SELECT DISTINCT * FROM app.seen'), 'filter|owner', 'and the filter runs as its owner');
$node->safe_psql('app', 'TRUNCATE app.seen');
is(attempts('writer', q{UPDATE app.projects SET archived = true WHERE id = '10'}, q{UPDATE app.projects SET archived = false WHERE id = '10'},
	q{UPDATE app.projects SET archived = true WHERE id = '10'}, q{UPDATE app.projects SET id = '11' WHERE id = '10'}), '', 'a writer archives');
is($node->safe_psql('app', 'SELECT DISTINCT * FROM app.seen'), 'filter|writer', 'and the filter runs as he, at commit, too');
is($node->safe_psql('app', q{SELECT project_id FROM integration_defaults.project_settings}), '11', 'what is set goes along');
is(attempts('writer', q{DELETE FROM app.projects WHERE id = '11'}), '', 'the archived row goes');
is($node->safe_psql('app', q{SELECT project_id FROM integration_defaults.project_settings}), '', 'and what is set on it');

# ---- who has TRIGGER on our tables can't make them follow ---------------------------------------------------------

$node->safe_psql('app', 'GRANT TRIGGER ON integration_defaults.projects, integration_defaults.groups TO writer; GRANT USAGE ON SCHEMA integration_defaults TO writer');
is(attempts('writer', on('integration_defaults.projects', @hung, $check)), '', 'triggers on our table');
is(attempts('writer', q{INSERT INTO app.projects VALUES ('evil', '1')}), '55000', 'only refuse');
$node->safe_psql('app', "DROP TRIGGER $_ ON integration_defaults.projects") foreach qw(u i d t c);
is(attempts('writer', q{INSERT INTO app.projects VALUES ('7', '1')}), '', 'and gone, all is as before');

$node->stop;
done_testing();
