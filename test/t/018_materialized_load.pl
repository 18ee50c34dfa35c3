# Eight clients do everything at once to the same few scopes while two types are materialized, one operation a
# transaction: afterwards effective_settings is what project_integrations says, and what the reference model says; nobody
# met a deadlock, and no error but those that such an operation may end with. The same at mixed isolation levels, and with
# the server killed again and again.
#
# LOAD_SECONDS=60 is a longer run (both halves together); SEED repeats what the clients send, not how they meet.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use POSIX ();
use Time::HiRes qw(sleep time);

my $clients = 8;
my $seconds = ($ENV{LOAD_SECONDS} // 36) / 2;
my $seed = $ENV{SEED} // int time;
diag "SEED=$seed";
my $folder = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('load', conf => "log_line_prefix = '%m [%p] %e '\nmax_connections = 30\n");

$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION integration_defaults;
CREATE SCHEMA app;
CREATE TABLE app.projects (id int PRIMARY KEY, group_id text);
SELECT integration_defaults.register_integration('chat', '{"properties": {"a": {"default": 1}, "b": {}, "url": {}, "token": {"writeOnly": true}},
    "x-atomic": [["url", "token"]]}');
SELECT integration_defaults.register_integration('free'), integration_defaults.register_integration('other');
SELECT integration_defaults.add_group('g' || n, CASE WHEN n > 2 THEN 'g' || n / 2 END) FROM generate_series(1, 12) n;
SELECT integration_defaults.track_projects('app.projects');
INSERT INTO app.projects SELECT n, CASE WHEN n % 13 > 0 THEN 'g' || n % 13 END FROM generate_series(1, 150) n;
SELECT integration_defaults.create_view('chat');
SELECT integration_defaults.set_default('chat', '{"a": 0}'), integration_defaults.set_default('free', '{"all": true}');
SELECT integration_defaults.materialize('chat'), integration_defaults.materialize('free');
SQL

# --- what the clients do: all of it to scopes that everybody uses ---------------------------------------------------

sub one_of { return $_[ rand @_ ]; }
sub type { return "'" . one_of(qw(chat chat chat free free other)) . "'"; }
sub group { return one_of("'g" . (1 + int rand 12) . "'", "'g" . (1 + int rand 12) . "'", "'x" . int(rand 6) . "'"); }
sub parent { return one_of('NULL', group(), group(), group()); }
sub project { return 1 + int rand 180; }
sub fields { my $n = int rand 1000; return one_of(qq('{"a": $n}'), qq('{"a": $n, "b": $n}'), qq('{"b": null}'), qq('{"url": $n, "token": 1}'), q('{}')); }
sub names { return one_of("'{a}'", "'{b,active}'", "'{url}'", 'NULL'); }
sub group_or_instance { return rand() < 0.8 ? ', group_id => ' . group() : ''; }
sub scope { return rand() < 0.6 ? ', project_id => ' . project() : group_or_instance(); }
sub bool { return one_of(qw(true false)); }
sub key { return 'project_id = ' . "'" . project() . "' AND integration = " . type(); }

my $f = 'SELECT integration_defaults.';
my $view = 'integration_defaults.project_integrations';
my %operations = (
	'set_default' => [ 10, sub { "${f}set_default(" . type() . ', ' . fields() . group_or_instance() . ')' } ],
	'override_fields' => [ 12, sub { "${f}override_fields(" . type() . ', ' . fields() . scope() . ')' } ],
	'inherit_fields' => [ 4, sub { "${f}inherit_fields(" . type() . ", '{a,active}'" . scope() . ')' } ],
	'lock' => [ 3, sub { "${f}lock_fields(" . type() . ', ' . names() . group_or_instance() . ')' } ],
	'unlock' => [ 5, sub { "${f}unlock_fields(" . type() . ', ' . names() . group_or_instance() . ')' } ],
	'set_custom' => [ 12, sub { "${f}set_custom(" . type() . ', ' . project() . ', ' . fields() . ')' } ],
	'use_default' => [ 8, sub { "${f}use_default(" . type() . (rand() < 0.8 ? ', ' . project() : ', group_id => ' . group()) . ')' } ],
	'set_active' => [ 6, sub { "${f}set_active(" . type() . ', ' . one_of('NULL', bool()) . scope() . ')' } ],
	'reset_default' => [ 5, sub { "${f}reset_default(" . type() . group_or_instance() . ')' } ],
	'add project' => [ 8, sub { 'INSERT INTO app.projects VALUES (' . project() . ', ' . parent() . ')' } ],
	'add projects' => [ 1, sub { my $n = 200 + 50 * int rand 4; "INSERT INTO app.projects SELECT n, " . parent() . " FROM generate_series($n, $n + 40) n" } ],
	'move project' => [ 8, sub { 'UPDATE app.projects SET group_id = ' . parent() . ' WHERE id = ' . project() } ],
	'rename project' => [ 2, sub { 'UPDATE app.projects SET id = ' . project() . ' WHERE id = ' . project() } ],
	'remove project' => [ 5, sub { 'DELETE FROM app.projects WHERE id = ' . one_of(project(), project(), 200 + int rand 240) } ],
	'move group' => [ 6, sub { "${f}move_group(" . group() . ', ' . parent() . ')' } ],
	'move group by SQL' => [ 2, sub { 'UPDATE integration_defaults.groups SET parent_id = ' . parent() . ' WHERE id = ' . group() } ],
	'add group' => [ 5, sub { "${f}add_group('x" . int(rand 6) . "', " . parent() . ')' } ],
	'remove group' => [ 6, sub { "${f}remove_group('x" . int(rand 6) . "')" } ],
	'rename group' => [ 1, sub { "UPDATE integration_defaults.groups SET id = 'x" . int(rand 6) . "' WHERE id = 'x" . int(rand 6) . "'" } ],
	'register' => [ 2, sub { "${f}register_integration('chat', '" . '{"properties": {"a": {"default": ' . int(rand 9)
			. '}, "b": {}, "url": {}, "token": {"writeOnly": true}}, "x-atomic": [' . one_of('["url", "token"]', '') . "]}', force => true)" } ],
	'allow' => [ 2, sub { "${f}allow_integrations(" . one_of('NULL', 'NULL', "'{free,other}'", "'{chat}'") . ')' } ],
	'update view' => [ 8, sub { "UPDATE $view SET " . one_of('active = ' . bool(), 'settings = ' . fields()) . ' WHERE ' . key() } ],
	'insert into view' => [ 3, sub { "INSERT INTO $view (project_id, integration, settings) VALUES ('" . project() . "', " . type() . ', ' . fields() . ')' } ],
	'delete from view' => [ 3, sub { "DELETE FROM $view WHERE " . key() } ],
	'update typed view' => [ 4, sub { 'UPDATE public.chat_settings SET b = ' . one_of('NULL', "'7'") . ' WHERE id = ' . project() } ],
	'settings by SQL' => [ 3, sub { "UPDATE integration_defaults.project_settings SET settings = " . fields() . ' WHERE ' . key() } ],
	'materialize' => [ 0.5, sub { $f . one_of("materialize('free')", "materialize('other')", "dematerialize('other')") . '' } ],
);
my $weights = 0;
$weights += $_->[0] foreach values %operations;
sub operation
{
	my $at = rand $weights;
	foreach my $name (sort keys %operations)
	{
		return ($name, $operations{$name}[1]->()) if ($at -= $operations{$name}[0]) < 0;
	}
	return ('use_default', "${f}use_default('chat', 1)");
}

# A client: psql, which is sent operations until the time is over or it has lost the server. (pgbench ends a client at
# the first error that is not a serialization failure.) Notes how many of each it has sent.
sub client
{
	my ($number, $until, $before, $notes) = @_;
	srand $seed + $number;
	local $SIG{PIPE} = 'IGNORE';
	my %sent;
	while (time < $until)
	{
		my $pid = open my $psql, '|-', "psql -XqAt '" . $node->connstr('postgres') . "' >/dev/null 2>&1" or last;
		fcntl $psql, 1031, 4096; # F_SETPIPE_SZ: no more ahead than it has to be
		$psql->autoflush(1);
		print $psql $before;
		while (time < $until)
		{
			my ($name, $sql) = operation();
			print $psql "$sql;\n" or last;
			$sent{$name}++;
		}
		close $psql;
		sleep 0.2 if time < $until;
	}
	append_to_file($notes, join '', map { "$sent{$_} $_\n" } sort keys %sent);
	POSIX::_exit(0);
}

# Runs the clients; meanwhile does what it is given. Gives the number of operations that were sent.
my %total;
sub load
{
	my ($round, $for, $before, $meanwhile) = @_;
	my $until = time + $for;
	my @pids;
	foreach my $number (1 .. $clients)
	{
		my $pid = fork // die;
		client($number + 100 * $round, $until, $before->($number), "$folder/sent$round.$number") if $pid == 0;
		push @pids, $pid;
	}
	$meanwhile->($until) if $meanwhile;
	waitpid $_, 0 foreach @pids;
	my $all = 0;
	foreach my $file (glob "$folder/sent$round.*")
	{
		foreach (split /\n/, slurp_file($file))
		{
			my ($count, $name) = split / /, $_, 2;
			$total{$name} += $count;
			$all += $count;
		}
	}
	return $all;
}

my %python;
sub is_right
{
	my ($what) = @_;
	is(differences($node, 'postgres'), '', "$what: effective_settings is what project_integrations says");
	if (!$ENV{TREE})
	{
		return; # installcheck: the model is not at hand
	}
	my @model = ('python3', "$ENV{TREE}/test/model/effective.py");
	local $ENV{PYTHONDONTWRITEBYTECODE} = 1;
	my ($export, $out, $err) = ('', '', '');
	IPC::Run::run([ @model, 'export' ], '>', \$export) or die;
	my $state = $node->safe_psql('postgres', $export);
	IPC::Run::run(\@model, '<', \$state, '>', \$out, '2>', \$err);
	like($out, qr/\A\d\d+ compared\n\z/, "$what: and what the model says") or diag $out, $err;
	diag "$what: $out" =~ s/\n//r;
}

# What went wrong, by SQLSTATE, from the server's log from a place on.
my %may = (
	'23505' => 'there already', '23503' => 'no such group, or still in use', '23514' => 'locked, or a cycle', '42704' => 'gone',
	'22023' => 'custom settings inherit nothing');
sub errors_since
{
	my ($place, %also) = @_;
	my $log = slurp_file($node->logfile, $place);
	my (%count, @strange);
	while ($log =~ /^\S+ \S+ \S+ \[\d+\] (\w{5}) (?:ERROR|FATAL|PANIC):  (.*)/mg)
	{
		$count{$1}++;
		push @strange, "$1 $2" unless $may{$1} || $also{$1};
	}
	push @strange, $1 while $log =~ /^(.*(?:TRAP:|was terminated by signal (?!9)).*)/mg;
	return (join(', ', map { "$_ $count{$_}x" } sort keys %count), join("\n", splice @strange, 0, 20), $log =~ tr/\n//);
}
sub place { return -s $node->logfile; }

# --- the halves ------------------------------------------------------------------------------------------------------

my $place = place();
my $sent = load(1, $seconds / 2, sub { '' });
my ($errors, $strange) = errors_since($place);
diag "READ COMMITTED: $sent operations, errors: $errors";
cmp_ok($sent, '>', 200, 'there was a load');
is($strange, '', 'no deadlock, and no error but those that were to be expected');
is_right('READ COMMITTED');

my @levels = ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE');
$place = place();
$sent = load(2, $seconds / 2, sub { "SET default_transaction_isolation = '" . lc($levels[ $_[0] % 3 ]) . "';\n" });
($errors, $strange) = errors_since($place, '40001' => 1);
diag "mixed isolation levels: $sent operations, errors: $errors";
cmp_ok($sent, '>', 200, 'mixed levels: there was a load');
is($strange, '', 'mixed levels: no deadlock, and no error but those that were to be expected, and 40001');
is_right('mixed levels');

my $kills = 0;
$place = place();
$sent = load(3, $seconds, sub { '' }, sub {
	my ($until) = @_;
	foreach my $left (reverse 1 .. 5)
	{
		sleep(($until - time) / ($left + 1) * (0.7 + rand 0.6)) if time < $until;
		my @killed = kill_server($node);
		start_again($node, @killed);
		$kills++;
		is_right("killed $kills times") if $left == 3;
	}
});
($errors, $strange) = errors_since($place, map { $_ => 1 } qw(57P01 57P02 57P03)); # no server
diag "killed $kills times: $sent operations, errors: $errors";
is($kills, 5, 'the server was killed five times');
is($strange, '', 'no deadlock there either');
is_right('after the last time');

my @never = grep { !$total{$_} } sort keys %operations;
is("@never", '', 'every kind of operation was among them');
diag join ', ', map { "$_ $total{$_}" } sort { $total{$b} <=> $total{$a} } keys %total;
$node->stop;
done_testing();
