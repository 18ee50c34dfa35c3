-- The app's own id of a group or a project: text inside, so that there is one function for every type of id.

CREATE TYPE integration_defaults.external_id;

CREATE FUNCTION integration_defaults.external_id_in(cstring) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_in';
CREATE FUNCTION integration_defaults.external_id_out(integration_defaults.external_id) RETURNS cstring
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_out';
CREATE FUNCTION integration_defaults.external_id_recv(internal) RETURNS integration_defaults.external_id
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_recv';
CREATE FUNCTION integration_defaults.external_id_send(integration_defaults.external_id) RETURNS bytea
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_send';

CREATE TYPE integration_defaults.external_id (
    INPUT = integration_defaults.external_id_in, OUTPUT = integration_defaults.external_id_out,
    RECEIVE = integration_defaults.external_id_recv, SEND = integration_defaults.external_id_send,
    INTERNALLENGTH = VARIABLE, STORAGE = extended
);
COMMENT ON TYPE integration_defaults.external_id IS
    'the app''s own id of a group or project: 1 to 255 bytes of text; integers, numeric, text and uuid are cast to it implicitly';
COMMENT ON FUNCTION integration_defaults.external_id_in(cstring) IS 'I/O: 22023 if the id is empty or longer than 255 bytes';
COMMENT ON FUNCTION integration_defaults.external_id_out(integration_defaults.external_id) IS 'I/O: the id as text; of not_given() a text that is no id';
COMMENT ON FUNCTION integration_defaults.external_id_recv(internal) IS 'I/O: the id in binary form, which is its text';
COMMENT ON FUNCTION integration_defaults.external_id_send(integration_defaults.external_id) IS 'I/O: the id in binary form, which is its text';

CREATE FUNCTION integration_defaults.not_given() RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_not_given';
COMMENT ON FUNCTION integration_defaults.not_given() IS 'what an id that is left out is: a value that no input can make. Its text, which is no id, is read where a call comes from another server, and stands for an id that is left out beside one that is given; by itself it is refused (22023), so that no text means the instance';

CREATE FUNCTION integration_defaults.external_id(smallint) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_smallint';
CREATE FUNCTION integration_defaults.external_id(integer) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_integer';
CREATE FUNCTION integration_defaults.external_id(bigint) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_bigint';
CREATE FUNCTION integration_defaults.external_id(numeric) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_numeric';
CREATE FUNCTION integration_defaults.external_id(text) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_text';
CREATE FUNCTION integration_defaults.external_id(varchar) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_text';
CREATE FUNCTION integration_defaults.external_id(bpchar) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_bpchar';
CREATE FUNCTION integration_defaults.external_id(uuid) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_uuid';

COMMENT ON FUNCTION integration_defaults.external_id(smallint) IS 'cast: the number''s digits';
COMMENT ON FUNCTION integration_defaults.external_id(integer) IS 'cast: the number''s digits';
COMMENT ON FUNCTION integration_defaults.external_id(bigint) IS 'cast: the number''s digits';
COMMENT ON FUNCTION integration_defaults.external_id(numeric) IS
    'cast: the number''s digits without zeros at the end of its fraction; 22023 for NaN and infinity';
COMMENT ON FUNCTION integration_defaults.external_id(text) IS 'cast: 22023 if the text is empty or longer than 255 bytes';
COMMENT ON FUNCTION integration_defaults.external_id(varchar) IS 'cast: 22023 if the text is empty or longer than 255 bytes';
COMMENT ON FUNCTION integration_defaults.external_id(bpchar) IS 'cast, without the padding: 22023 if the text is empty or longer than 255 bytes';
COMMENT ON FUNCTION integration_defaults.external_id(uuid) IS 'cast: the uuid in its standard form';

CREATE CAST (smallint AS integration_defaults.external_id)
    WITH FUNCTION integration_defaults.external_id(smallint) AS IMPLICIT;
CREATE CAST (integer AS integration_defaults.external_id)
    WITH FUNCTION integration_defaults.external_id(integer) AS IMPLICIT;
CREATE CAST (bigint AS integration_defaults.external_id)
    WITH FUNCTION integration_defaults.external_id(bigint) AS IMPLICIT;
CREATE CAST (numeric AS integration_defaults.external_id)
    WITH FUNCTION integration_defaults.external_id(numeric) AS IMPLICIT;
CREATE CAST (text AS integration_defaults.external_id)
    WITH FUNCTION integration_defaults.external_id(text) AS IMPLICIT;
CREATE CAST (varchar AS integration_defaults.external_id)
    WITH FUNCTION integration_defaults.external_id(varchar) AS IMPLICIT;
CREATE CAST (bpchar AS integration_defaults.external_id)
    WITH FUNCTION integration_defaults.external_id(bpchar) AS IMPLICIT;
CREATE CAST (uuid AS integration_defaults.external_id)
    WITH FUNCTION integration_defaults.external_id(uuid) AS IMPLICIT;

