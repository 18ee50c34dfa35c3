# What an upgrade has to keep: what a user of the extension has, all that can be seen of it, and that it goes on.
package Upgraded;

use strict;
use warnings;
use Exporter 'import';
use IntegrationDefaults;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(@whose make_roles create_database fill state_of same_state goes_on restores);

# Whose the extension is, in which database, and how he connects.
our @whose = ([ 'superuser', 'whole' ], [ 'plain owner', 'hers', '-U', 'anna' ]);

# What a test does to a database before it is dumped.
our $before_dump = sub { };

sub make_roles
{
	my ($node) = @_;
	$node->safe_psql('postgres', 'CREATE ROLE anna LOGIN; CREATE ROLE worker LOGIN; CREATE ROLE group_owner');
}

# An empty one, instead of what may have been there.
sub create_database
{
	my ($node, $database, @as) = @_;
	$node->safe_psql('postgres', "DROP DATABASE IF EXISTS $database");
	$node->safe_psql('postgres', "CREATE DATABASE $database" . (@as ? " OWNER $as[1]" : ''));
}

# An app, and what a user has beside it: a materialized type with things of his own on its table, typed views, and a view on those.
sub fill
{
	my ($node, $database, @as) = @_;
	make_app($node, $database, @as);
	add_refused_rows($node, $database, @as);
	$node->safe_psql($database, <<'SQL', extra_params => \@as);
SELECT integration_defaults.materialize('chat'), integration_defaults.materialize('free');
CREATE INDEX by_webhook ON integration_defaults.effective_settings ((settings ->> 'webhook'));
SET search_path = app;
SELECT integration_defaults.create_view('chat'), integration_defaults.create_view('free');
SELECT integration_defaults.grant_access('worker', 'use'), integration_defaults.grant_access('group_owner', 'write');
CREATE VIEW loud AS SELECT c.id, c.channel, p.name FROM chat_settings c JOIN projects p ON p.id = c.id WHERE c.active;
SQL
}

# All that can be seen of a database's state; the dump says of which major the server was.
sub state_of
{
	my ($node, $database, @as) = @_;
	$before_dump->($node, $database);
	my $dump = dump_of($node, $database, @as);
	$dump =~ s/^-- Dumped from .*\n//mg;
	my $rows = $node->safe_psql($database, <<'SQL', extra_params => \@as);
SELECT e FROM integration_defaults.effective_settings e ORDER BY project_id, integration;
SELECT * FROM app.chat_settings ORDER BY id;
SELECT * FROM app.free_settings ORDER BY id;
SELECT * FROM app.loud ORDER BY id;
SELECT * FROM integration_defaults.access ORDER BY role, access;
SELECT change, transaction, operation, scope_level, scope_id, integration, before, after FROM integration_defaults.history ORDER BY change;
SQL
	my $members = $node->safe_psql($database, <<'SQL', extra_params => \@as);
SELECT pg_describe_object(classid, objid, 0) FROM pg_depend
    WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND classid <> 'pg_type'::regclass ORDER BY 1;
SELECT relname, relowner::regrole FROM pg_class WHERE relnamespace = 'integration_defaults'::regnamespace ORDER BY 1;
SQL
	return { dump => $dump, answers => answers($node, $database, @as), rows => $rows, members => $members };
}

sub same_state
{
	my ($got, $expected, $what) = @_;
	same($got->{$_}, $expected->{$_}, "$what: the same $_") foreach sort keys %$expected;
}

# A change of each kind, as before the upgrade.
my $round = 0;
sub goes_on
{
	my ($node, $database, $what, @as) = @_;
	my $n = ++$round;
	$node->safe_psql($database, <<"SQL", extra_params => \@as);
INSERT INTO app."Namespaces" VALUES ('new $n', '4', 'Group'), ('left out $n', NULL, 'User');
INSERT INTO app.projects VALUES (1000 + $n, 'new $n', 'new'), (2000 + $n, 'left out $n', 'new');
UPDATE app.projects SET namespace = '2' WHERE id = 20 + $n;
DELETE FROM app.projects WHERE id = 40 + $n;
SELECT integration_defaults.unlock_fields('chat');
SELECT integration_defaults.set_default('chat', '{"webhook": "https://round $n"}', '4');
SELECT integration_defaults.set_custom('free', 1000 + $n, '{"own": $n}');
UPDATE app.chat_settings SET channel = '#$n' WHERE id = 1000 + $n;
SQL
	is($node->safe_psql($database, <<"SQL", extra_params => \@as), "https://round $n|#$n\n2\n0\n0", "$what: what is written is followed");
SELECT settings ->> 'webhook', settings ->> 'channel' FROM integration_defaults.resolve('chat', 1000 + $n);
SELECT group_id FROM integration_defaults.projects WHERE id = (20 + $n)::text;
SELECT count(*) FROM integration_defaults.projects WHERE id = (40 + $n)::text;
SELECT count(*) FROM integration_defaults.groups WHERE id LIKE 'left out%';
SQL
	is(differences($node, $database, @as), '', "$what: effective_settings too");
	is(error_of($node, $database, q{SELECT integration_defaults.set_custom('chat', 9, '{"limit": 0, "webhook": "w"}')}, @as),
		'23514', "$what: the rules hold");
	is(error_of($node, $database, q{SELECT integration_defaults.active_settings('chat', 9)}, '-U', 'worker'), 'none', "$what: a role has what it was given");
	is(error_of($node, $database, q{SELECT integration_defaults.use_default('chat', 9)}, '-U', 'worker'), '42501', "$what: and nothing else");
	is(error_of($node, $database, q{SELECT integration_defaults.undo((SELECT max(transaction) FROM integration_defaults.history))}, @as),
		'none', "$what: the last change can be taken back");
	is(error_of($node, $database, q{SET search_path = app; SELECT integration_defaults.create_view('chat')}, @as),
		'none', "$what: a typed view can be made anew");
	$node->safe_psql($database, q{SELECT integration_defaults.resync('app.projects'), integration_defaults.materialize('chat')}, extra_params => \@as);
	is(differences($node, $database, @as), '', "$what: materialize() finds nothing wrong");
}

# A dump restores into a database beside it.
sub restores
{
	my ($node, $database, $what, @as) = @_;
	my $to = "${database}_restored";
	$before_dump->($node, $database);
	create_database($node, $to, @as);
	succeeds($node, [ 'pg_dump', @as, '-Fc', '-f', $to, '-d', $database ], "$what: dumped");
	succeeds($node, [ 'pg_restore', @as, '--exit-on-error', '-d', $to, $to ], "$what: restored") or return;
	same_state(state_of($node, $to, @as), state_of($node, $database, @as), "$what, restored");
	goes_on($node, $to, "$what, restored", @as);
	$node->safe_psql('postgres', "DROP DATABASE $to");
}

1;
