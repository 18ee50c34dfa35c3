# A client of logical decoding on effective_settings: of each change it sees exactly the projects that preview() lists, with
# the values that it shows, whatever the change is.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{SEED} // 4711;
my $rounds = $ENV{ROUNDS} // 60;
my $node = new_node('decoded', allows_streaming => 'logical');
my $I = 'integration_defaults';
$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION integration_defaults;
SELECT $I.register_integration(t, '{"properties": {"a": {}, "b": {}, "token": {"type": "string", "writeOnly": true}}}') FROM unnest('{chat,mail}'::text[]) t;
INSERT INTO $I.groups SELECT 'g' || n, CASE WHEN n > 2 THEN 'g' || n / 2 END FROM generate_series(1, 8) n;
INSERT INTO $I.projects SELECT 'p' || n, CASE WHEN n > 3 THEN 'g' || 1 + n % 8 END FROM generate_series(1, 30) n;
SELECT $I.set_custom('chat', 'p1', '{"token": "the first secret"}'); -- by which masks are made from now on
SELECT $I.materialize('chat'), $I.materialize('mail');
ALTER TABLE $I.effective_settings REPLICA IDENTITY FULL;
CREATE PUBLICATION effective FOR TABLE $I.effective_settings;
SELECT pg_create_logical_replication_slot('captured', 'test_decoding');
-- What a line of test_decoding says of a row: of a DELETE there is only the project and the type.
CREATE FUNCTION public.value(line text, field text) RETURNS text LANGUAGE sql AS \$\$
    SELECT replace(substring(line, '.*\\m' || field || '\\[[a-z]+\\]:''((?:[^'']|'''')*)'''), '''''', '''') \$\$;
SQL

srand $seed;
sub any { return $_[rand @_] }
sub group { return 'g' . (1 + int rand 8) }
sub project { return 'p' . (1 + int rand 30) }
sub type { return any('chat', 'chat', 'mail') }
sub settings { return join ', ', map { my $field = $_; qq("$field": ) . any('1', '2', 'null', '"x"') } grep { rand() < .6 } qw(a b) }
sub with_secret { my $some = settings(); return rand() < .3 ? ($some ? "$some, " : '') . '"token": "t' . int(rand 3) . '"' : $some }
sub at_group { return rand() < .3 ? '' : ", group_id => '" . group() . "'" }
my @changes = (
	sub { sprintf q{SELECT %s.set_default('%s', '{%s}'%s)}, $I, type(), with_secret(), at_group() },
	sub { sprintf q{SELECT %s.override_fields('%s', '{%s}', '%s')}, $I, type(), with_secret(), project() },
	sub { sprintf q{SELECT %s.override_fields('%s', '{%s}', group_id => '%s')}, $I, type(), with_secret(), group() },
	sub { sprintf q{SELECT %s.set_custom('%s', '%s', '{%s}', %s)}, $I, type(), project(), with_secret(), any('true', 'false') },
	sub { sprintf q{SELECT %s.lock_fields('%s', '{%s}'%s)}, $I, type(), any('a', 'b', 'active'), at_group() },
	sub { sprintf q{SELECT %s.unlock_fields('%s', NULL%s)}, $I, type(), at_group() },
	sub { sprintf q{SELECT %s.reset_default('%s'%s)}, $I, type(), at_group() },
	sub { sprintf q{SELECT %s.use_default('%s', '%s')}, $I, type(), project() },
	sub { sprintf q{SELECT %s.reset_below('%s'%s)}, $I, type(), at_group() },
	sub { sprintf q{SELECT %s.move_group('%s', %s)}, $I, group(), any('NULL', "'" . group() . "'") },
	sub { sprintf q{SELECT %s.move_project('%s', %s)}, $I, project(), any('NULL', "'" . group() . "'") },
	sub { sprintf q{SELECT %s.remove_project('%s')}, $I, project() },
	sub { sprintf q{SELECT %s.add_project('%s', '%s')}, $I, project(), group() },
	sub { sprintf q{SELECT %s.allow_integrations('{%s}')}, $I, any('chat,mail', 'chat') },
	sub { my $type = type(); sprintf q{UPDATE %s.project_settings SET active = NOT active WHERE integration = '%s'; DELETE FROM %s.group_settings WHERE group_id = '%s'}, $I, $type, $I, group() },
);

# The projects that a preview lists, as a client of the decoded rows knows them: '-' for a row that goes.
my $listed = <<"SQL";
SELECT concat_ws(' ', scope_id, integration, CASE WHEN after_active IS NULL THEN '-' ELSE concat_ws(' ', after_active, after) END)
FROM $I.preview(%s) WHERE scope_level = 'project' ORDER BY 1
SQL
my $by_client = <<"SQL";
SELECT concat_ws(' ', value(line, 'project_id'), value(line, 'integration'),
    CASE WHEN line ~ ': DELETE:' THEN '-' ELSE concat_ws(' ', substring(new, '\\mactive\\[boolean\\]:(\\w+)')::boolean, value(new, 'settings')::jsonb) END)
FROM (SELECT line, regexp_replace(line, '.* new-tuple: ', '') AS new FROM unnest(%s::text[]) line) lines ORDER BY 1
SQL

# A row that only comes from another scope than before is written, and nobody ends up with anything else.
my $only_source = <<'SQL';
SELECT concat_ws(' ', value(line, 'project_id'), value(line, 'integration')) FROM unnest(%s::text[]) line, regexp_match(line, 'old-key: (.*) new-tuple: (.*)$') parts
WHERE value(parts[1], 'settings') = value(parts[2], 'settings') AND substring(parts[1], '\mactive\[boolean\]:(\w+)') = substring(parts[2], '\mactive\[boolean\]:(\w+)')
    AND concat_ws(' ', value(parts[1], 'source_level'), value(parts[1], 'source_id'), substring(parts[1], '\minherited\[boolean\]:(\w+)'))
        <> concat_ws(' ', value(parts[2], 'source_level'), value(parts[2], 'source_id'), substring(parts[2], '\minherited\[boolean\]:(\w+)'))
SQL

# Each change is previewed and made, in a transaction that says its number; afterwards all of them are decoded.
my (%expected, %statements, @wrong);
foreach my $round (1 .. $rounds)
{
	my $statement = any(@changes)->();
	my ($failed, $list, $error) = $node->psql('postgres', sprintf $listed, '$preview$' . $statement . '$preview$');
	my ($failed_too) = $node->psql('postgres', "BEGIN; $statement; SELECT pg_logical_emit_message(true, 'round', '$round'); COMMIT");
	push @wrong, "$round: preview " . ($failed ? 'fails' : 'does not fail') . ", unlike $statement: $error" if !$failed != !$failed_too;
	($expected{$round}, $statements{$round}) = ($list, $statement) unless $failed_too;
}
my $decoded = $node->pg_recvlogical_upto('postgres', 'captured', $node->safe_psql('postgres', 'SELECT pg_current_wal_lsn()'),
	$PostgreSQL::Test::Utils::timeout_default, 'include-xids' => 0, 'skip-empty-xacts' => 0);
my ($changed, $seen) = (0, 0);
foreach my $transaction (split /^BEGIN\n/m, $decoded)
{
	my ($round) = $transaction =~ /^message: .* prefix: round, .* content:(\d+)$/m or next;
	my @lines = $transaction =~ /^(table integration_defaults\.effective_settings: .*)$/mg;
	my $list = 'ARRAY[' . (join ', ', map { s/'/''/gr =~ s/^(.*)$/'$1'/sr } @lines) . ']';
	my $got = $node->safe_psql('postgres', sprintf $by_client, $list);
	my %source = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', sprintf $only_source, $list);
	$got = join "\n", grep { /^(\S+ \S+)/ && !$source{$1} } split /\n/, $got;
	$seen++;
	$changed += () = $got =~ /^./mg;
	push @wrong, "$round: $statements{$round}\n  preview: $expected{$round}\n  decoded: $got" if $got ne $expected{$round};
}
is(join("\n", @wrong), '', "the decoded rows are those of preview, and only those (SEED=$seed)");
is($seen, scalar keys %expected, 'each change that was made was decoded');
cmp_ok($seen, '>', $rounds / 2, 'most were made');
cmp_ok($changed, '>', $seen, 'and changed rows');
note("$seen changes, $changed rows");

done_testing();
