# Whatever is given: a call comes to its end, is refused for a limit, or can be cancelled; and its backend stays small.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $most_memory = 200 * 1024;    # kB

my $node = new_node('bounds', conf => "shared_buffers = 8MB\n");
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION integration_defaults;
CREATE ROLE nobody;
GRANT USAGE ON SCHEMA integration_defaults TO nobody;
SQL

my $raised = join ' ', map { "SET integration_defaults.$_;" } 'max_schema_size = 2000000', 'max_settings_size = 2000000',
	'max_pattern_size = 2000000000', 'max_check_steps = 2000000000';

# Runs statements in a session of their own, and gives what was printed, the SQLSTATE of the first error (or 'done'), its
# message, and the backend's peak of memory in kB. What has not ended after a minute is cancelled; if that does not
# help, the test fails.
sub run
{
	my ($sql, %with) = @_;
	my $limit = $with{timeout} // '120s';
	my ($out, $err, $timed_out) = ('', '', 0);
	$node->psql('postgres',
		"SET search_path = integration_defaults; SET statement_timeout = '$limit';\n"
		  . ($with{before} // '')
		  . "\n$sql;\nRESET ROLE; SELECT 'peak ' || (regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\\s*(\\d+)'))[1];",
		stdout => \$out, stderr => \$err, on_error_stop => 0, timeout => 180, timed_out => \$timed_out,
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	my ($peak) = $out =~ /^peak (\d+)$/m;
	my ($state) = $timed_out ? 'not cancelled' : $err =~ /ERROR:  (\w{5}):/ ? $1 : 'done';
	return ($out, $state, $err, $peak // 0);
}

sub ends
{
	my ($name, $expected, $sql, %with) = @_;
	my ($out, $state, $message, $peak) = run($sql, %with);
	like($state, qr/^(?:$expected)$/, "$name: $expected") or diag(substr($message, 0, 2000));
	cmp_ok($peak, '>', 0, "$name: memory is known");
	# what is larger than the limits allow takes more, in proportion
	cmp_ok($peak, '<', $with{large} ? 2 * $most_memory : $most_memory, "$name: memory");
	like($message, $with{says}, "$name: says why") if $with{says};
	return $out;
}

sub register { my ($name, $schema) = @_; return "SELECT register_integration('$name', $schema)"; }
sub property { my ($schema) = @_; return qq('{"properties": {"p": $schema}}'); }
sub names { my ($count) = @_; return "(SELECT jsonb_agg('n' || n) FROM generate_series(1, $count) n)"; }
sub properties { my ($count, $each) = @_; return "(SELECT jsonb_object_agg('n' || n, $each) FROM generate_series(1, $count) n)"; }

# --- patterns

my $nested = 'a';
$nested = "(?:$nested){300,700}" foreach 1 .. 12;
my $pattern = register('pattern', property(qq({"pattern": "$nested"})));
ends('nested repetitions', '54000', $pattern, says => qr/HINT:  A superuser can raise integration_defaults\.max_pattern_size/);
ends('nested repetitions, whatever the limit', '54000', $pattern, before => $raised);
ends('nested repetitions without any rights', '42501', $pattern, before => 'SET ROLE nobody;');
ends('what may match nothing, repeated', '54000', register('pattern', property('{"pattern": "(?:(?:a*){1,100}){1,10}"}')));
ends('what may match nothing, written out', '54000',
	register('pattern', property('{"pattern": "' . ('a?' x 1000) . '"}')));
ends('assertions, repeated', '54000', register('pattern', property('{"pattern": "(?:^|\\\\bc|$){0,20}"}')));
ends('compiling is cancelled', '57014', register('pattern', property('{"pattern": "(?:(?:a*){1,200}){1,10}"}')),
	before => $raised, timeout => '1s');
ends('usual patterns', 'done', register('pattern', property($_)))
  foreach '{"pattern": "^(?=.*\\\\d)(?=.*[a-z])(?=.*[A-Z])(?=.*\\\\W)(?!.*\\\\s).{8,255}$"}', '{"pattern": "^.{1,2000}$"}',
  '{"pattern": "^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\\\.){1,10}[a-z]{2,63}$"}';
ends('a pattern as a value', 'done', register('regex', property('{"format": "regex"}')) . ';'
	  . "SELECT set_default('regex', '{\"p\": \"$nested\"}'); SELECT set_default('regex', jsonb_build_object('p', repeat('.', 1000000)))");
my $divided = register('divided', property('{"pattern": "^(a*)(a*)(a*)(a*)(a*)(a*)\\\\1b$"}'));
ends('ways to divide a text', '54000', "$divided; SELECT set_default('divided', jsonb_build_object('p', repeat('a', 500)))",
	says => qr/max_check_steps/);

# --- schemas that are large

ends('a large schema', '54000', register('large', "jsonb_build_object('title', repeat('x', 600000))"),
	says => qr/HINT:  A superuser can raise integration_defaults\.max_schema_size/);
ends('a large schema without any rights', '42501', register('large', "jsonb_build_object('title', repeat('x', 600000))"),
	before => 'SET ROLE nobody;');
ends('the catalogue without any rights', '42501', "SELECT load_catalog()", before => 'SET ROLE nobody;');
ends('many names in x-atomic', 'done',
	register('atomic', "jsonb_build_object('properties', @{[properties(80000, q('{}'::jsonb))]}, 'x-atomic', jsonb_build_array(@{[names(80000)]}))"),
	before => $raised, large => 1);
ends('many groups in x-atomic', 'done',
	register('pairs', "jsonb_build_object('properties', @{[properties(10000, 'true')]}, 'x-atomic', "
		  . "(SELECT jsonb_agg(jsonb_build_array('n' || n, 'n' || n + 5000)) FROM generate_series(1, 5000) n))")
	  . "; SELECT set_default('pairs', @{[properties(10000, 'n')]}); SELECT override_fields('pairs', @{[properties(5000, '0')]});"
	  . "SELECT lock_fields('pairs', array_agg('n' || n)) FROM generate_series(1, 10000) n;"
	  . "SELECT unlock_fields('pairs', array_agg('n' || n)) FROM generate_series(1, 5000) n", before => $raised);
ends('many required names', 'done', register('required', "jsonb_build_object('required', @{[names(80000)]})"), before => $raised);
my $refused = ends('many violations', '23514', "SELECT set_default('required', '{}')", before => $raised,
	says => qr/n10010"\n(?:.*\n)*and 79980 more/);
ends('many violations at once', '23514', "SELECT set_default('required', '{}')", before => $raised);
ends('a malformed schema with many problems', '22023', register('problems', properties(20000, '0')), says => qr/and 19980 more/);
ends('many properties with a long way of references', 'done',
	register('chain', "jsonb_build_object('definitions', (SELECT jsonb_object_agg('d' || n, jsonb_build_object('\$ref', '#/definitions/d' || n + 1)) "
		  . "FROM generate_series(1, 2000) n) || '{\"d2001\": {\"type\": \"integer\"}}', 'properties', "
		  . "@{[properties(5000, q(jsonb_build_object('$ref', '#/definitions/d1')))]})"));
ends('settings for them', 'done', "SELECT set_default('chain', @{[properties(5000, 'n')]})");
ends('many properties that share what may be secret', 'done',
	register('shared', "jsonb_build_object('definitions', jsonb_build_object('all', jsonb_build_object('items', "
		  . "(SELECT jsonb_agg(jsonb_build_object('minLength', n)) FROM generate_series(1, 5000) n))), "
		  . "'properties', @{[properties(5000, q(jsonb_build_object('$ref', '#/definitions/all')))]})"));
ends('many anchors', 'done',
	register('anchors', "jsonb_build_object('definitions', @{[properties(8000, q(jsonb_build_object('$id', '#a' || n)))]}, "
		  . "'properties', @{[properties(8000, q(jsonb_build_object('$ref', '#a' || n)))]})"), before => $raised);
ends('many schemas without a word', 'done', register('anything', "jsonb_build_object('properties', jsonb_build_object('p', "
	  . "jsonb_build_object('allOf', (SELECT jsonb_agg(n % 2 = 0) FROM generate_series(1, 120000) n))))"));
ends('deep schemas', '54001|done',
	register('deep', "(repeat('{\"not\": ', 5000) || 'true' || repeat('}', 5000))::jsonb"));

# --- schemas that are applied again and again

sub doubling
{
	my ($keyword, $leaf) = @_;
	return join ', ', qq("d0": $leaf), map { my $n = $_ - 1; qq("d$_": {"$keyword": [{"\$ref": "#/definitions/d$n"}, {"\$ref": "#/definitions/d$n"}]}) } 1 .. 40;
}
foreach my $keyword (qw(allOf anyOf oneOf))
{
	my $definitions = doubling($keyword, '{"type": "integer"}');
	ends("$keyword doubles", '54000',
		register($keyword, qq('{"definitions": {$definitions}, "properties": {"p": {"\$ref": "#/definitions/d40"}}}'))
		  . qq(; SELECT set_default('$keyword', '{"p": "text"}')), says => qr/max_check_steps/);
	my $default = $keyword eq 'allOf' ? '1' : '"text"';
	ends("$keyword doubles in a default", '54000',
		register($keyword, qq('{"definitions": {$definitions}, "properties": {"p": {"default": $default, "\$ref": "#/definitions/d40"}}}')));
	# What is found is bounded by max_check_steps only, which is raised here: what it takes grows with the time.
	ends("$keyword doubles, and is cancelled", '57014', qq(SELECT validate_settings('$keyword', '{"p": "text"}')),
		before => $raised, timeout => '100ms');
}
my $root = doubling('allOf', '{"properties": {"p": {"type": "integer"}}}');
ends('allOf doubles at the root', '54000',
	register('root', qq('{"definitions": {$root}, "\$ref": "#/definitions/d40"}')) . qq(; SELECT set_default('root', '{"p": 1}')));

# --- settings that are large

ends('large settings', '54000', register('free', q('{}')) . "; SELECT set_default('free', jsonb_build_object('p', repeat('x', 1100000)))",
	says => qr/HINT:  A superuser can raise integration_defaults\.max_settings_size/);
sub unknown_keys
{
	my ($count) = @_;
	return "SELECT set_default('free', @{[properties($count, 'n')]}); SELECT resolve('free'); SELECT explain('free');"
	  . "SELECT override_fields('free', @{[properties($count, '-n')]})";
}
ends('as many keys that the schema does not know as the limit allows', 'done', unknown_keys(40000));
ends('more of them', 'done', unknown_keys(80000), before => $raised, large => 1);
ends('they may become fewer', 'done', "SELECT set_active('free', false); SELECT set_default('free', @{[properties(70000, 'n')]})");
ends('but not more', '54000', "SELECT override_fields('free', '{\"more\": 1}')");
ends('many locks', '54000|22023|done', "UPDATE instance_settings SET locked = (SELECT array_agg('n' || n) FROM generate_series(1, 80000) n) WHERE integration = 'free'",
	before => $raised);
ends('the same lock many times', 'done',
	"UPDATE instance_settings SET locked = array_fill('*'::text, '{100000}') WHERE integration = 'free'; SELECT resolve('free')", before => $raised);
ends('many choices', 'done',
	register('enum', "jsonb_build_object('properties', jsonb_build_object('p', jsonb_build_object('items', jsonb_build_object('enum', @{[names(20000)]}))))")
	  . "; SELECT set_default('enum', jsonb_build_object('p', @{[names(20000)]}))");
ends('none of many choices', '23514', "SELECT set_default('enum', jsonb_build_object('p', (SELECT jsonb_agg(n) FROM generate_series(1, 5000) n)))",
	says => qr/and 4980 more/);
ends('elements that are unique', 'done',
	register('unique', property('{"uniqueItems": true}')) . "; SELECT set_default('unique', jsonb_build_object('p', @{[names(50000)]}))");
ends('many patterns for many keys', '54000',
	register('patterns', "jsonb_build_object('patternProperties', @{[properties(2000, 'true')]})")
	  . "; SELECT set_default('patterns', @{[properties(5000, 'n')]})");
ends('dependencies', 'done',
	register('dependencies', "jsonb_build_object('dependencies', @{[properties(5000, q(jsonb_build_array('n' || n % 100)))]})")
	  . "; SELECT set_default('dependencies', @{[properties(5000, 'n')]} || '{\"n0\": 1}')");
ends('deep settings', '54001|done',
	register('tree', q('{"definitions": {"tree": {"items": {"$ref": "#/definitions/tree"}}}, "properties": {"p": {"$ref": "#/definitions/tree"}}}'))
	  . "; SELECT set_default('tree', ('{\"p\": ' || repeat('[', 4000) || repeat(']', 4000) || '}')::jsonb)");
ends('a long key in many violations', '23514|54000',
	register('none', property('{"items": {"type": "null"}}')) . "; SELECT register_integration('none', '{\"additionalProperties\": {\"items\": {\"type\": \"null\"}}}');"
	  . "SELECT set_default('none', jsonb_build_object(repeat('k', 500000), (SELECT jsonb_agg(n) FROM generate_series(1, 30000) n)))");

# --- statements

$node->safe_psql('postgres', q{SELECT integration_defaults.reset_default('free')});

ends('many calls in one statement, where the tables were empty', 'done',
	"VACUUM groups, projects, group_settings, project_settings; SELECT count(*) FROM (SELECT add_group(n) FROM generate_series(1, 10000) n) x;"
	  . "SELECT count(*) FROM (SELECT add_project(n, n) FROM generate_series(1, 10000) n) x;"
	  . "SELECT count(*) FROM (SELECT set_custom('free', n, '{}') FROM generate_series(1, 10000) n) x;"
	  . "SELECT count(*) FROM (SELECT set_default('free', '{}', group_id => n) FROM generate_series(1, 10000) n) x;"
	  . "SELECT count(*) FROM (SELECT override_fields('free', '{\"k\": 1}', n) FROM generate_series(1, 10000) n) x", timeout => '150s');
my $plans = ends('their plans', 'done',
	"BEGIN; DELETE FROM project_settings; DELETE FROM group_settings; COMMIT; VACUUM project_settings; SELECT pg_stat_reset();"
	  . "SELECT count(*) FROM (SELECT set_custom('free', n, '{}') FROM generate_series(1, 1000) n) x; SELECT pg_stat_force_next_flush();"
	  . "SELECT 'scans ' || seq_scan FROM pg_stat_user_tables WHERE relid = 'project_settings'::regclass");
my ($scans) = $plans =~ /^scans (\d+)$/m;
cmp_ok($scans // 9999, '<', 10, 'a table that was empty is not scanned again and again');

ends('a large default that many projects inherit', 'done',
	"DELETE FROM project_settings; DELETE FROM group_settings; DELETE FROM projects WHERE id::text::int > 200; SELECT use_default('free', 1);"
	  . "SELECT set_default('free', @{[properties(40000, 'n')]}); SELECT override_fields('free', '{\"own\": 1}', n) FROM generate_series(1, 100) n;"
	  . "SELECT materialize('free'); SELECT set_default('free', @{[properties(40000, 'n + 1')]}); SELECT set_custom('free', 150, '{}')");

$node->stop;
done_testing;
