-- What a DBA looks at.

CREATE FUNCTION integration_defaults.status() RETURNS TABLE (subject text, state text, detail text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 20 COST 100000 AS 'MODULE_PATHNAME', 'intd_status';
COMMENT ON FUNCTION integration_defaults.status() IS
    'whether all is as it should be, in rows: state is ok, note or broken, detail says what was found and the way out. Looks at the versions of database and module, our tables and triggers, schemas that can''t be used, tracked tables (their triggers, and whether groups and projects are in step: counts only above 1,000,000 rows), rows that hang on a group, project or type that is not there, access given to roles that are not there, secrets that are not sealed and keys that can''t be read, materialized types (a sample above 100,000 rows), how large the history is, and subscriptions that fill our tables or have been left. Writes nothing, and locks no more than a SELECT; works on a standby. Errors: 42501 without read access';

CREATE FUNCTION integration_defaults.lock_key(name text) RETURNS oid
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_lock_key';
COMMENT ON FUNCTION integration_defaults.lock_key(text) IS
    'the objid under which pg_locks shows the lock of a materialized type, or of a project: a hash of the name or id';
CREATE FUNCTION integration_defaults.read_materialized_types() RETURNS TABLE (integration text, lock_key oid)
    LANGUAGE c STABLE PARALLEL SAFE ROWS 5 AS 'MODULE_PATHNAME', 'intd_read_materialized_types';
COMMENT ON FUNCTION integration_defaults.read_materialized_types() IS
    'for the view materialized_types: the types that are materialized, read from a trigger of effective_settings';
CREATE VIEW integration_defaults.materialized_types AS
    SELECT t.integration, t.lock_key FROM integration_defaults.read_materialized_types() t
    WHERE integration_defaults.may_read();
COMMENT ON VIEW integration_defaults.materialized_types IS
    'the types that materialize() keeps as rows of effective_settings, and the objid under which pg_locks shows the lock of each';

-- pg_locks can't name our locks: they are known by a number.
CREATE VIEW integration_defaults.server_locks AS
SELECT l.pid, l.granted, l.mode,
       CASE WHEN l.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
            THEN CASE WHEN l.objsubid OPERATOR(pg_catalog.=) 0::pg_catalog.int2 THEN 'type'::pg_catalog.text ELSE 'project'::pg_catalog.text END
            WHEN l.objid OPERATOR(pg_catalog.=) 'integration_defaults.instance_settings'::pg_catalog.regclass::pg_catalog.oid
            THEN 'exclusive types on the instance'::pg_catalog.text
            WHEN l.objsubid OPERATOR(pg_catalog.=) 1::pg_catalog.int2 THEN 'moves of groups'::pg_catalog.text
            WHEN l.objsubid OPERATOR(pg_catalog.=) 2::pg_catalog.int2 THEN 'renames of groups'::pg_catalog.text
            ELSE 'restored rows'::pg_catalog.text END AS subject,
       t.integration,
       CASE WHEN l.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
            THEN l.objid END AS lock_key
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.database
    AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
LEFT JOIN integration_defaults.read_materialized_types() t
    ON l.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
    AND l.objsubid OPERATOR(pg_catalog.=) 0::pg_catalog.int2 AND t.lock_key OPERATOR(pg_catalog.=) l.objid
WHERE l.locktype OPERATOR(pg_catalog.=) 'object'::pg_catalog.text
    AND integration_defaults.may_read()
    AND (l.classid OPERATOR(pg_catalog.=)
             pg_catalog.to_regclass('integration_defaults.effective_settings'::pg_catalog.text)::pg_catalog.oid
         OR l.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
            AND l.objsubid OPERATOR(pg_catalog.>) 0::pg_catalog.int2
            AND (l.objid OPERATOR(pg_catalog.=) 'integration_defaults.groups'::pg_catalog.regclass::pg_catalog.oid
                 OR l.objid OPERATOR(pg_catalog.=) 'integration_defaults.projects'::pg_catalog.regclass::pg_catalog.oid
                 OR l.objid OPERATOR(pg_catalog.=)
                    'integration_defaults.instance_settings'::pg_catalog.regclass::pg_catalog.oid));
COMMENT ON VIEW integration_defaults.server_locks IS
    'who has or waits for a lock of ours that is not of a row (docs/locking.md): pid, granted, mode, subject, for the lock of a materialized type the integration, and the lock_key() of the type or project';
