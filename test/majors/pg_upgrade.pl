# pg_upgrade from each major to the next: the same state, the same answers and the same dump, and everything goes on.
# Once the extension is a superuser's, once a plain owner's of a database.
use strict;
use warnings;
use IntegrationDefaults;
use Upgraded;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @majors = (split(' ', $ENV{OLDER}), $ENV{PG_MAJOR});
my %bin = map { $_ => "/usr/lib/postgresql/$_/bin" } @majors;
delete $ENV{TEMP_CONFIG}; # it is for the newest, and here each finds what was built for it where it looks first

chdir(PostgreSQL::Test::Utils::tempdir()) or die;

# A server of that major, not started.
sub server
{
	my ($major) = @_;
	my $node = PostgreSQL::Test::Cluster->new("server_$major", install_path => "/usr/lib/postgresql/$major");
	# From 18 on initdb turns them on, and pg_upgrade wants both servers alike.
	$node->init(extra => [ '--encoding=UTF8', '--no-locale', $major >= 18 ? '--no-data-checksums' : () ]);
	$node->append_conf('postgresql.conf', "autovacuum = off\n");
	return $node;
}

# Minor releases since November 2026 note a version with columns. One from before, which Debian's testing may still have,
# doesn't know that: nothing can be upgraded to it, nor restored by its pg_dump. Where one is here, the notes go.
my @lagging = grep { slurp_file("$bin{$_}/postgres") !~ /pg_attver/ } @majors;

sub forget_versions
{
	my ($node, $database) = @_;
	$node->safe_psql($database, q{SET allow_system_table_mods = on;
		UPDATE pg_attribute SET attoptions = NULL WHERE attoptions::text LIKE '{pg_attver=%}'}) if @lagging;
}
$Upgraded::before_dump = \&forget_versions;

# What pg_upgrade keeps of a run that failed.
sub tell_of
{
	my ($node) = @_;
	foreach my $file (glob $node->data_dir . '/pg_upgrade_output.d/*/log/*.log')
	{
		my @errors = grep { /error|fatal|Command was/i } split /\n/, slurp_file($file);
		diag join "\n", "-- $file", @errors if @errors;
	}
}

my $old = server($majors[0]);
$old->start;
make_roles($old);
foreach (@whose)
{
	my ($who, $database, @as) = @$_;
	create_database($old, $database, @as);
	fill($old, $database, @as);
}

foreach my $n (1 .. $#majors)
{
	my ($from, $to) = @majors[ $n - 1, $n ];
	my %before = map { $_->[1] => state_of($old, @$_[ 1 .. $#$_ ]) } @whose;
	cmp_ok(length $_->{answers}, '>', 10_000, "$from: there is something to compare") foreach values %before;
	$old->stop;
	my $new = server($to);
	succeeds($new, [ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bin{$from}, '-B', $bin{$to},
		'-s', $new->host, '-p', $old->port, '-P', $new->port ], "pg_upgrade from $from to $to") or tell_of($new), last;
	$new->start;
	foreach (@whose)
	{
		my ($who, $database, @as) = @$_;
		same_state(state_of($new, $database, @as), $before{$database}, "$from to $to, $who");
		goes_on($new, $database, "$from to $to, $who", @as);
		restores($new, $database, "$from to $to, $who", @as);
	}
	$old = $new;
}
$old->stop;
done_testing();
