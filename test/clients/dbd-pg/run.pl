#!/usr/bin/perl
# DBD::Pg: parameters are text of unknown type, unless they are bound with one; JSON is text.
# Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`.
use strict;
use warnings;
use DBI;
use DBD::Pg ':pg_types';
use JSON::PP;

my %keys = (bigint => sub { $_[0] }, uuid => sub { sprintf '00000000-0000-0000-0000-%012d', $_[0] });
my $json = JSON::PP->new->canonical;
my ($passed, $failed) = (0, 0);

sub equal
{
	my ($got, $expected) = map { $json->encode([$_]) } @_;
	return $passed++ if $got eq $expected;
	$failed++;
	printf "FAILED line %d: got %s, expected %s\n", (caller)[2], $got, $expected;
}

# The SQLSTATE and the constraint that something is refused with.
sub refusal
{
	my ($dbh, $do) = @_;
	return 'not refused' if eval { $do->(); 1 };
	return [ $dbh->state, $dbh->pg_error_field('constraint') ];
}

sub own
{
	my ($dbh, $id) = @_;
	my ($settings) = $dbh->selectrow_array('SELECT settings FROM integration_defaults.project_settings WHERE project_id = ?', {}, $id);
	return defined $settings ? decode_json($settings) : undef;
}

for my $type (sort keys %keys)
{
	print "$type\n";
	my $key = $keys{$type};
	my $dbh = DBI->connect("dbi:Pg:host=$ENV{PGHOST};dbname=$ENV{PGDATABASE}", $ENV{PGUSER}, '',
		{ RaiseError => 1, PrintError => 0, AutoCommit => 1 });
	open my $file, '<', '../app.sql' or die $!;
	my $app = do { local $/; <$file> };
	$app =~ s/KEY_TYPE/$type/g;
	$dbh->do('SET client_min_messages = warning');
	$dbh->do($app);

	my $read = $dbh->prepare('SELECT channel, retries, sample_rate, push_events, labels, locked, inherited, token FROM slack_settings WHERE id = ?');
	my $slack = sub { $dbh->selectrow_hashref($read, {}, $_[0]) };

	# A typed view.
	my $before = $slack->($key->(2));
	equal([ @$before{qw(channel retries sample_rate push_events labels locked inherited)} ],
		[ '#team', 3, '0.5', 1, '["all"]', ['push_events'], 1 ]);
	my $update = $dbh->prepare('UPDATE slack_settings SET channel = ?, labels = ? WHERE id = ? RETURNING channel, inherited');
	equal($dbh->selectrow_arrayref($update, {}, '#mine', '["a"]', $key->(2)), [ '#mine', 0 ]);
	equal(own($dbh, $key->(2)), { channel => '#mine', labels => ['a'] });
	equal($dbh->selectrow_arrayref($update, {}, undef, undef, $key->(2)), [ '#team', 1 ]);
	equal(own($dbh, $key->(2)), undef);
	equal(refusal($dbh, sub { $dbh->do('UPDATE slack_settings SET push_events = ? WHERE id = ?', {}, 'f', $key->(4)) }),
		[ '23514', 'setting_not_locked' ]);

	# A transaction that is rolled back.
	$dbh->begin_work;
	$dbh->do('UPDATE slack_settings SET channel = ? WHERE id = ?', {}, '#gone', $key->(6));
	equal($slack->($key->(6))->{channel}, '#gone');
	$dbh->rollback;
	equal([ $slack->($key->(6))->{channel}, own($dbh, $key->(6)) ], [ '#team', undef ]);

	# A mask that is written back.
	equal($before->{token} =~ /^\(secret / ? 1 : 0, 1);
	$dbh->do('UPDATE slack_settings SET token = ?, channel = ? WHERE id = ?', {}, $before->{token}, '#kept', $key->(8));
	equal(own($dbh, $key->(8)), { channel => '#kept' });

	# A general view, and ids that are bound as integers.
	my $one = 'FROM integration_defaults.project_integrations WHERE project_id = ? AND integration = ?';
	my ($settings) = $dbh->selectrow_array("SELECT settings $one", {}, $key->(10), 'slack');
	$settings = decode_json($settings);
	$settings->{channel} = '#json';
	equal($dbh->do('UPDATE integration_defaults.project_integrations SET settings = ? WHERE project_id = ? AND integration = ?', {},
		encode_json($settings), $key->(10), 'slack'), 1);
	equal(own($dbh, $key->(10)), { channel => '#json' });
	if ($type eq 'bigint')
	{
		my $bound = $dbh->prepare("SELECT settings $one");
		$bound->bind_param(1, 10, { pg_type => PG_INT8 });
		$bound->bind_param(2, 'slack');
		equal(refusal($dbh, sub { $bound->execute }), [ '42883', undef ]);    # text = bigint: bind it without a type
		my $by_key = $dbh->prepare('SELECT project_id, settings FROM project_integrations WHERE project_id = ?');
		$by_key->bind_param(1, 10, { pg_type => PG_INT8 });                       # or ask the view by the app's key
		$by_key->execute;
		equal([ map { decode_json($_->[1])->{channel} } @{ $by_key->fetchall_arrayref } ], ['#json']);
	}

	# Functions.
	$dbh->do('SELECT integration_defaults.set_custom(?, ?, ?)', {}, 'slack', $key->(3), '{"webhook": "https://hooks.example/2"}');
	equal($dbh->selectrow_arrayref('SELECT source_level, source_id FROM integration_defaults.resolve(?, ?)', {}, 'slack', $key->(3)),
		[ 'project', '' . $key->(3) ]);
	equal($dbh->do('SELECT integration_defaults.lock_fields(?, ?, ?)', {}, 'slack', ['retries'], $key->(1)), 1);
	equal(refusal($dbh, sub { $dbh->do('SELECT integration_defaults.set_custom(?, ?, ?)', {}, 'slack', $key->(999), '{}') }),
		[ '42704', undef ]);

	if ($type eq 'uuid')
	{
		my $id = 'ABCDEF00-0000-0000-0000-000000000001';
		$dbh->do('INSERT INTO projects VALUES (?, ?, ?)', {}, $id, $key->(2), 'letters');
		$dbh->do('UPDATE slack_settings SET channel = ? WHERE id = ?', {}, '#upper', $id);
		equal([ $slack->($id)->{channel}, own($dbh, lc $id) ], [ '#upper', { channel => '#upper' } ]);
	}
	$dbh->disconnect;
}
print "$passed passed, $failed failed\n";
exit($failed || !$passed ? 1 : 0);
