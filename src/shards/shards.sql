-- One database's types, groups and settings in many: docs/shards.md.

CREATE FUNCTION integration_defaults.publish_defaults(publication name DEFAULT 'integration_defaults'::pg_catalog.name) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_publish_defaults';
COMMENT ON FUNCTION integration_defaults.publish_defaults(name) IS
    'makes a publication of the types, the groups and what is set on these and on the instance, for shards to subscribe to with subscribe_defaults(). DROP PUBLICATION takes it back. Errors: 42501 without admin access, or who may not publish the tables: that are superusers, and their owner with CREATE on the database; 42710 the publication is there already';

CREATE PROCEDURE integration_defaults.subscribe_defaults(connection text, publication name DEFAULT 'integration_defaults'::pg_catalog.name)
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_subscribe_defaults';
COMMENT ON PROCEDURE integration_defaults.subscribe_defaults(text, name) IS
    'makes this database a shard of another one: the types, the groups and what is set on these and on the instance come from there, by subscription integration_defaults, from now on. Waits until all that is there has been copied; that can be cancelled, and goes on. They can''t be written to here any more (55000); projects and their settings are this database''s own. connection: as of CREATE SUBSCRIPTION, to the database that has called publish_defaults(). Runs outside of transactions (25001). Errors: 42501 without admin access, or who may not make subscriptions; 55000 there are types, groups or settings of these here already, or groups are tracked, the database has subscribed already, the publication has other tables, the copy fails; 42704 no such publication; 08001 no connection; 22023 NULL, or this database itself';

CREATE PROCEDURE integration_defaults.unsubscribe_defaults()
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_unsubscribe_defaults';
COMMENT ON PROCEDURE integration_defaults.unsubscribe_defaults() IS
    'ends subscribe_defaults(): what has come stays, and can be written to here from now on. Drops the slot on the publisher''s server; a WARNING says so where that can''t be reached. Runs outside of transactions (25001). Errors: 42501 without admin access, or who may not drop the subscription; 55000 the database has not subscribed';
