# Our statements run as our owner, whatever search_path the caller has: nothing that he has planted in front of pg_catalog
# runs with more rights than his own. Nor does it get into views that others make, nor is it found by what the owner's own
# triggers, which may be careless, are set off to do as the owner.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('windows');
my $I = 'integration_defaults';
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE dbo LOGIN; CREATE ROLE evil LOGIN; CREATE ROLE writer LOGIN; CREATE ROLE admin LOGIN; CREATE ROLE app_owner LOGIN;
GRANT evil TO writer, admin, app_owner;
SQL
my $superusers = q{SELECT string_agg(rolname, ' ' ORDER BY 1) FROM pg_roles WHERE rolsuper};

my $check = <<'SQL';
IF pg_catalog.array_position(ARRAY['evil', 'writer', 'admin', 'app_owner']::pg_catalog.text[], current_user::pg_catalog.text) IS NULL THEN
    RAISE WARNING 'planted code runs as %', current_user;
    IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user) THEN
        EXECUTE 'ALTER ROLE evil SUPERUSER';
    END IF;
END IF;
SQL
my $names = 'lower upper length octet_length starts_with format concat quote_ident now coalesce count unnest repeat replace text int8 numeric bool'
  . ' jsonb_typeof to_jsonb array_length array_position jsonb_object_keys md5 substr';

sub plant
{
	my ($database) = @_;
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run([ 'psql', '-X', '-q', '-U', 'evil', '-d', $node->connstr($database), '-v', 'ON_ERROR_STOP=1', '-v', 'schema=evil',
			'-v', "check=$check", '-v', "names=$names", '-f', "$ENV{TREE}/test/poison/plant.sql" ], '>', \$out, '2>', \$err);
	ok($ok, 'planted') or diag $err;
	# Types and tables that a name without a schema would mean.
	$node->safe_psql($database, join(";\n", (map { "CREATE DOMAIN evil.$_ AS pg_catalog.text" } qw(text jsonb bigint boolean name external_id)),
			map { "CREATE TABLE evil.$_ (id pg_catalog.text, name pg_catalog.text)" }
			  qw(integrations groups projects instance_settings group_settings project_settings effective_settings generations pg_class pg_trigger)),
		extra_params => [ '-U', 'evil' ]);
}

# Runs statements as somebody who has that schema first in his path.
sub gains_nothing
{
	my ($database, $who, $what, $statements, %options) = @_;
	foreach my $path ('evil, pg_catalog', 'evil, pg_catalog, public', 'pg_temp, evil, pg_catalog')
	{
		my $first = "SET search_path = $path; SET transform_null_equals = on;\n";
		my $alone = join '', map { "BEGIN;\n$_;\nSET CONSTRAINTS ALL IMMEDIATE;\nROLLBACK;\n" } @$statements;
		my $together = join '', 'BEGIN;', map { "SAVEPOINT s;\n$_;\n\\if :ERROR\nROLLBACK TO s;\n\\endif\n" } @$statements, 'SET CONSTRAINTS ALL IMMEDIATE';
		foreach my $sql ($alone, $together)
		{
			my ($status, $out, $err) = $node->psql($database, $first . $sql,
				extra_params => [ '-U', $who, '-v', 'ON_ERROR_STOP=0', '-v', 'VERBOSITY=verbose' ], on_error_die => 0, on_error_stop => 0);
			unlike($err, qr/planted code runs as/, "$what, $path: nothing that was planted runs as somebody else");
			is(join("\n", $err =~ /^.*(ERROR: .*)$/mg), '', "$what, $path: and all of it is done") unless $options{may_fail} || $sql eq $together;
		}
	}
	is($node->safe_psql('postgres', $superusers), 'postgres', "$what: nobody is a superuser now");
}

my @app_writes = (
	q{INSERT INTO app.projects VALUES (1000, '2', 'new'), (1001, '3', 'new')},
	q{UPDATE app."Namespaces" SET parent = '4' WHERE "Id" OPERATOR(pg_catalog.=) '3'},
	q{WITH made AS (INSERT INTO app."Namespaces" VALUES ('empty', '2', 'Group') RETURNING "Id") SELECT * FROM made},
	q{UPDATE app."Namespaces" SET "Id" = 'renamed' WHERE "Id" OPERATOR(pg_catalog.=) 'leaf'},
	q{UPDATE app."Namespaces" SET kind = 'User' WHERE "Id" OPERATOR(pg_catalog.=) '3'},
	q{UPDATE app."Namespaces" SET kind = 'Group' WHERE "Id" OPERATOR(pg_catalog.=) '5'},
	q{INSERT INTO app."Namespaces" VALUES ('n1', '2', 'Group'), ('n2', 'n1', 'Group')},
	q{UPDATE app.projects SET namespace = '4' WHERE id OPERATOR(pg_catalog.=) 1},
	q{UPDATE app.projects SET id = id OPERATOR(pg_catalog.+) 5000},
	q{DELETE FROM app.projects WHERE id OPERATOR(pg_catalog.<) 20},
	q{DELETE FROM app."Namespaces" WHERE "Id" OPERATOR(pg_catalog.=) '2'},
	q{TRUNCATE app.projects});
my @administration = (
	qq{SELECT $I.set_default('chat'::pg_catalog.text, '{"webhook": "https://changed"}'::pg_catalog.jsonb)},
	qq{SELECT $I.set_default('chat'::pg_catalog.text, '{"webhook": "https://changed"}'::pg_catalog.jsonb, '2')},
	qq{SELECT $I.set_custom('chat'::pg_catalog.text, 4, '{"webhook": "https://4"}'::pg_catalog.jsonb)},
	qq{SELECT $I.override_fields('chat'::pg_catalog.text, '{"channel": "#x"}'::pg_catalog.jsonb, 5)},
	qq{SELECT $I.inherit_fields('chat'::pg_catalog.text, '{channel}'::pg_catalog.text[], 3)},
	qq{SELECT $I.set_active('chat'::pg_catalog.text, false, 6)},
	qq{SELECT $I.lock_fields('chat'::pg_catalog.text, '{channel}'::pg_catalog.text[], '2')},
	qq{SELECT $I.unlock_fields('chat'::pg_catalog.text, '{channel}'::pg_catalog.text[], '2')},
	qq{SELECT $I.use_default('chat'::pg_catalog.text, 1)}, qq{SELECT $I.reset_default('chat'::pg_catalog.text, '2')},
	qq{SELECT $I.register_integration('new'::pg_catalog.text, '{"properties": {"a": {"type": "integer"}}}'::pg_catalog.jsonb)},
	qq{SELECT $I.load_catalog()}, qq{SELECT $I.allow_integrations(NULL)},
	qq{SELECT * FROM $I.resolve_all(1)}, qq{SELECT * FROM $I.explain('chat', 3)}, qq{SELECT * FROM $I.tree('chat')},
	qq{SELECT * FROM $I.projects_using_default('chat', 2)}, qq{SELECT * FROM $I.projects_using_custom_settings('chat')},
	qq{SELECT * FROM $I.invalid_settings()}, qq{SELECT * FROM $I.redundant_overrides('chat')},
	qq{SELECT pg_catalog.count(*) FROM $I.project_integrations}, qq{SELECT pg_catalog.count(*) FROM $I.tracked_tables},
	qq{INSERT INTO $I.project_settings (project_id, integration, custom, settings) VALUES ('11', 'chat', false, '{"channel": "#eleven"}')},
	qq{UPDATE $I.integrations SET name = 'renamed' WHERE name OPERATOR(pg_catalog.=) 'chat'},
	qq{UPDATE $I.integrations SET schema = '{}' WHERE name OPERATOR(pg_catalog.=) 'chat'},
	qq{UPDATE $I.project_settings SET settings = '{}', custom = false, active = NULL},
	qq{UPDATE $I.project_integrations SET active = false WHERE project_id OPERATOR(pg_catalog.=) '11'},
	qq{INSERT INTO $I.project_integrations (project_id, integration, settings) VALUES ('13', 'chat', '{"webhook": "w"}')},
	qq{DELETE FROM $I.project_integrations WHERE project_id OPERATOR(pg_catalog.=) '13'},
	qq{UPDATE public.chat_settings SET channel = '#typed' WHERE id OPERATOR(pg_catalog.=) 20},
	qq{INSERT INTO public.chat_settings (id, webhook) VALUES (21, 'https://typed')},
	qq{DELETE FROM $I.project_settings}, qq{DELETE FROM $I.instance_settings});

foreach my $owner ('postgres', 'dbo')
{
	my $database = "of_$owner";
	my @as = ('-U', $owner);
	$node->safe_psql('postgres', "CREATE DATABASE $database OWNER $owner; GRANT CREATE, TEMPORARY ON DATABASE $database TO evil");
	make_app($node, $database, @as);
	$node->safe_psql($database, 'CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC', extra_params => [ '-U', 'evil' ]);
	plant($database);
	$node->safe_psql($database, <<"SQL", extra_params => \@as);
INSERT INTO app."Namespaces" VALUES ('leaf', '1', 'Group');
SELECT $I.materialize('chat'), $I.materialize('free'), $I.create_view('chat');
GRANT USAGE ON SCHEMA app TO writer; GRANT ALL ON ALL TABLES IN SCHEMA app TO writer;
SELECT $I.grant_access('admin', 'admin'); GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA $I TO admin;
REVOKE INSERT, UPDATE, DELETE ON $I.effective_settings, $I.generations FROM admin;
SELECT $I.grant_access('admin', 'use');
GRANT SELECT, INSERT, UPDATE, DELETE ON public.chat_settings TO admin; GRANT SELECT ON app.projects TO admin;
SQL
	# What is planted is found by what does not write out its names: as the caller it runs.
	my ($status, $out, $err) = $node->psql($database, "SET search_path = evil, pg_catalog; SELECT 'a'::pg_catalog.text = 'b'::pg_catalog.text", extra_params => \@as);
	like($err, qr/planted code runs as $owner/, "$owner: the test finds what runs as somebody else");
	$node->safe_psql('postgres', 'ALTER ROLE evil NOSUPERUSER');

	gains_nothing($database, 'writer', "$owner owns, a writer of tracked tables", \@app_writes);
	gains_nothing($database, 'admin', "$owner owns, a role that administers", \@administration);

	# A role that owns its own tables and has our tables' rights: tracking, resync, views.
	$node->safe_psql('postgres', 'GRANT admin TO app_owner');
	$node->safe_psql($database, "GRANT CREATE ON SCHEMA public TO app_owner; CREATE SCHEMA theirs AUTHORIZATION app_owner");
	$node->safe_psql($database, "SELECT $I.untrack('app.projects'), $I.untrack('app.\"Namespaces\"')", extra_params => \@as);
	$node->safe_psql($database, q{CREATE TABLE theirs.groups (id text PRIMARY KEY, parent_id text, kind text DEFAULT 'x');
		CREATE TABLE theirs.projects (id bigint PRIMARY KEY, group_id text); INSERT INTO theirs.groups VALUES ('1', NULL), ('2', '1');
		INSERT INTO theirs.projects SELECT n, '2' FROM generate_series(1, 20) n}, extra_params => [ '-U', 'app_owner' ]);
	gains_nothing($database, 'app_owner', "$owner owns, who owns tracked tables",
		[ qq{SELECT $I.track_groups('theirs.groups', 'id', 'parent_id', 'kind = ''x''')}, qq{SELECT $I.track_projects('theirs.projects')},
			qq{SELECT $I.resync('theirs.groups'), $I.resync('theirs.projects')}, q{UPDATE theirs.groups SET kind = 'y' WHERE id = '2'},
			q{INSERT INTO theirs.projects VALUES (100, '1')}, q{TRUNCATE theirs.projects}, qq{SELECT $I.create_view('free', 'free_view')},
			qq{SELECT $I.untrack('theirs.projects')} ], may_fail => 1);
	$node->safe_psql($database, qq{SELECT $I.track_groups('app."Namespaces"', 'Id', 'parent', \$f\$kind = 'Group'\$f\$),
		$I.track_projects('app.projects', group_column => 'namespace')}, extra_params => \@as);

	# Triggers of the owner's that do not write out their names. What the caller's own statement sets off runs as the caller;
	# what our statements set off, as the owner, and with a path in which nothing of the caller's is. Since 18 the server
	# itself runs AFTER triggers as who queued them, with whatever path there is then: docs/materialized.md says what they need.
	my $path_of_its_own = major($node) >= 18 ? 'SET search_path = pg_catalog, pg_temp' : '';
	$node->safe_psql($database, <<"SQL", extra_params => \@as);
CREATE FUNCTION public.careless() RETURNS trigger LANGUAGE plpgsql $path_of_its_own AS \$\$
DECLARE n bigint;
BEGIN
    IF lower(TG_TABLE_NAME::text) = 'x' OR length(TG_OP) <> octet_length(TG_OP) OR TG_LEVEL = 'x' THEN
        RAISE 'impossible';
    END IF;
    SELECT count(*) INTO n FROM $I.groups WHERE id = 'x' OR id IN ('y', 'z') OR parent_id BETWEEN 'x' AND 'y';
    RETURN NULL;
END \$\$;
SQL
	foreach my $table (qw(integrations groups projects instance_settings group_settings project_settings effective_settings))
	{
		$node->safe_psql($database, <<"SQL", extra_params => \@as);
CREATE TRIGGER careless AFTER INSERT OR UPDATE OR DELETE ON $I.$table FOR EACH ROW EXECUTE FUNCTION public.careless();
CREATE TRIGGER careless_statement AFTER INSERT OR UPDATE OR DELETE ON $I.$table FOR EACH STATEMENT EXECUTE FUNCTION public.careless();
CREATE CONSTRAINT TRIGGER careless_deferred AFTER INSERT OR UPDATE OR DELETE ON $I.$table DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.careless();
SQL
	}
	gains_nothing($database, 'writer', "$owner has careless triggers, a writer of tracked tables", \@app_writes, may_fail => 1);
	gains_nothing($database, 'admin', "$owner has careless triggers, a role that administers", \@administration, may_fail => 1);

	# A view that somebody else makes, with the schema in his path, has nothing of it.
	foreach my $path ('public, evil', 'public, evil, pg_catalog')
	{
		my $made = $node->safe_psql($database, <<"SQL", extra_params => \@as);
SELECT set_config('client_min_messages', 'error', false), $I.register_integration('num', '{"properties": {"n": {"type": "integer"}, "m": {"type": "number"},
    "s": {"type": "string"}, "b": {"type": "boolean"}, "j": {"type": "array"}}}'), $I.set_default('num', '{"n": 5, "s": "x", "j": [1]}') \\g /dev/null
SET search_path = $path;
SELECT $I.create_view('num') \\g /dev/null
SET search_path = pg_catalog;
SELECT pg_get_viewdef('public.num_settings'::regclass) ~ 'evil',
    (SELECT count(*) FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
     WHERE ev_class = 'public.num_settings'::regclass AND refclassid IN ('pg_operator'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass)
       AND EXISTS (SELECT FROM pg_operator WHERE oid = refobjid AND oprnamespace = 'evil'::regnamespace
                   UNION ALL SELECT FROM pg_proc WHERE oid = refobjid AND pronamespace = 'evil'::regnamespace
                   UNION ALL SELECT FROM pg_type WHERE oid = refobjid AND typnamespace = 'evil'::regnamespace));
DROP VIEW public.num_settings;
SQL
		is($made, 'f|0', "$owner makes a typed view, with $path: nothing that was planted is in it");
	}
	is($node->safe_psql('postgres', $superusers), 'postgres', "$owner: nobody has become a superuser");
}
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP/, 'the server has not gone down');
$node->stop;
done_testing();
