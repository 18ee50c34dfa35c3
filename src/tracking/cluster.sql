-- In a cluster of Citus': docs/shards.md.

CREATE FUNCTION integration_defaults.follow_cluster() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_follow_cluster';
COMMENT ON FUNCTION integration_defaults.follow_cluster() IS
    'trigger of the table cluster that enable_citus() makes, on every node: takes in what the node''s shards have of the tables that are tracked, their triggers and what is set on their projects included. Errors: 42501 for who has not our owner''s rights, or a shard has another owner than its table; 55000 on another table, or a shard that is placed here is not; 08006 a node does not answer';

CREATE FUNCTION integration_defaults.taken_in_shards() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_taken_in_shards';
COMMENT ON FUNCTION integration_defaults.taken_in_shards() IS
    'trigger of groups and projects in a cluster of Citus'', whose arguments are the shards that the node has taken in; does nothing';
