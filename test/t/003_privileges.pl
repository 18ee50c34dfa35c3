# Who may do what: PUBLIC nothing, a reading role reads, an administering role writes, an app's role needs nothing.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('privileges');
make_app($node, 'postgres');
$node->safe_psql('postgres', 'CREATE ROLE nobody LOGIN; CREATE ROLE reader LOGIN; CREATE ROLE admin LOGIN; CREATE ROLE app LOGIN');
my @nobody = ('-U', 'nobody');
my @reader = ('-U', 'reader');
my @admin = ('-U', 'admin');
my @app = ('-U', 'app');

# ---- PUBLIC -------------------------------------------------------------------------------------------------------

is($node->safe_psql('postgres', <<'SQL'), '', 'PUBLIC has no right on any object, column or schema of ours');
SELECT 'schema', nspname FROM pg_namespace, aclexplode(nspacl) a WHERE nspname = 'integration_defaults' AND a.grantee = 0
UNION ALL
SELECT 'function', p.oid::regprocedure::text FROM pg_proc p, aclexplode(coalesce(proacl, acldefault('f', proowner))) a
    WHERE pronamespace = 'integration_defaults'::regnamespace AND a.grantee = 0
UNION ALL
SELECT 'relation', c.oid::regclass::text FROM pg_class c, aclexplode(coalesce(relacl, acldefault('r', relowner))) a
    WHERE relnamespace = 'integration_defaults'::regnamespace AND relkind <> 'i' AND a.grantee = 0
UNION ALL
SELECT 'type', t.oid::regtype::text FROM pg_type t, aclexplode(coalesce(typacl, acldefault('T', typowner))) a
    WHERE typnamespace = 'integration_defaults'::regnamespace AND typname = 'external_id' AND a.grantee = 0
SQL

# Every function, with arguments that fit: a caller who is given the schema only may call none.
my @calls = split /\n/, $node->safe_psql('postgres', <<'SQL');
SELECT format('SELECT integration_defaults.%I(%s)', proname,
    (SELECT string_agg('NULL::' || format_type(t, NULL), ', ' ORDER BY n) FROM unnest(proargtypes::oid[]) WITH ORDINALITY a(t, n)))
FROM pg_proc
WHERE pronamespace = 'integration_defaults'::regnamespace AND prokind = 'f'
  AND prorettype NOT IN ('trigger'::regtype, 'cstring'::regtype)
  AND NOT (proisstrict AND provolatile <> 'v') -- given NULL, the planner leaves these calls out
  AND NOT proargtypes::oid[] && ARRAY['internal'::regtype::oid, 'cstring'::regtype::oid]
ORDER BY proname
SQL
cmp_ok(scalar @calls, '>', 20, 'functions were found');
is(error_of($node, 'postgres', $calls[0], @nobody), '42501', 'nobody may look into the schema');
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA integration_defaults TO nobody, reader, admin');
my @callable = grep { error_of($node, 'postgres', $_, @nobody) ne '42501' } @calls;
is("@callable", '', 'nobody may call any function');
my @relations = split /\n/, $node->safe_psql('postgres', <<'SQL');
SELECT oid::regclass FROM pg_class WHERE relnamespace = 'integration_defaults'::regnamespace AND relkind IN ('r', 'v', 'p')
SQL
my @readable = grep { error_of($node, 'postgres', "SELECT * FROM $_", @nobody) ne '42501' } @relations;
is("@readable", '', 'nobody may read any table or view');
$node->safe_psql('postgres', 'REVOKE USAGE ON SCHEMA integration_defaults FROM nobody');

# ---- EXECUTE alone is not enough: functions run with the caller's rights -------------------------------------------

$node->safe_psql('postgres', "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA integration_defaults TO reader");
foreach my $call (
	q{SELECT * FROM integration_defaults.resolve('chat', 1)}, q{SELECT * FROM integration_defaults.resolve_all(1)},
	q{SELECT integration_defaults.active_settings('chat', 1)}, q{SELECT * FROM integration_defaults.projects_using_custom_settings('chat')},
	q{SELECT * FROM integration_defaults.projects_using_default('chat')})
{
	is(error_of($node, 'postgres', $call, @reader), '42501', "without SELECT on the tables: $call");
}

# ---- a reading role -----------------------------------------------------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA integration_defaults FROM reader;
GRANT USAGE ON TYPE integration_defaults.external_id TO reader;
GRANT SELECT ON ALL TABLES IN SCHEMA integration_defaults TO reader;
DO $$
DECLARE
    readable regprocedure;
BEGIN
    -- what only reads is STABLE or IMMUTABLE
    FOR readable IN SELECT oid FROM pg_proc
        WHERE pronamespace = 'integration_defaults'::regnamespace AND provolatile <> 'v'
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO reader', readable);
    END LOOP;
END
$$;
SQL
same(answers($node, 'postgres', @reader), answers($node, 'postgres'), 'a reading role gets every answer');
foreach my $write (
	q{SELECT integration_defaults.set_default('chat', '{"webhook": "w"}')}, q{SELECT integration_defaults.reset_default('chat')},
	q{SELECT integration_defaults.set_custom('chat', 1, '{"webhook": "w"}')}, q{SELECT integration_defaults.use_default('chat', 1)},
	q{SELECT integration_defaults.register_integration('x')}, q{SELECT integration_defaults.allow_integrations(NULL)},
	q{SELECT integration_defaults.track_groups('app."Namespaces"', 'Id', 'parent')},
	q{INSERT INTO integration_defaults.project_settings (project_id, integration) VALUES ('4', 'chat')},
	q{UPDATE integration_defaults.instance_settings SET settings = '{}'}, q{DELETE FROM integration_defaults.groups},
	q{TRUNCATE integration_defaults.project_settings})
{
	is(error_of($node, 'postgres', $write, @reader), '42501', "and may not write: $write");
}

# ---- an administering role ----------------------------------------------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
GRANT USAGE ON TYPE integration_defaults.external_id TO admin;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA integration_defaults TO admin;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA integration_defaults TO admin;
SQL
is( $node->safe_psql('postgres', q{
		SELECT integration_defaults.set_default('chat', '{"webhook": "https://admin"}', '4');
		SELECT updated_by FROM integration_defaults.group_settings WHERE group_id = '4'}, extra_params => \@admin),
	"\nadmin", 'an administering role writes, and its name is noted');
is( error_of($node, 'postgres', q{SELECT integration_defaults.untrack('app.projects')}, @admin),
	'42501', 'but may not untrack a table that is not its own');

# ---- an app's role: rights on its own tables only -------------------------------------------------------------------

$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA app TO app; GRANT ALL ON ALL TABLES IN SCHEMA app TO app');
$node->safe_psql('postgres', <<'SQL', extra_params => \@app);
INSERT INTO app."Namespaces" VALUES ('50', '2', 'Group');
INSERT INTO app.projects VALUES (500, '50', 'five hundred'), (501, '50', 'deleted soon');
UPDATE app."Namespaces" SET parent = '1' WHERE "Id" = '50';
DELETE FROM app.projects WHERE id = 501;
SQL
is( $node->safe_psql('postgres', q{SELECT p.id, p.group_id, g.parent_id FROM integration_defaults.projects p
		JOIN integration_defaults.groups g ON g.id = p.group_id WHERE g.id = '50'}),
	'500|50|1', 'what an app writes is followed without any right on our schema');
is(error_of($node, 'postgres', 'SELECT * FROM integration_defaults.groups', @app), '42501', 'of which it has none');

# ---- trigger functions are of no use to others ----------------------------------------------------------------------

$node->safe_psql('postgres', 'GRANT CREATE ON SCHEMA public TO admin');
my @triggers = split /\n/, $node->safe_psql('postgres', <<'SQL');
SELECT oid::regproc FROM pg_proc WHERE pronamespace = 'integration_defaults'::regnamespace AND prorettype = 'trigger'::regtype
SQL
$node->safe_psql('postgres', 'CREATE TABLE public.other (id text, parent_id text, settings jsonb)', extra_params => \@admin);
foreach my $function (@triggers)
{
	foreach my $kind ('BEFORE INSERT', 'AFTER INSERT')
	{
		# refused, or without any effect
		my $error = error_of($node, 'postgres', "BEGIN; CREATE TRIGGER t $kind ON public.other FOR EACH ROW EXECUTE FUNCTION $function();
			INSERT INTO public.other VALUES ('intruder', NULL, '{}'); COMMIT", @admin);
		is( $node->safe_psql('postgres', q{SELECT count(*) FROM (SELECT id FROM integration_defaults.groups UNION ALL
				SELECT id FROM integration_defaults.projects) s WHERE id = 'intruder'}),
			'0', "$function is of no use on another table, $kind: $error");
		$node->safe_psql('postgres', 'DROP TRIGGER IF EXISTS t ON public.other; TRUNCATE public.other');
	}
}
$node->stop;
done_testing();
