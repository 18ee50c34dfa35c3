# Who owns the tables can alter them, and put others in their place: then there is a clear error or the right answer, and
# never a crash, nor another type's bytes.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('ownership');
my $I = 'integration_defaults';
$node->safe_psql('postgres', 'CREATE ROLE dbo LOGIN; CREATE ROLE other LOGIN; GRANT other TO dbo; CREATE DATABASE used OWNER dbo');
my @dbo = ('-U', 'dbo');
make_app($node, 'used', @dbo);
$node->safe_psql('used', <<"SQL", extra_params => \@dbo);
SELECT $I.materialize('chat'), $I.create_view('chat'), $I.create_view('free');
SELECT $I.register_integration('hush', '{"properties": {"token": {"writeOnly": true}}}'), $I.set_default('hush', '{"token": "t"}');
CREATE SCHEMA others;
GRANT CREATE, USAGE ON SCHEMA $I, others, public TO other;
SQL

# ---- functions and types are not the owner's ----------------------------------------------------------------------------

foreach my $change (
	"ALTER FUNCTION $I.resolve(text, $I.external_id, $I.external_id) CALLED ON NULL INPUT",
	"ALTER FUNCTION $I.external_id(integer) CALLED ON NULL INPUT",
	"ALTER FUNCTION $I.external_id_in(cstring) CALLED ON NULL INPUT",
	"ALTER FUNCTION $I.external_id_send($I.external_id) CALLED ON NULL INPUT",
	"ALTER FUNCTION $I.settings_at SECURITY DEFINER",
	"ALTER FUNCTION $I.set_default SET search_path = public",
	"ALTER FUNCTION $I.set_default OWNER TO dbo",
	"ALTER FUNCTION $I.set_default RENAME TO mine",
	"ALTER FUNCTION $I.set_default SET SCHEMA public",
	"ALTER FUNCTION $I.follow_projects() DEPENDS ON EXTENSION plpgsql",
	"CREATE OR REPLACE FUNCTION $I.external_id(integer) RETURNS $I.external_id LANGUAGE sql AS 'SELECT NULL'",
	"CREATE OR REPLACE FUNCTION $I.settle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
	"CREATE OR REPLACE FUNCTION $I.not_given() RETURNS $I.external_id LANGUAGE sql AS 'SELECT NULL'",
	"ALTER TYPE $I.external_id OWNER TO dbo", "ALTER TYPE $I.external_id RENAME TO mine",
	"CREATE CAST (date AS $I.external_id) WITH INOUT AS IMPLICIT")
{
	is(error_of($node, 'used', $change, @dbo), '42501', "refused: $change");
}
# He may make others beside them, which only those run who call them.
is( error_of($node, 'used', "BEGIN; CREATE FUNCTION $I.external_id(date) RETURNS $I.external_id LANGUAGE sql AS 'SELECT NULL'; ROLLBACK", @dbo),
	'none', 'a function beside ours');

# ---- tables and views are ------------------------------------------------------------------------------------------------

# Everything that is there, of each kind: reading, setting, the tree, views, following, materialization.
my @uses = split /\n/, <<"SQL";
SELECT * FROM $I.resolve('chat', 1)
SELECT * FROM $I.resolve('chat', group_id => 2)
SELECT * FROM $I.resolve_all()
SELECT $I.active_settings('chat', id) FROM app.projects
SELECT * FROM $I.explain('chat', 3)
SELECT * FROM $I.projects_using_custom_settings('chat')
SELECT * FROM $I.projects_using_default('chat', 2)
SELECT * FROM $I.redundant_overrides('chat')
SELECT * FROM $I.invalid_settings()
SELECT * FROM $I.validate_settings('chat', '{"limit": 0}')
SELECT * FROM $I.tree('chat')
SELECT * FROM $I.tracked_tables
SELECT * FROM $I.project_integrations
SELECT * FROM $I.group_integrations
SELECT * FROM $I.instance_integrations
SELECT * FROM chat_settings
SELECT * FROM $I.effective_settings
SELECT $I.register_integration('chat', (SELECT schema::text::jsonb FROM $I.integrations WHERE name::text = 'chat'), 'Chatter')
SELECT $I.register_integration('new', '{"properties": {"a": {"type": "integer"}}}')
SELECT $I.allow_integrations('{chat,free}')
SELECT $I.load_catalog('gitlab')
SELECT $I.set_default('chat', '{"webhook": "https://changed"}')
SELECT $I.set_default('chat', '{"webhook": "https://changed too"}', 2)
SELECT $I.set_custom('chat', 4, '{"webhook": "https://4"}')
SELECT $I.override_fields('chat', '{"channel": "#x"}', 5)
SELECT $I.override_fields('chat', '{"channel": "#g"}', group_id => 4)
SELECT $I.inherit_fields('chat', '{channel}', 3)
SELECT $I.set_active('chat', false, 6)
SELECT $I.lock_fields('chat', '{channel}', 2)
SELECT $I.unlock_fields('chat', '{channel}', 2)
SELECT $I.use_default('chat', 1)
SELECT $I.reset_default('chat', 2)
INSERT INTO $I.project_settings (project_id, integration, custom, settings) VALUES ('50', 'chat', false, '{"channel": "#fifty"}')
UPDATE $I.project_settings SET settings = '{"webhook": "w"}' WHERE project_id = '2'
UPDATE $I.group_settings SET locked = '{}' WHERE group_id = '3'
UPDATE $I.instance_settings SET active = true
UPDATE $I.integrations SET title = 'x' WHERE name = 'chat'
UPDATE $I.integrations SET name = 'freed' WHERE name = 'free'
DELETE FROM $I.project_settings WHERE project_id = '3'
UPDATE $I.project_integrations SET active = false WHERE project_id = '11' AND integration = 'chat'
INSERT INTO $I.project_integrations (project_id, integration, settings) VALUES ('13', 'chat', '{"webhook": "w"}')
DELETE FROM $I.project_integrations WHERE project_id = '13' AND integration = 'chat'
UPDATE $I.group_integrations SET settings = '{"webhook": "w"}' WHERE group_id = '4' AND integration = 'chat'
UPDATE $I.instance_integrations SET settings = settings || '{"channel": "#i"}' WHERE integration = 'chat'
UPDATE chat_settings SET channel = '#typed' WHERE id = 20
INSERT INTO chat_settings (id, webhook) VALUES (21, 'https://typed') RETURNING *
DELETE FROM chat_settings WHERE id = 21
INSERT INTO app.projects VALUES (1000, '2', 'new'), (1001, '3', 'new')
UPDATE app.projects SET namespace = '4' WHERE id = 1000
DELETE FROM app.projects WHERE id = 1001
INSERT INTO app."Namespaces" VALUES ('n', '2')
UPDATE app."Namespaces" SET parent = '1' WHERE "Id" = 'n'
DELETE FROM app."Namespaces" WHERE "Id" = 'n'
INSERT INTO $I.groups VALUES ('g', '1')
UPDATE $I.projects SET group_id = '1' WHERE id = '30'
SELECT $I.create_view('chat', 'other_view')
SELECT $I.resync('app.projects')
SELECT $I.resync('app."Namespaces"')
SELECT $I.materialize('chat')
SELECT $I.materialize('free')
SELECT $I.dematerialize('chat')
SELECT $I.untrack('app.projects')
SELECT $I.track_projects('app.projects', group_column => 'namespace')
SELECT $I.add_group('by hand', 1)
TRUNCATE $I.project_settings
TRUNCATE app.projects
SELECT * FROM $I.history
SELECT $I.undo((SELECT max(transaction) FROM $I.history_changes))
SELECT * FROM $I.resolve_at(now(), 'chat', 1)
SELECT * FROM $I.explain_at(now(), 'chat', group_id => 2)
SELECT $I.keep_history(false)
SELECT $I.forget_history(now())
SELECT $I.seal_secrets()
SELECT $I.set_default('hush', '{"token": "other"}')
SELECT $I.register_integration('free', '{"properties": {"a": {"writeOnly": true}}}', force => true)
SELECT $I.active_settings('hush')
SELECT $I.notify_changes(true)
SELECT * FROM $I.status()
SQL
chomp @uses;
push @uses, qq{DO 'BEGIN PERFORM $I.set_default(''chat'', ''{"webhook": "https://again"}''); PERFORM md5(g::text) FROM $I.generations g; END'};

# Clear errors: what the server says of columns, types and relations that are not as in the statement, and ours.
my $clear = qr/^(none|55000|42P01|42703|42883|42804|42809|42501|42P07|42P10|42P16|42P17|23502|23503|23505|23514|22P02|22007|22023|22004|22001|22003|42704|0A000|39P01|2BP01|40001|428C9|42601|42611|42846|2F003|54001|55006)$/;

# One of them with what comes at the commit, its state, and the end of it.
sub done
{
	my ($use, $end) = @_;
	return "$use \\g /dev/null\n\\if :ERROR\n\\echo state :SQLSTATE\n\\else\nSET CONSTRAINTS ALL IMMEDIATE;\n\\echo state :SQLSTATE\n\\endif\n$end;\nSELECT 'up';\n";
}

# The owner changes something and then a third of that is done, in a transaction that rolls back, in a session that has
# looked at everything before, and another third in a new one; next time, others. With OWNER_USES=all, all of it in both.
my $cases = 0;
sub survives
{
	my ($what, $change) = @_;
	my $case = $cases++;
	my ($looked, $new) = map { my $n = $_; [ map { $uses[$_] } grep { ($ENV{OWNER_USES} // '') eq 'all' || ($_ + $case + $n) % 3 == 0 } 0 .. $#uses ] } 0, 1;
	my $sql = join '', map { "BEGIN;\n$_;\nROLLBACK;\n" } @uses[ 0, 2, 3, 12, 15, 21, 47 ];
	foreach my $session ($looked, $new)
	{
		$sql .= "BEGIN;\n$change;\n\\echo changed :SQLSTATE\nSAVEPOINT s;\n" =~ s/;\s*;/;/r;
		$sql .= done($_, 'ROLLBACK TO s') foreach @$session;
		$sql .= "ROLLBACK;\n\\c -\n";
	}
	my ($status, $out, $err) = $node->psql('used', $sql, extra_params => [ @dbo, '-v', 'ON_ERROR_STOP=0', '-v', 'VERBOSITY=verbose' ],
		on_error_die => 0, on_error_stop => 0);
	is(join(' ', $out =~ /^changed (\w+)$/mg), '00000 00000', "$what: can be done") or diag($err =~ /(ERROR.*)/);
	my @states = map { $_ eq '00000' ? 'none' : $_ } $out =~ /^state (\w+)$/mg;
	is(scalar(() = $out =~ /^up$/mg), @$looked + @$new, "$what: the sessions live on");
	my @unclear = map { "$states[$_] of " . (@$looked, @$new)[$_] } grep { $states[$_] !~ $clear } 0 .. $#states;
	is(join("\n", @unclear), '', "$what: all errors are clear") or diag join "\n", $err =~ /^.*ERROR:  XX.*\n.*/mg;
}

# Before anything is changed all of it works, but for what may not be while the tree is tracked: else nothing would be told.
{
	my ($status, $out, $err) = $node->psql('used', join('', map { done($_, 'ROLLBACK') =~ s/^/BEGIN;\n/r } @uses),
		extra_params => [ @dbo, '-v', 'ON_ERROR_STOP=0' ], on_error_die => 0, on_error_stop => 0);
	my @states = $out =~ /^state (\w+)$/mg;
	is(join(' ', map { "$states[$_] of $uses[$_]" } grep { $states[$_] ne '00000' } 0 .. $#uses), join(' ', map { "$_->[0] of $_->[1]" }
		[ '22023', "UPDATE $I.group_integrations SET settings = '{\"webhook\": \"w\"}' WHERE group_id = '4' AND integration = 'chat'" ],
		[ '55000', "INSERT INTO $I.groups VALUES ('g', '1')" ], [ '55000', "UPDATE $I.projects SET group_id = '1' WHERE id = '30'" ],
		[ '55000', "SELECT $I.track_projects('app.projects', group_column => 'namespace')" ], [ '55000', "SELECT $I.add_group('by hand', 1)" ]),
		'the rest of it works as it is');
}

my @settings = ("$I.instance_settings", "$I.group_settings", "$I.project_settings");
my @history = ("$I.history_changes", "$I.history_transactions", "$I.history_since");
foreach my $table (@settings, "$I.integrations", "$I.groups", "$I.projects", "$I.effective_settings", "$I.generations", @history,
	"$I.mask_keys", "$I.change_notifications")
{
	my @columns = split /\n/, $node->safe_psql('used', qq{SELECT format('%I %s', attname, atttypid::regtype) FROM pg_attribute
		WHERE attrelid = '$table'::regclass AND attnum > 0 ORDER BY attnum});
	my @names = map { /^(\S+)/ } @columns;
	my ($name) = $table =~ /\.(\w+)/;
	# Views on it go first; views of another shape are looked at below.
	my $without_views = join '; ', 'DROP VIEW public.chat_settings, public.free_settings',
	  map { "ALTER EXTENSION integration_defaults DROP VIEW $I.$_; DROP VIEW $I.$_" } qw(history own_settings all_project_integrations project_integrations group_integrations instance_integrations);
	my $without_triggers = qq{DO \$\$ DECLARE t record; BEGIN FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = '$table'::regclass AND NOT tgisinternal
		LOOP EXECUTE format('DROP TRIGGER %I ON $table', t.tgname); END LOOP; END \$\$};
	my $last = $names[-1];
	my $other_type = $columns[-1] =~ /text$/ ? "bigint USING 7" : $columns[-1] =~ /bigint/ ? 'text' : $columns[-1] =~ /boolean/ ? "text USING 'x'" : "text USING 'x'";

	survives("$table: the last column has another type", "$without_views; $without_triggers; ALTER TABLE $table ALTER COLUMN $last DROP DEFAULT, ALTER COLUMN $last TYPE $other_type");
	survives("$table: all columns are of type integer, the triggers are there",
		"$without_views; CREATE TEMP TABLE kept AS SELECT pg_get_triggerdef(oid) AS def FROM pg_trigger WHERE tgrelid = '$table'::regclass AND NOT tgisinternal; $without_triggers; ALTER TABLE $table "
		  . join(', ', (map { "DROP COLUMN $_ CASCADE" } @names), (map { "ADD COLUMN $_ integer DEFAULT 1" } @names))
		  . qq{; DO \$\$ DECLARE d text; BEGIN FOR d IN SELECT def FROM kept LOOP BEGIN EXECUTE d; EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END \$\$});
	survives("$table: a column is gone", "$without_views; ALTER TABLE $table DROP COLUMN $last CASCADE");
	survives("$table: the first column is gone", "$without_views; ALTER TABLE $table DROP COLUMN $names[0] CASCADE");
	survives("$table: a column more", "ALTER TABLE $table ADD COLUMN more integer NOT NULL DEFAULT 5");
	survives("$table: a column is renamed", "ALTER TABLE $table RENAME COLUMN $last TO renamed");
	survives("$table: nothing is NOT NULL, no key, NULLs inside",
		"ALTER TABLE $table DROP CONSTRAINT IF EXISTS ${name}_pkey; " . ($name eq 'generations' ? 'ALTER TABLE $I.generations DISABLE TRIGGER ALL; ' =~ s/\$I/$I/r : "ALTER TABLE $table DISABLE TRIGGER USER; ")
		  . "ALTER TABLE $table " . join(', ', map { "ALTER COLUMN $_ DROP NOT NULL" } @names)
		  . "; INSERT INTO $table SELECT " . join(', ', ('NULL') x @names) . " FROM generate_series(1, 3); ALTER TABLE $table ENABLE TRIGGER USER");
	survives("$table: a child table with other rows", "CREATE TABLE others.child () INHERITS ($table)");
	survives("$table: is a child itself", "CREATE TABLE others.parent (); ALTER TABLE $table INHERIT others.parent");
	survives("$table: unlogged", "ALTER TABLE $table SET UNLOGGED");
	survives("$table: rules instead of writes",
		"CREATE RULE i AS ON INSERT TO $table DO INSTEAD NOTHING; CREATE RULE u AS ON UPDATE TO $table DO INSTEAD NOTHING; CREATE RULE d AS ON DELETE TO $table DO INSTEAD NOTHING");
	survives("$table: row security, forced, that shows nothing",
		"ALTER TABLE $table ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
	survives("$table: without triggers", $without_triggers);
	survives("$table: triggers that let nothing through", <<"SQL" =~ s/;\n$//r);
CREATE FUNCTION others.veto() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER a_veto BEFORE INSERT OR UPDATE OR DELETE ON $table FOR EACH ROW EXECUTE FUNCTION others.veto();
SQL
	survives("$table: another owner", "ALTER TABLE $table OWNER TO other; GRANT ALL ON $table TO dbo");

	# in its place
	my $away = "ALTER TABLE $table SET SCHEMA others";
	my $columns = join ', ', @columns;
	survives("$table: none", $away);
	survives("$table: a view of it", "$away; CREATE VIEW $table AS SELECT * FROM others.$name");
	survives("$table: a view of another shape", "$away; CREATE VIEW $table AS SELECT 1 AS one, 2 AS two");
	survives("$table: a materialized view", "$away; CREATE MATERIALIZED VIEW $table AS SELECT * FROM others.$name");
	survives("$table: a partitioned table", "$away; CREATE TABLE $table ($columns) PARTITION BY HASH ($names[0]); CREATE TABLE others.part PARTITION OF $table FOR VALUES WITH (MODULUS 1, REMAINDER 0); INSERT INTO $table SELECT * FROM others.$name");
	survives("$table: a partition", "$away; CREATE TABLE others.whole ($columns) PARTITION BY HASH ($names[0]); CREATE TABLE $table PARTITION OF others.whole FOR VALUES WITH (MODULUS 1, REMAINDER 0)");
	survives("$table: a sequence", "$away; CREATE SEQUENCE $table");
	survives("$table: a composite type", "$away; CREATE TYPE $table AS ($columns)");
	survives("$table: a table of another shape", "$away; CREATE TABLE $table (a integer PRIMARY KEY, b integer[], c point); INSERT INTO $table VALUES (1, '{1,2}', '(1,2)')");
	survives("$table: one of the same names and types that need no memory",
		"$away; CREATE TABLE $table (" . join(', ', map { "$_ bigint DEFAULT 72340172838076673" } @names) . "); INSERT INTO $table DEFAULT VALUES");
	survives("$table: one with its triggers of ours", "$away; CREATE TABLE $table (" . join(', ', map { "$_ bigint DEFAULT 72340172838076673" } @names) . "); "
		  . join('; ', map { "CREATE TRIGGER $_ AFTER INSERT OR UPDATE OR DELETE ON $table FOR EACH ROW EXECUTE FUNCTION $I.$_()" }
			  qw(note_change check_parent check_group_chain rename_settings hold_references remove_empty_settings rename_parent check_id_is_final))
		  . '; ' . join('; ', map { "CREATE TRIGGER b_$_ BEFORE INSERT OR UPDATE OR DELETE ON $table FOR EACH ROW EXECUTE FUNCTION $I.$_()" }
			  qw(check_integration check_settings count_change keep_generations hold_parent))
		  . "; CREATE TRIGGER s AFTER INSERT ON $table REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION $I.settle()"
		  . "; CREATE TRIGGER m BEFORE INSERT OR DELETE ON $table FOR EACH STATEMENT EXECUTE FUNCTION $I.refuse_plain_writes('chat', 'free')");
}

# ---- views of another shape, on which our trigger hangs -------------------------------------------------------------------

foreach my $view ("$I.project_integrations", "$I.group_integrations", "$I.instance_integrations", 'public.chat_settings')
{
	my ($name) = $view =~ /\.(\w+)/;
	my $function = $name eq 'chat_settings' ? "$I.write_typed('chat', 'channel', 'limit')" : "$I.write_integrations()";
	my @columns = split /\n/, $node->safe_psql('used', qq{SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = '$view'::regclass AND attnum > 0 ORDER BY attnum});
	my $drop = ($view =~ /^public/ ? '' : "ALTER EXTENSION integration_defaults DROP VIEW $view; ") . "DROP VIEW $view CASCADE";
	my $trigger = "CREATE TRIGGER t INSTEAD OF INSERT OR UPDATE OR DELETE ON $view FOR EACH ROW EXECUTE FUNCTION $function";
	foreach my $shape ([ 'bigint', join(', ', map { "72340172838076673::bigint AS $_" } @columns) ],
		[ 'text', join(', ', map { "'x'::text AS $_" } @columns) ], [ 'NULL', join(', ', map { "NULL::jsonb AS $_" } @columns) ],
		[ 'other columns', '1 AS a, 2 AS b' ], [ 'no columns', '' ], [ 'arrays', join(', ', map { "'{1,2}'::integer[] AS $_" } @columns) ])
	{
		my ($what, $list) = @$shape;
		survives("$view: $what in its place", "$drop; CREATE VIEW $view AS SELECT $list; $trigger");
	}
	survives("$view: a table in its place", "$drop; CREATE TABLE $view (" . join(', ', map { "$_ text" } @columns) . ')');
	survives("$view: another owner", "ALTER VIEW $view OWNER TO other; GRANT ALL ON $view TO dbo");
	survives("$view: of its owner's rights", "ALTER VIEW $view SET (security_invoker = false, security_barrier = true)");
}
survives("$I.tracked_tables: another", "ALTER EXTENSION integration_defaults DROP VIEW $I.tracked_tables; DROP VIEW $I.tracked_tables; CREATE VIEW $I.tracked_tables AS SELECT 1 AS kind");
survives('views that read each other for ever', "ALTER EXTENSION integration_defaults DROP VIEW $I.project_integrations; DROP VIEW $I.project_integrations CASCADE; CREATE VIEW $I.project_integrations AS SELECT NULL::text AS project_id, r.* FROM $I.resolve_all() r, $I.group_integrations g");

# ---- different owners -----------------------------------------------------------------------------------------------------

$node->safe_psql('used', "ALTER TABLE $I.projects OWNER TO other; GRANT ALL ON $I.projects TO dbo", extra_params => \@dbo);
is(error_of($node, 'used', "SELECT $I.set_default('chat', '{\"webhook\": \"w\"}')", @dbo), '55000', 'tables of different owners: a default is refused');
is(error_of($node, 'used', q{INSERT INTO app.projects VALUES (2000, '1')}, @dbo), '55000', 'and following');
$node->safe_psql('used', "ALTER TABLE $I.projects OWNER TO dbo", extra_params => \@dbo);
is(error_of($node, 'used', "SELECT $I.set_default('chat', '{\"webhook\": \"w\"}')", @dbo), 'none', 'of the same again: set');

unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP|\bC\+\+ exception/, 'the server has not gone down');
$node->stop;
done_testing();
