-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION integration_defaults" to load this file. \quit

-- This script runs as a superuser, on behalf of the owner of the database, who need not be one. So
--  - it runs with search_path = pg_catalog, pg_temp ("schema" in the control file) and writes out the schema of every name
--    and operator
--  - it creates only what is new, without OR REPLACE or IF NOT EXISTS: a thing that is there already would stay in the hands
--    of the role that made it. A schema of this name that is there already is not used (42P06)
--  - it has no GRANT and no REVOKE: dumps would have these under the name of the role that installed
CREATE SCHEMA integration_defaults AUTHORIZATION @extowner@;
COMMENT ON SCHEMA integration_defaults IS
    'settings of integrations, inherited from an instance and its groups by projects';

