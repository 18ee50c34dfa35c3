# Privileges and access: nobody may anything without, USAGE on the schema is of no use alone, access alone is enough, and
# an app's role needs nothing. test/access has who may do what where.
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

# Whoever installs may be somebody else where a dump is restored: so nothing is granted, and nothing revoked.
is($node->safe_psql('postgres', <<'SQL'), '', 'no object of ours has rights but those that it is born with');
SELECT 'schema', nspname FROM pg_namespace WHERE nspname = 'integration_defaults' AND nspacl IS NOT NULL
UNION ALL
SELECT 'function', oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = 'integration_defaults'::regnamespace AND proacl IS NOT NULL
UNION ALL
SELECT 'relation', oid::regclass::text FROM pg_class
    WHERE relnamespace = 'integration_defaults'::regnamespace AND relacl IS NOT NULL
UNION ALL
SELECT 'column', attrelid::regclass::text FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'integration_defaults'::regnamespace AND attacl IS NOT NULL
UNION ALL
SELECT 'type', oid::regtype::text FROM pg_type
    WHERE typnamespace = 'integration_defaults'::regnamespace AND typacl IS NOT NULL
UNION ALL
SELECT 'of the installer', pg_describe_object(classoid, objoid, objsubid) FROM pg_init_privs
    WHERE objoid IN (SELECT objid FROM pg_depend WHERE deptype = 'e' AND refobjid =
        (SELECT oid FROM pg_extension WHERE extname = 'integration_defaults'))
SQL
is($node->safe_psql('postgres', <<'SQL'), '', 'no function of ours runs as its owner, or is written in anything but C');
SELECT oid::regprocedure FROM pg_proc
WHERE pronamespace = 'integration_defaults'::regnamespace
  AND (prosecdef OR prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c'))
SQL

# Every function with arguments that fit, the optional ones left out and given. While a table is tracked, functions that
# change the tree refuse for that.
$node->safe_psql('postgres', q{SELECT integration_defaults.untrack('app.projects'), integration_defaults.untrack('app."Namespaces"')});
my @calls = split /\n/, $node->safe_psql('postgres', <<'SQL');
WITH parameter AS (
    SELECT p.oid, name, n, pronargs - pronargdefaults AS required, CASE
        WHEN name = 'filter' THEN 'NULL::text'
        WHEN name = 'role' AND type = 'name'::regtype THEN '''nobody''::name'
        WHEN name = 'access' THEN '''use''::text'
        WHEN name = 'id_column' THEN '''id''::name'
        WHEN name IN ('parent_column', 'group_column') THEN '''namespace''::name'
        WHEN name = 'catalog' THEN '''gitlab''::text'
        WHEN name = 'field' THEN '''token''::text'
        WHEN name = 'kind' THEN '''projects''::text'
        WHEN name IN ('integration', 'name') AND type = 'text'::regtype THEN '''chat''::text'
        WHEN name = 'group_id' AND type = 'text'::regtype THEN '''2''::text'
        WHEN name = 'group_id' THEN '2'
        WHEN name = 'project_id' AND type = 'text'::regtype THEN '''3''::text'
        WHEN name = 'project_id' THEN '3'
        WHEN name = 'parent_id' THEN '1'
        WHEN name = 'level' THEN '''project'''
        WHEN name = 'statement' THEN '''SELECT 1'''
        WHEN name = 'names' THEN 'ARRAY[''chat'', ''free'']'
        WHEN type = 'regclass'::regtype THEN quote_literal('app.projects'::regclass::oid) || '::regclass'
        WHEN type = 'text[]'::regtype THEN '''{channel}''::text[]'
        WHEN name = 'schema' THEN '''{}''::jsonb'
        WHEN type = 'jsonb'::regtype THEN '''{"webhook": "https://nobody"}''::jsonb'
        WHEN type = 'boolean'::regtype THEN 'true'
        WHEN type = 'timestamptz'::regtype THEN '''infinity''::timestamptz'
        WHEN name = 'transaction' THEN (SELECT quote_literal(max(transaction)) FROM integration_defaults.history WHERE operation = 'set')
        WHEN type = 'uuid'::regtype THEN '''11111111-1111-1111-1111-111111111111''::uuid'
        ELSE '''2''::' || type::regtype END AS value
    FROM pg_proc p, unnest(proargtypes::oid[], proargnames[1:pronargs]) WITH ORDINALITY a(type, name, n)
    WHERE pronamespace = 'integration_defaults'::regnamespace
)
SELECT format('SELECT * FROM integration_defaults.%I(%s)', proname, call.arguments)
FROM pg_proc p CROSS JOIN LATERAL (
    SELECT string_agg(value, ', ' ORDER BY n) FROM parameter
    WHERE parameter.oid = p.oid AND n <= required
    UNION -- of two ids the first
    SELECT string_agg(coalesce(name || ' => ', '') || value, ', ' ORDER BY n) FROM parameter
    WHERE parameter.oid = p.oid AND NOT (name = 'group_id' AND 'project_id' = ANY (proargnames[1:pronargs]) AND n > required)
) call (arguments)
WHERE pronamespace = 'integration_defaults'::regnamespace AND prokind = 'f'
  AND prorettype NOT IN ('trigger'::regtype, 'cstring'::regtype)
  AND NOT proargtypes::oid[] && ARRAY['internal'::regtype::oid, 'cstring'::regtype::oid]
  AND (call.arguments IS NOT NULL OR pronargs = pronargdefaults)
  AND (proname <> 'use_default' OR call.arguments ~ ' => ') -- of an instance's own it makes no sense
ORDER BY 1
SQL
cmp_ok(scalar @calls, '>', 60, 'functions were found');
my $everything = 'SELECT md5(string_agg(r, chr(10) ORDER BY r)) FROM (' . join(' UNION ALL ',
	map { "SELECT '$_' || t::text AS r FROM integration_defaults.$_ t" }
	  qw(integrations groups projects instance_settings group_settings project_settings access generations)) . ') everything';
my $before = $node->safe_psql('postgres', $everything);
is(error_of($node, 'postgres', $calls[0], @nobody), '42501', 'nobody may look into the schema');
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA integration_defaults TO nobody, reader, admin');

# Those that read no table of ours: casts, comparisons and a hash of arguments, and what pg_authid tells everybody.
my %pure = map { $_ => 1 } qw(external_id external_id_send not_given effective_differs lock_key is_dumped),
  map { "role_name_$_" } qw(send lt le eq ne ge gt cmp);
my $function_of = sub { $_[0] =~ /integration_defaults\.(\w+)\(/; return $1 };
my @states = errors_of($node, 'postgres', \@calls, @nobody);
foreach my $call (@calls)
{
	my $function = $function_of->($call);
	is(shift @states, $pure{$function} ? 'none' : $function eq 'read_tracked' ? '55000' : '42501', "with USAGE alone: $call");
}
my @relations = split /\n/, $node->safe_psql('postgres', <<'SQL');
SELECT oid::regclass FROM pg_class WHERE relnamespace = 'integration_defaults'::regnamespace AND relkind IN ('r', 'v', 'p')
SQL
my @commands = map {
	my $relation = $_;
	"SELECT * FROM $relation", "SELECT FROM $relation",
	  $relation =~ /tracked_tables|all_project|own_settings|materialized_types|server_locks|\.history$/ ? () : ("DELETE FROM $relation", "INSERT INTO $relation DEFAULT VALUES"),
	  "CREATE TRIGGER t AFTER INSERT ON $relation FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.settle()"
} @relations;
@states = errors_of($node, 'postgres', \@commands, @nobody);
is(shift @states, '42501', "with USAGE alone: $_") foreach @commands;
is($node->safe_psql('postgres', $everything), $before, 'nothing was written');
$node->safe_psql('postgres', q{SELECT integration_defaults.track_groups('app."Namespaces"', 'Id', 'parent', $f$kind = 'Group'$f$),
	integration_defaults.track_projects('app.projects', group_column => 'namespace')});
$before = $node->safe_psql('postgres', $everything);
$node->safe_psql('postgres', 'REVOKE USAGE ON SCHEMA integration_defaults FROM nobody');

# ---- a reading role ------------------------------------------------------------------------------------------------

# answers() looks for the ids in the tables
$node->safe_psql('postgres', q{SELECT integration_defaults.grant_access('reader', 'use');
	GRANT SELECT ON integration_defaults.groups, integration_defaults.projects TO reader});
$before = $node->safe_psql('postgres', $everything);
same(answers($node, 'postgres', @reader), answers($node, 'postgres'), 'a reading role gets every answer');
my %reads = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', <<'SQL');
SELECT proname FROM pg_proc WHERE pronamespace = 'integration_defaults'::regnamespace AND provolatile <> 'v'
SQL
$reads{preview} = 1; # what it writes is rolled back
@states = errors_of($node, 'postgres', \@calls, @reader);
foreach my $call (@calls)
{
	my $function = $function_of->($call);
	# create_view() and create_general_view() make a view of the caller's, for which there is no schema; what preview() is given is no statement
	is(shift @states, $reads{$function} ? 'none' : $function eq 'preview' ? '42601' : '42501', "a reading role: $call");
}
foreach my $write (
	q{INSERT INTO integration_defaults.project_settings (project_id, integration) VALUES ('4', 'chat')},
	q{INSERT INTO integration_defaults.project_integrations (project_id, integration, settings) VALUES ('4', 'chat', '{}')},
	q{UPDATE integration_defaults.project_integrations SET active = false},
	q{UPDATE integration_defaults.instance_settings SET settings = '{}'}, q{DELETE FROM integration_defaults.groups},
	q{SELECT * FROM integration_defaults.groups FOR KEY SHARE}, q{UPDATE integration_defaults.generations SET changes = 0},
	q{TRUNCATE integration_defaults.project_settings})
{
	is(error_of($node, 'postgres', $write, @reader), '42501', "a reading role: $write");
}
is($node->safe_psql('postgres', $everything), $before, 'and has written nothing');

# ---- an administering role ----------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{SELECT integration_defaults.grant_access('admin', 'admin')});
is( $node->safe_psql('postgres', q{
		SELECT integration_defaults.set_default('chat', '{"webhook": "https://admin"}', '4');
		SELECT settings FROM integration_defaults.group_integrations WHERE group_id = '4' AND integration = 'chat'}, extra_params => \@admin)
	  . $node->safe_psql('postgres', q{SELECT updated_by FROM integration_defaults.group_settings WHERE group_id = '4'}),
	qq(\n{"limit": 10, "webhook": "https://admin"}admin), 'an administering role writes, and its name is noted');
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
