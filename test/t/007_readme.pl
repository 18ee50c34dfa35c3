# What README.md and the pages in docs show works: their SQL is run, section by section, and what it prints is compared.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('readme', allows_streaming => 'logical'); # for what is published
my $app = q{
CREATE SCHEMA app;
CREATE TABLE app.namespaces (id bigint PRIMARY KEY, parent_id bigint, type text);
CREATE TABLE app.projects (id uuid PRIMARY KEY, namespace_id bigint);
};

# Pages that have tests of their own, or show how the inside works.
my %elsewhere = map { $_ => 1 } qw(coming-from-copies dumps installing operating orms), # 039, 044, 047, test/clients
  qw(architecture debugging history locking majors reading releasing);

my $readme = slurp_file("$ENV{TREE}/README.md");
my ($started) = $readme =~ /^## Getting Started\n(.*?)^## /ms or die 'README.md has no start';
my $start = join "\n", $started =~ /^```sql\n(.*?)^```$/msg;
my %pages = (README => $readme);
foreach my $file (glob "$ENV{TREE}/docs/*.md")
{
	my ($name) = $file =~ /([^\/]+)\.md$/;
	$pages{$name} = slurp_file($file) unless delete $elsewhere{$name};
}
is(join(' ', sort keys %elsewhere), '', 'the pages that are tested elsewhere are there');

my $run = 0;
my @sections = map { my $page = $_; map { [ $page, $_ ] } split /^(?=##? )/m, $pages{$page} } sort keys %pages;
foreach (@sections)
{
	my ($page, $section) = @$_;
	my ($title) = $section =~ /^##? (.*)/ or next;
	next if $title eq 'Citus'; # 046_citus has what it needs
	$section =~ s/^```(?!sql$)\w+\n.*?^```$//msg; # test/clients runs what is in other languages
	my @blocks = $section =~ /^```(sql\n.*?|\n.*?)^```$/msg or next;
	my $database = 'section_' . ++$run;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	if ($page eq 'tracking') { $node->safe_psql($database, "CREATE EXTENSION integration_defaults; $app") }
	elsif ($title ne 'Getting Started') { $node->safe_psql($database, $start) }
	$title = "$page, $title";

	my ($shown, $before) = ('', '');
	foreach my $block (@blocks)
	{
		if ($block =~ s/^sql\n//)
		{
			my ($status, $err);
			$before .= $block;
			$status = $node->psql($database, $block, stdout => \$shown, stderr => \$err, on_error_stop => 1,
				extra_params => [ '-P', 'format=aligned', '-P', 'tuples_only=off', '-P', 'footer=off' ]);
			ok($status == 0 && $err eq '', "$title: " . (split /\n/, $block)[0]) or diag $err;
		}
		else
		{
			# The widths of columns do not matter, and a secret has another mask in each database.
			s/secret [0-9a-f]{16}/secret/g foreach $block, $shown;
			s/[ \t]+/ /g, s/-+/-/g, s/ $//mg, s/^\s+|\s+$//g foreach $block, $shown;
			is(substr($shown, -length $block), $block, "$title: what is shown is what comes last");
		}
	}
}
# The reference has all functions but those that are parts of triggers, views, types and casts; README names the same.
my %there = map { $_ => 1 } split /\n/, $node->safe_psql('section_1', q{SELECT DISTINCT proname FROM pg_proc
	WHERE pronamespace = 'integration_defaults'::regnamespace AND prorettype <> 'trigger'::regtype});
my %described = map { $_ => 1 } $pages{reference} =~ /^`(\w+)\([^`]*` \| /mg;
my ($table) = $readme =~ /^## Functions\n(.*?)^## /ms;
my %named = map { $_ => 1 } grep { $there{$_} } $table =~ /`(\w+)`/g;
my @parts = grep { /^(external_id|role_name|effective_|read_)|^(is_dumped|may_read|not_given|settings_at|settings_at_support|shown_change)$/ } keys %there;
is(join(' ', sort(@parts, keys %described)), join(' ', sort keys %there), 'the reference has all functions');
is(join(' ', sort keys %named), join(' ', sort keys %described), 'README names them');
cmp_ok($run, '>', 22, 'sections were found');
$node->stop;
done_testing();
