# At SERIALIZABLE, two transactions about different groups. Whether the server takes them for dependent is a matter of
# the pages that it has read, and another one on each major: it may refuse one of them (40001), and then that one has
# done nothing. What has committed is in effective_settings, exactly.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('serializable');
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION integration_defaults;
INSERT INTO integration_defaults.groups VALUES ('a', NULL), ('b', 'a'), ('e', NULL);
INSERT INTO integration_defaults.projects VALUES ('1', 'b'), ('2', 'b'), ('4', NULL);
SELECT integration_defaults.register_integration('chat');
SELECT integration_defaults.set_default('chat', '{"all": 0}'), integration_defaults.materialize('chat');
SQL

my %does = (
	default => q{SELECT integration_defaults.set_default('chat', '{"b": 1}', 'b')},
	remove => q{SELECT integration_defaults.remove_group('e')});
my %has_done = (
	default => q{SELECT count(*) FROM integration_defaults.group_settings WHERE group_id = 'b'},
	remove => q{SELECT count(*) FROM (SELECT) one WHERE NOT EXISTS (SELECT FROM integration_defaults.groups WHERE id = 'e')});

foreach my $order ([ 'default', 'remove' ], [ 'remove', 'default' ])
{
	my %session = map { $_ => $node->background_psql('postgres', on_error_stop => 0) } @$order;
	$session{$_}->query('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM integration_defaults.groups') foreach @$order;
	$session{$_}->query($does{$_}) foreach @$order;
	my %ended = map { $_ => $session{$_}->query("COMMIT;\n\\echo :SQLSTATE") =~ s/\s//gr } @$order;
	$session{$_}->quit foreach @$order;
	my $what = join ', then ', @$order;
	is($ended{ $order->[0] }, '00000', "$what: the first to commit does");
	like($ended{ $order->[1] }, qr/^(00000|40001)$/, "$what: the second does, or is refused");
	is($node->safe_psql('postgres', $has_done{$_}), $ended{$_} eq '00000' ? '1' : '0', "$what: $_ is there if it has committed") foreach @$order;
	is(differences($node, 'postgres'), '', "$what: effective_settings are right");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM integration_defaults.effective_settings WHERE source_id = 'b'}),
		$ended{default} eq '00000' ? '2' : '0', "$what: those of the group, too");
	$node->safe_psql('postgres', q{SELECT integration_defaults.reset_default('chat', 'b');
		INSERT INTO integration_defaults.groups VALUES ('e', NULL) ON CONFLICT DO NOTHING});
}

$node->stop;
done_testing();
