# After a crash: what was committed is there, what was not is not, and the answers are the same.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('crash');

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
my @killed = kill_server($node, 1);
eval { $session->quit };
start_again($node, @killed);

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
