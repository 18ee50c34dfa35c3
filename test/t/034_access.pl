# What was given to roles: it comes back from a dump by name, under another owner and on another server too, and nobody gets
# what another role had; sessions hear of changes with their next statement, a standby's too.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('access', allows_streaming => 1);
my $I = 'integration_defaults';
my $access = "SELECT role, access, group_id FROM $I.access ORDER BY 2, 1";
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE anna LOGIN; CREATE ROLE berta LOGIN; CREATE ROLE worker LOGIN; CREATE ROLE lead LOGIN; CREATE ROLE "Who ""else"" ?" LOGIN;
CREATE ROLE gone LOGIN; CREATE ROLE again LOGIN; CREATE ROLE "42" LOGIN;
CREATE DATABASE hers OWNER anna;
CREATE DATABASE copy OWNER berta;
SQL
$node->safe_psql('hers', <<'SQL', extra_params => [ '-U', 'anna' ]);
CREATE EXTENSION integration_defaults;
SET search_path = integration_defaults;
SELECT register_integration('chat'), add_group(1), add_project(1, 1), set_default('chat', '{"url": "u"}');
SELECT grant_access('worker', 'use'), grant_access('lead', 'write', 1), grant_access('lead', 'admin', 1), grant_access('Who "else" ?', 'read'),
    grant_access('gone', 'read'), grant_access('again', 'admin'), grant_access('42', 'use');
INSERT INTO access VALUES ('not here', 'use');
SQL
$node->safe_psql('hers', 'DROP OWNED BY gone, again; DROP ROLE gone; DROP ROLE again; CREATE ROLE again LOGIN; ALTER ROLE worker RENAME TO labourer; CREATE ROLE worker LOGIN');
sub sorted { return join "\n", sort split /\n/, $_[0] }
is(sorted($node->safe_psql('hers', $access)), sorted(join "\n", 'again|admin|', 'lead|admin|1', 'Who "else" ?|read|', 'gone|read|', '42|use|', 'labourer|use|', 'not here|use|', 'lead|write|1'),
	'what the table says: a new name, and the names that those had who are gone');
is(error_of($node, 'hers', "SELECT $I.resolve('chat', 1)", '-U', $_), '42501', "$_ is another role than the one that had access") foreach qw(again worker);
my $folder = $node->basedir;
my $came_back = join "\n", 'lead|admin|1', 'Who "else" ?|read|', '42|use|', 'labourer|use|', 'not here|use|', 'lead|write|1';

succeeds($node, [ 'pg_dump', '-U', 'anna', '-Fc', '-f', "$folder/dump", 'hers' ], 'dumped by a plain owner');
succeeds($node, [ 'pg_restore', '-U', 'berta', '--no-owner', '--exit-on-error', '-d', 'copy', "$folder/dump" ], 'restored by another one');
is(sorted($node->safe_psql('copy', $access)), sorted($came_back), 'what was given has come back, but for those who are gone');
is($node->safe_psql('copy', "SELECT $I.active_settings('chat', 1)", extra_params => [ '-U', 'labourer' ]), '{"url": "u"}', 'and with it what it gives');
is(error_of($node, 'copy', "SELECT $I.resolve('chat', 1)", '-U', $_), '42501', "and $_ has nothing there") foreach qw(again worker);
is(error_of($node, 'copy', "SELECT $I.set_custom('chat', 1, '{}')", '-U', 'lead'), 'none', 'on its group, too');
is(error_of($node, 'copy', "SELECT $I.set_default('chat', '{}')", '-U', 'lead'), '42501', 'and there only');
is($node->safe_psql('copy', q{SELECT DISTINCT acl.grantor::regrole FROM pg_namespace, aclexplode(nspacl) acl WHERE nspname = 'integration_defaults' AND acl.grantee <> nspowner}),
	'berta', 'privileges are given by the new owner');
$node->safe_psql('copy', "SELECT $I.revoke_access('labourer', 'use')", extra_params => [ '-U', 'berta' ]);
is(error_of($node, 'copy', "SELECT $I.resolve('chat', 1)", '-U', 'labourer'), '42501', 'who can take them back');

# Where none of the roles is
my $other = PostgreSQL::Test::Cluster->new('other');
{
	local $ENV{PGUSER} = 'chief';
	$other->init(extra => [ '--encoding=UTF8', '--no-locale', '-U', 'chief' ]);
	$other->start;
	$other->safe_psql('postgres', 'CREATE ROLE berta LOGIN');
	$other->safe_psql('postgres', 'CREATE DATABASE theirs OWNER berta');
	succeeds($other, [ 'pg_restore', '-U', 'berta', '--no-owner', '--no-privileges', '--exit-on-error', '-d', 'theirs', "$folder/dump" ], 'restored where no role is');
	is(sorted($other->safe_psql('theirs', $access)), sorted($came_back), 'the names are kept');
	$other->safe_psql('theirs', "CREATE ROLE labourer LOGIN; GRANT USAGE ON SCHEMA $I TO labourer");
	is(error_of($other, 'theirs', "SELECT $I.resolve('chat', 1)", '-U', 'labourer'), '42501', 'and give nothing, also to a role that comes later');
	$other->safe_psql('theirs', "SELECT $I.grant_access('labourer', 'use')", extra_params => [ '-U', 'berta' ]);
	is($other->safe_psql('theirs', "SELECT count(*) FROM $I.access WHERE role::text = 'labourer'"), '1', 'giving it access takes the place of the name');
	$other->stop;
}

# Sessions that go on
my @sessions = map { $node->background_psql('hers', extra_params => [ '-U', 'labourer' ], on_error_stop => 0) } 1 .. 3;
$sessions[1]->query('BEGIN');
$sessions[2]->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
push @sessions, $standby->background_psql('hers', extra_params => [ '-U', 'labourer' ], on_error_stop => 0);
my $hear = sub {
	my ($what, $expected) = @_;
	$node->wait_for_catchup($standby);
	foreach my $n (0 .. $#sessions)
	{
		my $session = $sessions[$n];
		$session->{stderr} = '';
		my $savepoint = $n == 1 || $n == 2;
		$session->query('SAVEPOINT s') if $savepoint;
		my $answer = $session->query("SELECT $I.active_settings('chat', 1)");
		my $error = $session->{stderr};
		$session->query('ROLLBACK TO s') if $savepoint;
		is($answer . ($error =~ /(has no \w+ access|permission denied for schema)/ ? $1 : ''), $expected, "$what: session $n");
	}
};
$hear->('before', '{"url": "u"}');
$node->safe_psql('hers', "SELECT $I.grant_access('labourer', 'read'), $I.revoke_access('labourer', 'use')");
$hear->('use is taken away', 'has no use access');
$node->safe_psql('hers', "SELECT $I.grant_access('labourer', 'use', 1)");
$hear->('given on its group', '{"url": "u"}');
$node->safe_psql('hers', 'ALTER ROLE labourer SUPERUSER');
$node->safe_psql('hers', "TRUNCATE $I.access");
$hear->('a superuser', '{"url": "u"}');
$node->safe_psql('hers', 'ALTER ROLE labourer NOSUPERUSER');
$hear->('no longer', 'has no read access');
$node->safe_psql('hers', 'GRANT anna TO labourer');
$hear->('a member of the owner', '{"url": "u"}');
$_->quit foreach @sessions;
$standby->stop;
$node->stop;
done_testing();
