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

-- Where a call is sent to another server, as Citus does, that value goes as text, or in binary form. It is then left out
-- beside an id that is given. By itself it is refused: whoever gives an app an id can write the text, too.
SELECT quote_literal(not_given()::text) AS "written", external_id_send(not_given()) AS binary \gset
SELECT add_group(1), add_project(2, 1), register_integration('w'), set_default('w', '{"a": 0}'), set_default('w', '{"a": 1}', 1);
SELECT active_settings('w', 2, :written::external_id), active_settings('w', :written::external_id, 1),
       active_settings('w', NULL, :written::external_id), (SELECT count(*) FROM resolve_all(2, :written::external_id));
SELECT override_fields('w', '{"a": 2}', 2, :written::external_id), use_default('w', 2, :written::external_id);
CREATE TEMP TABLE sent (id external_id);
INSERT INTO sent VALUES (:written), (not_given());
SELECT id IS NULL AS is_null, external_id_send(id) = :'binary'::bytea AS as_written, octet_length(id::text) FROM sent;
\set VERBOSITY sqlstate
SELECT active_settings('w', :written::external_id, :written::external_id);
SELECT active_settings('w', id) FROM sent LIMIT 1;
SELECT count(*) FROM resolve('w', group_id => :written);
SELECT explain('w', :written);
SELECT set_default('w', '{"a": 3}', :written);
SELECT set_default('w', '{"a": 3}', (SELECT id FROM sent LIMIT 1));
SELECT reset_default('w', :written);
SELECT override_fields('w', '{"a": 3}', :written, :written);
SELECT use_default('w', :written, :written);
SELECT set_active('w', false, group_id => :written);
SELECT lock_fields('w', NULL, :written);
SELECT reset_below('w', :written);
SELECT add_group(3, :written);
SELECT add_group(:written);
SELECT move_project(2, :written);
SELECT set_custom('w', :written, '{}');
SELECT grant_access(CURRENT_USER, 'admin', :written);
SELECT external_id(:written::text);
\set VERBOSITY default
SELECT set_default('w', '{"a": 3}', :written);
SELECT active_settings('w');

-- Binary form: its text.
SELECT external_id_send(external_id 'äß');
CREATE TEMP TABLE ids (id external_id);
\copy ids FROM PROGRAM 'printf "7\nabc\n"'
SELECT * FROM ids;
