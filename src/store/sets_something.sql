-- A row of settings that sets nothing, and perhaps locks something, is as no row to all that ask what is set. The server
-- puts the expression in the place of a call, so that it is planned like one that is written out.
CREATE FUNCTION integration_defaults.sets_something(custom boolean, active boolean, settings jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN custom OR active IS NOT NULL OR settings OPERATOR(pg_catalog.<>) '{}'::pg_catalog.jsonb;
COMMENT ON FUNCTION integration_defaults.sets_something(boolean, boolean, jsonb) IS
    'for the views: whether a row of settings sets something: it is custom, has a field, or has active';
