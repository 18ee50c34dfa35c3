# docs/architecture.md lists all triggers in the order in which they fire: those that a database really has.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('triggers');
$node->safe_psql('postgres', q{
CREATE EXTENSION integration_defaults;
CREATE SCHEMA app;
CREATE TABLE app.groups (id bigint PRIMARY KEY, parent_id bigint);
CREATE TABLE app.projects (id bigint PRIMARY KEY, group_id bigint) PARTITION BY RANGE (id);
CREATE TABLE app.first PARTITION OF app.projects FOR VALUES FROM (0) TO (100);
SELECT integration_defaults.track_groups('app.groups'), integration_defaults.track_projects('app.projects');
SELECT integration_defaults.register_integration('chat', '{"properties": {"url": {"type": "string"}}}');
SELECT integration_defaults.create_view('chat', 'app_view'), integration_defaults.create_general_view('project', 'by_key');
SELECT integration_defaults.materialize('chat');
});
my @real = split /\n/, $node->safe_psql('postgres', <<'SQL');
WITH relations (place, relation, label) AS (
    SELECT place, format('integration_defaults.%I', name)::regclass, format('`%s`', name)
    FROM unnest('{integrations,groups,projects,instance_settings,group_settings,project_settings,access,change_notifications,generations,effective_settings,
                  instance_integrations,group_integrations,project_integrations}'::text[]) WITH ORDINALITY t (name, place)
    UNION ALL VALUES (19, 'by_key'::regclass, 'a view of `create_general_view()`'), (20, 'app_view', 'a typed view'), (21, 'app.groups', 'a tracked table'),
                     (22, 'app.projects', 'one that is partitioned'), (23, 'app.first', 'its partitions')),
triggers AS (
    SELECT place, label, tgname,
        CASE WHEN tgtype & 64 <> 0 THEN 'instead of each row' WHEN tginitdeferred THEN 'before the commit'
             WHEN tgtype & 3 = 2 THEN 'before the statement' WHEN tgtype & 3 = 3 THEN 'before each row'
             WHEN tgtype & 3 = 1 THEN 'after each row' ELSE 'after the statement' END AS phase,
        concat(CASE WHEN tgtype & 4 <> 0 THEN 'I' END, CASE WHEN tgtype & 16 <> 0 THEN 'U' END, CASE WHEN tgtype & 8 <> 0 THEN 'D' END,
               CASE WHEN tgtype & 32 <> 0 THEN 'T' END, CASE tgenabled WHEN 'A' THEN ' always' WHEN 'R' THEN ' replica' WHEN 'D' THEN ' disabled' END) AS events
    FROM pg_trigger JOIN relations ON tgrelid = relation WHERE NOT tgisinternal)
SELECT format('%s | %s | %s', label, phase, string_agg(format('`%s` %s', tgname, events), ', ' ORDER BY tgname COLLATE "C"))
FROM triggers GROUP BY place, label, phase
ORDER BY place, array_position('{instead of each row,before the statement,before each row,after each row,after the statement,before the commit}'::text[], phase)
SQL
cmp_ok(scalar @real, '>', 30, 'there are triggers');
my $page = slurp_file("$ENV{TREE}/docs/architecture.md");
my ($list) = $page =~ /^Table \| When \| Triggers\n--- \| --- \| ---\n((?:.*\S.*\n)+)/m;
is($list, join("\n", @real) . "\n", 'docs/architecture.md has them');
foreach my $function (split /\n/, $node->safe_psql('postgres', q{
SELECT proname FROM pg_proc WHERE pronamespace = 'integration_defaults'::regnamespace AND prorettype = 'trigger'::regtype ORDER BY 1}))
{
	ok($page =~ /^(?:`\w+\(\)`, )*`$function\(\)`[^|]* \| /m, "$function() is described");
}
$node->stop;
done_testing();
