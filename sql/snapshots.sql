-- One session: what is remembered between two calls never shows what the snapshot, or the reader, does not see.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
RESET client_min_messages;
\pset format unaligned
\pset footer off
CREATE EXTENSION integration_defaults;
SET search_path = integration_defaults, public;
SELECT add_group('a'), add_group('b', 'a'), add_project(1, 'b'), add_project(2);
SELECT register_integration('chat', '{"properties": {"room": {"default": "none"}}}');
SELECT set_default('chat', '{"room": "first"}');
CREATE FUNCTION public.room(project integer) RETURNS text LANGUAGE sql STABLE
    AS $$ SELECT integration_defaults.active_settings('chat', project) ->> 'room' $$;
CREATE FUNCTION public.change(room text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM integration_defaults.set_default('chat', jsonb_build_object('room', room));
    RETURN public.room(1);
END $$;

-- A statement sees what was there when it began; a volatile function sees more, in between.
SELECT room(1), change('second'), room(1);
SELECT room(1);
SELECT n, room(1) AS before, change('n' || n) AS inside, room(2) AS after FROM generate_series(1, 3) n;
-- so do the statements of one WITH
WITH changed AS (SELECT change('with')) SELECT room(1), changed.*, room(2) FROM changed;
INSERT INTO instance_settings (integration, custom, settings) VALUES ('chat', true, '{"room": "upsert"}')
    ON CONFLICT (integration) DO UPDATE SET settings = excluded.settings RETURNING room(1), settings;
SELECT room(1);

-- Subtransactions that are rolled back, nested, and again and again.
BEGIN;
SELECT room(1);
SAVEPOINT one;
SELECT change('one');
SAVEPOINT two;
SELECT change('two');
SAVEPOINT three;
SELECT change('three');
RELEASE three;
SELECT room(1);
ROLLBACK TO two;
SELECT room(1);
ROLLBACK TO two;
SELECT set_default('chat', '{"room": "b"}', 'b');
SELECT room(1), room(2);
ROLLBACK TO one;
SELECT room(1), room(2);
COMMIT;
DO $$
DECLARE
    seen text[] = '{}';
BEGIN
    FOR n IN 1 .. 3 LOOP
        BEGIN
            seen = seen || change('try ' || n);
            IF n <> 2 THEN
                RAISE EXCEPTION 'back';
            END IF;
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
        seen = seen || room(1);
    END LOOP;
    RAISE NOTICE '%', seen;
END $$;
-- transactions that end inside of a call
CREATE PROCEDURE public.walk() LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE '% %', room(1), change('committed');
    COMMIT;
    RAISE NOTICE '% %', room(1), change('rolled back');
    ROLLBACK;
    RAISE NOTICE '%', room(1);
END $$;
CALL public.walk();

-- Cursors, also those that outlive their transaction, and those of the functions' own making.
BEGIN;
DECLARE early CURSOR WITH HOLD FOR SELECT n, room(1) FROM generate_series(1, 4) n;
FETCH 1 FROM early;
SELECT change('later');
FETCH 1 FROM early;
SAVEPOINT s;
DECLARE middle CURSOR FOR SELECT n, room(1) FROM generate_series(1, 4) n;
SELECT change('latest');
FETCH 1 FROM middle;
FETCH 1 FROM early;
ROLLBACK TO s;
SELECT room(1);
COMMIT;
SELECT change('after');
FETCH 1 FROM early;
CLOSE early;

-- Other roles, and access that comes and goes, within one transaction and one snapshot.
CREATE ROLE regress_reads_all;
CREATE ROLE regress_reads_some;
SELECT grant_access('regress_reads_all', 'use'), grant_access('regress_reads_some', 'use', 'a');
SELECT set_default('chat', '{"room": "of a"}', 'a');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT room(1);
-- row security plays no part
CREATE POLICY those ON group_settings USING (CURRENT_USER <> 'regress_reads_some');
ALTER TABLE group_settings ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT room(1);
SET ROLE regress_reads_all;
SELECT room(1);
SET ROLE regress_reads_some;
SELECT room(1);
SELECT settings FROM project_integrations WHERE project_id = '1';
SET ROLE regress_reads_all;
SELECT room(1);
RESET ROLE;
SAVEPOINT s;
SELECT revoke_access('regress_reads_all', 'use'), grant_access('regress_reads_all', 'read');
SAVEPOINT t;
SET ROLE regress_reads_all;
SELECT room(1);
ROLLBACK TO t;
SET ROLE regress_reads_all;
SELECT settings FROM project_integrations WHERE project_id = '1';
ROLLBACK TO s;
SET ROLE regress_reads_all;
SELECT room(1);
RESET ROLE;
COMMIT;
ALTER TABLE group_settings DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
DROP POLICY those ON group_settings;
-- a function that runs as somebody else asks for somebody else
CREATE FUNCTION public.room_as_definer(project integer) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
    AS $$ SELECT integration_defaults.active_settings('chat', project) ->> 'room' $$;
ALTER FUNCTION public.room_as_definer OWNER TO regress_reads_some;
SELECT room(1), room_as_definer(1), room(1), room_as_definer(1);
SELECT revoke_access('regress_reads_some', 'use', 'a');
GRANT USAGE ON SCHEMA integration_defaults TO regress_reads_some;
SELECT room(1);
SELECT room_as_definer(1);

-- Parallel workers see what their leader sees, its own changes too.
CREATE TABLE public.numbers AS SELECT n FROM generate_series(1, 1000) n;
ALTER TABLE public.numbers SET (parallel_workers = 2);
ANALYZE public.numbers;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
BEGIN;
SELECT set_default('chat', '{"room": "uncommitted"}', 'a');
SAVEPOINT s;
SELECT set_default('chat', '{"room": "rolled back"}', 'b');
ROLLBACK TO s;
SELECT set_default('chat', '{"room": "for 2 too"}');
DO $$
DECLARE
    plan json;
BEGIN
    EXECUTE $q$EXPLAIN (FORMAT json) SELECT active_settings('chat', 1 + n % 2) FROM public.numbers$q$ INTO plan;
    RAISE NOTICE 'in parallel: %', plan::text LIKE '%Gather%';
END $$;
SELECT active_settings('chat', 1 + n % 2) AS seen, count(*) FROM public.numbers GROUP BY 1 ORDER BY 1;
COMMIT;
-- The view of projects, too: workers take parts of them.
ALTER TABLE projects SET (parallel_workers = 2);
BEGIN;
SELECT count(add_project(1000 + n, CASE n % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'b' END)) FROM public.numbers;
ANALYZE projects;
SELECT override_fields('chat', '{"room": "own"}', 1000 + n) IS NULL FROM public.numbers WHERE n IN (10, 20) ORDER BY n;
DO $$
DECLARE
    plan json;
BEGIN
    EXECUTE $q$EXPLAIN (FORMAT json) SELECT settings FROM project_integrations WHERE integration = 'chat'$q$ INTO plan;
    RAISE NOTICE 'in parallel: %', plan::text LIKE '%Gather%';
END $$;
SELECT settings, source_level, source_id, count(*) FROM project_integrations
    WHERE integration = 'chat' AND project_id::integer > 1000 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT count(*) FROM project_integrations v JOIN projects p ON p.id = v.project_id,
    LATERAL resolve('chat', p.id) r WHERE v.integration = 'chat'
    AND (v.active, v.settings, v.inherited, v.source_level, v.source_id)
        IS DISTINCT FROM (r.active, r.settings, r.inherited, r.source_level, r.source_id);
ROLLBACK;
ALTER TABLE projects RESET (parallel_workers);
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- The extension itself goes and comes.
BEGIN;
SELECT room(1);
DROP EXTENSION integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
SELECT register_integration('chat'), add_project(1);
SELECT room(1);
SELECT set_default('chat', '{"room": "new"}');
SELECT room(1);
ROLLBACK;
SELECT room(1);

-- Nobody writes to what counts changes; who stops it from counting reads on all the same.
SELECT room(1);
INSERT INTO generations VALUES (1);
UPDATE generations SET changes = 0;
DELETE FROM generations;
TRUNCATE generations;
ALTER TABLE group_settings DISABLE TRIGGER USER;
UPDATE group_settings SET settings = '{"room": "not counted"}';
SELECT room(1);
ALTER TABLE group_settings ENABLE TRIGGER USER;
ALTER TABLE group_settings ENABLE ALWAYS TRIGGER count_change, ENABLE ALWAYS TRIGGER count_truncation;
SELECT room(1);
UPDATE group_settings SET settings = '{"room": "counted"}';
SELECT room(1);
ALTER TABLE generations DISABLE TRIGGER keep_generations;
UPDATE generations SET changes = 0;
SELECT room(1);
SELECT change('after that'), room(2);
ALTER TABLE generations ENABLE ALWAYS TRIGGER keep_generations;
SELECT room(2);
BEGIN;
TRUNCATE group_settings;
SELECT room(1);
ROLLBACK;
SELECT room(1);
TRUNCATE group_settings;
SELECT room(1);
-- a table that is altered
ALTER TABLE instance_settings ALTER COLUMN settings SET STORAGE PLAIN;
SELECT change('altered'), room(1);
-- one snapshot, many types: compiled schemas come and go, and what was folded with them
SELECT count(register_integration('type' || n, '{"properties": {"n": {"default": 1}}}')) FROM generate_series(1, 700) n;
SELECT count(set_default('type' || n, '{}')) FROM generate_series(1, 700) n;
SELECT count(*), sum((active_settings('type' || n, 1) ->> 'n')::int) FROM generate_series(1, 700) n;
SELECT count(*), sum((active_settings('type' || n, 1) ->> 'n')::int) FROM generate_series(1, 700) n;
SELECT count(*) FROM resolve_all(1);
SELECT room(1);
-- the extension goes and comes, in transactions of their own
DROP EXTENSION integration_defaults CASCADE;
SELECT room(1);
CREATE EXTENSION integration_defaults;
SELECT room(1);
SELECT register_integration('chat'), add_project(1);
SELECT room(1);
SELECT change('again'), room(1);

DROP OWNED BY regress_reads_all, regress_reads_some CASCADE;
DROP ROLE regress_reads_all, regress_reads_some;
DROP EXTENSION integration_defaults CASCADE;
DROP TABLE public.numbers;
DROP FUNCTION public.change, public.room;
DROP PROCEDURE public.walk;
