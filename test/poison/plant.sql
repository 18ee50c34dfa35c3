-- Fills a schema with a version of every operator and function that an SQL statement could mean when it does not write
-- out a schema: those of pg_catalog with the same types, and operators for pairs of types that pg_catalog would have to
-- cast for, which fit better. Each does what the original does, after a check of the caller's:
--   :schema   is there already
--   :check    statements in PL/pgSQL, run at each call
--   :names    names of functions, separated by blanks
SELECT set_config('plant.schema', :'schema', false), set_config('plant.check', :'check', false),
    set_config('plant.names', :'names', false) \g /dev/null
DO $do$
DECLARE
    target constant text := quote_ident(current_setting('plant.schema'));
    body constant text := E'#variable_conflict use_variable\nDECLARE context text;\nBEGIN\n' || current_setting('plant.check') || E'\n';
    original record;
    made text;
    number integer := 0;
    types constant oid[] := ARRAY['bool', 'int2', 'int4', 'int8', 'numeric', 'float8', 'text', 'varchar', 'bpchar', 'name', '"char"',
        'oid', 'regclass', 'regproc', 'regtype', 'regrole', 'regnamespace', 'json', 'jsonb', 'bytea', 'uuid', 'timestamptz', 'timestamp',
        'interval', 'date', 'xid', 'tid', 'record', 'anyarray', 'anyelement', 'anynonarray', 'anycompatible', 'anycompatiblearray',
        'anycompatiblenonarray', 'text[]', 'name[]', 'oid[]', 'int4[]', 'int2[]', 'bool[]', 'oidvector', 'int2vector']::regtype[]::oid[];
    compared constant oid[] := ARRAY['bool', 'int2', 'int4', 'int8', 'numeric', 'text', 'varchar', 'bpchar', 'name', '"char"', 'oid',
        'regclass', 'regproc', 'regtype', 'jsonb', 'uuid', 'text[]', 'name[]', 'oid[]', 'varchar[]']::regtype[]::oid[];
BEGIN
    FOR original IN
        SELECT oprname, oprleft, oprright, oprresult, provolatile, proisstrict
        FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_proc p ON p.oid = oprcode
        WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprright = ANY (types) AND (oprleft = 0 OR oprleft = ANY (types))
          AND oprresult <> 'internal'::regtype
        UNION ALL
        SELECT name, l, r, CASE name WHEN '||' THEN 'text'::regtype ELSE 'bool'::regtype END, 's', true
        FROM unnest(ARRAY['=', '<>', '<', '>', '<=', '>=', '||']) name, unnest(compared) l, unnest(compared) r
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_operator o WHERE oprname = name AND oprleft = l AND oprright = r)
    LOOP
        number := number + 1;
        made := format('%s.operator_%s', target, number);
        BEGIN
            IF original.oprleft = 0 OR original.oprleft::regtype::text !~ '^(any|record)' THEN -- that it can be understood
                EXECUTE format('SELECT (%s OPERATOR(pg_catalog.%s) NULL::%s)::%s', CASE WHEN original.oprleft <> 0
                    THEN 'NULL::' || format_type(original.oprleft, NULL) ELSE '' END, original.oprname,
                    CASE WHEN original.oprright::regtype::text ~ '^(any|record)' THEN 'text' ELSE format_type(original.oprright, NULL) END,
                    CASE WHEN original.oprresult::regtype::text ~ '^any' THEN 'text' ELSE format_type(original.oprresult, NULL) END);
            END IF;
            EXECUTE format('CREATE FUNCTION %s(%s%s) RETURNS %s LANGUAGE plpgsql %s %s PARALLEL SAFE AS %L', made,
                CASE WHEN original.oprleft <> 0 THEN format_type(original.oprleft, NULL) || ', ' ELSE '' END,
                format_type(original.oprright, NULL), format_type(original.oprresult, NULL),
                CASE original.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END,
                CASE WHEN original.proisstrict THEN 'STRICT' ELSE '' END,
                body || CASE WHEN original.oprleft <> 0 THEN format('RETURN $1 OPERATOR(pg_catalog.%s) $2;', original.oprname)
                    ELSE format('RETURN OPERATOR(pg_catalog.%s) $1;', original.oprname) END || E'\nEND');
            EXECUTE format('CREATE OPERATOR %s.%s (%s RIGHTARG = %s, FUNCTION = %s)', target, original.oprname,
                CASE WHEN original.oprleft <> 0 THEN 'LEFTARG = ' || format_type(original.oprleft, NULL) || ',' ELSE '' END,
                format_type(original.oprright, NULL), made);
        EXCEPTION WHEN undefined_function OR cannot_coerce OR invalid_function_definition OR datatype_mismatch OR ambiguous_function
            OR indeterminate_datatype OR undefined_object OR invalid_text_representation OR duplicate_function THEN
            NULL;
        END;
    END LOOP;

    FOR original IN
        SELECT p.oid, proname, proargtypes, provolatile, proisstrict, proretset, provariadic, pronargs,
            pg_catalog.pg_get_function_result(p.oid) AS result,
            (SELECT string_agg(CASE WHEN provariadic <> 0 AND n = pronargs THEN 'VARIADIC ' ELSE '' END || format_type(t, NULL), ', ' ORDER BY n)
                FROM unnest(proargtypes::oid[]) WITH ORDINALITY a(t, n)) AS arguments,
            (SELECT string_agg(CASE WHEN provariadic <> 0 AND n = pronargs THEN 'VARIADIC ' ELSE '' END || '$' || n, ', ' ORDER BY n)
                FROM unnest(proargtypes::oid[]) WITH ORDINALITY a(t, n)) AS passed
        FROM pg_catalog.pg_proc p
        WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND NOT proretset AND proargnames IS NULL
          AND proname = ANY (string_to_array(current_setting('plant.names'), ' '))
          AND proname <> ALL ('{set_config,current_setting}') -- ours to begin with
          AND proargtypes::oid[] <@ types AND prorettype::regtype::text !~ '^(trigger|internal|cstring|event_trigger|void)$'
    LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION %s.%I(%s) RETURNS %s LANGUAGE plpgsql %s %s PARALLEL SAFE AS %L', target, original.proname,
                original.arguments, original.result,
                CASE original.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END,
                CASE WHEN original.proisstrict THEN 'STRICT' ELSE '' END,
                body || format('RETURN pg_catalog.%I(%s);', original.proname, original.passed) || E'\nEND');
            number := number + 1;
        EXCEPTION WHEN invalid_function_definition OR undefined_object THEN
            NULL;
        END;
    END LOOP;

    -- sets, and aggregates
    EXECUTE format('CREATE FUNCTION %s.unnest(anyarray) RETURNS SETOF anyelement LANGUAGE plpgsql IMMUTABLE STRICT AS %L', target,
        body || 'RETURN QUERY SELECT * FROM pg_catalog.unnest($1); END');
    EXECUTE format('CREATE FUNCTION %s.counted(bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS %L', target, body || 'RETURN $1; END');
    EXECUTE format('CREATE FUNCTION %s.found(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS %L', target, body || 'RETURN $1; END');
    EXECUTE format('CREATE AGGREGATE %1$s.count(*) (SFUNC = int8inc, STYPE = int8, INITCOND = ''0'', FINALFUNC = %1$s.counted)', target);
    EXECUTE format('CREATE AGGREGATE %1$s.count("any") (SFUNC = int8inc_any, STYPE = int8, INITCOND = ''0'', FINALFUNC = %1$s.counted)', target);
    EXECUTE format('CREATE AGGREGATE %1$s.min(text) (SFUNC = text_smaller, STYPE = text, FINALFUNC = %1$s.found)', target);
    EXECUTE format('CREATE AGGREGATE %1$s.max(text) (SFUNC = text_larger, STYPE = text, FINALFUNC = %1$s.found)', target);
    RAISE NOTICE '% operators and functions', number;
END
$do$;
