-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION integration_defaults" to load this file. \quit

-- This script runs as a superuser, for whoever owns the database. So it runs with search_path = pg_catalog, pg_temp
-- ("schema" in the control file), writes out the schema of every name and operator, creates only what is new (no OR
-- REPLACE, no IF NOT EXISTS: who made the old thing would stay its owner), and holds no GRANT and no REVOKE: they would
-- be dumped under the name of whoever installed. A schema of this name that is there already is not used (42P06).
CREATE SCHEMA integration_defaults AUTHORIZATION @extowner@;
COMMENT ON SCHEMA integration_defaults IS
    'settings of integrations, inherited from an instance and its groups by projects';

