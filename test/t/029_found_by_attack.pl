# What an attack found once: ways to other people's rights, to the server's memory, or past our rules.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('found');
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION integration_defaults;
CREATE ROLE v LOGIN; CREATE ROLE w LOGIN; CREATE ROLE r LOGIN;
GRANT USAGE ON SCHEMA integration_defaults TO v, w, r;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA integration_defaults TO w;
GRANT SELECT, INSERT, UPDATE, DELETE ON integration_defaults.groups, integration_defaults.projects TO v;
SELECT integration_defaults.grant_access('v', 'admin'), integration_defaults.grant_access('w', 'admin'), integration_defaults.grant_access('r', 'use');
GRANT CREATE ON SCHEMA public TO w, r;
CREATE SCHEMA app AUTHORIZATION v;
SELECT integration_defaults.register_integration('jira', '{"properties": {"n": {"type": "integer"}}}');
SQL
my @v = ('-U', 'v');
my @w = ('-U', 'w');
my @r = ('-U', 'r');
sub by { my ($sql, @as) = @_; return $node->safe_psql('postgres', $sql, extra_params => \@as); }

# ---- a column that has the name by which a statement of ours calls the row ---------------------------------------------

by(<<'SQL', @v);
CREATE TABLE app.groups (id int PRIMARY KEY, parent_id int, type text, x bytea, xx bytea);
CREATE TABLE app.projects (id int PRIMARY KEY, group_id int);
SELECT integration_defaults.track_groups('app.groups', filter => $$type = 'Group'$$), integration_defaults.track_projects('app.projects');
INSERT INTO app.groups VALUES (1, NULL, 'Group', NULL, NULL),
    (2, NULL, 'User', decode('ffffffff' || 'c9080000' || '000000000000' || '0400' || '0208' || '18' || '00' || '07000000' || '00000000', 'hex'), '\x4242');
INSERT INTO app.projects VALUES (1, 1), (2, 2);
UPDATE app.groups SET type = 'Group' WHERE id = 2;
SQL
is(by('SELECT id, group_id FROM integration_defaults.projects ORDER BY id'), "1|1\n2|2", 'a whole row is a whole row, whatever its columns are called');

# ---- one table's filter is not for whoever writes the other -------------------------------------------------------------

by('DROP TABLE app.groups; DROP TABLE app.projects; DELETE FROM integration_defaults.projects; DELETE FROM integration_defaults.groups', @v);
by('CREATE TABLE app.seen (who text); GRANT ALL ON app.seen TO PUBLIC; GRANT USAGE ON SCHEMA app TO PUBLIC', @v);
by(<<'SQL', @w);
CREATE FUNCTION public.pass(t text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app.seen VALUES (current_user);
    RETURN t = 'Group';
END $$;
CREATE TABLE public.wg (id int PRIMARY KEY, parent_id int, t text);
INSERT INTO public.wg SELECT g, NULL, 'x' FROM generate_series(1, 20) g;
SELECT integration_defaults.track_groups('public.wg', filter => 'public.pass(t)');
SQL
by('CREATE TABLE app.projects (id int PRIMARY KEY, group_id int); SELECT integration_defaults.track_projects($$app.projects$$); TRUNCATE app.seen; INSERT INTO app.projects VALUES (1, 7)', @v);
by('INSERT INTO app.projects VALUES (2, 8)');
is(by('SELECT DISTINCT who FROM app.seen'), 'w', 'a filter that is looked up runs as the owner of its table, not as who writes the other one');

# ---- row security of a tracked table ------------------------------------------------------------------------------------

by('ALTER TABLE app.projects ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON app.projects FOR SELECT TO r USING (id = 0); GRANT SELECT ON app.projects TO r', @v);
is(error_of($node, 'postgres', q{SELECT * FROM integration_defaults.read_tracked('projects')}, @r), '42501', 'read_tracked() shows nothing that row security hides');

# ---- an older table with triggers that were hung by hand --------------------------------------------------------------------

by('CREATE TABLE public.early (id int, group_id int)', @w);
by('DROP TABLE app.projects; CREATE TABLE app.projects (id int PRIMARY KEY, group_id int); SELECT integration_defaults.track_projects($$app.projects$$)', @v);
by(<<'SQL', @w);
CREATE TRIGGER a AFTER UPDATE ON public.early FOR EACH ROW WHEN (old.id IS DISTINCT FROM new.id OR old.group_id IS DISTINCT FROM new.group_id)
    EXECUTE FUNCTION integration_defaults.follow_projects();
SQL
is(by('SELECT source FROM integration_defaults.tracked_tables WHERE kind = $$projects$$'), 'app.projects', 'an older table does not take the tracking over');
is(error_of($node, 'postgres', 'INSERT INTO app.projects VALUES (5, NULL)', @v), 'none', 'and the tracked one goes on');

# ---- a restore that is none: what a superuser's maintenance evaluates runs as the table's owner -----------------------------

by(<<'SQL', @w);
CREATE FUNCTION public.ins() RETURNS int LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM set_config('check_function_bodies', 'off', true);
    INSERT INTO integration_defaults.project_settings (project_id, integration, custom, active, settings, updated_by)
        VALUES ('5', 'jira', true, true, '{"n": "not a number"}', 'forged');
    RETURN 1;
END $$;
CREATE FUNCTION public.f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN IF session_user = 'w' THEN RETURN 1; END IF; RETURN (SELECT public.ins()); END $$;
CREATE TABLE public.bait (a int);
CREATE INDEX ON public.bait (public.f(a));
INSERT INTO public.bait VALUES (1);
SQL
is(error_of($node, 'postgres', 'REINDEX TABLE public.bait'), '23514', 'a check is not switched off by an index expression of somebody that a superuser evaluates');
by(q{CREATE OR REPLACE FUNCTION public.ins() RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT integration_defaults.set_custom('jira', 5, '{"n": 1}'); SELECT 1 $$}, @w);
by('REINDEX TABLE public.bait');
is(by(q{SELECT updated_by FROM integration_defaults.project_settings WHERE project_id = '5'}), 'w', 'and what it writes is noted as its owner\'s doing');

# ---- somebody else's typed view ---------------------------------------------------------------------------------------------

by(q{SELECT integration_defaults.create_view('jira')}, @w);
is(error_of($node, 'postgres', q{SELECT integration_defaults.create_view('jira')}), '42501', 'a superuser does not take over a view of somebody\'s, with its triggers');
is(error_of($node, 'postgres', q{SELECT integration_defaults.create_view('jira')}, @w), 'none', 'its owner makes it again');

# ---- one operation that no cancel ends ---------------------------------------------------------------------------------------

by(q{SELECT integration_defaults.register_integration('digits', jsonb_build_object('properties', jsonb_build_object('n', jsonb_build_object('multipleOf', repeat('3', 60000)::numeric))))});
is(error_of($node, 'postgres', q{SELECT integration_defaults.set_default('digits', jsonb_build_object('n', repeat('7', 120000)::numeric))}), '54000', 'digits by digits are too many steps');

# ---- what an error cuts short is not remembered -------------------------------------------------------------------------------

my $locker = $node->background_psql('postgres');
my $session = $node->background_psql('postgres', on_error_stop => 0);
my @ours = map { "integration_defaults.$_" } qw(integrations groups projects instance_settings group_settings project_settings);
$locker->query_safe('BEGIN; LOCK TABLE ' . join(', ', @ours) . ', app.projects IN ACCESS EXCLUSIVE MODE');
$session->query(q{SET lock_timeout = '50ms'});
$session->query('SELECT count(*) FROM integration_defaults.tracked_tables') foreach 1 .. 10;
$session->query(q{SELECT integration_defaults.active_settings('jira', 5)}) foreach 1 .. 10;
$locker->query_safe('COMMIT');
is($session->query('SELECT count(*) FROM integration_defaults.tracked_tables'), '2', 'after time-outs of locks a session knows what is tracked');
is($session->query(q{SELECT integration_defaults.active_settings('jira', 5)}), '{"n": 1}', 'and reads');
$session->quit;

# ---- a partition that is being detached ------------------------------------------------------------------------------------------

by('SET client_min_messages = error; DROP TABLE app.projects CASCADE; DROP TABLE public.early; DELETE FROM integration_defaults.projects');
by(<<'SQL', @v);
CREATE TABLE app.pp (id int PRIMARY KEY, group_id int) PARTITION BY RANGE (id);
CREATE TABLE app.pp1 PARTITION OF app.pp FOR VALUES FROM (0) TO (100);
CREATE TABLE app.pp2 PARTITION OF app.pp FOR VALUES FROM (100) TO (200);
SELECT integration_defaults.track_projects('app.pp');
INSERT INTO app.pp VALUES (1, NULL), (101, NULL);
SQL
$locker->query_safe('BEGIN; SELECT count(*) FROM app.pp');
my $detacher = $node->background_psql('postgres', on_error_stop => 0);
$detacher->query_until(qr/begun/, "\\echo begun\nALTER TABLE app.pp DETACH PARTITION app.pp1 CONCURRENTLY;\n");
$node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM pg_inherits WHERE inhdetachpending') or die;
like(error_of($node, 'postgres', 'INSERT INTO app.pp1 VALUES (2, NULL)', @v), qr/^(none|55000)$/, 'a write into a partition that is being detached is an error or an ordinary table\'s');
is(by('SELECT 1'), '1', 'and the server is up');
$locker->query_safe('COMMIT');
$locker->quit;
$detacher->quit;

$node->stop;
done_testing();
