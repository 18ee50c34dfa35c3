# The install script runs as a superuser for whoever owns the database: what anybody has planted there gets no say in it.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('install');
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE dbo LOGIN; CREATE ROLE creator LOGIN; CREATE ROLE other LOGIN; CREATE ROLE victim LOGIN;
SQL
my @dbo = ('-U', 'dbo');
my @creator = ('-U', 'creator');
my $superusers = q{SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls};

sub new_database
{
	my ($name) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $name OWNER dbo; GRANT CREATE ON DATABASE $name TO creator");
	return $name;
}

# A function that takes all rights when it runs with more than its maker's, and says so.
sub planted
{
	my ($schema, $name, $arguments, $result, $value) = @_;
	return qq{CREATE FUNCTION $schema.$name($arguments) RETURNS $result LANGUAGE plpgsql AS \$\$
		BEGIN
			IF current_user NOT IN ('dbo', 'creator', 'other') THEN
				RAISE WARNING 'planted code runs as %', current_user;
				IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user) THEN
					EXECUTE 'ALTER ROLE dbo SUPERUSER'; EXECUTE 'ALTER ROLE creator SUPERUSER';
				END IF;
			END IF;
			RETURN $value;
		END \$\$;\n};
}

# Every operator and every function of pg_catalog that the script could mean, with types that fit better or as well.
sub plant_everything
{
	my ($schema) = @_;
	my $sql = '';
	my @types = qw(oid regclass name text text[] name[] jsonb boolean integer bigint smallint numeric "char" char varchar uuid bytea regproc regtype);
	my $n = 0;
	foreach my $operator (qw(= <> < > <= >= ||))
	{
		foreach my $left (@types)
		{
			my %rights = map { $_ => 1 } $left, qw(oid regclass text name integer bigint);
			foreach my $right (sort keys %rights)
			{
				my $result = $operator eq '||' ? 'text' : 'boolean';
				$n++;
				$sql .= planted($schema, "planted$n", "$left, $right", $result, $operator eq '||' ? q{'planted'} : 'true');
				$sql .= "CREATE OPERATOR $schema.$operator (LEFTARG = $left, RIGHTARG = $right, PROCEDURE = $schema.planted$n);\n";
			}
		}
	}
	foreach my $function ('format(text, text)', 'format(text, name)', 'pg_extension_config_dump(text, text)',
		'pg_extension_config_dump(regclass, text)', 'octet_length(text)', 'starts_with(text, text)', 'count(integer)', 'jsonb_typeof(jsonb)',
		'settings_at(text, text, boolean)', 'settings_at(name, name, boolean)', 'settings_at_support(text)', 'not_given()', 'external_id(text)', 'unnest(text[])', 'quote_ident(text)', 'cardinality(text[])')
	{
		my ($name, $arguments) = $function =~ /^(\w+)\((.*)\)$/;
		my $result = $name =~ /^(format|quote_ident|unnest)/ ? 'text' : $name =~ /^(octet|count|card)/ ? 'integer'
		  : $name eq 'jsonb_typeof' ? 'text' : $name eq 'pg_extension_config_dump' ? 'void' : 'boolean';
		my $value = $result eq 'text' ? q{'planted'} : $result eq 'integer' ? '1' : $result eq 'void' ? 'NULL' : 'true';
		$sql .= $result eq 'void' ? planted($schema, $name, $arguments, $result, 'NULL') =~ s/RETURN NULL/RETURN/r
		  : planted($schema, $name, $arguments, $result, $value);
	}
	foreach my $type (qw(text jsonb boolean bigint name regclass external_id trigger))
	{
		$sql .= "CREATE DOMAIN $schema.$type AS pg_catalog.int4;\n" unless $type =~ /^(trigger)$/;
	}
	foreach my $table (qw(integrations groups projects instance_settings group_settings project_settings generations pg_class pg_trigger pg_proc))
	{
		$sql .= "CREATE TABLE $schema.$table (id integer, name integer);\n";
	}
	return $sql;
}

# What the extension is, without oids: the same wherever it is installed.
sub members
{
	my ($database) = @_;
	return $node->safe_psql($database, <<'SQL');
SET search_path = pg_catalog;
SELECT identified.type, identified.identity, pg_get_viewdef(c.oid), pg_get_functiondef(p.oid)
FROM pg_depend d CROSS JOIN pg_identify_object(d.classid, d.objid, d.objsubid) identified
LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid AND relkind = 'v'
LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'integration_defaults') ORDER BY 1, 2;
SELECT tgrelid::regclass, tgname, pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE NOT tgisinternal
    AND tgfoid IN (SELECT oid FROM pg_proc WHERE pronamespace = 'integration_defaults'::regnamespace) ORDER BY 1, 2;
SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'integration_defaults'::regnamespace ORDER BY 1::text, 2;
SELECT adrelid::regclass, adnum, pg_get_expr(adbin, adrelid) FROM pg_attrdef
    JOIN pg_class ON pg_class.oid = adrelid WHERE relnamespace = 'integration_defaults'::regnamespace ORDER BY 1::text, 2;
SQL
}

# Everything that the stored expressions of our objects (rules of views, WHENs, defaults, CHECKs, casts, parameters'
# defaults) or their definitions depend on is pg_catalog's, or a member.
my $foreign_dependencies = <<'SQL';
SET search_path = pg_catalog;
WITH RECURSIVE members AS (
    SELECT classid, objid FROM pg_depend
    WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'integration_defaults')
), ours AS (
    SELECT classid, objid FROM members
    UNION
    SELECT d.classid, d.objid FROM ours o JOIN pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.objid
    WHERE d.deptype IN ('i', 'a', 'P', 'S') OR d.classid IN ('pg_rewrite'::regclass, 'pg_attrdef'::regclass)
       OR (d.classid = 'pg_trigger'::regclass AND d.deptype <> 'n')
)
SELECT DISTINCT pg_describe_object(o.classid, o.objid, 0) || ' on ' || pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
FROM ours o JOIN pg_depend d ON d.classid = o.classid AND d.objid = o.objid
WHERE d.refobjid >= 16384 AND d.deptype <> 'e'
  AND (d.refclassid, d.refobjid) NOT IN (SELECT classid, objid FROM ours)
  AND d.refobjid <> (SELECT oid FROM pg_extension WHERE extname = 'integration_defaults')
SQL

# ---- a database where nothing is planted ----------------------------------------------------------------------------

new_database('clean');
$node->safe_psql('clean', 'CREATE EXTENSION integration_defaults', extra_params => \@dbo);
my $clean = members('clean');
cmp_ok(length $clean, '>', 20_000, 'there is something to compare');
is($node->safe_psql('clean', $foreign_dependencies), '', 'our objects depend on pg_catalog and members only');
is( $node->safe_psql('clean', q{SELECT string_agg(pg_describe_object(classid, objid, 0), ', ') FROM pg_depend
		WHERE deptype = 'e' AND classid = 'pg_namespace'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'integration_defaults')}),
	'schema integration_defaults', 'the schema is a member');
is($node->safe_psql('clean', q{SELECT extnamespace::regnamespace, extowner::regrole FROM pg_extension WHERE extname = 'integration_defaults'}),
	'pg_catalog|dbo', 'the extension is of whoever created it');
# The test sees what it looks for: an operator of somebody else's in a view of ours.
is( $node->safe_psql('clean', <<"SQL") , "rule _RETURN on view integration_defaults.tracked_tables on operator public.===(text,text)", 'and an operator of somebody else in a view of ours would be seen');
BEGIN;
CREATE FUNCTION public.planted(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, PROCEDURE = public.planted);
CREATE OR REPLACE VIEW integration_defaults.tracked_tables AS SELECT kind, source, id_column, parent_column, filter, label_column, orphans
	FROM integration_defaults.read_tracked_tables() WHERE kind::text === 'x';
$foreign_dependencies ORDER BY 1
SQL

# ---- a schema of our name that is there already ----------------------------------------------------------------------

foreach my $who ([ 'the owner of the database', @dbo ], [ 'a role with CREATE on it', @creator ])
{
	my ($name, @as) = @$who;
	my $database = new_database('schema_' . $as[1]);
	$node->safe_psql($database, 'CREATE SCHEMA integration_defaults;' . plant_everything('integration_defaults'), extra_params => \@as);
	foreach my $installer ([], \@dbo)
	{
		my $by = @$installer ? 'the owner' : 'a superuser';
		my ($status, $out, $err) = $node->psql($database, 'CREATE EXTENSION integration_defaults', extra_params => [ @$installer, '-v', 'VERBOSITY=verbose' ]);
		like($err, qr/ERROR:  42P06/, "$name has made the schema: not installed by $by");
		unlike($err, qr/planted/, 'and nothing of his has run');
		is( error_of($node, $database, 'CREATE EXTENSION integration_defaults SCHEMA integration_defaults', @$installer),
			'0A000', 'nor into it');
		is($node->safe_psql($database, q{SELECT count(*) FROM pg_extension WHERE extname = 'integration_defaults'}), '0', 'nothing is left of it');
	}
	is($node->safe_psql('postgres', $superusers), 'postgres', "$name has gained nothing");
}

# ---- everything else that is planted: what is installed is the same ---------------------------------------------------

foreach my $attack (
	[ 'owner_public', 'public', '', \@dbo, [ \@dbo, [] ] ],
	[ 'owner_path', 'dbo', 'CREATE SCHEMA dbo; ALTER DATABASE owner_path SET search_path = dbo, pg_catalog; ALTER ROLE dbo SET search_path = dbo, pg_catalog;', \@dbo, [ \@dbo, [] ] ],
	[ 'owner_user', 'postgres', 'CREATE SCHEMA postgres;', \@dbo, [ [], \@dbo ] ], # "$user"
	[ 'creator_path', 'mine', 'CREATE SCHEMA mine; GRANT USAGE ON SCHEMA mine TO PUBLIC;', \@creator, [ \@dbo, [] ] ],
	[ 'owner_temp', 'pg_temp', '', \@dbo, ['temp'] ])
{
	my ($database, $schema, $first, $as, $installers) = @$attack;
	new_database($database);
	$node->safe_psql($database, 'GRANT CREATE ON SCHEMA public TO creator', extra_params => \@dbo);
	my $plant = $first . plant_everything($schema);
	if ($installers->[0] eq 'temp')
	{
		my $path = q{SET search_path = pg_temp, public, pg_catalog;};
		my ($status, $out, $err) = $node->psql($database, "$plant $path CREATE EXTENSION integration_defaults", extra_params => $as);
		is($status, 0, "$database: installed in the same session") or diag $err;
		unlike($err, qr/planted/, "$database: and nothing that was planted has run");
	}
	else
	{
		$node->safe_psql($database, $plant, extra_params => $as);
		foreach my $installer (@$installers)
		{
			$node->safe_psql($database, 'DROP EXTENSION IF EXISTS integration_defaults') if $installer != $installers->[0];
			my ($status, $out, $err) =
			  $node->psql($database, "SET search_path = $schema, public, pg_catalog; CREATE EXTENSION integration_defaults", extra_params => $installer);
			is($status, 0, "$database: installed") or diag $err;
			unlike($err, qr/planted/, "$database: nothing that was planted has run");
			is($node->safe_psql($database, $foreign_dependencies), '', "$database: nothing of ours depends on it");
		}
	}
	same(members($database) =~ s/"?(?:postgres|dbo)"?/X/gr, $clean =~ s/"?(?:postgres|dbo)"?/X/gr, "$database: what is installed is the same");
	is($node->safe_psql('postgres', $superusers), 'postgres', "$database: nobody has gained anything");
	# Whoever then uses it does not run it either: a superuser, with the planted schema first in his path.
	my $uses = q{SELECT integration_defaults.register_integration('chat', '{"properties": {"n": {"type": "integer"}}}');
		SELECT integration_defaults.add_group(1), integration_defaults.add_project(2, 1);
		SELECT integration_defaults.set_default('chat', '{"n": 1}'), integration_defaults.lock_fields('chat', '{n}');
		SELECT * FROM integration_defaults.resolve('chat', 2); SELECT * FROM integration_defaults.explain('chat', 2);
		SELECT pg_catalog.count(*) FROM integration_defaults.project_integrations; SELECT integration_defaults.materialize('chat');
		SELECT integration_defaults.reset_default('chat'); SELECT integration_defaults.remove_project(2); SELECT integration_defaults.remove_group(1);
		SELECT integration_defaults.dematerialize('chat'); SELECT integration_defaults.unregister_integration('chat')};
	my ($status, $out, $err) = $node->psql($database, ($schema eq 'pg_temp' ? '' : "SET search_path = $schema, pg_catalog;") . $uses);
	is($status, 0, "$database: it can be used, also with that schema first in the path") or diag $err;
	unlike($err, qr/planted/, "$database: and its use runs nothing that was planted");
	is($node->safe_psql('postgres', $superusers), 'postgres', "$database: and nobody gains anything by it");
}
$node->safe_psql('postgres', 'ALTER ROLE dbo RESET search_path');

# ---- shell types and names that are taken ----------------------------------------------------------------------------

new_database('shells');
is(error_of($node, 'shells', 'CREATE TYPE public.external_id', @dbo), '42501', 'only superusers make shell types');
$node->safe_psql('shells', 'CREATE TYPE public.external_id; CREATE TYPE public.integration_defaults');
$node->safe_psql('shells', 'CREATE EXTENSION integration_defaults', extra_params => \@dbo);
same(members('shells'), $clean, 'shell types elsewhere are not filled in');

# ---- a role that may only create schemas ----------------------------------------------------------------------------

# What is trusted may be created by whoever may create schemas in the database; it is his then.
new_database('creators');
$node->safe_psql('creators', 'CREATE EXTENSION integration_defaults', extra_params => \@creator);
is($node->safe_psql('creators', q{SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'integration_defaults'::regnamespace}),
	'creator', 'a role with CREATE on the database has what it has installed');
is(error_of($node, 'creators', 'CREATE EXTENSION integration_defaults', '-U', 'other'), '42710', 'which is there once');
$node->safe_psql('postgres', 'CREATE DATABASE nobodys');
is(error_of($node, 'nobodys', 'CREATE EXTENSION integration_defaults', '-U', 'other'), '42501', 'others can not create it');
$node->safe_psql('creators', 'DROP EXTENSION integration_defaults CASCADE', extra_params => \@creator);
is($node->safe_psql('creators', q{SELECT count(*) FROM pg_namespace WHERE nspname = 'integration_defaults'}), '0', 'dropped by him, nothing is left');

# ---- what the plain owner does to the extension afterwards --------------------------------------------------------------

# Each on a fresh database, and then everything is asked: either it is refused, or what is left gives clear errors.
my $asks = q{SELECT count(*) FROM integration_defaults.project_integrations;
	SELECT * FROM integration_defaults.resolve('chat', 1); SELECT integration_defaults.set_default('chat', '{"webhook": "w"}');
	INSERT INTO app.projects SELECT 1 + max(id), '1', 'new' FROM app.projects; UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '3';
	SELECT integration_defaults.materialize('chat'); SELECT * FROM integration_defaults.tracked_tables;
	SELECT integration_defaults.create_view('chat'); SELECT count(*) FROM integration_defaults.tree('chat')};
my $clear = qr/^(none|55000|42P01|42P10|3F000|42883|42704|42501|42703|42809)$/;
my $n = 0;
$node->safe_psql('postgres', 'CREATE ROLE heir; GRANT heir TO dbo');
make_app($node, new_database('used'), @dbo);
foreach my $change (
	[ 'ALTER SCHEMA integration_defaults RENAME TO renamed', 'none' ],
	[ 'ALTER SCHEMA integration_defaults OWNER TO victim', '42501' ],
	[ 'DROP SCHEMA integration_defaults CASCADE', '2BP01' ],
	[ 'DROP SCHEMA integration_defaults', '2BP01' ],
	[ 'ALTER EXTENSION integration_defaults SET SCHEMA public', '0A000' ],
	[ 'ALTER EXTENSION integration_defaults UPDATE', 'none' ],
	[ q{ALTER EXTENSION integration_defaults UPDATE TO '2.0'}, '22023' ],
	[ 'ALTER EXTENSION integration_defaults DROP TABLE integration_defaults.projects', 'none' ],
	[ 'ALTER EXTENSION integration_defaults DROP FUNCTION integration_defaults.may_read()', '42501' ],
	[ 'ALTER EXTENSION integration_defaults DROP TABLE integration_defaults.projects; DROP TABLE integration_defaults.projects CASCADE', 'none' ],
	[ 'ALTER EXTENSION integration_defaults DROP VIEW integration_defaults.project_integrations; DROP VIEW integration_defaults.project_integrations', 'none' ],
	[ 'ALTER EXTENSION integration_defaults DROP SCHEMA integration_defaults; DROP SCHEMA integration_defaults CASCADE', 'none' ],
	[ 'ALTER EXTENSION integration_defaults ADD TABLE app.projects', 'none' ],
	[ 'CREATE FUNCTION integration_defaults.mine() RETURNS int LANGUAGE sql AS $$SELECT 1$$; ALTER EXTENSION integration_defaults ADD FUNCTION integration_defaults.mine()', 'none' ],
	[ 'DROP TABLE integration_defaults.projects', '2BP01' ],
	[ 'DROP FUNCTION integration_defaults.not_given()', '2BP01' ],
	[ 'DROP TRIGGER check_settings ON integration_defaults.project_settings', 'none' ],
	[ 'DROP TYPE integration_defaults.external_id CASCADE', '2BP01' ],
	[ 'ALTER TYPE integration_defaults.external_id SET (RECEIVE = integration_defaults.external_id_recv)', '42501' ],
	[ 'ALTER FUNCTION integration_defaults.check_settings() RENAME TO other', '42501' ],
	[ 'ALTER TABLE integration_defaults.projects RENAME TO other', 'none' ],
	[ 'ALTER TABLE integration_defaults.projects SET SCHEMA public', 'none' ],
	[ 'CREATE RULE r AS ON INSERT TO integration_defaults.projects DO INSTEAD NOTHING', 'none' ],
	[ 'DROP OWNED BY dbo', 'none' ], [ 'DROP OWNED BY dbo CASCADE', 'none' ],
	[ 'REASSIGN OWNED BY dbo TO victim', '42501' ], [ 'REASSIGN OWNED BY dbo TO heir', major($node) >= 18 ? 'none' : '42501' ], # the database, too
	[ 'REASSIGN OWNED BY dbo TO heir', 'none', 'by a superuser' ],
	[ 'GRANT ALL ON SCHEMA integration_defaults TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA integration_defaults TO PUBLIC', 'none' ],
	[ 'REVOKE ALL ON ALL TABLES IN SCHEMA integration_defaults FROM dbo; REVOKE ALL ON SCHEMA integration_defaults FROM dbo', 'none' ],
	[ 'REVOKE EXECUTE ON FUNCTION integration_defaults.not_given() FROM PUBLIC', 'none' ],
	[ 'COMMENT ON EXTENSION integration_defaults IS $$mine$$', 'none' ],
	[ 'SECURITY LABEL ON TABLE integration_defaults.projects IS $$x$$', '22023' ])
{
	my ($sql, $expected, $by) = @$change;
	my $database = 'changed_' . ++$n;
	$node->safe_psql('postgres', "CREATE DATABASE $database OWNER dbo TEMPLATE used; GRANT CREATE ON DATABASE $database TO heir");
	my $did = error_of($node, $database, $sql, $by ? () : @dbo);
	is($did, $expected, $by // 'by the owner' . ": $sql");
	foreach my $who ([ '', @dbo ], [ 'a superuser, ' ])
	{
		my ($name, @as) = @$who;
		my @states = errors_of($node, $database, [ split /;/, $asks ], @as);
		is(join(' ', grep { !/$clear/ } @states), '', "${name}afterwards: " . join(' ', @states));
	}
	$node->safe_psql('postgres', "DROP DATABASE $database");
}
is($node->safe_psql('postgres', $superusers), 'postgres', 'and nobody has gained anything');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP/, 'the server has not gone down');
$node->stop;
done_testing();
