# What a session remembers grows with the groups, has a bound, and is forgotten for nothing: not for groups that come new,
# nor while somebody holds an old snapshot, here or on a standby; and counting changes ends no query of a standby.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('primary', allows_streaming => 1);
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION integration_defaults;
SELECT integration_defaults.register_integration('chat'), integration_defaults.register_integration('free');
INSERT INTO integration_defaults.groups SELECT n::text, nullif(n / 10, 0)::text FROM generate_series(1, 5000) n;
INSERT INTO integration_defaults.groups SELECT 'a longer name, as of a uuid: ' || n, n::text FROM generate_series(1, 1000) n;
INSERT INTO integration_defaults.projects SELECT n::text, (1 + n * 7919 % 5000)::text FROM generate_series(1, 8000) n;
INSERT INTO integration_defaults.projects SELECT 'l' || n, 'a longer name, as of a uuid: ' || n FROM generate_series(1, 1000) n;
-- ids that are numbers for who does not look closely, and such as are far from the others
INSERT INTO integration_defaults.groups SELECT id, n::text FROM generate_series(1, 300) n, unnest(ARRAY['0' || n, '-' || n, (10000000 + n)::text, '1000000' || 100 + n, n || ' ']) id;
INSERT INTO integration_defaults.projects SELECT 'in ' || id, id FROM integration_defaults.groups WHERE id !~ '^[1-9]\d{0,3}$' AND id !~ '^a';
INSERT INTO integration_defaults.group_settings (group_id, integration, custom, settings)
    SELECT id, 'chat', true, jsonb_build_object('v', id) FROM integration_defaults.groups WHERE id ~ '^(0.|-|1\d{7}).*[13579]';
SELECT integration_defaults.set_default('chat', '{"v": "all", "w": "all"}');
INSERT INTO integration_defaults.group_settings (group_id, integration, custom, settings)
    SELECT n::text, 'chat', n % 3 = 0, jsonb_build_object('v', n) FROM generate_series(1, 5000, 5) n;
INSERT INTO integration_defaults.group_settings (group_id, integration, custom, settings)
    SELECT n::text, 'free', false, jsonb_build_object('u', n) FROM generate_series(1, 5000, 11) n;
INSERT INTO integration_defaults.project_settings (project_id, integration, custom, settings)
    SELECT n::text, 'chat', false, jsonb_build_object('w', n) FROM generate_series(1, 8000, 13) n;
VACUUM ANALYZE;
SQL

# ---- the same answers whatever the bound; at most as much memory
my $answers = join ' UNION ALL ', map { "SELECT md5(string_agg($_" } (
	q{v::text, ' ' ORDER BY project_id, integration)) FROM integration_defaults.project_integrations v},
	q{v::text, ' ' ORDER BY group_id, integration)) FROM integration_defaults.group_integrations v},
	q{r::text, ' ' ORDER BY p.id, r.integration)) FROM (SELECT id FROM integration_defaults.projects ORDER BY md5(id) LIMIT 1000) p, integration_defaults.resolve_all(p.id) r},
	q{e::text, ' ' ORDER BY p.id, e.field)) FROM (SELECT id FROM integration_defaults.projects ORDER BY md5(id) DESC LIMIT 200) p, integration_defaults.explain('chat', p.id) e},
	q{integration_defaults.active_settings('free', p.id)::text, ' ' ORDER BY p.id)) FROM integration_defaults.projects p});
# Since 18 a memory context says where it is by numbers, and no longer by its parent's name.
my $contexts = major($node) < 18 ? 'SELECT name, parent, total_bytes FROM pg_backend_memory_contexts'
  : 'SELECT name, (SELECT p.name FROM every p WHERE p.path[p.level] = c.path[c.level - 1]) AS parent, total_bytes FROM every c';
my $remembered = qq{WITH every AS MATERIALIZED (SELECT * FROM pg_backend_memory_contexts) SELECT coalesce(sum(total_bytes), 0) FROM ($contexts) c
	WHERE name LIKE 'integration_defaults%' AND name <> 'integration_defaults given up' OR parent LIKE 'integration_defaults%'};
my $of_all = $node->safe_psql('postgres', $answers);
my $by_copies = $node->safe_psql('postgres', <<'SQL');
SELECT count(*) FROM integration_defaults.projects p CROSS JOIN unnest('{chat,free}'::text[]) t CROSS JOIN LATERAL integration_defaults.resolve(t, p.id) r
    JOIN integration_defaults.project_integrations v
    ON v.project_id = p.id AND v.integration = t AND ROW(v.active, v.settings, v.source_level, v.source_id)::text = ROW(r.active, r.settings, r.source_level, r.source_id)::text
SQL
is($by_copies, $node->safe_psql('postgres', 'SELECT count(*) FROM integration_defaults.project_integrations'), 'the view and resolve() agree');
foreach my $bound ('64kB', '256kB', '1MB', '4MB')
{
	my $session = $node->background_psql('postgres');
	$session->query_safe("SET integration_defaults.session_cache_size = '$bound'");
	is($session->query_safe($answers), $of_all, "$bound: the same answers");
	is($session->query_safe($answers), $of_all, "$bound: and again");
	$session->query_safe(q{SET integration_defaults.session_cache_size = '16MB'});
	is($session->query_safe($answers), $of_all, "$bound: and with more room");
	$session->quit;
	$session = $node->background_psql('postgres');
	$session->query_safe("SET integration_defaults.session_cache_size = '$bound'");
	$session->query_safe(q{SELECT count(integration_defaults.active_settings('chat', id)) FROM integration_defaults.projects});
	$session->query_safe(q{SELECT integration_defaults.active_settings('chat', 1)});
	my $bytes = $bound =~ s/kB$//r * 1024;
	$bytes = $bound =~ s/MB$//r * 1024 * 1024 if $bound =~ /MB$/;
	cmp_ok($session->query_safe($remembered), '<=', $bytes + 600_000, "$bound: not much more is remembered");
	$session->quit;
}

# ---- in a transaction that has changed something itself, too, and what it has changed is seen
foreach my $bound ('64kB', '1MB', '256MB')
{
	my $in = sub { join '; ', "BEGIN; SET LOCAL integration_defaults.session_cache_size = '$_[0]'",
		q{SELECT count(integration_defaults.active_settings('chat', id)) FROM integration_defaults.projects},
		q{DO 'BEGIN PERFORM integration_defaults.set_default(''chat'', ''{"v": "mine"}'', ''7''); END'},
		q{UPDATE integration_defaults.groups SET parent_id = '7' WHERE id = '12'}, $answers, 'ROLLBACK' };
	is($node->safe_psql('postgres', $in->($bound)), $node->safe_psql('postgres', $in->('128MB')), "$bound: after changes of its own");
}

# ---- at most 120 bytes a group, without what is set there
my $session = $node->background_psql('postgres');
$node->safe_psql('postgres', q{DELETE FROM integration_defaults.group_settings; VACUUM integration_defaults.groups});
$node->safe_psql('postgres', q{INSERT INTO integration_defaults.groups SELECT n::text, (n / 10)::text FROM generate_series(5001, 105000) n});
my $few = $session->query_safe($remembered);
$session->query_safe(q{SELECT count(*) FROM integration_defaults.groups g, integration_defaults.resolve('chat', group_id => g.id)});
$session->query_safe(q{SELECT integration_defaults.active_settings('chat', 1)});
my $all = $session->query_safe($remembered);
cmp_ok(($all - $few) / 106_000, '<=', 120, 'bytes a group');
cmp_ok(($all - $few) / 106_000, '>=', 40, 'all of them');

# ---- a change of what is set leaves the tree; what is given up is freed by the next statements, not by the first alone
$node->safe_psql('postgres', q{SELECT integration_defaults.set_default('free', '{"v": 1}')});
$session->query_safe(q{SELECT integration_defaults.active_settings('chat', 1)}) foreach 1 .. 200;
cmp_ok($session->query_safe($remembered), '>', $all / 2, 'after a change of a default it is still there');
$node->safe_psql('postgres', q{UPDATE integration_defaults.groups SET parent_id = '3' WHERE id = '5000'});
$session->query_safe(q{SELECT integration_defaults.active_settings('chat', 1)});
cmp_ok($session->query_safe($remembered), '>', $all / 2, 'after a move, too');
$session->query_safe(q{SELECT integration_defaults.active_settings('chat', 1)}) foreach 1 .. 200;
cmp_ok($session->query_safe($remembered), '<', 1_000_000, 'but not for long');

# ---- groups that come new, whatever else is remembered
my $looks = sub {
	my ($of, $read) = @_;
	my $count = q{SELECT coalesce(sum(idx_scan + seq_scan), 0) FROM pg_stat_xact_user_tables WHERE schemaname = 'integration_defaults' AND relname NOT IN ('projects', 'project_settings')};
	my ($before, undef, $after) = split /\n/, $of->query_safe("BEGIN; $count; $read; $count; COMMIT");
	return $after - $before;
};
my $read = q{SELECT integration_defaults.active_settings('free', 'l20') ->> 'v'};
$session->query_safe($read);
$node->safe_psql('postgres', q{INSERT INTO integration_defaults.groups VALUES ('new', '20'); INSERT INTO integration_defaults.projects VALUES ('in new', 'new')});
is($looks->($session, $read), '0', 'a new group: nothing is read again');
is($session->query_safe(q{SELECT integration_defaults.active_settings('free', 'in new') ->> 'v'}), '1', 'and it is known');
$node->safe_psql('postgres', q{BEGIN; INSERT INTO integration_defaults.groups VALUES ('newer', '20'); SELECT integration_defaults.set_default('free', '{"v": 2}'); COMMIT});
cmp_ok($looks->($session, $read), '>', 0, 'with a change, it is');
is($session->query_safe($read), '2', 'and it is seen');

# ---- old snapshots: one of the server itself, one of a standby with feedback
$node->backup('base');
my %standby;
foreach my $name ('fed', 'plain')
{
	$standby{$name} = PostgreSQL::Test::Cluster->new($name);
	$standby{$name}->init_from_backup($node, 'base', has_streaming => 1);
	$standby{$name}->append_conf('postgresql.conf', 'hot_standby_feedback = ' . ($name eq 'fed' ? 'on' : 'off') . "\nwal_receiver_status_interval = 1\nmax_standby_streaming_delay = 0\n");
	$standby{$name}->start;
}
sub caught_up { $node->wait_for_catchup($_, 'replay', $node->lsn('write')) foreach values %standby; }
caught_up();
my $many = "DO \$\$ BEGIN FOR n IN 1 .. 1500 LOOP INSERT INTO integration_defaults.groups VALUES ('%s' || n, '20'); COMMIT; END LOOP; END \$\$";
my $shown = q{SELECT count(*), sum(length(id)) FROM integration_defaults.groups};
my (%held, %open, %before);
foreach my $name (keys %standby)
{
	$open{$name} = $standby{$name}->background_psql('postgres');
	$open{$name}->query_safe($read) foreach 1, 2;
	$held{$name} = $standby{$name}->background_psql('postgres');
	$before{$name} = $held{$name}->query_safe("BEGIN ISOLATION LEVEL REPEATABLE READ; $shown");
}
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_replication WHERE backend_xmin IS NOT NULL}), 'one standby says what it needs');
my $old = $node->background_psql('postgres');
$before{primary} = $old->query_safe("BEGIN ISOLATION LEVEL REPEATABLE READ; $shown");
$node->safe_psql('postgres', sprintf $many, 'x');
is($looks->($session, $read), '0', 'an old snapshot, 1,500 commits later: nothing is read again');
caught_up();
is($looks->($open{$_}, $read), '0', "nor on the standby $_") foreach sort keys %standby;
is($old->query_safe($shown), $before{primary}, 'the old snapshot shows what it did');
$old->query_safe('COMMIT');
$node->safe_psql('postgres', sprintf $many, 'y');
caught_up();
is($held{$_}->query_safe($shown), $before{$_}, "3,000 commits later the query on the standby $_ goes on") foreach sort keys %standby;
is($looks->($session, $read), '0', 'nothing is read again because of the standby');
is($looks->($open{$_}, $read), '0', "nor on the standby $_ itself") foreach sort keys %standby;
is($standby{$_}->safe_psql('postgres', q{SELECT confl_snapshot FROM pg_stat_database_conflicts WHERE datname = 'postgres'}), '0', "no conflict on the standby $_") foreach sort keys %standby;
$held{$_}->query_safe('COMMIT') foreach keys %standby;

# ---- without old snapshots, any number of commits leaves it small; a standby tells every second what it still needs, which
# may be thousands of commits, so each lot waits for it
my $needs_nothing_old = q{SELECT bool_and(age(backend_xmin) < 100) FROM pg_stat_replication WHERE backend_xmin IS NOT NULL};
foreach my $name ('a' .. 'f')
{
	$node->poll_query_until('postgres', $needs_nothing_old) or die 'the standby still needs something old';
	$node->safe_psql('postgres', sprintf $many, $name);
}
my $pages = $node->safe_psql('postgres', q{SELECT pg_relation_size('integration_defaults.generations') / 8192});
cmp_ok($pages, '<=', 60, "12,000 commits, $pages pages of generations");
is($session->query_safe($read), '2', 'and the session is right');
is($session->query_safe($answers), $node->safe_psql('postgres', $answers), 'in all it says');
caught_up();
foreach my $name (sort keys %standby)
{
	is($open{$name}->query_safe($answers), $node->safe_psql('postgres', $answers), "as is the one on the standby $name");
	$_->quit foreach $open{$name}, $held{$name};
	$standby{$name}->stop;
}
$_->quit foreach $session, $old;
$node->stop;
done_testing();
