-- In a cluster of Citus': docs/shards.md.

CREATE PROCEDURE integration_defaults.enable_citus()
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_enable_citus';
COMMENT ON PROCEDURE integration_defaults.enable_citus() IS
    'makes the extension usable in a cluster of Citus'': on the coordinator, once. Publishes the types and what is set on the instance and on groups (publication integration_defaults_citus), makes the reference table integration_defaults.cluster, and does what resync_node() does. From then on track_groups() takes a reference table and track_projects() a distributed table. Runs outside of transactions (25001). Errors: as resync_node(); 55000 the coordinator is not in pg_dist_node, wal_level is not logical, or integration_defaults.cluster is somebody else''s';

CREATE PROCEDURE integration_defaults.resync_node()
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_resync_node';
COMMENT ON PROCEDURE integration_defaults.resync_node() IS
    'on the coordinator of a cluster, after a shard has moved or was split, after a node is new, or a trigger was lost: nodes that have not subscribed do so, and all of them take in what they have, in one distributed transaction, with what is set on projects that have come. Nobody writes groups or projects meanwhile. On a worker, which is how the coordinator calls it, it subscribes to the coordinator''s publication, if that is still to be done. Runs outside of transactions (25001). Errors: 42501 for who has not admin access and our owner''s rights, and of new nodes for who may not make subscriptions; 55000 not a cluster, enable_citus() was not called, or a shard is not where it is placed; 08006 a node does not answer; as subscribe_defaults()';
