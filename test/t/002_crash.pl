# After a crash: what was committed is there, what was not is not, and the answers are the same.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('crash');

# The first process, killed, is gone a moment later, and those that it has started after that.
sub start_again
{
	my ($pid) = @_;
	foreach my $try (1 .. 600)
	{
		if (!kill(0, $pid))
		{
			return if $node->start(fail_ok => 1);
			$node->stop('immediate', fail_ok => 1);
		}
		select(undef, undef, undef, 0.1);
	}
	die 'the server did not start again';
}
make_app($node, 'postgres');
add_refused_rows($node, 'postgres');
my $before = answers($node, 'postgres');

# A session in the middle of changing a default, adding a project and moving a group.
my $session = $node->background_psql('postgres');
$session->query_safe(q{
BEGIN;
SELECT integration_defaults.set_default('free', '{"never": "committed"}');
INSERT INTO app.projects VALUES (9999, '1', 'never');
UPDATE app."Namespaces" SET parent = '4' WHERE "Id" = '2';
});
$node->safe_psql('postgres', 'CHECKPOINT'); # some of it is on disk
my $first = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
$node->kill9;
eval { $session->quit };
start_again($first);

same(answers($node, 'postgres'), $before, 'after kill -9: the same answers, and nothing of the open transaction');
is($node->safe_psql('postgres', q{SELECT count(*) FROM integration_defaults.projects WHERE id = '9999'}), '0', 'its project is not there');

# Committed, and not yet on disk.
$node->safe_psql('postgres', q{SELECT integration_defaults.set_default('free', '{"kept": true}', '1')});
my $after = answers($node, 'postgres');
isnt($after, $before, 'a default was changed');
$node->stop('immediate');
$node->start;
same(answers($node, 'postgres'), $after, 'after an immediate stop: what was committed is there');

$node->stop;
done_testing();
