-- The app's own id of a group or a project: text inside, so that there is one function for every type of id.

CREATE TYPE external_id;

CREATE FUNCTION external_id_in(cstring) RETURNS external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_in';
CREATE FUNCTION external_id_out(external_id) RETURNS cstring
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_out';
CREATE FUNCTION external_id_recv(internal) RETURNS external_id
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_recv';
CREATE FUNCTION external_id_send(external_id) RETURNS bytea
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_send';

CREATE TYPE external_id (
    INPUT = external_id_in, OUTPUT = external_id_out, RECEIVE = external_id_recv, SEND = external_id_send,
    INTERNALLENGTH = VARIABLE, STORAGE = extended
);
COMMENT ON TYPE external_id IS
    'the app''s own id of a group or project: 1 to 255 bytes of text; integers, numeric, text and uuid are cast to it implicitly';
COMMENT ON FUNCTION external_id_in(cstring) IS 'I/O: 22023 if the id is empty or longer than 255 bytes';
COMMENT ON FUNCTION external_id_out(external_id) IS 'I/O: the id as text';
COMMENT ON FUNCTION external_id_recv(internal) IS 'I/O: the id in binary form, which is its text';
COMMENT ON FUNCTION external_id_send(external_id) IS 'I/O: the id in binary form, which is its text';

CREATE FUNCTION not_given() RETURNS external_id
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_not_given';
COMMENT ON FUNCTION not_given() IS 'what an id that is left out is: a value that no input can make';

CREATE FUNCTION external_id(smallint) RETURNS external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_smallint';
CREATE FUNCTION external_id(integer) RETURNS external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_integer';
CREATE FUNCTION external_id(bigint) RETURNS external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_bigint';
CREATE FUNCTION external_id(numeric) RETURNS external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_numeric';
CREATE FUNCTION external_id(text) RETURNS external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_text';
CREATE FUNCTION external_id(varchar) RETURNS external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_text';
CREATE FUNCTION external_id(bpchar) RETURNS external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_bpchar';
CREATE FUNCTION external_id(uuid) RETURNS external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_uuid';

COMMENT ON FUNCTION external_id(smallint) IS 'cast: the number''s digits';
COMMENT ON FUNCTION external_id(integer) IS 'cast: the number''s digits';
COMMENT ON FUNCTION external_id(bigint) IS 'cast: the number''s digits';
COMMENT ON FUNCTION external_id(numeric) IS
    'cast: the number''s digits without zeros at the end of its fraction; 22023 for NaN and infinity';
COMMENT ON FUNCTION external_id(text) IS 'cast: 22023 if the text is empty or longer than 255 bytes';
COMMENT ON FUNCTION external_id(varchar) IS 'cast: 22023 if the text is empty or longer than 255 bytes';
COMMENT ON FUNCTION external_id(bpchar) IS 'cast, without the padding: 22023 if the text is empty or longer than 255 bytes';
COMMENT ON FUNCTION external_id(uuid) IS 'cast: the uuid in its standard form';

CREATE CAST (smallint AS external_id) WITH FUNCTION external_id(smallint) AS IMPLICIT;
CREATE CAST (integer AS external_id) WITH FUNCTION external_id(integer) AS IMPLICIT;
CREATE CAST (bigint AS external_id) WITH FUNCTION external_id(bigint) AS IMPLICIT;
CREATE CAST (numeric AS external_id) WITH FUNCTION external_id(numeric) AS IMPLICIT;
CREATE CAST (text AS external_id) WITH FUNCTION external_id(text) AS IMPLICIT;
CREATE CAST (varchar AS external_id) WITH FUNCTION external_id(varchar) AS IMPLICIT;
CREATE CAST (bpchar AS external_id) WITH FUNCTION external_id(bpchar) AS IMPLICIT;
CREATE CAST (uuid AS external_id) WITH FUNCTION external_id(uuid) AS IMPLICIT;

