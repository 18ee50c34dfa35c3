# The triggers of views, hung on whatever a role can make, and typed views made with operators of somebody's in the
# search_path: nothing is taken for what it is not, nothing is gained, and the server stays up.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('view_triggers');
make_app($node, 'postgres');
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE reader LOGIN; CREATE ROLE writer LOGIN; CREATE ROLE planter LOGIN;
GRANT USAGE ON SCHEMA integration_defaults TO planter;
SELECT integration_defaults.grant_access('reader', 'use'), integration_defaults.grant_access('writer', 'write');
GRANT USAGE ON SCHEMA app TO reader, writer; GRANT SELECT ON ALL TABLES IN SCHEMA app TO reader, writer;
CREATE SCHEMA views; GRANT USAGE ON SCHEMA views TO reader, writer;
SET search_path = views;
SELECT integration_defaults.register_integration('num', '{"properties": {"n": {"type": "integer"}, "s": {"type": "string"},
    "f": {"type": "number"}, "b": {"type": "boolean"}, "j": {"type": "array"}}}');
SELECT integration_defaults.allow_integrations(NULL), integration_defaults.create_view('num');
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA views TO reader, writer;
SQL
my @reader = ('-U', 'reader');
my @writer = ('-U', 'writer');
my $everything = q{SELECT md5(string_agg(t, '' ORDER BY t)) FROM (
	SELECT i::text AS t FROM integration_defaults.integrations i UNION ALL SELECT g::text FROM integration_defaults.groups g
	UNION ALL SELECT p::text FROM integration_defaults.projects p UNION ALL SELECT s::text FROM integration_defaults.instance_settings s
	UNION ALL SELECT s::text FROM integration_defaults.group_settings s UNION ALL SELECT s::text FROM integration_defaults.project_settings s) a};
my $before = $node->safe_psql('postgres', $everything);

# ---- views of another shape -------------------------------------------------------------------------------------------

my @columns = (
	[ id => '1' ], [ active => 'true' ], [ inherited => 'false' ], [ source_level => "''::text" ], [ source_id => "''::text" ],
	[ locked => "'{}'::text[]" ], [ s => "''::text" ], [ n => '1::bigint' ]);
my @values = (
	'1::smallint', '1::int', '0::bigint', '1.5::real', '1e300::float8', "'2000-01-01'::timestamptz", "'1 day'::interval", "'(1,2)'::point",
	"'00000000-0100-0050-0000-010000000000'::uuid", "'x'::name", q{'x'::"char"}, "'x'::varchar", "'x'::bpchar", "'x'::bytea", "'{}'::json",
	"'{{1,NULL},{2,3}}'::int[]", "'{x}'::varchar[]", "'10.0.0.1'::inet", "'[1,2)'::int4range", "1::oid", "'pg_class'::regclass",
	"ROW(1)::views.pair", "'x'::views.plain");
$node->safe_psql('postgres', 'CREATE TYPE views.pair AS (a int); CREATE DOMAIN views.plain AS text');

sub view # columns, arguments
{
	my ($arguments, @of) = @_;
	my $list = join ', ', map { "$_->[1] AS $_->[0]" } @of;
	return "CREATE TEMP VIEW v AS SELECT $list; CREATE TRIGGER t INSTEAD OF INSERT OR UPDATE OR DELETE ON v "
	  . "FOR EACH ROW EXECUTE FUNCTION integration_defaults.$arguments;";
}

# Every write of every such view in one session; each is refused as what the trigger is not for.
sub refused
{
	my ($views, @as) = @_;
	my $sql = '\set VERBOSITY sqlstate' . "\n";
	foreach my $view (@$views)
	{
		$sql .= "$view->[0]\n$_;\nROLLBACK;\n" =~ s/^/BEGIN; /r foreach @{ $view->[1] };
	}
	my ($status, $out, $err) = $node->psql('postgres', $sql, extra_params => \@as, on_error_stop => 0);
	my %states;
	$states{$_}++ foreach $err =~ /(?:ERROR|FATAL|PANIC):  (\w+)/g;
	$states{lost}++ if $err =~ /connection|terminat/;
	return join ' ', map { "$_ x $states{$_}" } sort keys %states;
}

my @wrong;
foreach my $at (1 .. $#columns)
{
	foreach my $value (@values)
	{
		next if $value eq '0::bigint' && $at >= 6;
		my @of = @columns;
		$of[$at] = [ $of[$at][0], $value ];
		push @wrong, [ view("write_typed('num', 's', 'n')", @of), [ "INSERT INTO v DEFAULT VALUES", "UPDATE v SET id = id", 'DELETE FROM v' ] ];
	}
}
is(refused(\@wrong, @reader), '39P01 x ' . 3 * @wrong, 'a column of another type');
my @all = ("INSERT INTO v(id) VALUES (1)", 'UPDATE v SET id = id', 'DELETE FROM v');
my @number = map { [ view($_->[0], @{ $_->[1] }), \@all ] } (
	[ "write_typed()", \@columns ], [ "write_typed('num')", \@columns ], [ "write_typed('num', 's')", \@columns ],
	[ "write_typed('num', 's', 'n', 'f')", \@columns ], [ "write_typed('num', 's', 'n')", [ @columns, [ more => '1::bigint' ] ] ],
	[ "write_typed('num', 's', 'n')", [ @columns[ 0 .. 6 ] ] ], [ "write_typed('num', 's', 'n')", [ $columns[0] ] ],
	[ "write_integrations()", \@columns ], [ "write_integrations('num')", \@columns ], [ "write_integrations('project')", \@columns ]);
is(refused(\@number, @reader), '39P01 x ' . 3 * @number, 'another number of columns, or of arguments, or none of our views');

# A key can be of any type that can be cast to text; what it makes is no project, or not for a reader to write.
foreach my $value (@values, "'NaN'::numeric", "''::text", "repeat('x', 300)", "NULL::text", "'{}'::jsonb", "'1'::jsonb")
{
	my $sql = view("write_typed('num', 's', 'n')", [ id => $value ], @columns[ 1 .. 7 ]);
	my $state = error_of($node, 'postgres', "$sql INSERT INTO v(id, s) VALUES ($value, 'x');", @reader);
	like($state, qr/^(42704|42501|22023|22004|42804)$/, "a key $value: $state");
}
is( error_of($node, 'postgres', view("write_typed('nope', 's', 'n')", @columns) . "INSERT INTO v(id, s) VALUES (1, 'x')", @writer),
	'42704', 'an integration that is not there');
is( error_of($node, 'postgres', view("write_typed('num', 's', 's')", @columns) . "INSERT INTO v(id, s, n) VALUES (1, 'x', 1)", @writer),
	'23514', 'a field that has two columns: the schema holds');
is( error_of($node, 'postgres', "CREATE TEMP TABLE t (id int); CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION "
		. "integration_defaults.$_; INSERT INTO t VALUES (1)", @reader),
	'39P01', "$_ on a table") foreach "write_typed('num')", 'write_integrations()';

# Views in the place of ours, which their owner can put there.
foreach my $name (qw(instance_integrations group_integrations project_integrations))
{
	my ($id) = map { $_ eq 'instance_integrations' ? '' : '1::bigint AS id, ' } $name;
	my $another = "${id}'num'::text AS integration, 1::bigint AS active, 0::bigint AS settings, 'x'::name AS inherited, 0::bigint AS source_level, ''::text AS source_id";
	$node->safe_psql('postgres', <<"SQL");
CREATE DATABASE $name;
\\c $name
CREATE EXTENSION integration_defaults;
ALTER EXTENSION integration_defaults DROP VIEW integration_defaults.$name;
DROP VIEW integration_defaults.$name;
CREATE VIEW integration_defaults.$name AS SELECT $another;
CREATE TRIGGER t INSTEAD OF INSERT OR UPDATE OR DELETE ON integration_defaults.$name FOR EACH ROW EXECUTE FUNCTION integration_defaults.write_integrations();
SQL
	is(error_of($node, $name, $_ =~ s/ v / integration_defaults.$name /r), '39P01', "$name is another one: $_")
	  foreach 'INSERT INTO v DEFAULT VALUES', 'UPDATE v SET integration = integration', 'DELETE FROM v ';
}
is($node->safe_psql('postgres', $everything), $before, 'nothing has changed');

# ---- whose rights -----------------------------------------------------------------------------------------------------

foreach my $write ("INSERT INTO views.num_settings (id, n) VALUES (1, 5)", "UPDATE views.num_settings SET n = 5 WHERE id = 1",
	"DELETE FROM views.num_settings WHERE id = 1", "UPDATE integration_defaults.project_integrations SET active = false WHERE project_id = '1' AND integration = 'chat'")
{
	is(error_of($node, 'postgres', $write, @reader), '42501', "rights on a view are none on what it writes: $write");
}
is($node->safe_psql('postgres', $everything), $before, 'nothing has changed');
is( $node->safe_psql('postgres', "INSERT INTO views.num_settings (id, n) VALUES (1, 5) RETURNING id, n, active, inherited, locked", extra_params => \@writer),
	'1|5|t|f|{}', 'who has them writes through it');
is( $node->safe_psql('postgres', view("write_typed('num', 's', 'n')", @columns) . "UPDATE v SET s = 'mine', n = 6 RETURNING id, s, n", extra_params => \@writer),
	"1|mine|6", 'and through a view of his own');
is( $node->safe_psql('postgres', "SELECT settings FROM integration_defaults.project_settings WHERE integration = 'num'"),
	'{"n": 6, "s": "mine"}', 'what he may write anyway');

# ---- operators of somebody's ------------------------------------------------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA planted AUTHORIZATION planter;
SET ROLE planter;
DO $$
DECLARE planted record;
BEGIN
    FOR planted IN SELECT * FROM
        unnest(ARRAY['<', '<=', '=', '>=', '>', '<>', '->', '->>', '-', '!~~']) operator,
        unnest(ARRAY['numeric', 'bigint', 'integer', 'text', 'jsonb', 'boolean', 'name', 'varchar']) a,
        unnest(ARRAY['numeric', 'bigint', 'integer', 'text', 'jsonb', 'boolean', 'name', 'varchar']) b
    LOOP
        EXECUTE format('CREATE FUNCTION planted.run(a %s, b %s, text DEFAULT %L) RETURNS boolean LANGUAGE plpgsql AS
            $f$ BEGIN RAISE WARNING ''planted code runs''; RETURN true; END $f$', planted.a, planted.b, planted.operator);
        EXECUTE format('CREATE FUNCTION planted.%I(a %s, b %s) RETURNS boolean LANGUAGE plpgsql AS
            $f$ BEGIN RAISE WARNING ''planted code runs''; RETURN true; END $f$', 'op ' || planted.operator, planted.a, planted.b);
        EXECUTE format('CREATE OPERATOR planted.%s (LEFTARG = %s, RIGHTARG = %s, PROCEDURE = planted.%I)', planted.operator,
            planted.a, planted.b, 'op ' || planted.operator);
        EXECUTE format('DROP FUNCTION planted.run(%s, %s, text)', planted.a, planted.b);
    END LOOP;
END $$;
CREATE FUNCTION planted.jsonb_typeof(jsonb) RETURNS text LANGUAGE sql AS $$ SELECT 'planted' $$;
CREATE FUNCTION planted.trim_scale(numeric) RETURNS numeric LANGUAGE sql AS $$ SELECT 666 $$;
RESET ROLE;
GRANT USAGE ON SCHEMA planted TO PUBLIC;
SELECT integration_defaults.set_default('num', '{"n": 5, "s": "x", "j": [1], "b": true, "f": 1.5}');
SQL
foreach my $path ('views, planted', 'views, pg_catalog, planted', 'views, planted, pg_catalog')
{
	my ($out, $err) = ('', '');
	$node->psql('postgres', <<"SQL", stdout => \$out, stderr => \$err);
SET search_path = $path;
SELECT integration_defaults.create_view('num', 'made');
SELECT n, s, j, b, f, active, inherited, source_level, locked FROM views.made WHERE id OPERATOR(pg_catalog.=) 2;
UPDATE views.made SET n = 7, f = 2.5 WHERE id OPERATOR(pg_catalog.=) 2 RETURNING n, f, inherited;
DELETE FROM views.made WHERE id OPERATOR(pg_catalog.=) 2;
SET search_path = pg_catalog;
SELECT regexp_matches(pg_get_viewdef('views.made'), '.{0,40}planted.{0,40}');
DROP VIEW views.made;
SQL
	is("$out$err", "made\n5|x|[1]|t|1.5|t|t|instance|{}\n7|2.5|f", "nothing planted is in a typed view, or runs: $path");
}

# ---- an encoding that has no lines to draw ------------------------------------------------------------------------------

my $tree = q{SELECT integration_defaults.tree('chat', whole => true)};
like($node->safe_psql('postgres', "SET client_encoding = UTF8; $tree"), qr/^\xe2\x94\x9c\xe2\x94\x80\xe2\x94\x80 group /m, 'UTF8 has them');
foreach my $encoding (qw(latin1 sql_ascii euc_jp))
{
	$node->safe_psql('postgres', "CREATE DATABASE in_$encoding ENCODING '$encoding' TEMPLATE template0 LOCALE 'C'");
	$node->safe_psql("in_$encoding", q{
CREATE EXTENSION integration_defaults;
SELECT integration_defaults.register_integration('chat'), integration_defaults.add_group(1), integration_defaults.add_group(2, 1),
	integration_defaults.add_group(3, 2), integration_defaults.add_group(4, 1), integration_defaults.set_default('chat', '{}', 2)});
	my $drawn = $node->safe_psql("in_$encoding", "SET client_encoding = UTF8; $tree");
	is($drawn, <<'TREE' =~ s/\n\z//r, $encoding);
instance: not configured
`-- group 1: not configured
    |-- group 2: sets no fields; active
    |   `-- group 3: inherits from group 2; active
    `-- group 4: not configured
in all: 4 groups, 1 with settings or locks; 0 projects, 0 with settings of their own
TREE
}

# ---- and the server is as it was ----------------------------------------------------------------------------------------

unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP/, 'no process of the server went down');
done_testing();
