# The views give the same whatever a query makes of them: their rows come from a node of ours in the plan, which has to be
# right wherever the planner puts it. They are compared with those of version 1.0, which were plain SQL, for many kinds of
# queries, each under settings that force other plans.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('plans', conf => 'max_worker_processes = 16');
my @views = qw(project_integrations group_integrations instance_integrations all_project_integrations);

# ---- an app with settings of every kind, the same in each run --------------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION integration_defaults;
CREATE SCHEMA app;
CREATE TABLE app.groups (id text PRIMARY KEY, parent_id text);
CREATE TABLE app.projects (id text PRIMARY KEY, group_id text);
-- Every group hangs on an earlier one, or on none. Ids are numbers, uuids, and long ones.
CREATE FUNCTION app.group_name(n int) RETURNS text LANGUAGE sql IMMUTABLE RETURN
    CASE WHEN n % 5 = 3 THEN md5(n::text)::uuid::text WHEN n % 7 = 4 THEN repeat('group ä', 20) || n ELSE n::text END;
CREATE FUNCTION app.project_name(n int) RETURNS text LANGUAGE sql IMMUTABLE RETURN
    CASE WHEN n % 11 = 5 THEN md5(n::text)::uuid::text WHEN n % 13 = 6 THEN repeat('p"ü', 60) || n WHEN n % 17 = 7 THEN 'p' || n ELSE n::text END;
SELECT setseed(0.48);
INSERT INTO app.groups SELECT app.group_name(n), CASE WHEN n > 3 AND random() < 0.9 THEN app.group_name(1 + floor(random() * (n - 1))::int) END
    FROM generate_series(1, 25) n;
INSERT INTO app.projects SELECT app.project_name(n), CASE WHEN random() < 0.9 THEN app.group_name(1 + floor(random() * 25)::int) END
    FROM generate_series(1, 110) n;
SELECT integration_defaults.track_groups('app.groups'), integration_defaults.track_projects('app.projects');
SELECT integration_defaults.register_integration(name, schema::jsonb) FROM (VALUES
    ('chat', '{"properties": {"webhook": {"type": "string"}, "channel": {"type": "string"}, "limit": {"type": "integer", "default": 10},
        "url": {"type": "string"}, "token": {"type": "string", "writeOnly": true}}, "x-atomic": [["url", "token"]]}'),
    ('everywhere', '{}'), ('empty', '{}'), ('group_only', '{"properties": {"webhook": {"type": "string"}}}'), ('project_only', '{}'),
    ('nowhere', '{}'), ('locked_only', '{}'), ('forbidden', '{}'), ('switch', '{}'), ('alone', '{}')) t(name, schema);
SELECT integration_defaults.set_default('chat', '{"webhook": "https://all", "url": "https://a", "token": "first secret"}');
SELECT integration_defaults.set_default('everywhere', '{"k": [1, 2.50, {"deep": null}]}');
SELECT integration_defaults.set_default('empty', '{}');
SELECT integration_defaults.set_default('forbidden', '{"k": 1}');
SELECT integration_defaults.set_default('switch', '{"k": 1}', active => false);
-- As a restore brings them: rows that set nothing, and what a lock above or the schema would refuse today.
BEGIN;
SET LOCAL check_function_bodies = off;
INSERT INTO integration_defaults.instance_settings (integration, custom, locked) VALUES ('locked_only', false, '{k,active}');
CREATE FUNCTION app.settings(type text, n double precision) RETURNS jsonb LANGUAGE sql AS $$
    SELECT CASE WHEN n < 0.25 THEN '{}'::jsonb
        WHEN type = 'chat' THEN CASE WHEN n < 0.4 THEN '{"channel": "#a", "limit": null}' WHEN n < 0.6 THEN '{"url": "https://b", "token": "other secret"}'
            WHEN n < 0.8 THEN '{"token": "sole secret"}' ELSE '{"webhook": "https://mine", "gone": [1]}' END::jsonb
        ELSE jsonb_build_object('k', round(n::numeric, 1), 'webhook', repeat('long ', (n * 100)::int)) END $$;
INSERT INTO integration_defaults.group_settings (group_id, integration, custom, active, settings, locked)
    SELECT g.id, t.name, random() < 0.4, (ARRAY[true, false, NULL])[1 + floor(random() * 3)::int], app.settings(t.name, random()),
        CASE floor(random() * 8)::int WHEN 0 THEN '{channel}' WHEN 1 THEN '{active}' WHEN 2 THEN '{url,k}' WHEN 3 THEN '{*}' ELSE '{}' END::text[]
    FROM app.groups g, unnest(ARRAY['chat', 'everywhere', 'empty', 'group_only', 'locked_only', 'forbidden', 'switch']) t(name) WHERE random() < 0.2;
INSERT INTO integration_defaults.project_settings (project_id, integration, custom, active, settings)
    SELECT p.id, t.name, random() < 0.4, (ARRAY[true, false, NULL])[1 + floor(random() * 3)::int], app.settings(t.name, random())
    FROM app.projects p, unnest(ARRAY['chat', 'everywhere', 'empty', 'project_only', 'locked_only', 'forbidden', 'switch']) t(name) WHERE random() < 0.2;
INSERT INTO integration_defaults.project_settings (project_id, integration, custom, active, settings)
    SELECT id, 'alone', true, true, '{"k": "only here"}' FROM app.projects WHERE id = '100';
COMMIT;
SELECT integration_defaults.allow_integrations(array_agg(name)) FROM integration_defaults.integrations WHERE name <> 'forbidden';

SQL

# A collation in which other letters are equal, if the server was built with any.
$node->safe_psql('postgres', <<'SQL');
DO $$ BEGIN
    CREATE COLLATION app.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
EXCEPTION WHEN feature_not_supported THEN
    CREATE COLLATION app.any_case FROM "POSIX";
END $$;
SQL

# What queries join them with.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE app.t (id text PRIMARY KEY, name text, c text COLLATE "C", posix text COLLATE "POSIX", any_case text COLLATE app.any_case,
    n name, vc varchar, b char(12), num int, grp text);
INSERT INTO app.t SELECT id, name, name, name, upper(name), name, name, name, num, group_id FROM (
    SELECT id, (ARRAY['chat', 'everywhere', 'nowhere', 'project_only', NULL, 'gone'])[1 + num % 6] AS name, num, group_id
    FROM (SELECT id, group_id, row_number() OVER (ORDER BY id)::int AS num FROM app.projects WHERE length(id) < 40) p) q;
INSERT INTO app.t VALUES ('nobody', 'chat', 'chat', 'chat', 'chat', 'chat', 'chat', 'chat', 1000, NULL);
CREATE TABLE app.part (id text, name text, num int, PRIMARY KEY (num, id)) PARTITION BY RANGE (num);
CREATE TABLE app.part1 PARTITION OF app.part FOR VALUES FROM (MINVALUE) TO (50);
CREATE TABLE app.part2 PARTITION OF app.part FOR VALUES FROM (50) TO (100);
CREATE TABLE app.part3 PARTITION OF app.part FOR VALUES FROM (100) TO (MAXVALUE);
INSERT INTO app.part SELECT id, name, num FROM app.t;
CREATE TABLE app.empty (id text, name text);
CREATE TABLE app.sink (project_id text, integration text, active boolean, settings jsonb, note text, PRIMARY KEY (project_id, integration));
ANALYZE;
CREATE ROLE other;
GRANT USAGE ON SCHEMA app, integration_defaults TO other;
SELECT integration_defaults.grant_access('other', 'read');
SQL

# The views of 1.0 and the functions that they are made of, in a schema of their own.
my $frozen = slurp_file("$ENV{TREE}/upgrade/integration_defaults--1.0.sql");
my $made_of = join '|', @views,
  qw(effective_active effective_settings_of inherited_source_level inherited_source_id set_by_instance inherited_locks);
my $old = join "\n", $frozen =~ /^(CREATE (?:FUNCTION|VIEW) integration_defaults\.(?:$made_of)\b.*?;)$/msg;
$old =~ s/\bintegration_defaults\.($made_of)\b/old.$1/g;
$old =~ s/MODULE_PATHNAME/\$libdir\/integration_defaults/g;
$node->safe_psql('postgres', "CREATE SCHEMA old; $old");

# Views over the views, and functions that read them: {s} is where they are.
my $above = <<'SQL';
CREATE VIEW {s}.over AS SELECT project_id, integration, settings ->> 'webhook' AS webhook, active FROM {P} WHERE NOT inherited OR integration > 'd';
CREATE VIEW {s}.guarded WITH (security_barrier) AS SELECT * FROM {P} WHERE source_level <> 'project';
CREATE VIEW {s}.grouped AS SELECT integration, source_level, count(*) AS n, bool_or(active) AS some FROM {P} GROUP BY 1, 2;
CREATE FUNCTION {s}.loop(wanted text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
    FOR r IN SELECT * FROM {P} WHERE integration = wanted LOOP RETURN NEXT r::text; END LOOP;
    FOR r IN SELECT v FROM {P} v WHERE project_id = '100' LOOP RETURN NEXT r::text; END LOOP;
END $$;
CREATE FUNCTION {s}.inlined(of text) RETURNS TABLE (i text, a boolean) LANGUAGE sql STABLE BEGIN ATOMIC
    SELECT integration, active FROM {P} WHERE project_id = of; END;
CREATE FUNCTION {s}.once(of text, type text) RETURNS jsonb LANGUAGE sql AS $$ SELECT settings FROM {P} WHERE project_id = of AND integration = type $$;
GRANT SELECT ON {s}.over, {s}.guarded, {s}.grouped, {P}, {G}, {I}, {A} TO other;
SQL

sub with_views
{
	my ($sql, $where) = @_;
	my ($p, $g, $i, $a) = map { "$where.$_" } @views;
	$sql =~ s/\{P\}/$p/g;
	$sql =~ s/\{G\}/$g/g;
	$sql =~ s/\{I\}/$i/g;
	$sql =~ s/\{A\}/$a/g;
	my $schema = $where eq 'old' ? 'old' : 'app';
	$sql =~ s/\{s\}/$schema/g;
	return $sql;
}
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA old TO other; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA old TO other');
$node->safe_psql('postgres', with_views($above, $_)) foreach 'old', 'integration_defaults';
# What an app makes: one of each, over whatever the views are at that moment.
$node->safe_psql('postgres', q{SET search_path = app; SELECT integration_defaults.create_view('chat', 'app.chat'),
	integration_defaults.create_general_view('project', 'app.general'), integration_defaults.create_general_view('group', 'app.general_groups')});
foreach my $made (qw(chat general general_groups))
{
	my $text = $node->safe_psql('postgres', "SELECT pg_get_viewdef('app.$made'::regclass)");
	ok($text =~ s/integration_defaults\.((?:all_)?project_integrations|group_integrations)/old.$1/g, "$made reads a view");
	$node->safe_psql('postgres', "CREATE VIEW old.$made AS $text");
}

# ---- queries ---------------------------------------------------------------------------------------------------------

# One a line. {P}, {G}, {I}, {A}: the views of projects, groups, the instance, and that with all types. !: the server refuses it.
my @queries = grep { /\S/ && !/^#/ } split /\n/, <<'SQL';
# all of them, and each column alone
SELECT * FROM {P}
SELECT * FROM {G}
SELECT * FROM {I}
SELECT * FROM {A}
SELECT project_id FROM {P}
SELECT integration FROM {P}
SELECT active FROM {P}
SELECT settings FROM {P}
SELECT inherited FROM {P}
SELECT source_level FROM {P}
SELECT source_id FROM {P}
SELECT locked FROM {A}
SELECT 1 FROM {G}
SELECT count(*) FROM {P}
SELECT count(*) FROM {A}
SELECT count(*) FROM {G}
SELECT count(*) FROM {I}
SELECT count(*) FROM {A}, {I}
SELECT source_id, project_id, source_id, integration || source_level FROM {P}
# by project or group
SELECT * FROM {P} WHERE project_id = '100'
SELECT * FROM {A} WHERE project_id = '100' AND integration = 'chat'
SELECT * FROM {P} WHERE project_id IN ('100', '101', 'gone')
SELECT * FROM {P} WHERE project_id = ANY (ARRAY(SELECT id FROM app.t WHERE num < 9))
SELECT * FROM {P} WHERE project_id > '15' AND project_id <= '3' AND active
SELECT * FROM {P} WHERE project_id LIKE '1%'
SELECT project_id, integration FROM {P} ORDER BY project_id, integration LIMIT 20
SELECT project_id, integration FROM {P} WHERE integration = 'chat' ORDER BY project_id DESC LIMIT 5 OFFSET 3
SELECT project_id, source_id FROM {P} ORDER BY source_id NULLS FIRST, project_id COLLATE "POSIX", integration DESC FETCH FIRST 9 ROWS ONLY
SELECT * FROM {G} WHERE group_id = '2'
SELECT * FROM {G} WHERE group_id >= '2' ORDER BY group_id, integration LIMIT 30
SELECT group_id FROM {G} WHERE source_id = group_id
# by integration
SELECT * FROM {P} WHERE integration = 'chat'
SELECT * FROM {P} WHERE 'chat' = integration AND integration = 'chat'
SELECT * FROM {P} WHERE integration = 'chat' AND integration = 'everywhere'
SELECT * FROM {P} WHERE integration = 'nowhere'
SELECT * FROM {A} WHERE integration = 'nowhere'
SELECT * FROM {P} WHERE integration = 'unknown'
SELECT * FROM {P} WHERE integration = NULL
SELECT * FROM {I} WHERE integration = 'chat'
SELECT * FROM {G} WHERE integration = 'group_only' AND NOT inherited
SELECT * FROM {P} WHERE integration IN ('chat', 'alone', 'group_only')
SELECT * FROM {P} WHERE integration NOT IN ('chat', 'alone')
SELECT * FROM {P} WHERE integration <> 'chat' AND integration >= 'e'
SELECT * FROM {P} WHERE integration = ANY (ARRAY['chat', NULL])
SELECT * FROM {P} WHERE integration = 'chat' OR project_id = '100'
SELECT * FROM {P} WHERE integration = 'chat'::varchar
SELECT * FROM {P} WHERE integration = 'chat'::name
SELECT * FROM {P} WHERE integration = 'chat'::char(12)
SELECT * FROM {P} WHERE integration::name = 'chat'
SELECT * FROM {P} WHERE integration::varchar = 'chat'
SELECT * FROM {P} WHERE integration = 'chat' COLLATE "POSIX"
SELECT * FROM {P} WHERE integration COLLATE "POSIX" = 'chat'
SELECT * FROM {P} WHERE integration = 'CHAT' COLLATE app.any_case
SELECT * FROM {P} WHERE integration COLLATE app.any_case = 'ChAt'
SELECT * FROM {P} WHERE integration = lower('CHAT') AND integration <> lower(project_id)
SELECT * FROM {P} WHERE integration = source_level
SELECT * FROM {P} WHERE integration = CASE WHEN random() < 2 THEN 'chat' END
SELECT * FROM {P} WHERE integration = (SELECT name FROM app.t WHERE num = 6)
! SELECT * FROM {P} WHERE integration = (SELECT posix FROM app.t WHERE num = 6)
SELECT * FROM {P} WHERE integration = (SELECT max(name) FROM app.empty)
SELECT * FROM {P} WHERE integration = project_id
SELECT * FROM {P} WHERE integration LIKE 'e%' AND settings IS NOT NULL
# by what is computed
SELECT * FROM {P} WHERE active
SELECT * FROM {P} WHERE NOT inherited
SELECT * FROM {P} WHERE source_level = 'group'
SELECT * FROM {A} WHERE source_level IS NULL
SELECT * FROM {P} WHERE source_id IS NULL AND active
SELECT project_id FROM {P} WHERE settings ->> 'webhook' = 'https://mine'
SELECT * FROM {P} WHERE settings @> '{"channel": "#a"}' AND integration = 'chat'
SELECT * FROM {A} WHERE 'k' = ANY (locked)
SELECT * FROM {A} WHERE active IS NULL OR settings IS NULL
SELECT p.id, v.integration FROM {P} v JOIN app.projects p ON v.source_id = p.group_id AND v.project_id = p.id
SELECT * FROM {P} WHERE false
SELECT * FROM {P} WHERE (SELECT count(*) FROM app.empty) > 0
SELECT * FROM {P} WHERE now() > '2000-01-01' AND integration = 'chat'
# joins
SELECT t.id, t.num, v.integration, v.active FROM app.t JOIN {P} v ON v.project_id = t.id
SELECT t.id, v.* FROM app.t JOIN {P} v ON v.project_id = t.id AND v.integration = t.name
SELECT t.id, v.project_id FROM app.t JOIN {P} v ON v.integration = t.name WHERE t.num < 12
SELECT t.id, v.settings FROM app.t JOIN {P} v ON v.integration = t.c AND v.project_id = '100'
! SELECT t.id, v.settings FROM app.t JOIN {P} v ON v.integration = t.posix AND v.project_id = '100'
! SELECT t.id, v.settings FROM app.t JOIN {P} v ON v.integration = t.any_case AND v.project_id = '100'
SELECT t.id, v.settings FROM app.t JOIN {P} v ON v.integration COLLATE app.any_case = t.any_case AND v.project_id = '100'
SELECT t.id, v.settings FROM app.t JOIN {P} v ON v.integration = t.n AND v.project_id = t.id
SELECT t.id, v.settings FROM app.t JOIN {P} v ON v.integration = t.vc AND v.project_id = t.id
SELECT t.id, v.settings FROM app.t JOIN {P} v ON v.integration = t.b AND v.project_id = t.id
SELECT t.id, v.source_level FROM app.t LEFT JOIN {P} v ON v.project_id = t.id AND v.integration = 'chat'
SELECT t.id, v.source_level, v.integration FROM app.t LEFT JOIN {P} v ON v.project_id = t.id AND v.integration = t.name AND t.num % 2 = 0
SELECT t.id, v.source_level FROM app.t LEFT JOIN {P} v ON v.project_id = t.id AND v.integration = 'chat' WHERE v.active IS NOT TRUE
SELECT t.id, v.project_id FROM app.t RIGHT JOIN {P} v ON v.project_id = t.id WHERE v.integration = 'chat'
SELECT t.id, v.project_id FROM app.t FULL JOIN {P} v ON v.project_id = t.id AND v.integration = t.name
SELECT t.id, v.integration FROM {I} v FULL JOIN app.t ON v.integration = t.name
SELECT t.id, i.settings FROM app.t LEFT JOIN {I} i ON i.integration = t.name
SELECT id FROM app.t WHERE EXISTS (SELECT FROM {P} v WHERE v.project_id = t.id AND v.integration = t.name AND v.active)
SELECT id FROM app.t WHERE NOT EXISTS (SELECT FROM {P} v WHERE v.project_id = t.id AND v.integration = t.name)
SELECT id FROM app.t WHERE id IN (SELECT project_id FROM {P} WHERE NOT inherited AND integration = 'chat')
SELECT id FROM app.t WHERE id NOT IN (SELECT project_id FROM {P} WHERE NOT inherited AND integration = 'chat')
SELECT id FROM app.t WHERE (id, name) IN (SELECT project_id, integration FROM {A} WHERE active)
SELECT id FROM app.t WHERE name IN (SELECT integration FROM {I})
SELECT id FROM app.t WHERE num < 20 AND EXISTS (SELECT FROM {G} v WHERE v.group_id = t.grp AND v.active AND v.integration > t.name)
SELECT * FROM {P} v WHERE project_id IN (SELECT id FROM app.t WHERE num < 10)
SELECT * FROM {P} v WHERE integration IN (SELECT name FROM app.t)
SELECT * FROM {P} v WHERE EXISTS (SELECT FROM app.t WHERE t.id = v.project_id AND t.name = v.integration)
SELECT * FROM {P} v WHERE NOT EXISTS (SELECT FROM app.t WHERE t.id = v.project_id AND t.name <= v.integration)
SELECT a.project_id, a.integration, b.integration FROM {P} a JOIN {P} b ON a.project_id = b.project_id AND a.integration < b.integration
SELECT a.project_id, b.group_id, a.settings = b.settings FROM {P} a JOIN {G} b ON a.source_id = b.group_id AND a.integration = b.integration
SELECT a.project_id, a.integration FROM {P} a JOIN {I} b USING (integration) WHERE a.settings <> b.settings
SELECT a.project_id, a.integration, b.locked FROM {P} a LEFT JOIN {A} b USING (project_id, integration)
SELECT a.project_id FROM {P} a LEFT JOIN ({A} b JOIN app.t ON t.id = b.project_id) ON a.project_id = b.project_id AND b.integration = a.integration AND t.num < 40
SELECT t.id, x.* FROM app.t LEFT JOIN app.projects p ON p.id = t.id LEFT JOIN {P} x ON x.project_id = p.id AND x.integration = 'switch'
SELECT p.id, v.integration, t.num FROM app.projects p JOIN {P} v ON v.project_id = p.id LEFT JOIN app.t ON t.id = p.id AND t.name = v.integration
# a value from below an outer join is NULL where that finds nothing
SELECT v.project_id, q.x, q.y FROM app.projects a LEFT JOIN (SELECT id AS x, coalesce(id, 'none') AS y FROM app.t) q ON q.x = a.id JOIN {P} v ON v.project_id = a.id
SELECT v.project_id, q.x, q.y FROM {P} v LEFT JOIN (SELECT id AS x, 'all' AS y FROM app.t WHERE num > 50) q ON q.x = v.project_id WHERE v.integration = 'chat'
SELECT t.id, q.y, q.z FROM app.t LEFT JOIN (SELECT project_id, 1 AS y, coalesce(source_id, 'none') AS z FROM {P} WHERE integration = 'alone') q ON q.project_id = t.id
SELECT v.project_id, v.integration, q.y FROM app.projects a LEFT JOIN (SELECT id, coalesce(name, 'chat') AS y FROM app.t) q ON q.id = a.id JOIN {P} v ON v.project_id = a.id AND v.integration = q.y
SELECT v.project_id, q.w FROM app.projects a LEFT JOIN (SELECT id, t AS w FROM app.t) q ON q.id = a.id JOIN {P} v ON v.project_id = a.id WHERE v.integration = 'chat'
# subqueries
SELECT t.id, x.* FROM app.t, LATERAL (SELECT integration, active FROM {P} v WHERE v.project_id = t.id) x
SELECT t.id, x.* FROM app.t, LATERAL (SELECT integration, active FROM {P} v WHERE v.project_id = t.id ORDER BY 1 LIMIT 2) x
SELECT t.id, x.* FROM app.t LEFT JOIN LATERAL (SELECT t.num + 1 AS n, v.integration FROM {P} v WHERE v.project_id = t.id AND v.integration = t.name) x ON true
SELECT t.id, x.* FROM app.t LEFT JOIN LATERAL (SELECT coalesce(v.integration, t.name) AS n FROM {P} v WHERE v.project_id = t.id OFFSET 0) x ON x.n = t.name
SELECT i.integration, x.n FROM {I} i, LATERAL (SELECT count(*) AS n FROM {P} v WHERE v.integration = i.integration AND v.source_level = 'group') x
SELECT v.project_id, u.k FROM {P} v, LATERAL jsonb_object_keys(v.settings) u(k)
SELECT v.project_id, s.x FROM {P} v, LATERAL (SELECT t.num + length(v.integration) AS x FROM app.t WHERE t.id = v.project_id) s
SELECT * FROM (SELECT * FROM {P} OFFSET 0) q WHERE integration = 'chat' AND project_id < '2'
SELECT count(*) FROM (SELECT * FROM {P} ORDER BY project_id, integration LIMIT 50) q WHERE active
SELECT project_id, integration FROM {P} UNION ALL SELECT group_id, integration FROM {G} UNION ALL SELECT NULL, integration FROM {I}
SELECT * FROM (SELECT project_id AS id, integration AS i FROM {P} UNION ALL SELECT group_id, integration FROM {G} UNION ALL SELECT id, name FROM app.t) q WHERE id = '2' AND i = 'chat'
SELECT * FROM (SELECT project_id AS id, integration AS i, active FROM {P} UNION ALL SELECT group_id, integration, inherited FROM {G}) q JOIN app.t ON t.id = q.id AND t.name = q.i
SELECT project_id, integration FROM {P} EXCEPT SELECT id, name FROM app.t
SELECT integration FROM {P} INTERSECT SELECT integration FROM {I}
WITH w AS (SELECT * FROM {P}) SELECT * FROM w WHERE integration = 'chat'
WITH w AS MATERIALIZED (SELECT * FROM {P}) SELECT a.project_id FROM w a JOIN w b USING (project_id) WHERE a.integration = 'chat' AND b.integration = 'alone'
WITH w AS NOT MATERIALIZED (SELECT * FROM {P}) SELECT a.project_id FROM w a JOIN w b USING (project_id) WHERE a.integration = 'chat' AND b.integration = 'alone'
WITH RECURSIVE up AS (SELECT id, parent_id, 0 AS depth FROM app.groups WHERE parent_id IS NULL UNION ALL SELECT g.id, g.parent_id, depth + 1 FROM app.groups g JOIN up ON g.parent_id = up.id) SELECT up.depth, v.group_id, v.active FROM up JOIN {G} v ON v.group_id = up.id AND v.integration = 'chat'
WITH RECURSIVE up AS (SELECT group_id, integration, source_id, 0 AS depth FROM {G} WHERE group_id = '1' UNION ALL SELECT g.group_id, g.integration, g.source_id, depth + 1 FROM up JOIN app.groups a ON a.parent_id = up.group_id JOIN {G} g ON g.group_id = a.id AND g.integration = up.integration) SELECT * FROM up
SELECT id, (SELECT active FROM {P} v WHERE v.project_id = t.id AND v.integration = t.name) FROM app.t
SELECT id, (SELECT settings FROM {A} v WHERE v.project_id = t.id AND v.integration = 'chat') FROM app.t
SELECT id, ARRAY(SELECT integration FROM {P} v WHERE v.project_id = t.id ORDER BY 1) FROM app.t WHERE num < 60
SELECT id, (SELECT count(*) FROM {P} v WHERE v.project_id < t.id AND v.integration = t.name) FROM app.t WHERE num < 15
SELECT id, (SELECT count(*) FROM {I} v WHERE v.integration <> t.name) FROM app.t
SELECT id FROM app.t WHERE num < (SELECT count(*) FROM {P} v WHERE v.integration = 'project_only')
SELECT id FROM app.t WHERE num < ALL (SELECT length(integration) FROM {P} v WHERE v.project_id = t.id)
SELECT project_id, (SELECT num FROM app.t WHERE t.id = v.project_id) FROM {P} v WHERE integration = 'chat' AND (SELECT num FROM app.t WHERE t.id = v.project_id) > 20
SELECT project_id, integration FROM {P} v WHERE integration = (SELECT name FROM app.t WHERE t.id = v.project_id)
SELECT project_id, integration FROM {P} v WHERE integration = (SELECT w.integration FROM {P} w WHERE w.project_id = '100' ORDER BY 1 LIMIT 1)
SELECT CASE WHEN num > 500 THEN (SELECT active::text FROM {P} v WHERE v.project_id = t.id AND v.integration = 'chat') ELSE name END FROM app.t
# aggregates
SELECT integration, count(*), count(settings), bool_and(active) FROM {P} GROUP BY integration
SELECT integration, source_level, count(*) FROM {P} GROUP BY GROUPING SETS ((1), (2), (1, 2), ()) HAVING count(*) > 1
SELECT project_id, string_agg(integration, ',' ORDER BY integration) FROM {P} GROUP BY project_id
SELECT source_id, count(DISTINCT project_id), min(project_id), max(integration) FROM {P} GROUP BY source_id
SELECT DISTINCT integration, active FROM {P}
SELECT DISTINCT ON (project_id) project_id, integration FROM {P} ORDER BY project_id, integration DESC
SELECT project_id, integration, row_number() OVER (PARTITION BY project_id ORDER BY integration), count(*) OVER (PARTITION BY integration) FROM {P}
SELECT project_id, lag(integration) OVER w FROM {A} WINDOW w AS (PARTITION BY project_id ORDER BY integration)
SELECT max(project_id) FROM {P} WHERE integration = 'chat'
SELECT t.name, sum(t.num) FILTER (WHERE v.active) FROM app.t JOIN {P} v ON v.project_id = t.id GROUP BY t.name HAVING sum(t.num) > 5
SELECT jsonb_object_agg(integration, settings ORDER BY integration) FROM {P} WHERE project_id = '100'
SELECT generate_series(1, length(integration)), project_id FROM {P} WHERE source_level = 'project'
# whole rows
SELECT v FROM {P} v
SELECT v FROM {G} v WHERE integration = 'chat'
SELECT row_to_json(v) FROM {A} v WHERE project_id = '100'
SELECT t, v FROM app.t LEFT JOIN {P} v ON v.project_id = t.id AND v.integration = t.name
SELECT v IS NULL, v IS NOT NULL, (v).integration FROM app.t LEFT JOIN {A} v ON v.project_id = t.id AND v.integration = 'alone' AND v.active
SELECT count(v), count(DISTINCT v::text) FROM {P} v
SELECT a FROM {P} a JOIN {P} b ON a = b WHERE a.project_id = '100'
SELECT p, v.integration FROM app.projects p JOIN {P} v ON v.project_id = p.id WHERE v.integration = 'chat'
# through views and functions
SELECT * FROM {s}.over
SELECT * FROM {s}.over WHERE project_id = '100' AND integration = 'everywhere'
SELECT * FROM {s}.guarded WHERE integration = 'chat' AND project_id > '5'
SELECT * FROM {s}.guarded WHERE length(settings ->> 'webhook') > 12 AND project_id || integration > '3'
SELECT * FROM {s}.grouped
SELECT g.n, v.project_id FROM {s}.grouped g JOIN {s}.over v USING (integration) WHERE g.source_level = 'group'
SELECT * FROM {s}.chat
SELECT * FROM {s}.chat WHERE id = '100'
SELECT id, webhook, "limit" FROM {s}.chat WHERE channel = '#a' OR active
SELECT c.id, g.integration FROM {s}.chat c JOIN {s}.general g ON g.project_id = c.id WHERE g.active <> c.active
SELECT * FROM {s}.general
SELECT * FROM {s}.general WHERE project_id = '100' AND integration = 'chat'
SELECT * FROM {s}.general_groups WHERE integration = 'chat'
SELECT g.group_id, p.project_id FROM {s}.general_groups g JOIN {s}.general p ON p.source_id = g.group_id AND p.integration = g.integration
SELECT * FROM {s}.loop('chat')
SELECT * FROM {s}.loop('nowhere')
SELECT t.id, x.* FROM app.t, {s}.inlined(t.id) x
SELECT * FROM {s}.inlined('100')
SELECT id, {s}.once(id, name) FROM app.t
SET ROLE other; SELECT * FROM {P} WHERE integration = 'chat'; SELECT count(*), sum(n) FROM {s}.grouped; SELECT * FROM {s}.guarded WHERE project_id = '100'; RESET ROLE
# partitions
SELECT p.num, v.integration FROM app.part p JOIN {P} v ON v.project_id = p.id WHERE p.num < 70
SELECT p.num, v.active FROM app.part p LEFT JOIN {P} v ON v.project_id = p.id AND v.integration = p.name
SELECT id FROM app.part p WHERE EXISTS (SELECT FROM {P} v WHERE v.project_id = p.id AND v.integration = p.name)
SELECT p.id, t.num FROM app.part p JOIN app.t ON t.num = p.num JOIN {P} v ON v.project_id = t.id AND v.integration = 'chat' ORDER BY p.num LIMIT 30
# prepared, with other values; what another one sets between two executions
PREPARE q(text) AS SELECT * FROM {P} WHERE integration = $1; EXECUTE q('chat'); EXECUTE q('alone'); EXECUTE q(NULL); EXECUTE q('nowhere'); EXECUTE q('chat'); EXECUTE q('empty'); EXECUTE q('switch'); DEALLOCATE q
PREPARE q(text, text) AS SELECT * FROM {A} WHERE project_id = $1 AND integration = $2; EXECUTE q('100', 'chat'); EXECUTE q('100', 'alone'); EXECUTE q(NULL, 'chat'); EXECUTE q('101', NULL); EXECUTE q('101', 'chat'); EXECUTE q('102', 'chat'); EXECUTE q('103', 'chat'); DEALLOCATE q
PREPARE q(text[]) AS SELECT t.id, v.* FROM app.t JOIN {P} v ON v.project_id = t.id AND v.integration = ANY ($1); EXECUTE q('{chat,alone}'); EXECUTE q('{}'); EXECUTE q(NULL); DEALLOCATE q
BEGIN; PREPARE q AS SELECT * FROM {P}; EXECUTE q; SELECT integration_defaults.set_default('chat', '{"webhook": "new"}'); EXECUTE q; SAVEPOINT s; SELECT integration_defaults.register_integration('a_new_one'), integration_defaults.set_default('a_new_one', '{}'); EXECUTE q; ROLLBACK TO s; EXECUTE q; ROLLBACK; DEALLOCATE q
BEGIN; PREPARE q AS SELECT project_id, active FROM {P} WHERE integration = 'chat'; EXECUTE q; UPDATE app.groups SET parent_id = NULL; EXECUTE q; DELETE FROM app.projects WHERE id < '3'; EXECUTE q; ROLLBACK; DEALLOCATE q
# cursors
BEGIN; DECLARE c CURSOR FOR SELECT project_id, integration, settings FROM {P} WHERE integration >= 'c'; FETCH 10 c; SELECT integration_defaults.set_default('chat', '{"webhook": "new"}'); FETCH 300 c; UPDATE app.projects SET group_id = NULL; DELETE FROM app.projects WHERE id > '5'; FETCH ALL c; ROLLBACK
BEGIN; DECLARE c CURSOR FOR SELECT project_id, integration FROM {P}; FETCH 10 c; DELETE FROM integration_defaults.project_settings; DELETE FROM integration_defaults.group_settings; DELETE FROM integration_defaults.instance_settings; FETCH ALL c; SELECT * FROM {P}; ROLLBACK
BEGIN; DECLARE c SCROLL CURSOR FOR SELECT project_id, integration FROM {P} ORDER BY 1, 2; FETCH 10 c; FETCH BACKWARD 5 c; FETCH LAST c; FETCH ABSOLUTE 100 c; FETCH PRIOR c; FETCH FIRST c; ROLLBACK
BEGIN; DECLARE c SCROLL CURSOR FOR SELECT count(*) FROM {P} GROUP BY project_id HAVING count(*) > 99; FETCH LAST c; FETCH BACKWARD ALL c; MOVE FORWARD ALL IN c; ROLLBACK
BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT * FROM {P} WHERE source_level <> 'instance'; SELECT integration_defaults.set_default('chat', '{"webhook": "new"}', '1'); FETCH 0 c; ROLLBACK
BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT * FROM {P} WHERE source_level <> 'instance'; COMMIT; FETCH ALL c; CLOSE c
BEGIN; DECLARE c SCROLL CURSOR FOR SELECT a.project_id, b.active FROM {P} a JOIN {A} b USING (project_id, integration) WHERE a.integration = 'switch'; FETCH ALL c; FETCH BACKWARD ALL c; ROLLBACK
# transactions
BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT * FROM {P} WHERE integration = 'chat'; SELECT count(*) FROM {A}; COMMIT
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT * FROM {P}; COMMIT
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; SELECT * FROM {G}; COMMIT
BEGIN; SAVEPOINT a; SELECT integration_defaults.set_custom('everywhere', '100', '{"k": "in a"}'); SELECT * FROM {P} WHERE project_id = '100'; SAVEPOINT b; SELECT integration_defaults.use_default('everywhere', '100'); SELECT * FROM {P} WHERE project_id = '100'; ROLLBACK TO a; SELECT * FROM {P} WHERE project_id = '100'; ROLLBACK
BEGIN; INSERT INTO app.groups VALUES ('new', '2'); INSERT INTO app.projects VALUES ('new', 'new'); SELECT * FROM {P} WHERE project_id IN ('new', '1'); SELECT * FROM {G} WHERE group_id = 'new'; ROLLBACK
BEGIN; TRUNCATE integration_defaults.project_settings; SELECT * FROM {P}; ROLLBACK
# rows are locked
BEGIN; SELECT t.id, v.integration FROM app.t JOIN {P} v ON v.project_id = t.id FOR UPDATE OF t; ROLLBACK
BEGIN; SELECT t.id, v.integration FROM app.t LEFT JOIN {P} v ON v.project_id = t.id AND v.integration = t.name FOR NO KEY UPDATE OF t SKIP LOCKED; ROLLBACK
BEGIN; SELECT * FROM {G} ORDER BY 1, 2 LIMIT 10 FOR UPDATE; ROLLBACK
BEGIN; SELECT x.id, v.integration, u.num FROM app.t x JOIN {P} v ON v.project_id = x.id LEFT JOIN app.t u ON u.id = v.project_id AND u.num > 20 FOR UPDATE OF x; ROLLBACK
# what is written from them
BEGIN; DELETE FROM app.t x USING {P} v LEFT JOIN app.t u ON u.id = v.project_id AND u.num > 20 WHERE v.integration = 'chat' AND v.project_id = x.id RETURNING x.id, u.num; ROLLBACK
BEGIN; UPDATE app.t x SET name = coalesce(u.n, v.source_id) FROM {P} v LEFT JOIN (SELECT id, num || name AS n FROM app.t WHERE num > 20 OFFSET 0) u ON u.id = v.project_id WHERE v.integration = 'chat' AND v.project_id = x.id RETURNING x.*, u; ROLLBACK
BEGIN; UPDATE app.t SET name = v.integration || v.source_level FROM {P} v WHERE v.project_id = t.id AND v.integration = t.name; SELECT * FROM app.t; ROLLBACK
BEGIN; UPDATE app.t SET num = num + 1 FROM {P} v WHERE v.project_id = t.id AND v.integration = 'chat' AND v.active RETURNING t.*, v.*; ROLLBACK
BEGIN; UPDATE app.t SET name = (SELECT settings ->> 'webhook' FROM {P} v WHERE v.project_id = t.id AND v.integration = t.name); SELECT * FROM app.t; ROLLBACK
BEGIN; UPDATE app.t SET (name, vc) = (SELECT source_level, source_id FROM {P} v WHERE v.project_id = t.id AND v.integration = 'chat') WHERE num < 90; SELECT * FROM app.t; ROLLBACK
BEGIN; UPDATE app.part SET num = num + 40 FROM {P} v WHERE v.project_id = part.id AND v.integration = 'chat' AND v.source_level = 'group' RETURNING part.*, v.source_id; SELECT tableoid::regclass, * FROM app.part; ROLLBACK
BEGIN; UPDATE app.part p SET name = 'x' FROM {P} v JOIN app.t ON t.id = v.project_id WHERE p.num = t.num AND v.integration = t.name RETURNING *; ROLLBACK
BEGIN; DELETE FROM app.t USING {P} v WHERE v.project_id = t.id AND v.integration = t.name AND NOT v.inherited; SELECT id FROM app.t; ROLLBACK
BEGIN; DELETE FROM app.t WHERE NOT EXISTS (SELECT FROM {A} v WHERE v.project_id = t.id AND v.integration = t.name) RETURNING id; ROLLBACK
BEGIN; DELETE FROM app.part USING {G} v, app.projects p WHERE p.id = part.id AND v.group_id = p.group_id AND v.integration = 'group_only' RETURNING part.*, v; ROLLBACK
BEGIN; MERGE INTO app.t USING {P} v ON v.project_id = t.id AND v.integration = t.name WHEN MATCHED AND v.active THEN DELETE WHEN MATCHED THEN UPDATE SET name = v.source_level WHEN NOT MATCHED AND v.source_level = 'project' THEN INSERT (id, name) VALUES (v.project_id || v.integration, v.settings::text); SELECT * FROM app.t; ROLLBACK
BEGIN; MERGE INTO app.part USING (SELECT DISTINCT project_id, source_level FROM {P} WHERE integration = 'chat') v ON v.project_id = part.id WHEN MATCHED AND v.source_level = 'group' THEN UPDATE SET num = num + 30 WHEN MATCHED THEN DO NOTHING; SELECT * FROM app.part; ROLLBACK
BEGIN; INSERT INTO app.sink SELECT project_id, integration, active, settings FROM {P}; SELECT * FROM app.sink; ROLLBACK
BEGIN; INSERT INTO app.sink SELECT project_id, 'one', active FROM {P} WHERE integration = 'chat' ON CONFLICT (project_id, integration) DO NOTHING RETURNING *; INSERT INTO app.sink SELECT project_id, 'one', NOT active FROM {P} WHERE integration = 'switch' ON CONFLICT (project_id, integration) DO UPDATE SET active = excluded.active, note = (SELECT source_level FROM {P} v WHERE v.project_id = excluded.project_id AND v.integration = 'empty'); SELECT * FROM app.sink; ROLLBACK
BEGIN; INSERT INTO app.sink VALUES ('100', 'chat') RETURNING *, (SELECT settings FROM {P} v WHERE v.project_id = sink.project_id AND v.integration = sink.integration); ROLLBACK
BEGIN; WITH gone AS (DELETE FROM app.t USING {P} v WHERE v.project_id = t.id AND v.integration = t.name RETURNING t.id, v.active) SELECT g.id, g.active, v.integration FROM gone g JOIN {P} v ON v.project_id = g.id; ROLLBACK
BEGIN; CREATE TABLE app.copied AS SELECT * FROM {P}; SELECT * FROM app.copied; CREATE MATERIALIZED VIEW app.kept AS SELECT * FROM {P} WHERE integration = 'chat'; SELECT integration_defaults.set_default('chat', '{"webhook": "new"}'); REFRESH MATERIALIZED VIEW app.kept; SELECT * FROM app.kept; ROLLBACK
BEGIN; UPDATE app.projects p SET group_id = v.source_id FROM {P} v WHERE v.project_id = p.id AND v.integration = 'chat' AND v.source_level = 'group'; SELECT * FROM {P} WHERE integration = 'chat'; ROLLBACK
# the views themselves are written
BEGIN; UPDATE integration_defaults.project_integrations v SET settings = v.settings || '{"z": 1}' FROM app.t WHERE t.id = v.project_id AND v.integration = 'project_only' RETURNING v.*; SELECT * FROM {P}; ROLLBACK
BEGIN; INSERT INTO integration_defaults.project_integrations (project_id, integration, active, settings) SELECT project_id, 'nowhere', active, '{"n": 1}' FROM {P} WHERE integration = 'everywhere' RETURNING *; SELECT * FROM {A}; ROLLBACK
BEGIN; DELETE FROM integration_defaults.project_integrations USING app.t WHERE t.id = project_id AND integration = t.name AND NOT inherited RETURNING *; SELECT * FROM {P}; ROLLBACK
BEGIN; DELETE FROM integration_defaults.group_integrations WHERE integration = 'group_only' AND NOT inherited RETURNING *; SELECT * FROM {G}; ROLLBACK
COPY (SELECT * FROM {P} WHERE integration = 'chat') TO STDOUT
SQL

# Settings that force other plans.
my $parallel = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SET min_parallel_index_scan_size = 0; SET max_parallel_workers_per_gather = 4;';
my $force_parallel = (major($node) >= 16 ? 'debug_parallel_query' : 'force_parallel_mode');
my %plans = (
	'as planned' => '',
	'nested loops' => 'SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; SET enable_memoize = off;',
	'merge joins' => 'SET enable_hashjoin = off; SET enable_nestloop = off; SET enable_hashagg = off; SET plan_cache_mode = force_custom_plan;',
	'hash joins' => 'SET enable_nestloop = off; SET enable_mergejoin = off; SET enable_sort = off; SET enable_indexscan = off; SET enable_bitmapscan = off;',
	'joins as written' => 'SET join_collapse_limit = 1; SET from_collapse_limit = 1; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan;',
	'random joins' => 'SET geqo_threshold = 2; SET enable_partitionwise_join = on; SET enable_partitionwise_aggregate = on;',
	'parallel' => $parallel,
	'parallel, hash joins' => "$parallel SET enable_nestloop = off; SET parallel_leader_participation = off;",
	'below a parallel node' => "SET $force_parallel = on;");

# What all queries print, each with its SQLSTATE. Rows are sorted, as their order is only sometimes given.
sub run_all
{
	my ($settings, $where, @asked) = @_;
	my $script = "SET synchronous_commit = off;\n$settings\n" . join '', map { "\\echo ==\n$_;\n\\echo state :SQLSTATE\n" } map { with_views(s/^! //r, $where) } @asked;
	my ($status, $out, $err) = $node->psql('postgres', $script, on_error_stop => 0, on_error_die => 0);
	is($status, 0, 'the session has come to its end') or diag $err;
	my @answers = split /^==\n/m, $out, -1;
	shift @answers;
	return map { join "\n", sort split /\n/ } @answers;
}

my ($alone, $joined, $workers) = (0, 0, 0);
my @old = run_all('', 'old', @queries); # how these are planned changes nothing, but takes long
my @selects = grep { /^(SELECT|WITH)/ && /\{/ } @queries;
foreach my $plan (sort keys %plans)
{
	my @new = run_all($plans{$plan}, 'integration_defaults', @queries);
	is(scalar(@new), scalar(@queries), "$plan: all queries have answers");
	foreach my $n (0 .. $#queries)
	{
		same($new[$n] // 'none', $old[$n] // 'none', "$plan: $queries[$n]");
		my @states = ($new[$n] // '') =~ /^state (\w+)$/mg;
		is("@states", $queries[$n] =~ /^!/ ? '42P22' : '00000', "$plan: which is what it should be") or diag $queries[$n];
	}
	# Every plan can be shown.
	my @shown = run_all($plans{$plan}, 'integration_defaults', map { "EXPLAIN (VERBOSE, COSTS OFF) $_" } @selects);
	is(join("\n", map { $selects[$_] } grep { $shown[$_] !~ /^state 00000$/m } 0 .. $#selects), '', "$plan: all plans are shown");
	my $all = join "\n", @shown;
	$alone += () = $all =~ /Function Call: integration_defaults.settings_at/g;
	$joined += () = $all =~ /Custom Scan \(settings_at\)/g;
	$workers += () = $all =~ /Parallel \w+ ?\w* Scan (?:using \w+ )?on integration_defaults\.projects/g;
}
$joined -= $alone;
cmp_ok($joined, '>', 100, 'the node has read projects and groups itself');
cmp_ok($alone, '>', 100, 'and has been asked for each by a nested loop');
cmp_ok($workers, '>', 10, 'in parallel workers, too');

# ---- the function itself: WITH ORDINALITY the server's own node calls it ---------------------------------------------

foreach my $asked ('app.projects p, integration_defaults.settings_at(p.id, p.group_id, true)%s s',
	# first only what is configured, for all, then all types
	'(SELECT id, group_id, n FROM generate_series(1, 2) n, app.projects ORDER BY n) p, integration_defaults.settings_at(p.id, p.group_id, n = 1)%s s',
	'app.t JOIN app.projects p USING (id), integration_defaults.settings_at(p.id, lower(p.group_id), num % 3 = 0)%s s WHERE s.integration = t.name',
	'app.t p LEFT JOIN integration_defaults.settings_at(p.id, p.grp, NULL)%s s ON s.integration = p.name',
	'integration_defaults.settings_at(\'100\', \'2\', false)%s s, (VALUES (1)) p(id)',
	'app.groups p, integration_defaults.settings_at(NULL, p.id, true)%s s')
{
	my ($by_node, $by_function) = map {
		$node->safe_psql('postgres', 'SELECT p.id, s.integration, s.active, s.settings, s.inherited, s.source_level, s.source_id, s.locked FROM '
			  . sprintf($asked, $_) . ' ORDER BY p.id, s.integration')
	} '', ' WITH ORDINALITY';
	same($by_node, $by_function, "the same rows: $asked");
}

# ---- rows that another session changes meanwhile are looked at again -------------------------------------------------

$node->safe_psql('postgres', 'CREATE TABLE app.seen (n int, old boolean, row text)');
my @meeting = (
	'UPDATE app.t SET vc = v.source_level FROM {P} v WHERE v.project_id = t.id AND v.integration = t.name RETURNING t.id, t.name, v.*',
	'UPDATE app.t SET vc = v.source_level FROM {P} v WHERE v.project_id = t.id AND v.integration = \'chat\' RETURNING t.id, t.name, v.settings',
	'UPDATE app.t SET vc = v.integration FROM app.t u LEFT JOIN {P} v ON v.project_id = u.id AND v.integration = u.name WHERE u.id = t.id RETURNING t.name, u.name, v.*',
	'UPDATE app.t SET vc = v.integration FROM (SELECT * FROM {P} OFFSET 0) v WHERE v.project_id = t.id AND v.integration = t.name RETURNING t.id, v.*',
	'UPDATE app.t SET name = (SELECT source_level FROM {P} v WHERE v.project_id = t.id AND v.integration = t.name) RETURNING id, name',
	'DELETE FROM app.t USING {A} v WHERE v.project_id = t.id AND v.integration = t.name RETURNING t.id, v.*');
foreach my $n (0 .. $#meeting)
{
	foreach my $plan ('nested loops', 'merge joins')
	{
		$node->safe_psql('postgres', 'TRUNCATE app.seen; CREATE TABLE app.before AS SELECT * FROM app.t');
		foreach my $old (0, 1)
		{
			my ($first, $second) = map { $node->background_psql('postgres') } 1, 2;
			$first->query_safe(q{BEGIN; UPDATE app.t SET name = CASE name WHEN 'chat' THEN 'everywhere' ELSE 'chat' END WHERE num IN (6, 7, 12, 20, 30)});
			my $sql = with_views($meeting[$n], $old ? 'old' : 'integration_defaults');
			$second->query_safe($plans{$plan});
			$second->query_until(qr/begun/, "\\echo begun\nWITH w AS ($sql) INSERT INTO app.seen SELECT $n, $old = 1, w::text FROM w;\n");
			$node->poll_query_until('postgres', 'SELECT count(*) > 0 FROM pg_locks WHERE NOT granted');
			$first->query_safe('COMMIT');
			$second->query_safe('SELECT 1');
			$_->quit foreach $first, $second;
			$node->safe_psql('postgres', 'TRUNCATE app.t; INSERT INTO app.t SELECT * FROM app.before');
		}
		same(map({ $node->safe_psql('postgres', "SELECT row FROM app.seen WHERE old = $_ ORDER BY row") } 'false', 'true'), "$plan, after a change meanwhile: $meeting[$n]");
		cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM app.seen WHERE NOT old'), '>', 10, 'of many rows');
		$node->safe_psql('postgres', 'DROP TABLE app.before');
	}
}

$node->stop;
done_testing();
