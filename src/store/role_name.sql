-- A role, for tables that are dumped: an oid together with the name.

CREATE TYPE integration_defaults.role_name;

CREATE FUNCTION integration_defaults.role_name_in(cstring) RETURNS integration_defaults.role_name
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_in';
CREATE FUNCTION integration_defaults.role_name_out(integration_defaults.role_name) RETURNS cstring
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_out';
CREATE FUNCTION integration_defaults.role_name_recv(internal) RETURNS integration_defaults.role_name
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_recv';
CREATE FUNCTION integration_defaults.role_name_send(integration_defaults.role_name) RETURNS bytea
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_send';

CREATE TYPE integration_defaults.role_name (
    INPUT = integration_defaults.role_name_in, OUTPUT = integration_defaults.role_name_out,
    RECEIVE = integration_defaults.role_name_recv, SEND = integration_defaults.role_name_send,
    INTERNALLENGTH = 68, ALIGNMENT = int4, STORAGE = plain
);
COMMENT ON TYPE integration_defaults.role_name IS
    'a role: read and written by name, kept by its oid, so that a rename is followed and a role that is made again is another one; a name that no role has is kept, and is nobody';
COMMENT ON FUNCTION integration_defaults.role_name_in(cstring) IS 'I/O: the role of that name; 22023 if the name is empty or has more than 63 bytes';
COMMENT ON FUNCTION integration_defaults.role_name_out(integration_defaults.role_name) IS 'I/O: the role''s name as it is now; of a role that is gone the name it had';
COMMENT ON FUNCTION integration_defaults.role_name_recv(internal) IS 'I/O: the role in binary form, which is its name';
COMMENT ON FUNCTION integration_defaults.role_name_send(integration_defaults.role_name) IS 'I/O: the role in binary form, which is its name';

CREATE FUNCTION integration_defaults.role_name_lt(integration_defaults.role_name, integration_defaults.role_name) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_lt';
CREATE FUNCTION integration_defaults.role_name_le(integration_defaults.role_name, integration_defaults.role_name) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_le';
CREATE FUNCTION integration_defaults.role_name_eq(integration_defaults.role_name, integration_defaults.role_name) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_eq';
CREATE FUNCTION integration_defaults.role_name_ne(integration_defaults.role_name, integration_defaults.role_name) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_ne';
CREATE FUNCTION integration_defaults.role_name_ge(integration_defaults.role_name, integration_defaults.role_name) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_ge';
CREATE FUNCTION integration_defaults.role_name_gt(integration_defaults.role_name, integration_defaults.role_name) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_gt';
CREATE FUNCTION integration_defaults.role_name_cmp(integration_defaults.role_name, integration_defaults.role_name) RETURNS integer
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_cmp';
COMMENT ON FUNCTION integration_defaults.role_name_lt(integration_defaults.role_name, integration_defaults.role_name) IS 'implementation of the operator <';
COMMENT ON FUNCTION integration_defaults.role_name_le(integration_defaults.role_name, integration_defaults.role_name) IS 'implementation of the operator <=';
COMMENT ON FUNCTION integration_defaults.role_name_eq(integration_defaults.role_name, integration_defaults.role_name) IS 'implementation of the operator =: the same role, or the same name of nobody';
COMMENT ON FUNCTION integration_defaults.role_name_ne(integration_defaults.role_name, integration_defaults.role_name) IS 'implementation of the operator <>';
COMMENT ON FUNCTION integration_defaults.role_name_ge(integration_defaults.role_name, integration_defaults.role_name) IS 'implementation of the operator >=';
COMMENT ON FUNCTION integration_defaults.role_name_gt(integration_defaults.role_name, integration_defaults.role_name) IS 'implementation of the operator >';
COMMENT ON FUNCTION integration_defaults.role_name_cmp(integration_defaults.role_name, integration_defaults.role_name) IS 'for indexes: by oid; those without one by name';

CREATE OPERATOR integration_defaults.< (
    FUNCTION = integration_defaults.role_name_lt, LEFTARG = integration_defaults.role_name, RIGHTARG = integration_defaults.role_name,
    COMMUTATOR = OPERATOR(integration_defaults.>), NEGATOR = OPERATOR(integration_defaults.>=),
    RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel);
CREATE OPERATOR integration_defaults.<= (
    FUNCTION = integration_defaults.role_name_le, LEFTARG = integration_defaults.role_name, RIGHTARG = integration_defaults.role_name,
    COMMUTATOR = OPERATOR(integration_defaults.>=), NEGATOR = OPERATOR(integration_defaults.>),
    RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel);
CREATE OPERATOR integration_defaults.= (
    FUNCTION = integration_defaults.role_name_eq, LEFTARG = integration_defaults.role_name, RIGHTARG = integration_defaults.role_name,
    COMMUTATOR = OPERATOR(integration_defaults.=), NEGATOR = OPERATOR(integration_defaults.<>),
    RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel, MERGES);
CREATE OPERATOR integration_defaults.<> (
    FUNCTION = integration_defaults.role_name_ne, LEFTARG = integration_defaults.role_name, RIGHTARG = integration_defaults.role_name,
    COMMUTATOR = OPERATOR(integration_defaults.<>), NEGATOR = OPERATOR(integration_defaults.=),
    RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel);
CREATE OPERATOR integration_defaults.>= (
    FUNCTION = integration_defaults.role_name_ge, LEFTARG = integration_defaults.role_name, RIGHTARG = integration_defaults.role_name,
    COMMUTATOR = OPERATOR(integration_defaults.<=), NEGATOR = OPERATOR(integration_defaults.<),
    RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel);
CREATE OPERATOR integration_defaults.> (
    FUNCTION = integration_defaults.role_name_gt, LEFTARG = integration_defaults.role_name, RIGHTARG = integration_defaults.role_name,
    COMMUTATOR = OPERATOR(integration_defaults.<), NEGATOR = OPERATOR(integration_defaults.<=),
    RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel);
CREATE OPERATOR CLASS integration_defaults.role_name_ops DEFAULT FOR TYPE integration_defaults.role_name USING btree AS
    OPERATOR 1 integration_defaults.<, OPERATOR 2 integration_defaults.<=, OPERATOR 3 integration_defaults.=,
    OPERATOR 4 integration_defaults.>=, OPERATOR 5 integration_defaults.>,
    FUNCTION 1 integration_defaults.role_name_cmp(integration_defaults.role_name, integration_defaults.role_name);

CREATE FUNCTION integration_defaults.is_dumped(role integration_defaults.role_name) RETURNS boolean
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_is_dumped';
COMMENT ON FUNCTION integration_defaults.is_dumped(integration_defaults.role_name) IS
    'for pg_dump: false if the name would come back as a role that it does not mean, because that role is gone, or has come since';

