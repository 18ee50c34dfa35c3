# What README.md and docs/recipes.md show works: their SQL is run, section by section, and what it prints is compared.
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

my $readme = slurp_file("$ENV{TREE}/README.md");
my ($started) = $readme =~ /^## Getting Started\n(.*?)^## /ms or die 'README.md has no start';
my @start = ('CREATE EXTENSION integration_defaults;', $started =~ /^```sql\n(.*?)^```$/msg);
my $run = 0;

my @sections = map { split /^(?=## )/m } $readme, slurp_file("$ENV{TREE}/docs/recipes.md");
foreach my $section (@sections)
{
	my ($title) = $section =~ /^## (.*)/ or next;
	$section =~ s/^```(?!sql$)\w+\n.*?^```$//msg; # test/clients runs what is in other languages
	my @blocks = $section =~ /^```(sql\n.*?|\n.*?)^```$/msg or next;
	next if $title =~ /^(See it|Installation)/;
	my $database = 'section_' . ++$run;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	if ($title =~ /^Tracking/) { $node->safe_psql($database, "$start[0] $app") }
	elsif ($title =~ /^Getting/) { $node->safe_psql($database, $start[0]) }
	else { $node->safe_psql($database, join "\n", @start) }

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
cmp_ok($run, '>', 18, 'sections were found');
$node->stop;
done_testing();
