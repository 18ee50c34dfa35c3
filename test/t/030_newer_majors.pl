# What SQL can say on newer servers only, on our tables and views and on tracked ones. An older server skips it.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('newer');
my $major = major($node);
my $database;

# A part that needs a major, in a database of its own with an app in it; a skipped one counts as one.
sub since
{
	my ($needed, $what, $part) = @_;
  SKIP:
	{
		skip "$what: since PostgreSQL $needed", 1 if $major < $needed;
		$database = 'since_' . ($what =~ s/\W+/_/gr);
		$node->safe_psql('postgres', qq{CREATE DATABASE "$database"});
		make_app($node, $database);
		$node->safe_psql($database, q{SELECT integration_defaults.materialize('chat')});
		$part->();
		is(differences($node, $database), '', "$what: effective_settings are as resolved");
	}
}

sub gives
{
	my ($sql, $expected, $what) = @_;
	is($node->safe_psql($database, $sql), $expected, $what);
}

sub group_of
{
	my (@projects) = @_;
	return $node->safe_psql($database, sprintf q{SELECT id, group_id FROM integration_defaults.projects WHERE id IN (%s) ORDER BY id},
		join ', ', map { "'$_'" } @projects);
}

# ---- 15 -------------------------------------------------------------------------------------------------------------

since(15, 'MERGE into a tracked table', sub {
	$node->safe_psql($database, q{MERGE INTO app.projects p USING (VALUES (1, '4'), (2, NULL), (3, '1'), (900, '1')) n(id, namespace) ON p.id = n.id
		WHEN MATCHED AND p.id = 2 THEN DELETE
		WHEN MATCHED THEN UPDATE SET namespace = n.namespace
		WHEN NOT MATCHED THEN INSERT (id, namespace) VALUES (n.id, n.namespace)});
	is(group_of(1, 2, 3, 900), "1|4\n3|1\n900|1", 'MERGE: each of its rows is followed');
});

# ---- 17 -------------------------------------------------------------------------------------------------------------

since(17, 'MERGE RETURNING on a tracked table', sub {
	gives(q{MERGE INTO app.projects p USING (VALUES (1, '4'), (2, NULL), (901, '1')) n(id, namespace) ON p.id = n.id
		WHEN MATCHED AND p.id = 2 THEN DELETE
		WHEN MATCHED THEN UPDATE SET namespace = n.namespace
		WHEN NOT MATCHED THEN INSERT (id, namespace) VALUES (n.id, n.namespace)
		WHEN NOT MATCHED BY SOURCE AND p.id > 69 THEN UPDATE SET namespace = NULL
		RETURNING merge_action(), p.id, p.namespace},
		"UPDATE|1|4\nDELETE|2|3\nUPDATE|70|\nINSERT|901|1", 'MERGE RETURNING: what was done');
	is(group_of(1, 2, 70, 901), "1|4\n70|\n901|1", 'and all of it is followed, the rows that it did not name, too');
});

since(17, 'MERGE RETURNING on our tables', sub {
	gives(q{MERGE INTO integration_defaults.project_settings s USING (VALUES ('20', 'w20'), ('1', 'w1')) n(id, webhook)
			ON s.project_id = n.id AND s.integration = 'chat'
		WHEN MATCHED THEN UPDATE SET settings = s.settings || jsonb_build_object('webhook', n.webhook)
		WHEN NOT MATCHED THEN INSERT (project_id, integration, custom, settings)
			VALUES (n.id, 'chat', false, jsonb_build_object('webhook', n.webhook))
		RETURNING merge_action(), s.project_id, s.settings ->> 'webhook'},
		"INSERT|20|w20\nUPDATE|1|w1", 'MERGE writes settings');
	is(error_of($node, $database, q{MERGE INTO integration_defaults.project_settings s USING (VALUES ('21')) n(id) ON s.project_id = n.id
		WHEN NOT MATCHED THEN INSERT (project_id, integration, settings) VALUES (n.id, 'chat', '{"limit": 0}') RETURNING s.*}),
		'23514', 'by the rules');
});

since(17, 'MERGE into our views', sub {
	gives(q{MERGE INTO integration_defaults.project_integrations v USING (VALUES ('20', 'w20'), ('1', 'w1')) n(id, webhook)
			ON v.project_id = n.id AND v.integration = 'chat'
		WHEN MATCHED AND v.inherited THEN UPDATE SET settings = v.settings || jsonb_build_object('webhook', n.webhook)
		WHEN MATCHED THEN DELETE
		RETURNING merge_action(), v.project_id, v.settings ->> 'webhook'},
		"UPDATE|20|w20\nDELETE|1|https://mine", 'MERGE overrides and takes back');
	gives(q{SELECT project_id, custom, settings FROM integration_defaults.project_settings WHERE project_id IN ('1', '20')},
		'20|f|{"webhook": "w20"}', 'only what has changed');
	$node->safe_psql($database, q{SET search_path = app; SELECT integration_defaults.create_view('chat')});
	gives(q{MERGE INTO app.chat_settings v USING (VALUES (20, '#a'), (21, '#b')) n(id, channel) ON v.id = n.id
		WHEN MATCHED THEN UPDATE SET channel = n.channel RETURNING merge_action(), v.id, v.channel},
		"UPDATE|20|#a\nUPDATE|21|#b", 'a typed view, too');
});

since(17, 'COPY passes over what it cannot read', sub {
	$node->safe_psql($database, <<'SQL');
COPY app.projects (id, namespace) FROM STDIN WITH (ON_ERROR ignore);
910	1
no number	1
911	4
\.
SQL
	is(group_of(910, 911), "910|1\n911|4", 'the rows that were read are followed');
});

# ---- 18 -------------------------------------------------------------------------------------------------------------

since(18, 'the version of the module', sub {
	gives(q{LOAD 'integration_defaults'; SELECT version = (SELECT default_version FROM pg_available_extensions WHERE name = module_name)
		FROM pg_get_loaded_modules() WHERE module_name = 'integration_defaults'}, 't', 'is that of the extension');
});

since(18, 'OLD and NEW in RETURNING', sub {
	gives(q{UPDATE integration_defaults.project_integrations SET settings = settings || '{"channel": "#new"}'
		WHERE project_id = '17' AND integration = 'chat'
		RETURNING old.settings ->> 'channel', new.settings ->> 'channel', old.inherited, new.inherited, old.source_level, new.source_level},
		'|#new|t|f|instance|project', 'of a view: what was inherited, and what is set');
	gives(q{DELETE FROM integration_defaults.project_integrations WHERE project_id = '17' AND integration = 'chat'
		RETURNING old.settings ->> 'channel', old.inherited, new IS NULL}, '#new|f|t', 'of a DELETE');
	gives(q{INSERT INTO integration_defaults.project_settings (project_id, integration, settings) VALUES ('1', 'chat', '{"webhook": "again"}'), ('17', 'chat', '{"webhook": "first"}')
		ON CONFLICT (project_id, integration) DO UPDATE SET settings = excluded.settings
		RETURNING project_id, old.settings ->> 'webhook', new.settings ->> 'webhook'},
		"1|https://mine|again\n17||first", 'of a table: which row was there');
	$node->safe_psql($database, q{SET search_path = app; SELECT integration_defaults.create_view('chat')});
	gives(q{UPDATE app.chat_settings SET channel = '#typed' WHERE id = 17 RETURNING old.channel, new.channel, old.webhook = new.webhook},
		'|#typed|t', 'of a typed view');
	gives(q{UPDATE app.projects SET namespace = '4' WHERE id = 22 RETURNING old.namespace, new.namespace}, '2|4', 'of a tracked table');
	is(group_of(22), '22|4', 'which is followed');
	gives(q{MERGE INTO integration_defaults.project_integrations v USING (VALUES ('18', 'w18')) n(id, webhook) ON v.project_id = n.id AND v.integration = 'chat'
		WHEN MATCHED THEN UPDATE SET settings = v.settings || jsonb_build_object('webhook', n.webhook)
		RETURNING merge_action(), old.settings ->> 'webhook', new.settings ->> 'webhook', old.inherited, new.inherited},
		'UPDATE|https://instance|w18|t|f', 'of a MERGE into a view');
	gives(q{MERGE INTO app.projects p USING (VALUES (23, '1'), (24, NULL), (925, '2')) n(id, namespace) ON p.id = n.id
		WHEN MATCHED AND n.namespace IS NULL THEN DELETE
		WHEN MATCHED THEN UPDATE SET namespace = n.namespace
		WHEN NOT MATCHED THEN INSERT (id, namespace) VALUES (n.id, n.namespace)
		RETURNING merge_action(), old.id, old.namespace, new.id, new.namespace},
		"UPDATE|23|3|23|1\nDELETE|24|4||\nINSERT|||925|2", 'and into a tracked table');
	is(group_of(23, 24, 925), "23|1\n925|2", 'which is followed');
});

# A trigger's row has NULL for a virtual column, which is computed where it is read.
since(18, 'virtual columns in a tracked table', sub {
	foreach my $partitions ('', ' PARTITION BY HASH (id)')
	{
		$node->safe_psql($database, <<"SQL");
SELECT integration_defaults.untrack('app.projects');
DROP TABLE IF EXISTS app.repos;
CREATE TABLE app.repos (id bigint PRIMARY KEY, owner jsonb, state text,
    namespace text GENERATED ALWAYS AS (owner ->> 'namespace') VIRTUAL,
    archived boolean GENERATED ALWAYS AS (state = 'archived') VIRTUAL)$partitions;
SQL
		$node->safe_psql($database, q{CREATE TABLE app.repos_0 PARTITION OF app.repos FOR VALUES WITH (MODULUS 2, REMAINDER 0);
			CREATE TABLE app.repos_1 PARTITION OF app.repos FOR VALUES WITH (MODULUS 2, REMAINDER 1)}) if $partitions;
		my $what = $partitions ? 'partitioned' : 'plain';
		foreach my $filter ('NULL', q{'NOT archived'})
		{
			$node->safe_psql($database, <<"SQL");
TRUNCATE app.repos;
INSERT INTO app.repos VALUES (1, '{"namespace": "1"}', 'new'), (2, '{"namespace": "2"}', 'archived');
SELECT integration_defaults.track_projects('app.repos', group_column => 'namespace', filter => $filter);
SQL
			my $all = $filter eq 'NULL';
			is(group_of(1 .. 9), $all ? "1|1\n2|2" : '1|1', "$what, filter $filter: rows that are there");
			$node->safe_psql($database, q{INSERT INTO app.repos VALUES (3, '{"namespace": "1"}', 'new'), (4, '{"namespace": "2"}', 'archived'), (5, '{}', 'new')});
			is(group_of(3 .. 9), $all ? "3|1\n4|2\n5|" : "3|1\n5|", "$what, filter $filter: INSERT");
			$node->safe_psql($database, q{UPDATE app.repos SET owner = '{"namespace": "4"}', state = 'new'});
			is(group_of(1 .. 9), "1|4\n2|4\n3|4\n4|4\n5|4", "$what, filter $filter: UPDATE of what they are made of");
			$node->safe_psql($database, q{UPDATE app.repos SET state = 'archived' WHERE id < 3; DELETE FROM app.repos WHERE id = 3});
			is(group_of(1 .. 9), $all ? "1|4\n2|4\n4|4\n5|4" : "4|4\n5|4", "$what, filter $filter: and DELETE");
			$node->safe_psql($database, q{ALTER TABLE app.repos ALTER COLUMN namespace SET EXPRESSION AS (owner ->> 'other')});
			is($node->safe_psql($database, q{SELECT integration_defaults.resync('app.repos')}), $all ? '4' : '2', "$what, filter $filter: another expression, and resync()");
			$node->safe_psql($database, q{INSERT INTO app.repos VALUES (6, '{"other": "3"}', 'new')});
			is(group_of(4 .. 9), "4|\n5|\n6|3", "$what, filter $filter: and what comes then");
			$node->safe_psql($database, q{SELECT integration_defaults.untrack('app.repos');
				ALTER TABLE app.repos ALTER COLUMN namespace SET EXPRESSION AS (owner ->> 'namespace')});
		}
		$node->safe_psql($database, q{TRUNCATE app.repos; SELECT integration_defaults.track_projects('app.projects', group_column => 'namespace')});
	}
});

since(18, 'a virtual id in a tracked table', sub {
	$node->safe_psql($database, <<'SQL');
SELECT integration_defaults.untrack('app.projects');
CREATE TABLE app.repos (number bigint, namespace text, id bigint GENERATED ALWAYS AS (number + 5000) VIRTUAL);
SELECT integration_defaults.track_projects('app.repos', group_column => 'namespace');
INSERT INTO app.repos VALUES (1, '1'), (2, '2'), (3, NULL);
UPDATE app.repos SET number = 4 WHERE number = 1;
DELETE FROM app.repos WHERE number = 2;
SQL
	is(group_of(5001 .. 5009), "5003|\n5004|1", 'each row is followed by what is computed');
});

since(18, 'a virtual parent in a tracked table', sub {
	$node->safe_psql($database, <<'SQL');
SELECT integration_defaults.untrack('app.projects'), integration_defaults.untrack('app."Namespaces"');
CREATE TABLE app.teams (id text PRIMARY KEY, path text, within text GENERATED ALWAYS AS (nullif(substring(path FROM '^(.*)/'), '')) VIRTUAL);
INSERT INTO app.teams SELECT id, id FROM integration_defaults.groups;
SELECT integration_defaults.track_groups('app.teams', parent_column => 'within');
INSERT INTO app.teams VALUES ('10', '10'), ('11', '10/11'), ('12', '12');
UPDATE app.teams SET path = '12/10' WHERE id = '10';
SQL
	gives(q{SELECT id, parent_id FROM integration_defaults.groups WHERE id IN ('10', '11', '12') ORDER BY id}, "10|12\n11|10\n12|", 'each group is where its path says');
	is(error_of($node, $database, q{UPDATE app.teams SET path = '11/12' WHERE id = '12'}), '23514', 'and none becomes its own ancestor');
	$node->safe_psql($database, q{DELETE FROM app.teams WHERE id = '11'});
	gives(q{SELECT id FROM integration_defaults.groups WHERE id = '11'}, '', 'nor stays when it goes');
});

since(18, 'a virtual column in effective_settings', sub {
	$node->safe_psql($database, q{ALTER TABLE integration_defaults.effective_settings ADD COLUMN webhook text GENERATED ALWAYS AS (settings ->> 'webhook') VIRTUAL;
		SELECT integration_defaults.set_default('chat', '{"webhook": "https://virtual"}'); INSERT INTO app.projects VALUES (920, NULL)});
	gives(q{SELECT webhook FROM integration_defaults.effective_settings WHERE project_id IN ('5', '920') AND integration = 'chat'},
		"https://virtual\nhttps://virtual", 'is as the settings, of old rows and new');
});

since(18, 'NOT NULL NOT VALID', sub {
	$node->safe_psql($database, q{ALTER TABLE app.projects ADD CONSTRAINT grouped NOT NULL namespace NOT VALID});
	is($node->safe_psql($database, q{SELECT integration_defaults.resync('app.projects')}), '0', 'rows from before stay as they are');
	is(error_of($node, $database, q{INSERT INTO app.projects VALUES (930, '1'), (931, NULL)}), '23502', 'a new one is refused');
	is(group_of(930, 931), '', 'with all of its statement');
	$node->safe_psql($database, q{UPDATE app.projects SET namespace = '1' WHERE namespace IS NULL; ALTER TABLE app.projects VALIDATE CONSTRAINT grouped;
		INSERT INTO app.projects VALUES (930, '1')});
	is(group_of(5, 930), "5|1\n930|1", 'and once valid, all goes on');
});

since(18, 'NOT NULL on our own tables', sub {
	foreach my $kind ('NOT VALID', 'NO INHERIT')
	{
		$node->safe_psql($database, qq{ALTER TABLE integration_defaults.projects DROP CONSTRAINT IF EXISTS grouped});
		$node->safe_psql($database, q{UPDATE app.projects SET namespace = '1' WHERE namespace IS NULL OR namespace = '5'});
		$node->safe_psql($database, qq{ALTER TABLE integration_defaults.projects ADD CONSTRAINT grouped NOT NULL group_id $kind});
		is(error_of($node, $database, q{INSERT INTO app.projects SELECT n, NULL FROM generate_series(940, 960) n}), '23502', "$kind: is held by what is followed");
		is(error_of($node, $database, q{UPDATE app.projects SET namespace = NULL WHERE id = 1}), '23502', "$kind: and by an UPDATE");
		$node->safe_psql($database, qq{INSERT INTO app.projects SELECT n, '1' FROM generate_series(940, 960) n; DELETE FROM app.projects WHERE id >= 940});
	}
	my @read = ($node, $database, q{SELECT integration_defaults.active_settings('chat', 12)});
	$node->safe_psql($database, q{ALTER TABLE integration_defaults.group_settings ALTER COLUMN locked DROP NOT NULL;
		ALTER TABLE integration_defaults.group_settings ADD CONSTRAINT later NOT NULL locked NOT VALID});
	is(error_of(@read), '55000', 'NOT VALID: a column of ours may have NULL from before');
	$node->safe_psql($database, q{ALTER TABLE integration_defaults.group_settings VALIDATE CONSTRAINT later});
	is(error_of(@read), 'none', 'and once valid, it is as it was');
	$node->safe_psql($database, q{ALTER TABLE integration_defaults.group_settings DROP CONSTRAINT later, ADD CONSTRAINT alone NOT NULL locked NO INHERIT});
	is(error_of(@read), 'none', 'NO INHERIT: as ever');
});

$node->stop;
done_testing();
