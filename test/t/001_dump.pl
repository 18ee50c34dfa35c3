# A dump restored into an empty database gives the same state, the same answers, and the same dump.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('dump');
my $folder = PostgreSQL::Test::Utils::tempdir();

# Dumps a database in each format, restores it, and compares.
sub round_trips
{
	my ($from, $whose, @as) = @_;
	my $dump = dump_of($node, $from, @as);
	my $answers = answers($node, $from, @as);
	cmp_ok(length $answers, '>', 10_000, "$whose: there is something to compare");

	my @formats = (
		[ 'plain', ['-Fp'], sub { [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $_[1], '-d', $_[0] ] } ],
		[ 'custom', ['-Fc'], sub { [ 'pg_restore', '--exit-on-error', '-d', $_[0], $_[1] ] } ],
		[ 'directory', [ '-Fd', '-j2' ], sub { [ 'pg_restore', '--exit-on-error', '-j2', '-d', $_[0], $_[1] ] } ]);
	foreach my $format (@formats)
	{
		my ($name, $options, $restore) = @$format;
		my $to = "${from}_$name";
		my $file = "$folder/$to";
		$node->safe_psql('postgres', "CREATE DATABASE $to" . (@as ? " OWNER $as[1]" : ''));
		$node->command_checks_all([ 'pg_dump', @as, @$options, '-f', $file, '-d', $from ], 0, [qr/^$/], [qr/^$/],
			"$whose, $name: dumped, without a warning");
		my $command = $restore->($to, $file);
		splice(@$command, 1, 0, @as);
		succeeds($node, $command, "$whose, $name: restored") or next;
		same(dump_of($node, $to, @as), $dump, "$whose, $name: the dump of the restored database is the same");
		same(answers($node, $to, @as), $answers, "$whose, $name: so are the answers");
	}

	# The restored database goes on where the first one was: its tables are tracked, its rules hold.
	my $to = "${from}_custom";
	$node->safe_psql($to, <<'SQL', extra_params => \@as);
INSERT INTO app."Namespaces" VALUES ('new', '2', 'Group'), ('left out', NULL, 'User');
INSERT INTO app.projects VALUES (1000, 'new', 'p');
SQL
	is( $node->safe_psql($to, q{SELECT settings ->> 'webhook', source_level, source_id
			FROM integration_defaults.resolve('chat', 1000)}, extra_params => \@as),
		'https://instance|group|2', "$whose: a new project of the restored app inherits");
	is( $node->safe_psql($to, q{SELECT count(*) FROM integration_defaults.groups WHERE id IN ('new', 'left out')},
			extra_params => \@as), '1', "$whose: the filter is still there");
	is( error_of($node, $to, q{SELECT integration_defaults.set_custom('chat', 9, '{"limit": 0, "webhook": "w"}')}, @as),
		'23514', "$whose: the rules hold again");
}

# ---- the superuser's database, with rows that a write would refuse ------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE whole');
make_app($node, 'whole');
is( error_of($node, 'whole', q{INSERT INTO integration_defaults.project_settings (project_id, integration, settings)
		VALUES ('12', 'chat', '{"limit": 0, "gone": 1}')}), '23514', 'a write that breaks the schema is refused');
add_refused_rows($node, 'whole');
is( $node->safe_psql('whole', q{SELECT count(*) FROM integration_defaults.project_settings WHERE project_id IN ('12', '13', '14')}),
	'3', 'rows of a restore are neither refused nor tidied away');
is( $node->safe_psql('whole', q{SELECT settings ->> 'url' FROM integration_defaults.resolve('chat', 13)}),
	'https://a', 'and a lock shadows what they have');
round_trips('whole', 'superuser');

# ---- a plain owner of a database: installs, uses, dumps, restores -------------------------------------------------

$node->safe_psql('postgres', 'CREATE ROLE anna LOGIN; CREATE DATABASE hers OWNER anna');
my @anna = ('-U', 'anna');
make_app($node, 'hers', @anna);
add_refused_rows($node, 'hers', @anna);
is( $node->safe_psql('hers', q{SELECT rolsuper FROM pg_roles WHERE rolname = current_user}, extra_params => \@anna),
	'f', 'anna is no superuser');
is($node->safe_psql('hers', <<'SQL', extra_params => \@anna), '', 'tables, views and the schema are hers, functions and types are not');
SELECT identified.type, identified.identity, owner::regrole
FROM pg_depend d
CROSS JOIN pg_identify_object(d.classid, d.objid, d.objsubid) identified
CROSS JOIN LATERAL (
    SELECT relowner, true FROM pg_class WHERE d.classid = 'pg_class'::regclass AND oid = d.objid
    UNION ALL SELECT nspowner, true FROM pg_namespace WHERE d.classid = 'pg_namespace'::regclass AND oid = d.objid
    UNION ALL SELECT proowner, false FROM pg_proc WHERE d.classid = 'pg_proc'::regclass AND oid = d.objid
    UNION ALL SELECT typowner, typrelid <> 0 OR typelem <> 0 FROM pg_type
        WHERE d.classid = 'pg_type'::regclass AND oid = d.objid AND typrelid = 0 AND typelem = 0
) o (owner, hers)
WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'integration_defaults')
  AND owner <> CASE WHEN hers THEN 'anna'::regrole ELSE 'postgres'::regrole END
SQL
my $her_dump = dump_of($node, 'hers', @anna);
unlike($her_dump, qr/\bpostgres\b/, 'a plain owner\'s dump does not name who installed for her');
unlike($her_dump, qr/^(GRANT|REVOKE|ALTER DEFAULT)/m, 'and grants and revokes nothing');
round_trips('hers', 'plain owner', @anna);

# ---- on another server, where the first superuser has another name, and a plain owner, too ------------------------

{
	my $other = PostgreSQL::Test::Cluster->new('other');
	local $ENV{PGUSER} = 'chief';
	$other->init(extra => [ '--encoding=UTF8', '--no-locale', '-U', 'chief' ]);
	$other->start;
	# anna's rights on her own tables are in her dump: the role that uses them is there, too.
	$other->safe_psql('postgres', 'CREATE ROLE berta LOGIN; CREATE ROLE anna LOGIN; CREATE ROLE app LOGIN; CREATE ROLE carl LOGIN; GRANT berta TO carl');
	$node->safe_psql('postgres', 'CREATE ROLE app LOGIN', extra_params => [ '-U', 'postgres' ]);
	$node->safe_psql('hers', <<'SQL', extra_params => \@anna);
SELECT integration_defaults.grant_access('app', 'use');
GRANT SELECT ON integration_defaults.groups, integration_defaults.projects TO app; -- for answers()
GRANT EXECUTE ON FUNCTION integration_defaults.resolve_all TO app; -- only a warning: the function is not hers
SELECT integration_defaults.materialize('free');
SQL
	my $answers = answers($node, 'hers', @anna);
	my $shown = q{SELECT count(*), count(DISTINCT settings::text) FROM integration_defaults.effective_settings};
	my $rows = $node->safe_psql('hers', $shown, extra_params => \@anna);
	succeeds($node, [ 'pg_dump', @anna, '-Fc', '-f', "$folder/hers", 'hers' ], 'with grants and rows materialized: dumped');
	foreach my $restore (
		[ 'the same owner', 'anna', 'anna', [ '-U', 'anna' ] ],
		[ 'a plain owner of another name', 'berta', 'berta', [ '-U', 'berta', '--no-owner' ] ],
		[ 'a member with --role', 'berta', 'berta', [ '-U', 'carl', '--role=berta', '--no-owner' ] ],
		[ 'a superuser with --role', 'berta', 'berta', [ '-U', 'chief', '--role=berta', '--no-owner' ] ],
		[ 'a superuser as the dump says', 'anna', 'anna', [ '-U', 'chief' ] ])
	{
		my ($who, $database_owner, $owner, $options) = @$restore;
		$other->safe_psql('postgres', "DROP DATABASE IF EXISTS theirs");
		$other->safe_psql('postgres', "CREATE DATABASE theirs OWNER $database_owner");
		succeeds($other, [ 'pg_restore', @$options, '--exit-on-error', '-d', 'theirs', "$folder/hers" ], "$who: restored") or next;
		my @as = ('-U', $owner);
		if ($who =~ /superuser as/)
		{
			# What is ours is the superuser's now, the rest is still hers: no statement of ours touches that.
			is(error_of($other, 'theirs', q{SELECT integration_defaults.set_default('free', '{"after": 0}')}, '-U', 'chief'),
				'55000', "$who: rows materialized in somebody else's table are not followed");
			is(error_of($other, 'theirs', q{INSERT INTO app.projects VALUES (999, '1', 'new')}, '-U', 'chief'),
				'42501', "$who: nor is somebody else's table of projects, without a right to feed ours");
			$other->safe_psql('theirs', 'REASSIGN OWNED BY anna TO chief', extra_params => [ '-U', 'chief' ]);
		}
		same(answers($other, 'theirs', '-U', 'app'), $answers, "$who: the answers are the same, and who could read them can");
		is($other->safe_psql('theirs', $shown, extra_params => [ '-U', 'chief' ]), $rows, "$who: so are the rows materialized");
		is($other->safe_psql('theirs', "SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'integration_defaults'::regnamespace AND relname <> 'effective_settings' AND relkind IN ('r', 'v')"),
			$who =~ /superuser as/ ? 'chief' : $owner, "$who: the tables belong to whoever restored");
		$other->safe_psql('theirs', q{SELECT integration_defaults.set_default('free', '{"after": 1}')}, extra_params => $who =~ /superuser as/ ? [ '-U', 'chief' ] : \@as);
		$other->safe_psql('theirs', q{INSERT INTO app.projects VALUES (1000, '1', 'new')}, extra_params => $who =~ /superuser as/ ? [ '-U', 'chief' ] : \@as);
		is(differences($other, 'theirs', '-U', 'chief'), '', "$who: and go on following");
	}
	$other->stop;
}

# ---- only the data, into a database where the extension is there already ------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE bare');
$node->safe_psql('bare', 'CREATE EXTENSION integration_defaults');
$node->command_checks_all(
	[ 'pg_dump', '-Fc', '-a', '--extension=*', '-n', 'integration_defaults', '-f', "$folder/data", 'whole' ],
	0, [qr/^$/], [qr/^$/], 'the data of the extension alone dumped, without a warning');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-a', '-d', 'bare', "$folder/data" ], 'and restored');
my $resolved = q{SELECT p.id, r.* FROM integration_defaults.projects p, integration_defaults.resolve_all(p.id) r ORDER BY 1, 2};
is($node->safe_psql('bare', $resolved), $node->safe_psql('whole', $resolved), 'its answers are the same');

$node->stop;
done_testing();
