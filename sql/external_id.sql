-- The id that an app gives: every type of key becomes the same text.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
RESET client_min_messages;
\pset format unaligned
\pset footer off
SET search_path = public, integration_defaults;

SELECT 7::smallint::external_id, 7::integer::external_id, 7::bigint::external_id, 7.00::numeric::external_id,
       '7'::text::external_id, '7'::varchar::external_id, '7'::char(5)::external_id, external_id '7';
SELECT (-9223372036854775808)::external_id, 1e20::numeric::external_id, 0.50::numeric::external_id,
       'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid::external_id, 'äß 7'::text::external_id;
SELECT external_id ' 7', octet_length((' 7 '::text::external_id)::text);
SELECT octet_length(repeat('x', 255)::external_id::text);

\set VERBOSITY sqlstate
SELECT external_id '';
SELECT ''::text::external_id;
SELECT '   '::char(3)::external_id;
SELECT repeat('x', 256)::external_id;
SELECT repeat('ä', 128)::external_id;
SELECT 'NaN'::numeric::external_id;
SELECT '-Infinity'::numeric::external_id;
SELECT (E'\x01' || '7')::external_id;
\set VERBOSITY default
SELECT repeat('x', 256)::external_id;

-- A NULL stays one; "not given" is a value that no input makes.
SELECT NULL::text::external_id IS NULL AS is_null, octet_length(not_given()::text);

-- Binary form: its text.
SELECT external_id_send(external_id 'äß');
CREATE TEMP TABLE ids (id external_id);
\copy ids FROM PROGRAM 'printf "7\nabc\n"'
SELECT * FROM ids;
