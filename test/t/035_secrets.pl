# A server with keys: what is sealed, that nobody finds a secret in clear, that a sealed value fits one place only, and
# what happens when keys change or are not there.
use strict;
use warnings;
use IntegrationDefaults;
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir();
my $key_file = "$folder/keys";
my %keys = map { $_ => encode_base64(join('', map { chr(int rand 256) } 1 .. 32), '') } qw(k1 k2 k3);

sub write_keys
{
	my ($content, $file) = (@_, $key_file);
	unlink $file;
	open my $out, '>', $file or die "$file: $!";
	print $out $content;
	close $out;
	chmod 0600, $file or die "$file: $!";
}

sub lines { join '', map { "$_:$keys{$_}\n" } @_ }

# Reloads the configuration, and waits until a session would know.
sub reload
{
	my ($node) = @_;
	my $before = $node->safe_psql('postgres', 'SELECT pg_conf_load_time()');
	$node->reload;
	$node->poll_query_until('postgres', "SELECT pg_conf_load_time() <> '$before'") or die 'no reload';
}

# ---- the module as the server loads it ------------------------------------------------------------------------------

my $node = new_node('secrets', allows_streaming => 1, conf => "log_min_messages = debug1\nlog_error_verbosity = verbose\nlog_statement = none\nlog_min_error_statement = panic\n");
my $module = $node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION integration_defaults;
CREATE TEMP TABLE maps (line text);
DO $$ BEGIN EXECUTE format('COPY maps FROM %L', '/proc/' || pg_backend_pid() || '/maps'); END $$;
SELECT DISTINCT substring(line from '/.*integration_defaults[.]so$') FROM maps WHERE line LIKE '%integration_defaults.so';
SQL
like($module, qr{^/.*integration_defaults\.so$}, 'the module is found');

write_keys("# the keys\n\n  k1 : $keys{k1}  \n");
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_settings WHERE name = 'integration_defaults.key_file'}), '0',
	'a session that has not loaded the module does not know the setting');
$node->append_conf('postgresql.conf', "integration_defaults.key_file = '$key_file'");
$node->reload;
my ($status, $out, $err) = $node->psql('postgres', q{SELECT count(*) FROM integration_defaults.all_active_settings()});
like($err, qr/WARNING:  setting integration_defaults.key_file has no effect/, 'a setting that does not count is told of');
unlike($err, qr/\Q$key_file\E/, 'and not where the keys would be');

$node->append_conf('postgresql.conf', "shared_preload_libraries = '$module'");
$node->restart;

my $I = 'integration_defaults';
my $schema = q({"properties": {"url": {"type": "string"}, "region": {}, "token": {"type": "string", "minLength": 4, "writeOnly": true},
	"key": {"writeOnly": true}, "alone": {"type": "string", "writeOnly": true}, "room": {}}, "x-atomic": [["url", "token", "key", "region"]]});
$node->safe_psql('postgres', <<"SQL");
SELECT $I.register_integration('hook', '$schema');
SELECT $I.register_integration('other', '$schema');
SELECT $I.add_group('g'), $I.add_project('p', 'g'), $I.add_project('q', 'g'), $I.add_project('r');
SELECT $I.set_default('hook', '{"url": "https://a", "region": {"n": 1.50, "z": ["ä"]}, "token": "hush-token-1", "key": {"k": ["hush-key-1"]}, "alone": "hush-alone-1"}');
SELECT $I.set_default('other', '{"url": "https://a", "token": "hush-token-1"}');
SELECT $I.set_custom('hook', 'p', '{"url": "https://p", "token": "hush-token-2"}');
SELECT $I.materialize('hook');
SQL

sub active { $node->safe_psql('postgres', "SELECT $I.active_settings('hook', '$_[0]')") }
sub token { $node->safe_psql('postgres', "SELECT $I.active_settings('hook', '$_[0]') ->> 'token'") }

is(token('p'), 'hush-token-2', 'the worker has the secret');
is(token('q'), 'hush-token-1', 'and what is inherited');
like(active('q'), qr/"key": \{"k": \["hush-key-1"\]\}/, 'of any type');
is($node->safe_psql('postgres', "SELECT count(*) FROM $I.all_active_settings('q') WHERE settings ->> 'token' = 'hush-token-1'"),
	'2', 'of all types at once');
is($node->safe_psql('postgres', "SELECT settings ->> 'token' = $I.mask('hook', 'token', '\"hush-token-1\"') FROM $I.resolve('other', 'q')"),
	't', 'masks are equal where secrets are');

# ---- nobody finds a secret -----------------------------------------------------------------------------------------

my @surfaces = split /\n/, $node->safe_psql('postgres', <<"SQL");
SELECT 'resolve', r FROM $I.resolve('hook', 'p') r;
SELECT 'explain', r FROM $I.explain('hook', 'p') r;
SELECT 'view', r FROM $I.project_integrations r;
SELECT 'materialized', r FROM $I.effective_settings r;
SELECT 'tables', r FROM $I.instance_settings r;
SELECT 'tables', r FROM $I.project_settings r;
ANALYZE;
SELECT 'statistics', s FROM pg_stats s WHERE schemaname = '$I';
SQL
cmp_ok(scalar @surfaces, '>', 20, 'there is something to look at');
is(join("\n", grep { /hush/ } @surfaces), '', 'no answer but the worker\'s has a secret');
is(differences($node, 'postgres'), '', 'effective_settings is what the view shows');

foreach my $wrong (
	q{SELECT integration_defaults.set_default('hook', '{"token": "hush-wrong"}'::jsonb || '{"token": 5, "key": "hush-wrong"}')},
	q{SELECT integration_defaults.set_default('hook', '{"hush-wrong": 1, "token": "hus"}')},
	q{UPDATE integration_defaults.project_settings SET settings = NULL},
	q{UPDATE integration_defaults.project_settings SET settings = settings || '{"url": "https://evil"}'},
	q{SELECT integration_defaults.override_fields('hook', '{"token": "(secret 0123456789abcdef)"}', 'p')},
	q{SELECT integration_defaults.set_custom('hook', 'nobody', '{"token": "hush-wrong"}')})
{
	my ($code, $answer, $error) = $node->psql('postgres', $wrong, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	isnt($code, 0, 'refused');
	unlike($error =~ s/^LINE 1:.*\n.*\n//mr, qr/hush-(?!wrong": 1)/, 'and the error does not have the secret');
}
$node->safe_psql('postgres', 'CHECKPOINT; SELECT pg_switch_wal()');

sub found_in_files
{
	my ($where) = @_;
	my @found;
	open my $grep, '-|', 'grep', '-rlaE', 'hush-(token|key|alone)', $where or die $!;
	chomp(@found = <$grep>);
	close $grep;
	return join ' ', @found;
}
is(found_in_files($node->data_dir), '', 'no file of the server has a secret: tables, WAL, temporary files');
my ($first) = glob $node->data_dir . '/pg_wal/0000*';
my $wal = `pg_waldump -p @{[$node->data_dir]}/pg_wal $first 2>/dev/null | head -1000`;
unlike($wal, qr/hush-/, 'nor does what pg_waldump shows of it');
my $log = slurp_file($node->logfile);
cmp_ok(length $log, '>', 1000, 'there is a log');
is(join("\n", grep { /hush-/ } split /\n/, $log), '', 'nor does the log, where it does not have the statements that a client sends');
my $dump = dump_of($node, 'postgres');
like($dump, qr/\$sealed/, 'a dump has what is sealed');
unlike($dump, qr/hush-/, 'and no secret');
unlike($dump, qr/\Q$keys{k1}\E/, 'nor a key');

# ---- a sealed value fits one place --------------------------------------------------------------------------------

# Every place that it could be written to behind our back, and where it opens.
$node->safe_psql('postgres', <<"SQL");
CREATE TABLE moved AS SELECT settings -> 'token' AS value FROM $I.instance_settings WHERE integration = 'hook';
CREATE FUNCTION opens(type text, scope text, field text, around jsonb) RETURNS boolean LANGUAGE plpgsql AS \$\$
BEGIN
	SET LOCAL session_replication_role = replica;
	DELETE FROM $I.project_settings WHERE project_id = scope;
	INSERT INTO $I.project_settings (project_id, integration, custom, active, settings)
		SELECT scope, type, true, true, around || jsonb_build_object(field, value) FROM moved;
	SET LOCAL session_replication_role = origin;
	RETURN $I.active_settings(type, scope)::text LIKE '%hush' || '-token-1%'; -- in no file of the server
EXCEPTION WHEN object_not_in_prerequisite_state THEN
	RETURN false;
END \$\$;
SQL
my $right = q({"url": "https://a", "region": {"z": ["\u00e4"], "n": 1.5}});
my %opens;
foreach my $type ('hook', 'other')
{
	foreach my $field ('token', 'key', 'alone', 'room', 'url')
	{
		foreach my $around ($right, '{"url": "https://a"}', '{"url": "https://evil", "region": {"n": 1.50, "z": ["ä"]}}', '{}',
			'{"url": "https://a", "region": null}', '{"url": "https://a ", "region": {"n": 1.5, "z": ["ä"]}}')
		{
			foreach my $scope ('p', 'r')
			{
				my $does = $node->safe_psql('postgres', "BEGIN; SELECT opens('$type', '$scope', '$field', \$j\$$around\$j\$); ROLLBACK");
				$opens{"$type $field $around"}{$does}++;
			}
		}
	}
}
is_deeply([ sort grep { $opens{$_}{t} } keys %opens ], ["hook token $right"], 'it opens as the field that it was, beside the same values');
is($opens{"hook token $right"}{t}, 2, 'on any scope');
is(scalar keys %opens, 60, 'of 60 places');

# What does not open is masked, is an error for the worker, and stays as it is.
$node->safe_psql('postgres', <<"SQL");
SET session_replication_role = replica;
UPDATE $I.instance_settings SET settings = settings || '{"url": "https://evil"}' WHERE integration = 'hook';
SQL
is($node->safe_psql('postgres', "SELECT settings ->> 'token' FROM $I.resolve('hook', 'q')"), '(secret)', 'a mask that is not sure is not shown');
($status, $out, $err) = $node->psql('postgres', "SELECT $I.active_settings('hook', 'q')");
like($err, qr/secret "(key|token)" of integration "hook" can't be opened.*"region", "url"/s, 'and the worker is told');
unlike($err, qr/hush|evil/, 'without a value');
($status, $out, $err) = $node->psql('postgres', "SELECT $I.seal_secrets()");
like($err, qr/WARNING:  secret "token" of integration "hook" for the instance can't be opened and stays as it is/, 'seal_secrets() tells of it, too');
is($out, '0', 'and leaves it');
$node->safe_psql('postgres', <<"SQL");
SET session_replication_role = replica;
UPDATE $I.instance_settings SET settings = settings || '{"url": "https://a"}' WHERE integration = 'hook';
SQL
is(token('q'), 'hush-token-1', 'put back, it opens');

# ---- types change -------------------------------------------------------------------------------------------------

is($node->safe_psql('postgres', <<"SQL"), "hush-alone-1\nhush-token-1\n[\"room\"]", 'a renamed type has its secrets, bound to the groups of a new schema');
BEGIN;
UPDATE $I.integrations SET name = 'hooked' WHERE name = 'hook';
SELECT $I.active_settings('hooked', 'q') ->> 'alone';
UPDATE $I.integrations SET schema = jsonb_set(schema, '{x-atomic}', '[["token", "room"]]') WHERE name = 'hooked';
SELECT $I.active_settings('hooked', 'q') ->> 'token';
SELECT settings -> 'token' -> 'bound' FROM $I.instance_settings WHERE integration = 'hooked';
ROLLBACK;
SQL
is($node->safe_psql('postgres', <<"SQL"), "\nt|hush-room", 'a field that becomes a secret is sealed');
BEGIN;
SELECT $I.override_fields('hook', '{"room": "hush-room"}', 'q');
UPDATE $I.integrations SET schema = jsonb_set(schema, '{properties,room}', '{"writeOnly": true}') WHERE name = 'hook';
SELECT settings -> 'room' ? '\$sealed', $I.active_settings('hook', 'q') ->> 'room' FROM $I.project_settings WHERE project_id = 'q';
ROLLBACK;
SQL

# ---- what a schema says of what nobody can see ---------------------------------------------------------------------

# the answers that depend on the token are unknown, and no violation; those that do not are as ever
$node->safe_psql('postgres', <<"SQL");
SELECT $I.register_integration('unseen', '{"properties": {"token": {"writeOnly": true}, "mode": {}},
	"if": {"required": ["token"], "properties": {"token": {"const": "old-token"}}}, "then": {"required": ["mode"]}, "else": {"properties": {"mode": false}},
	"not": {"required": ["token"], "properties": {"token": {"const": "not-token"}}},
	"oneOf": [{"required": ["mode"], "properties": {"token": {"const": "old-token"}}}, {"properties": {"token": {"minLength": 4}, "mode": false}}]}');
SQL
my $unseen = sub { $node->safe_psql('postgres', "SELECT violation FROM $I.invalid_settings('unseen') ORDER BY 1") };
is(error_of($node, 'postgres', "SELECT $I.set_default('unseen', '$_')"), '23514', "refused in clear: $_")
  foreach '{"token": "old-token"}', '{"token": "hush-new", "mode": 2}', '{"token": "not-token"}';
foreach my $fits ('{"token": "hush-new"}', '{"token": "old-token", "mode": 2}')
{
	$node->safe_psql('postgres', "SELECT $I.set_default('unseen', '$fits')");
	is($unseen->(), '', "fits when it is sealed, too: $fits");
	$node->safe_psql('postgres', "SELECT $I.set_custom('unseen', 'q', '$fits'), $I.set_active('unseen', false, 'q'), $I.set_active('unseen', true, 'q'), $I.use_default('unseen', 'q')");
}
$node->safe_psql('postgres', <<"SQL");
SELECT $I.register_integration('unseen', '{"properties": {"token": {"writeOnly": true}, "mode": {}},
	"if": {"required": ["token"], "properties": {"mode": {"const": 2}}}, "then": {"required": ["room"]}}', force => true);
SQL
like($unseen->(), qr/room/, 'a condition that does not depend on it');
$node->safe_psql('postgres', <<"SQL");
SELECT $I.register_integration('unseen', '{"properties": {"token": {"writeOnly": true}, "mode": {}}, "not": {"required": ["token"]},
	"if": {"properties": {"token": {"const": "old-token"}}}, "then": {"required": ["a"]}, "else": {"required": ["b"]}}', force => true);
SQL
like($unseen->(), qr/must not fit.*"a"|"a".*must not fit/s, 'and what fails whatever it is');
$node->safe_psql('postgres', "SELECT $I.reset_default('unseen'), $I.unregister_integration('unseen')");

# ---- other keys ---------------------------------------------------------------------------------------------------

my $session = $node->background_psql('postgres', on_error_stop => 0);
my $ask = "SELECT $I.active_settings('hook', 'q') ->> 'token'";
is($session->query_safe($ask), 'hush-token-1', 'a session that stays');
my $masks = $node->safe_psql('postgres', "SELECT * FROM $I.project_integrations ORDER BY 1, 2");
my $stamps = $node->safe_psql('postgres', "SELECT integration, updated_at, updated_by FROM $I.instance_settings ORDER BY 1");
write_keys(lines('k2', 'k1'));
reload($node);
is($session->query_safe($ask), 'hush-token-1', 'opens with the old key beside a new one');
is($node->safe_psql('postgres', "SELECT $I.seal_secrets()"), '5', 'all are sealed with the new one');
is($node->safe_psql('postgres', "SELECT $I.seal_secrets()"), '0', 'once');
write_keys(lines('k2'));
reload($node);
is($session->query_safe($ask), 'hush-token-1', 'and the old one may go');
is($node->safe_psql('postgres', "SELECT * FROM $I.project_integrations ORDER BY 1, 2"), $masks, 'masks stay');
is($node->safe_psql('postgres', "SELECT integration, updated_at, updated_by FROM $I.instance_settings ORDER BY 1"), $stamps, 'stamps stay');
is(differences($node, 'postgres'), '', 'and so does effective_settings');
is(token('p'), 'hush-token-2', 'a new session opens, too');

sub status_of_secrets { $node->safe_psql('postgres', "SELECT state, detail FROM $I.status() WHERE subject = 'secrets'") }

is(status_of_secrets(), 'ok|the server has a key, and what is marked as a secret is sealed', 'status: all is well');
write_keys(lines('k3'));
reload($node);
like(status_of_secrets(), qr/^broken\|the key of the masks.*"k2", which is not in the key file.*^broken\|secrets are sealed with keys that are not in the key file: k2$/ms,
	'status names the key that is missing');
($status, $out, $err) = $node->psql('postgres', "SELECT $I.active_settings('hook', 'q')");
like($err, qr/sealed with key "k2", which is not in the key file.*integration_defaults\.key_file/s, 'a key that is wanted is named');
my $answer = $session->query($ask);
unlike($answer // '', qr/hush/, 'also to a session that has opened it before');
$session->quit;
like($node->safe_psql('postgres', "SELECT settings FROM $I.resolve('hook', 'q')"), qr/"token": "\(secret\)"/, 'masked reading works');
is(error_of($node, 'postgres', "SELECT $I.seal_secrets()"), '55000', 'no key is replaced that is not there');
is(error_of($node, 'postgres', "SELECT $I.override_fields('hook', '{\"alone\": \"hush-alone-9\"}', 'q')"), '55000', 'nothing is sealed whose masks would be others');
$node->safe_psql('postgres', "SELECT $I.override_fields('hook', '{\"room\": 1}', 'p')");
is(error_of($node, 'postgres', "UPDATE $I.integrations SET name = 'hooked' WHERE name = 'hook'"), '55000', 'no type is renamed whose secrets would be lost');
is(error_of($node, 'postgres', "UPDATE $I.integrations SET schema = jsonb_set(schema, '{x-atomic}', '[]') WHERE name = 'hook'"), '55000', 'nor are they bound anew');

# ---- files that are no key files ----------------------------------------------------------------------------------

my $secret_text = 'c2VjcmV0IHRleHQgb2YgYSBiYWQgZmlsZQ==';
my $in_data = $node->data_dir . '/keys';
foreach my $bad (
	[ 'no file', sub { unlink $key_file }, qr/It is not there/ ],
	[ 'a folder', sub { unlink $key_file; mkdir $key_file }, qr/It is not a file/ ],
	[ 'a relative name', sub { rmdir $key_file; write_keys(lines('k2')) }, qr/absolute path/, 'keys' ],
	[ 'one in the data directory', sub { write_keys(lines('k2'), $in_data) }, qr/in the data directory/, $in_data ],
	[ 'one that leads there', sub { unlink $key_file; symlink $in_data, $key_file }, qr/in the data directory/ ],
	[ 'one that the group may read', sub { write_keys(lines('k2')); chmod 0640, $key_file }, qr/Others than its owner have rights/ ],
	[ 'one that others may write', sub { chmod 0602, $key_file }, qr/Others than its owner have rights/ ],
	[ 'an empty file', sub { write_keys("# nothing\n\n") }, qr/There is no key in it/ ],
	[ 'a line without an id', sub { write_keys(lines('k2') . "$secret_text\n") }, qr/Line 2 does not begin with the id/ ],
	[ 'an id that is none', sub { write_keys("k 2:$keys{k2}\n") }, qr/Line 1 does not begin with the id/ ],
	[ 'an id that is too long', sub { write_keys(('x' x 64) . ":$keys{k2}\n") }, qr/Line 1 does not begin with the id/ ],
	[ 'a short key', sub { write_keys("k2:$secret_text\n") }, qr/Line 1 does not have the base64 of 32 bytes/ ],
	[ 'no base64', sub { write_keys('k2:' . ('!' x 44) . "\n") }, qr/Line 1 does not have the base64 of 32 bytes/ ],
	[ 'the same id twice', sub { write_keys(lines('k2', 'k2')) }, qr/Line 2 has an id that an earlier line has/ ],
	[ 'too many keys', sub { write_keys(join '', map { "k$_:$keys{k2}\n" } 1 .. 65) }, qr/Line 65 is one key too many/ ],
	[ 'a large file', sub { write_keys('#' x 70000) }, qr/more than 64 kB/ ])
{
	my ($what, $make, $expected, $name) = @$bad;
	$make->();
	$node->safe_psql('postgres', "ALTER SYSTEM SET integration_defaults.key_file = '" . ($name // $key_file) . "'");
	reload($node);
	($status, $out, $err) = $node->psql('postgres', "SELECT $I.set_custom('hook', 'r', '{\"token\": \"hush-token-3\"}')");
	like($err, $expected, "$what: refused, with the reason");
	unlike($err, qr/hush|\Q$secret_text\E|\Q$keys{k2}\E/, 'and nothing of what is in it');
	like($node->safe_psql('postgres', "SELECT settings FROM $I.resolve('hook', 'q')"), qr/"token": "\(secret\)"/, 'masked reading works');
}
unlink $in_data;
unlike(slurp_file($node->logfile), qr/\Q$secret_text\E|\Q$keys{k1}\E|\Q$keys{k2}\E/, 'nor does the log have anything of it');
{
	local $ENV{PGOPTIONS} = '-c integration_defaults.key_file=/tmp/x';
	($status, $out, $err) = $node->psql('postgres', 'SELECT 1');
	like($err, qr/parameter "integration_defaults.key_file" cannot be changed now/, 'nobody gives a key file when he connects');
}
$node->safe_psql('postgres', q{CREATE ROLE anybody LOGIN});
is(error_of($node, 'postgres', 'SHOW integration_defaults.key_file', '-U', 'anybody'), '42501', 'nor is it shown to anybody');

# ---- without a key ------------------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{ALTER SYSTEM SET integration_defaults.key_file = ''});
reload($node);
($status, $out, $err) = $node->psql('postgres', "SELECT $I.set_custom('hook', 'r', '{\"token\": \"hush-token-3\"}')");
like($err, qr/a secret can't be written without a key/, 'what has sealed once writes no secret in clear');
$node->safe_psql('postgres', "SELECT $I.override_fields('hook', '{\"room\": 2}', 'p')");
$node->safe_psql('postgres', "UPDATE $I.project_settings SET settings = settings || '{\"room\": 3}' WHERE project_id = 'p'");
is(error_of($node, 'postgres', "UPDATE $I.project_settings SET settings = settings || '{\"url\": \"https://evil\"}' WHERE project_id = 'p'"), '22000', 'a secret stays with its URL without a key, too');
is(error_of($node, 'postgres', "SELECT $I.active_settings('hook', 'p')"), '55000', 'no secret without a key');
is($node->safe_psql('postgres', "SELECT $I.set_custom('hook', 'r', '{\"room\": 1}'); SELECT $I.active_settings('hook', 'r')"), "\n{\"room\": 1}", 'what has none works as ever');

# ---- dumps and standbys -------------------------------------------------------------------------------------------

write_keys(lines('k1', 'k2'));
$node->safe_psql('postgres', "ALTER SYSTEM SET integration_defaults.key_file = '$key_file'");
reload($node);
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$dump = dump_of($node, 'postgres');
unlike($dump, qr/hush-/, 'a dump has no secret');
my $file = "$folder/dump.sql";
PostgreSQL::Test::Utils::append_to_file($file, $dump);
succeeds($node, [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', 'restored' ], 'it is restored');
same(dump_of($node, 'restored'), $dump, 'and has not changed');
is($node->safe_psql('restored', "SELECT $I.active_settings('hook', 'q') ->> 'token'"), 'hush-token-1', 'with the key it is open again');
is($node->safe_psql('restored', "SELECT $I.mask('hook', 'token', '\"hush-token-1\"') = settings ->> 'token' FROM $I.resolve('hook', 'q')"), 't', 'with the same masks');

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
my $own = "$folder/standby_keys";
write_keys(lines('k2'), $own);
$standby->append_conf('postgresql.auto.conf', "integration_defaults.key_file = '$own'");
$standby->start;
is($standby->safe_psql('postgres', $ask), 'hush-token-1', 'a standby has its own copy of the key');
is($standby->safe_psql('postgres', "SELECT $I.mask('hook', 'token', '\"hush-token-1\"') = settings ->> 'token' FROM $I.resolve('hook', 'q')"), 't', 'and makes masks');
is(found_in_files($standby->data_dir), '', 'and no secret in its files');
$standby->append_conf('postgresql.auto.conf', q{integration_defaults.key_file = ''});
reload($standby);
is(error_of($standby, 'postgres', $ask), '55000', 'without it, it has no secrets');
like($standby->safe_psql('postgres', "SELECT settings FROM $I.resolve('hook', 'q')"), qr/"token": "\(secret\)"/, 'but masks');
$standby->stop;

# ---- a database from before there was a key -------------------------------------------------------------------------

$node->safe_psql('postgres', q{ALTER SYSTEM SET integration_defaults.key_file = ''});
reload($node);
$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->safe_psql('old', <<"SQL");
CREATE EXTENSION integration_defaults;
SELECT $I.register_integration('hook', '$schema');
SELECT $I.add_project('p'), $I.materialize('hook');
SELECT $I.set_default('hook', '{"url": "https://a", "token": "hush-token-4"}');
SELECT $I.set_custom('hook', 'p', '{"url": "https://p", "token": "hush-token-5"}');
SET session_replication_role = replica;
INSERT INTO $I.project_settings (project_id, integration, active, settings) VALUES ('left', 'hook', true, '{"token": "hush-token-6"}');
SQL
like($node->safe_psql('old', "SELECT settings FROM $I.project_settings WHERE project_id = 'p'"), qr/"\$secret": "hush-token-5"/, 'marked');
$node->safe_psql('postgres', "ALTER SYSTEM SET integration_defaults.key_file = '$key_file'");
reload($node);
is($node->safe_psql('old', "SELECT $I.active_settings('hook', 'p') ->> 'token'"), 'hush-token-5', 'opens as it is');
is($node->safe_psql('old', "SELECT $I.seal_secrets()"), '3', 'sealed later');
is($node->safe_psql('old', "SELECT sealed FROM $I.mask_keys"), 't', 'and what made the masks of old is gone');
is(differences($node, 'old'), '', 'effective_settings has followed');
is($node->safe_psql('old', "SELECT $I.active_settings('hook', 'p') ->> 'token'"), 'hush-token-5', 'and opens');
unlike($node->safe_psql('old', "SELECT s FROM $I.project_settings s"), qr/hush/, 'nothing is in clear any more');

# ---- a schema that no longer knows them ---------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE once');
$node->safe_psql('once', <<"SQL");
CREATE EXTENSION integration_defaults;
SELECT $I.add_project('p'), $I.register_integration('once', '{"properties": {"url": {}, "token": {"writeOnly": true}, "pin": {"writeOnly": true}, "room": {}}, "x-atomic": [["url", "token"]]}');
SELECT $I.set_custom('once', 'p', '{"url": "https://1", "token": "hush-token-1", "pin": "hush-pin"}');
SQL
my $closed = q({"properties": {"url": {}, "token": {"maxLength": 3}, "room": {}}, "additionalProperties": false});
my ($refused, undef, $why) = $node->psql('once', "SELECT $I.register_integration('once', '$closed')");
isnt($refused, 0, 'that a field has no place is told without opening it');
like($why, qr{project p: /pin: is not a property of the schema}, 'by its name');
unlike($why, qr/hush|maxLength|token/, 'and nothing else of it, nor of what may fit');
$node->safe_psql('once', "SELECT $I.register_integration('once', '$closed', force => true)");
is($node->safe_psql('once', "SELECT violation FROM $I.invalid_settings('once')"), '/pin: is not a property of the schema', 'it is listed');
sub once { qq(UPDATE $I.project_settings SET settings = '{"url": "https://$_[0]", "token": "$_[1]", "pin": "$_[2]", "room": $_[3]}') }
$node->safe_psql('once', once('1', 'hush-token-1', 'hush-pin', 1));
like($node->safe_psql('once', "SELECT settings FROM $I.project_settings"), qr/"pin": \{"mask".*"room": 1, "token": \{"mask"/,
	'what stays is no change, and stays sealed');
is(error_of($node, 'once', once('1', 'hush-token-2', 'hush-pin', 1)), '23514', 'what changes is checked');
is(error_of($node, 'once', once('1', 'hush-token-1', 'hush-pin-2', 1)), '23514', 'each');
$node->safe_psql('once', once('2', 'hush-token-1', 'hush-pin', 2));
like($node->safe_psql('once', "SELECT settings FROM $I.project_settings"), qr/"token": \{"mask"/, 'it is sealed beside another address');
is($node->safe_psql('once', "SELECT $I.active_settings('once', 'p') ->> 'token'"), 'hush-token-1', 'where it opens');
is($node->safe_psql('once', "SELECT $I.undo((SELECT max(transaction) FROM $I.history))"), '1', 'and that is undone');
is($node->safe_psql('once', "SELECT $I.active_settings('once', 'p')"),
	$node->safe_psql('once', q{SELECT '{"url": "https://1", "token": "hush-token-1", "pin": "hush-pin", "room": 1}'::jsonb}), 'wholly');
unlike($node->safe_psql('once', "SELECT p, c FROM $I.project_settings p, $I.history_changes c"), qr/hush/, 'nothing has come to be in clear');
is(error_of($node, 'once', "SELECT $I.override_fields('once', '{\"token\": \"hush-token-1\"}', 'p')"), '23514', 'what is given is checked');
is(error_of($node, 'once', "SELECT $I.set_custom('once', 'p', settings) FROM $I.resolve('once', 'p')"), '23514', 'also by its mask');
$closed =~ s/, "room": .*additionalProperties.*/, "pin": false}}/;
is(error_of($node, 'once', "SELECT $I.register_integration('once', '$closed')"), '23514', 'where nothing fits, what is sealed does not either');

# ---- what history has of them -------------------------------------------------------------------------------------

my $last = "SELECT max(transaction) FROM $I.history";
my $keys_there = q{SELECT string_agg(DISTINCT convert_from(substring(decode(sealed #>> '{}', 'base64') FROM 3 FOR 2), 'UTF8'), ' ')
	FROM integration_defaults.history_changes, jsonb_path_query(jsonb_build_array(before, after), '$[*].settings.*."$sealed"') sealed};
write_keys(lines(qw(k1 k2 k3)));
reload($node);
$node->safe_psql('old', "SELECT $I.seal_secrets()");
my ($sealing) = split /\n/, $node->safe_psql('old', "SELECT transaction FROM $I.history WHERE operation = 'change' AND scope_id = 'left'");
$node->safe_psql('old', "SELECT $I.set_custom('hook', 'p', '{\"url\": \"https://7\", \"token\": \"hush-token-7\"}')");
my $then = $node->safe_psql('old', 'SELECT clock_timestamp()');
my $mask = $node->safe_psql('old', "SELECT settings ->> 'token' FROM $I.resolve('hook', 'p')");
$node->safe_psql('old', "SELECT $I.set_custom('hook', 'p', '{\"url\": \"https://8\", \"token\": \"hush-token-8\"}')");
my $changed = $node->safe_psql('old', $last);
unlike($node->safe_psql('old', "SELECT c FROM $I.history_changes c"), qr/hush/, 'nothing in clear, from before there was a key neither');
is($node->safe_psql('old', "SELECT settings ->> 'token' FROM $I.resolve_at('$then', 'hook', 'p')"), $mask, 'resolve_at() has masks');
is($node->safe_psql('old', "SELECT after #>> '{settings,token}' FROM $I.history WHERE after #>> '{settings,url}' = 'https://7'"), $mask, 'and the view');
is(error_of($node, 'old', "SELECT $I.undo($sealing)"), '55000', 'what was only marked was not kept');
write_keys(lines(qw(k2 k1 k3)));
reload($node);
my $states = $node->safe_psql('old', "SELECT * FROM $I.history ORDER BY change");
$node->safe_psql('old', "SELECT $I.seal_secrets()");
is($node->safe_psql('old', "SELECT * FROM $I.history ORDER BY change"), $states, 'sealed anew: that is no change');
is($node->safe_psql('old', $keys_there), 'k2', 'and the history needs no other key');
write_keys(lines('k2'));
reload($node);
is($node->safe_psql('old', "SELECT $I.undo($changed)"), '1', 'a sealed secret is put back');
is($node->safe_psql('old', "SELECT $I.active_settings('hook', 'p')"), $node->safe_psql('old', q{SELECT '{"url": "https://7", "token": "hush-token-7"}'::jsonb}), 'with its URL');
$node->safe_psql('old', "SELECT $I.undo(($last))");
like($node->safe_psql('old', "SELECT $I.active_settings('hook', 'p')"), qr/hush-token-8/, 'and that is taken back');
write_keys(lines('k3'));
reload($node);
is(error_of($node, 'old', "SELECT $I.undo(($last))"), '23514', 'not without its key');
is($node->safe_psql('old', "SELECT settings ->> 'token' FROM $I.resolve_at('$then', 'hook', 'p')"), '(secret)', 'of which there is no mask either, as in resolve()');
# what becomes a secret is taken out of what has been noted
write_keys(lines('k2'));
reload($node);
$node->safe_psql('old', "SELECT $I.set_custom('hook', 'p', '{\"region\": \"hush-region\"}'); SELECT $I.set_custom('hook', 'p', '{}')");
like($node->safe_psql('old', "SELECT c FROM $I.history_changes c"), qr/hush-region/, 'no secret yet');
$node->safe_psql('old', "SELECT $I.keep_history(false); UPDATE $I.integrations SET schema = jsonb_set(schema, '{properties,region}', '{\"writeOnly\": true}')");
unlike($node->safe_psql('old', "SELECT c FROM $I.history_changes c"), qr/hush/, 'and then it is');
like($node->safe_psql('old', "SELECT after FROM $I.history"), qr/"region": "\(secret\)"/, 'all that is known of it');

$node->stop;
done_testing();
