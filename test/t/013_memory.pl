# A million calls of the reading functions in one backend, and all of it is given back. The calls of one statement see
# one snapshot; those of a loop in a DO, each its own.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('memory');
make_app($node, 'postgres');
$node->safe_psql('postgres', <<'SQL');
SET search_path = app;
SELECT integration_defaults.create_view('chat');
CREATE ROLE restricted;
SELECT integration_defaults.grant_access('restricted', 'use', '1');
SELECT integration_defaults.grant_access('restricted', 'use');
SQL
my $session = $node->background_psql('postgres');
$session->query_safe('SET search_path = integration_defaults; SET jit = off');

# Each: how often in one statement, and how often as a statement of its own. What lists projects or draws the tree reads
# the whole of them in each call. TYPE differs from call to call, as far as the planner knows.
my @calls = (
	[ q{resolve(TYPE, 1 + n % 70)}, 200_000, 20_000 ],
	[ q{resolve(TYPE, group_id => '3')}, 200_000, 20_000 ],
	[ q{resolve_all(1 + n % 70)}, 100_000, 10_000 ],
	[ q{active_settings(TYPE, 1 + n % 70)}, 1_000_000, 50_000 ],
	[ q{explain(TYPE, 1 + n % 70)}, 50_000, 10_000 ],
	[ q{projects_using_custom_settings(TYPE)}, 20_000, 500 ],
	[ q{projects_using_default(TYPE, '1')}, 10_000, 500 ],
	[ q{tree(TYPE)}, 1_000, 500 ],
	[ q{invalid_settings(TYPE)}, 1_000, 500 ],
	[ q{redundant_overrides(TYPE)}, 2_000, 500 ],
	[ q{validate_settings(TYPE, '{"limit": 0, "url": "u"}')}, 50_000, 10_000 ],
	[ q{settings_at('1', '3', TYPE = 'chat')}, 200_000, 20_000 ]);

sub used
{
	# a statement of its own in a new transaction: what belongs to the one before is gone
	return $session->query_safe(q{RESET ROLE; SELECT sum(used_bytes) FROM pg_backend_memory_contexts});
}
my $calls = 0;
sub call
{
	my ($what, $in_one, $each, $role) = @_;
	my $name = $what =~ s/TYPE/'chat'/r;
	$what =~ s/TYPE/CASE WHEN n > 0 THEN 'chat' END/;
	my $statement = sub { $session->query_safe("SET ROLE $role; SELECT count(c) FROM generate_series(1, $_[0]) n, LATERAL (SELECT $what OFFSET 0) c") };
	my $loop = sub {
		$session->query_safe("SET ROLE $role; DO \$do\$ BEGIN FOR n IN 1 .. $_[0] LOOP PERFORM $what; IF n % 100 = 0 THEN COMMIT; END IF; END LOOP; END \$do\$");
	};
	# what is kept on purpose, such as plans and compiled schemas, comes first
	$_->(200) foreach $statement, $loop, $statement, $loop;
	my $before = used();
	$statement->($in_one);
	my $between = used();
	$loop->($each);
	my $after = used();
	$calls += $in_one + $each;
	cmp_ok($between - $before, '<', 16_384, "$name: nothing is left of $in_one calls in a statement ($role)");
	cmp_ok($after - $between, '<', 16_384, "$name: nor of $each statements");
}
call(@$_, 'postgres') foreach @calls;
# where a table is not a plain one, everything is read by queries, and nothing is remembered
$node->safe_psql('postgres', 'CREATE TABLE app.child () INHERITS (integration_defaults.group_settings)');
call($_->[0], $_->[1] / 100, $_->[2] / 50, 'restricted') foreach @calls;
$node->safe_psql('postgres', 'DROP TABLE app.child');

# Within a statement, too: many calls need no more than few. (A long generate_series() would.)
my $peak = sub {
	return $session->query_safe(<<"SQL");
SELECT max(used) FROM (SELECT active_settings('chat', 1 + n % 70), CASE WHEN n = 1000
    THEN (SELECT sum(used_bytes) FROM pg_backend_memory_contexts WHERE n > 0) END AS used
    FROM generate_series(1, $_[0]) times, generate_series(1, 1000) n OFFSET 0) x
SQL
};
$peak->(1);
my $few = $peak->(1);
cmp_ok($peak->(300) - $few, '<', 65_536, 'a statement needs no more for many calls than for few');

# Errors leave nothing either.
my $errors = <<'SQL';
DO $do$ BEGIN FOR n IN 1 .. %d LOOP
    BEGIN PERFORM resolve('chat', 'nowhere'); EXCEPTION WHEN undefined_object THEN END;
    BEGIN PERFORM set_custom('chat', 9, '{"limit": 0}'); EXCEPTION WHEN check_violation THEN END;
    IF n % 100 = 0 THEN COMMIT; END IF;
END LOOP; END $do$
SQL
$errors =~ s/n % 100/n %% 100/;
$session->query_safe(sprintf $errors, 200);
my $before = used();
$session->query_safe(sprintf $errors, 5_000);
cmp_ok(used() - $before, '<', 16_384, 'nothing is left of 10,000 errors');

# Nor do changes that effective_settings follows, also where a subtransaction is rolled back, in many transactions; and in
# one transaction what has been followed is not remembered.
$session->query_safe(q{SELECT materialize('chat'), materialize('free')});
my $changes = sub {
	my ($times, $commit) = @_;
	$session->query_safe(<<"SQL");
DO \$do\$ BEGIN FOR n IN 1 .. $times LOOP
    PERFORM override_fields('chat', jsonb_build_object('limit', 1 + n % 9), 1 + n % 70);
    PERFORM set_default('free', jsonb_build_object('n', n % 9), '2');
    UPDATE app.projects SET namespace = 1 + n % 2 WHERE id = 1 + n % 70;
    BEGIN PERFORM set_default('free', '{"never": 1}', '3'); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN END;
    $commit
END LOOP; END \$do\$
SQL
};
$changes->(200, 'COMMIT;') foreach 1, 2;
$before = used();
$changes->(1_500, 'COMMIT;');
cmp_ok(used() - $before, '<', 16_384, 'nothing is left of 6,000 changes that were followed');
my $noted = sub {
	my ($times) = @_;
	return $session->query_safe('BEGIN') . $changes->($times, '') . $session->query_safe(<<'SQL') . $session->query_safe('COMMIT');
SELECT coalesce(sum(used_bytes), 0) FROM pg_backend_memory_contexts WHERE name = 'integration_defaults changes'
SQL
};
$few = $noted->(100);
cmp_ok($noted->(1_000) - $few, '<', 16_384, 'and what has been followed in a transaction is not remembered');
cmp_ok($calls, '>', 1_900_000, "$calls calls in one backend");

$session->quit;
$node->stop;
done_testing();
