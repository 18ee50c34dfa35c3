-- JSON Schema: what is refused at registration, what settings violate. The suite of test/schema goes through the drafts
-- keyword by keyword; here is what is the extension's own.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
RESET client_min_messages;
SET search_path = public, integration_defaults;
\pset format unaligned
\pset tuples_only on
BEGIN;
-- Why a schema is refused, or `fine`.
CREATE FUNCTION verdict(schema text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text; detail text; hint text;
BEGIN
    PERFORM register_integration('test', schema::jsonb);
    RETURN 'fine';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', concat_ws(' ', state, nullif(detail, '')), nullif(hint, ''));
END $$;
CREATE FUNCTION property(keywords text) RETURNS text RETURN format('{"properties": {"v": %s}}', keywords);
CREATE FUNCTION violations(schema text, settings text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM register_integration('test', schema::jsonb);
    RETURN QUERY SELECT violation FROM validate_settings('test', settings::jsonb);
END $$;

-- The root.
SELECT verdict(root) FROM unnest(ARRAY[
    '{}', 'true', 'false', '[]', '"x"', 'null', '{"type": "object"}', '{"type": ["null", "object"]}', '{"type": "array"}',
    '{"$ref": "#/definitions/all", "definitions": {"all": {"type": "object"}}}',
    '{"$ref": "#/definitions/all", "definitions": {"all": {"type": "string"}}}',
    '{"$ref": "#/definitions/all", "definitions": {"all": false}}']) root;
SELECT verdict(format('{"properties": {%s: {}}}', to_json(name))) FROM unnest(ARRAY['active', '*', '', 'ä', 'Active']) name;

-- Keywords: unknown ones and wrong values are found all at once, each with its place.
SELECT verdict('{"propertys": {}, "properties": {"a": {"type": "text"}, "b": {"items": [{"maxLenght": 3}]}, "c/d~e": {"pattern": "("}},
                "definitions": {"unused": {"minimum": "3"}}, "x-mine": {"type": "anything"}, "x-levels": ["world"], "if": 3}');
SELECT keyword || ': ' || verdict(property(format('{%s}', keyword))) FROM unnest(ARRAY[
    '"type": []', '"type": 3', '"type": ["string", "string"]', '"enum": []', '"enum": "a"', '"required": "a"', '"required": [1]',
    '"required": ["a", "a"]', '"properties": []', '"properties": {"a": 3}', '"patternProperties": {"(": {}}', '"minLength": -1',
    '"minLength": 1.5', '"minLength": 2.0', '"maxLength": 1e1000', '"multipleOf": 0', '"multipleOf": "2"', '"uniqueItems": 1',
    '"items": 3', '"items": []', '"allOf": []', '"anyOf": {}', '"not": "x"', '"dependencies": {"a": 3}', '"dependencies": {"a": ["b"]}',
    '"format": "color"', '"format": 3', '"title": 3', '"examples": 3', '"writeOnly": "yes"', '"readOnly": true',
    '"x-atomic": []', '"x-levels": ["group"]', '"$defs": {}', '"$schema": "http://json-schema.org/draft-04/schema#"',
    '"$schema": "http://json-schema.org/draft-07/schema#"', '"$id": "http://example.com/"', '"$id": "#anchor"',
    '"const": null', '"default": 3', '"contentEncoding": "base64"']) keyword;
SELECT length(verdict(format('{%s}', (SELECT string_agg(format('"unknown%s": 1', n), ',') FROM generate_series(1, 100) n)))) < 2000;

-- Defaults, secrets, atomic groups, levels.
SELECT verdict('{"properties": {"a": {"type": "integer", "default": "x"}, "b": {"type": "integer", "default": 1}}}');
SELECT verdict('{"properties": {"a": {"$ref": "#/definitions/n", "default": "x"}}, "definitions": {"n": {"type": "integer", "default": 3}}}');
SELECT verdict('{"writeOnly": true}');
SELECT verdict('{"additionalProperties": {"writeOnly": true}}');
SELECT verdict('{"patternProperties": {"^x": {"properties": {"a": {"writeOnly": true}}}}}');
SELECT verdict('{"allOf": [{"properties": {"a": {"writeOnly": true}}}]}');
SELECT verdict('{"properties": {"a": {}}, "then": {"properties": {"a": {"writeOnly": true}}}}');
SELECT atomic || ': ' || verdict(format('{"properties": {"a": {}, "b": {}, "c": {}}, "x-atomic": %s}', atomic)) FROM unnest(ARRAY[
    '[["a", "b"]]', '[["a", "b"], ["b", "c"]]', '[]', '[["a"]]', '[[]]', '["a"]', '"a"', '[["a", "a"]]', '[["a", "d"], [1]]']) atomic;
SELECT levels || ': ' || verdict(format('{"x-levels": %s}', levels)) FROM unnest(ARRAY[
    '["instance"]', '["instance", "group", "project"]', '[]', '"group"', '["group", "group"]', '["planet"]', '[1]']) levels;

-- $ref.
SELECT verdict(property(format('{"$ref": %s}', to_json(ref)))) FROM unnest(ARRAY['#', '#/properties/v/x', '#/properties/0', '#nowhere', 'other.json',
    'http://example.com/#', '#/%zz', '#/a~2', '', '#/', 'definitions/x']) ref;
SELECT verdict(property('{"$ref": 3}'));
SELECT verdict(property('{"$ref": "#/definitions/x", "minLength": 3, "title": "fine"}'));
SELECT verdict('{"$ref": "#"}');
SELECT verdict('{"allOf": [{"not": {"$ref": "#/definitions/a"}}], "definitions": {"a": {"if": {"$ref": "#/definitions/b"}}, "b": {"dependencies": {"x": {"$ref": "#/definitions/a"}}}}}');
SELECT violations('{"properties": {"a": {"$ref": "#/definitions/a~1b~0c%25d/items/1"}, "b": {"$ref": "#n"}, "c": {"$ref": "http://example.com/s#/properties/b"}},
    "definitions": {"a/b~c%d": {"items": [true, {"type": "integer"}]}, "n": {"$id": "#n", "type": "null"}}, "$id": "http://example.com/s#"}',
    '{"a": "x", "b": 1, "c": 2}');
SELECT violations('{"properties": {"tree": {"$ref": "#/definitions/node"}}, "definitions": {"node": {"type": "object", "additionalProperties": {"$ref": "#/definitions/node"}}}}',
    '{"tree": {"a": {"b": {}, "c": {"d/e": 3}}}}');

-- What a violation says: path and rule, never a value.
SELECT path, rule, violation FROM validate_settings('test', '{"tree": {"~": "the secret"}}');
SELECT register_integration('test', '{"required": ["a"], "minProperties": 20, "additionalProperties": false, "propertyNames": {"maxLength": 3}, "dependencies": {"s": ["t"]},
    "properties": {
    "s": {"type": "string", "minLength": 9, "pattern": "^x", "format": "uri", "enum": ["x", 1, {"y": []}]}, "n": {"minimum": 5, "exclusiveMaximum": -1.50, "multipleOf": 0.7},
    "l": {"items": [{"type": "null"}], "additionalItems": {"required": ["k"]}, "maxItems": 1, "uniqueItems": true, "contains": {"const": 0}},
    "o": {"patternProperties": {"^a": {"type": "boolean"}}, "maxProperties": 0}, "m": {"oneOf": [{}, {"minimum": 0}], "anyOf": [{"type": "null"}, false], "not": {"type": "integer"}, "const": 4},
    "i": {"if": {"type": "string"}, "then": {"maxLength": 2}, "else": {"maximum": 2}}}}');
SELECT path, rule, violation FROM validate_settings('test', '{"s": "secret", "n": 1, "l": ["secret", {"secret": 1}, {"secret": 1.0}], "o": {"ab": "secret"}, "m": 3, "i": "secret", "long": 1, "active": 1}');
SELECT path, rule, violation FROM validate_settings('test', '"secret"');
-- a long enum is cut; the same violation twice is one
SELECT register_integration('test', jsonb_build_object('properties', jsonb_build_object('a', jsonb_build_object('enum', (SELECT jsonb_agg(n) FROM generate_series(1, 1000) n)))));
SELECT length(rule) < 220, length(violation) < 240 FROM validate_settings('test', '{"a": "x"}');
SELECT violations('{"allOf": [{"required": ["a"]}, {"required": ["a"]}], "required": ["a"]}', '{}');
-- names that locks use can't be keys
SELECT violations('{}', '{"active": 1, "*": 2, "other": 3}');

-- Numbers are exact; characters are not bytes; equal is jsonb's equal.
SELECT count(*) FROM violations(property('{"multipleOf": 0.01}'), '{"v": 0.29}');
SELECT count(*) FROM violations(property('{"type": "integer", "maximum": 100000000000000000000000000001}'), '{"v": 100000000000000000000000000001.0}');
SELECT violations(property('{"maximum": 100000000000000000000000000000}'), '{"v": 100000000000000000000000000001}');
SELECT count(*) FROM violations(property('{"minLength": 3, "maxLength": 3}'), '{"v": "äß😀"}');
SELECT count(*) FROM violations(property('{"const": {"a": [1, 2.0], "b": null}}'), '{"v": {"b": null, "a": [1.00, 2]}}');
SELECT violations(property('{"uniqueItems": true}'), '{"v": [{"a": 1, "b": [2]}, 1, {"b": [2.0], "a": 1}]}');

-- Patterns: ECMA 262 on the server's engine. `expected` is what node gives.
SELECT pattern, subject, expected AS wrong FROM (VALUES
    ('^https?:\/\/', 'https://x', true), ('b', 'abc', true), ('^b$', 'abc', false), ('^\d+$', '12', true), ('^\d$', '٣', false), ('^\w+$', 'aé', false), ('\bb', 'a b', true), ('\bb', 'ab', false), ('a\Bb', 'ab', true),
    ('^\s$', U&'\00A0', true), ('^\S$', U&'\00A0', false), ('^.$', E'\n', false), ('^.$', '😀', true), ('a$', E'a\n', false), ('^a', E'b\na', false), ('[^]', E'\n', true), ('[]', 'a', false), ('^[\w.-]+$', 'a-b.c', true),
    ('^[^\S ]$', E'\t', true), ('^[^\S ]$', ' ', false), ('[[:alpha:]]', 'a', false), ('[[:alpha:]]', 'a]', true), ('^[\]\\]+$', ']\', true), ('\x41\u0042\u{43}', 'ABC', true), ('\uD83D\uDE00', '😀', true), ('\cJ', E'\n', true),
    ('^a{2,3}$', 'aaaa', false), ('^a{,3}$', 'a{,3}', true), ('^.{1,300}$', repeat('x', 300), true), ('^.{1,300}$', repeat('x', 301), false), ('^(?:ab){256,}$', repeat('ab', 256), true), ('^(?:ab){256,}$', repeat('ab', 255), false),
    ('^(["''])a*?\1$', '"aa"', true), ('^(["''])a*\1$', '"aa''', false), ('^(?=.*\d)(?!.*x).+$', 'a1', true), ('^(?=.*\d)(?!.*x).+$', 'a1x', false), ('(?<=\$)\d', '$1', true), ('(?<!\$)\d', '$1', false), ('^(?<year>\d{4})$', '2026', true),
    ('***:a', 'a', NULL), ('', '', true), ('|a', 'b', true), ('^()$', '', true), ('\*\?\+\.', '*?+.', true), ('#', '#', true), ('a b', 'ab', false)) AS t(pattern, subject, expected)
WHERE expected IS DISTINCT FROM CASE WHEN verdict(property(format('{"pattern": %s}', to_json(pattern)))) = 'fine'
    THEN NOT EXISTS (SELECT FROM violations(property(format('{"pattern": %s}', to_json(pattern))), jsonb_build_object('v', subject)::text)) END;
SELECT pattern || ' ' || verdict(property(format('{"pattern": %s}', to_json(pattern)))) FROM unnest(ARRAY['(', ')', '[a', '[b-a]', '*', 'a**', 'a{2,1}', '\', '\a', '\Z', '\x4', '\u{110000}', '\01',
    '(?i)a', '(?#c)', '\p{L}', '\k<a>', '(?=a)*', '(a)?\1', '(?:(a)|b)\1', '(a\1)', '\1(a)', '(a$)\1', 'a{70000}', '***:a']) pattern;

-- Formats.
SELECT format, subject, valid AS wrong FROM (VALUES
    ('uri', 'https://example.com:8080/a?b=c#d', true), ('uri', '/a', false), ('uri', 'https://a b', false), ('uri', 'http://[::1]/', true), ('uri', 'http://x:port/', false), ('uri', 'urn:a:b', true), ('uri', '1a:b', false),
    ('uri-reference', '/a', true), ('uri-reference', 'a:b', true), ('uri-reference', '1:b', false), ('uri-reference', '%4', false),
    ('email', 'a.b+c@example.com', true), ('email', 'a@', false), ('email', '@b', false), ('email', 'a@b c', false), ('email', 'a..b@c', false), ('email', '"a b"@c', true), ('email', 'a@[127.0.0.1]', true), ('email', 'a@[IPv6:::1]', true),
    ('date-time', '2024-02-29T23:59:60Z', true), ('date-time', '2023-02-29T00:00:00Z', false), ('date-time', '2024-01-01 00:00:00Z', false), ('date-time', '2024-01-01T00:00:00', false), ('date-time', '1998-12-31T15:59:60.123-08:00', true), ('date-time', '1998-12-31T15:58:60Z', false),
    ('date', '2024-13-01', false), ('date', '1900-02-29', false), ('date', '2000-02-29', true), ('time', '24:00:00Z', false), ('time', '12:00:00+01:00', true),
    ('hostname', 'a-b.example', true), ('hostname', '-a', false), ('hostname', repeat('a', 64), false), ('ipv4', '127.0.0.1', true), ('ipv4', '127.0.0.01', false), ('ipv4', '1.2.3', false), ('ipv4', '256.1.1.1', false),
    ('ipv6', '::', true), ('ipv6', '1::8', true), ('ipv6', '1:2:3:4:5:6:7:8', true), ('ipv6', '1:2:3:4:5:6:7', false), ('ipv6', '::ffff:1.2.3.4', true), ('ipv6', '1::2::3', false), ('ipv6', '12345::', false), ('ipv6', ':1', false), ('ipv6', '1:', false), ('ipv6', '::1%eth0', false),
    ('uuid', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', true), ('uuid', 'a0eebc999c0b4ef8bb6d6bb9bd380a11', false), ('regex', '^(a|b)$', true), ('regex', '(', false), ('regex', '\p{L}', true),
    ('json-pointer', '/a~0b/~1', true), ('json-pointer', 'a', false), ('json-pointer', '/~2', false), ('relative-json-pointer', '0#', true), ('relative-json-pointer', '1/a', true), ('relative-json-pointer', '/a', false)) AS t(format, subject, valid)
WHERE valid <> (NOT EXISTS (SELECT FROM violations(property(format('{"format": "%s"}', format)), jsonb_build_object('v', subject)::text)));

-- Not strictly: what is not known is ignored, and told.
SELECT register_integration('connector', '{"properties": {"host": {"type": "string", "order": 0, "format": "host"}, "port": {"type": "integer", "default": "x"},
    "credentials": {"type": "object", "order": 1, "properties": {"password": {"type": "string", "airbyte_secret": true, "writeOnly": false}}}}}', strict => false);
SELECT name, strict, schema #> '{properties,host,order}' FROM integrations WHERE name = 'connector';
SELECT path, rule, violation FROM validate_settings('connector', '{"host": 1, "credentials": {"password": 2}}');
SELECT set_default('connector', '{"host": "a"}');
SELECT settings FROM resolve('connector');
-- so it stays, whoever changes the row; and for plain SQL
UPDATE integrations SET title = 'Connector', name = 'connector.2' WHERE name = 'connector';
UPDATE integrations SET schema = schema || '{"order": 2}' WHERE name = 'connector';
UPDATE integrations SET name = 'connector' WHERE title = 'Connector';
SAVEPOINT strictly;
UPDATE integrations SET strict = true WHERE name = 'connector';
ROLLBACK TO strictly;
INSERT INTO integrations (name, schema) VALUES ('other', '{"order": 1}');
ROLLBACK TO strictly;
INSERT INTO integrations (name, schema, strict) VALUES ('other', '{"order": 1}', false);
SELECT register_integration('other', '{"order": 1}');
ROLLBACK TO strictly;
SELECT register_integration('connector', '{"properties": {"host": {}}}'), (SELECT strict FROM integrations WHERE name = 'connector');
SELECT name, strict FROM integrations ORDER BY name;
-- many names, and long ones
SELECT register_integration('connector', (SELECT jsonb_object_agg(CASE WHEN n < 60 THEN 'k' || n ELSE repeat('ä', 100) END, n) FROM generate_series(1, 60) n), strict => false);
SELECT register_integration('connector', '{"x-mine": 1, "properties": {"url": {"x-order": 1}}}', strict => false), register_integration('test', '{}', strict => NULL);

-- Depth: an error or an answer.
SELECT left(verdict(repeat('{"not": ', 10000) || '{}' || repeat('}', 10000)), 5) IN ('54001', 'fine');
SELECT verdict(repeat('{"not": ', 100) || '{}' || repeat('}', 100));
SELECT left(verdict(property(format('{"pattern": "%s"}', repeat('(', 100000)))), 5) IN ('54001', '22023');
SELECT verdict('{"properties": {"v": {"$ref": "#/definitions/t"}}, "definitions": {"t": {"type": "array", "uniqueItems": true, "items": {"$ref": "#/definitions/t"}}}}');
CREATE FUNCTION deep(depth integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN count(*) FROM validate_settings('test', format('{"v": %s%s}', repeat('[', depth), repeat(']', depth))::jsonb);
EXCEPTION WHEN statement_too_complex THEN
    RETURN 'too deep';
END $$;
SELECT deep(1000), deep(10000) IN ('0', 'too deep');
ROLLBACK;
