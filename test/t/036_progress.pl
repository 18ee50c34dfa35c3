# What takes long says how far it is. Rows are made slow here, so that it does.
use strict;
use warnings;
use IntegrationDefaults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('progress');
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION IF NOT EXISTS integration_defaults;
CREATE SCHEMA app;
CREATE TABLE app.repos (id integer PRIMARY KEY, group_id integer);
INSERT INTO app.repos SELECT n, NULL FROM generate_series(1, 10001) n;
CREATE FUNCTION app.slow(id bigint) RETURNS boolean LANGUAGE plpgsql AS
	$$BEGIN PERFORM pg_catalog.pg_sleep(0.4) WHERE id % 1000 = 0; RETURN true; END$$;
CREATE FUNCTION app.slow_row() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN PERFORM app.slow((pg_catalog.to_jsonb(NEW) ->> TG_ARGV[0])::bigint); RETURN NEW; END$$;
SELECT integration_defaults.register_integration('chat');
SELECT integration_defaults.set_default('chat', '{}');
SQL

sub notices
{
	my ($sql) = @_;
	my ($out, $err);
	is($node->psql('postgres', $sql, stdout => \$out, stderr => \$err), 0, $sql);
	return $err;
}

like(notices(q{SELECT integration_defaults.track_projects('app.repos', filter => 'app.slow(id)')}),
	qr/NOTICE:  reading table repos: 10000 rows so far/, 'reading says how far it is');
like(notices(q{SELECT integration_defaults.resync('app.repos', dry_run => true)}), qr/reading table repos: 10000 rows so far/, 'a dry run, too');
$node->safe_psql('postgres', q{SELECT integration_defaults.untrack('app.repos'); DELETE FROM integration_defaults.projects;
	CREATE TRIGGER slow BEFORE INSERT ON integration_defaults.projects FOR EACH ROW EXECUTE FUNCTION app.slow_row('id')});
my $tracked = notices(q{SELECT integration_defaults.track_projects('app.repos')});
like($tracked, qr/NOTICE:  taking in projects: \d+000 rows so far/, 'so does writing');
unlike($tracked, qr/reading/, 'what is quick says nothing');
$node->safe_psql('postgres', 'DROP TRIGGER slow ON integration_defaults.projects');
is(notices(q{SELECT integration_defaults.resync('app.repos')}), '', 'resync, too');
$node->safe_psql('postgres', q{SELECT integration_defaults.materialize('chat'), integration_defaults.dematerialize('chat');
	CREATE TRIGGER slow BEFORE INSERT ON integration_defaults.effective_settings FOR EACH ROW EXECUTE FUNCTION app.slow_row('project_id')});
# what computes the rows and what stores them take turns only so
like(notices(q{SET enable_hashjoin = off; SET enable_mergejoin = off; SELECT integration_defaults.materialize('chat')}), qr/NOTICE:  computing effective settings of chat: \d+000 rows so far/, 'and materialize');
$node->stop;
done_testing();
